"""Running figures of customers, agents and topics, as snapshots: each holds only what was known before its moment.

A snapshot at moment B counts what had `known_at` < B; B lies on a fixed grid (`params.*_snapshot_h`), as the
materialisation that serving reads does. A key has a snapshot wherever its figures changed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features import routing
from features.params import RoutingDataParams
from features.records import US_PER_S, seconds

STAMPS = ["event_timestamp", "created"]
_PARTS = ("handle", "excess", "resolved", "rating")


def agent_snapshots(facts: pd.DataFrame, agents: pd.DataFrame, *, params: RoutingDataParams) -> dict[str, pd.DataFrame]:
    """The sources agent_features, agent_topic_features and topic_features.

    facts: one row for each figure that became known: agent_id, topic, known_at, and one of handle (log seconds),
    resolved (0 or 1), rating (1 to 5), the others NaN. agents: agent_id, known_at, hired_s, speaks_en, speaks_zh.
    Means are shrunk: (sum + k prior) / (count + k), k of the params, prior the next wider mean at the same moment.
    """
    step = round(params.agent_snapshot_h * 3600)
    facts = facts.assign(excess=np.nan, boundary=_boundary(facts["known_at"], step))
    centre = _running(facts, [])
    topic = _with_topic_means(_running(facts, ["topic"]), centre, params)
    facts["excess"] = facts["handle"] - _topic_mean_before(facts, topic, centre)
    known_agents = agents.assign(boundary=_boundary(agents["known_at"], step))
    agent = _agent_figures(facts, known_agents, centre, params)
    agent_topic = _agent_topic_figures(_running(facts, ["agent_id", "topic"]), agent, topic, params)
    return {
        "agent_features": _source(agent, ["agent_id"], routing.AGENT_FIELDS),
        "agent_topic_features": _source(agent_topic, ["agent_topic"], routing.AGENT_TOPIC_FIELDS),
        "topic_features": _source(topic, ["topic"], routing.TOPIC_FIELDS),
    }


def customer_snapshots(contacts: pd.DataFrame, *, params: RoutingDataParams) -> pd.DataFrame:
    """The source customer_features.

    contacts: customer_id (known), started_at, known_at, outcome, topic (see `routing.topic_of`), contact_id.
    """
    step = round(params.customer_snapshot_h * 3600)
    known = _boundary(contacts["known_at"], step)
    changes = []
    for name, length in (("customer_contacts_7d", 7), ("customer_contacts_30d", 30)):
        ends_s = seconds(contacts["started_at"]) + length * 86_400
        over = np.maximum(known, (np.ceil(ends_s / step) * step).astype("int64"))
        for boundary, change in ((known, 1.0), (over, -1.0)):
            changes.append(pd.DataFrame({"customer_id": contacts["customer_id"], "boundary": boundary, name: change}))
    counts = pd.concat(changes).fillna(0.0).groupby(["customer_id", "boundary"]).sum()
    counts = counts.groupby(level="customer_id").cumsum().reset_index()
    return _source(_with_last_contact(counts, contacts, known), ["customer_id"], routing.CUSTOMER_FIELDS)


def _with_last_contact(counts: pd.DataFrame, contacts: pd.DataFrame, known: pd.Series) -> pd.DataFrame:
    """Add what is told of the contact that became known last; every boundary comes after such a one."""
    order = contacts.assign(boundary=known).sort_values(["boundary", "known_at", "started_at", "contact_id"])
    codes = {topic: routing.code(topic) for topic in order["topic"].unique()}
    last = pd.DataFrame(
        {
            "customer_id": order["customer_id"],
            "boundary": order["boundary"],
            "customer_last_contact_s": seconds(order["started_at"]),
            "customer_last_answered": order["outcome"].isin(["answered", "self_served"]).astype("float64"),
            "customer_last_topic_code": order["topic"].map(codes),
        }
    ).drop_duplicates(["customer_id", "boundary"], keep="last")
    return pd.merge_asof(counts.sort_values("boundary"), last, on="boundary", by="customer_id")


def _boundary(known_at: pd.Series, step: int) -> pd.Series:
    """The first moment of the grid strictly after each time: seconds since 1970."""
    found: pd.Series = (np.floor(seconds(known_at) / step).astype("int64") + 1) * step
    return found


def _running(facts: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Counts and sums of each figure by key, of all that is known at each boundary of the key."""
    told = {"boundary": facts["boundary"], **{name: facts[name] for name in by}}
    for name in _PARTS:
        told[f"{name}_n"] = facts[name].notna().astype("float64")
        told[f"{name}_sum"] = facts[name].fillna(0.0)
    sums = pd.DataFrame(told).groupby([*by, "boundary"]).sum()
    return (sums.groupby(level=by).cumsum() if by else sums.cumsum()).reset_index()


def _shrunk(told: pd.DataFrame, name: str, prior: pd.Series | float, k: float) -> pd.Series:
    found: pd.Series = (told[f"{name}_sum"] + k * prior) / (told[f"{name}_n"] + k)
    return found


def _mean(told: pd.DataFrame, name: str) -> pd.Series:
    found: pd.Series = told[f"{name}_sum"] / told[f"{name}_n"].where(told[f"{name}_n"] > 0)
    return found


def _at(told: pd.DataFrame, source: pd.DataFrame, values: dict[str, pd.Series], by: list[str]) -> pd.DataFrame:
    """Columns of `values` (aligned with `source`) as they stood at each row's boundary."""
    right = source[["boundary", *by]].assign(**values).sort_values("boundary")
    left = told.sort_values("boundary", kind="stable")
    return pd.merge_asof(left, right, on="boundary", by=by or None)


def _with_topic_means(topic: pd.DataFrame, centre: pd.DataFrame, params: RoutingDataParams) -> pd.DataFrame:
    wider = {"centre_handle": _mean(centre, "handle"), "centre_resolved": _mean(centre, "resolved")}
    topic = _at(topic, centre, wider, [])
    topic["topic_handled_count"] = topic["handle_n"]
    topic["topic_log_handle_mean"] = _shrunk(topic, "handle", topic["centre_handle"], params.shrink_handle)
    topic["topic_resolution_rate"] = _shrunk(topic, "resolved", topic["centre_resolved"], params.shrink_resolution)
    return topic


def _topic_mean_before(facts: pd.DataFrame, topic: pd.DataFrame, centre: pd.DataFrame) -> pd.Series:
    """The topic's mean that was known before each fact (the centre's for a new topic; NaN before any)."""
    asked = facts[["topic"]].assign(boundary=facts["boundary"] - 1, place=np.arange(len(facts)))
    asked = _at(asked, topic, {"mean": topic["topic_log_handle_mean"]}, ["topic"])
    asked = _at(asked, centre, {"wider": _mean(centre, "handle")}, []).sort_values("place")
    return pd.Series(asked["mean"].fillna(asked["wider"]).to_numpy(), index=facts.index)


def _agent_figures(
    facts: pd.DataFrame, agents: pd.DataFrame, centre: pd.DataFrame, params: RoutingDataParams
) -> pd.DataFrame:
    registered = pd.DataFrame({"agent_id": agents["agent_id"], "boundary": agents["boundary"]})
    every = pd.concat([facts, registered.assign(topic="", **dict.fromkeys(_PARTS, np.nan))], ignore_index=True)
    agent = _running(every, ["agent_id"])
    wider = {"centre_resolved": _mean(centre, "resolved"), "centre_rating": _mean(centre, "rating")}
    agent = _at(agent, centre, wider, [])
    told = agents.sort_values(["boundary", "known_at"]).drop_duplicates(["agent_id", "boundary"], keep="last")
    about = {f"agent_{name}": told[name] for name in ("hired_s", "speaks_en", "speaks_zh")}
    agent = _at(agent, told, about, ["agent_id"])
    agent["agent_handled_count"] = agent["handle_n"]
    agent["agent_log_handle_excess"] = _shrunk(agent, "excess", 0.0, params.shrink_handle)
    agent["agent_resolution_rate"] = _shrunk(agent, "resolved", agent["centre_resolved"], params.shrink_resolution)
    agent["agent_rating_mean"] = _shrunk(agent, "rating", agent["centre_rating"], params.shrink_rating)
    return agent


def _agent_topic_figures(
    told: pd.DataFrame, agent: pd.DataFrame, topic: pd.DataFrame, params: RoutingDataParams
) -> pd.DataFrame:
    told = _at(told, topic, {"topic_mean": topic["topic_log_handle_mean"]}, ["topic"])
    wider = {name: agent[name] for name in ("agent_log_handle_excess", "agent_resolution_rate")}
    told = _at(told, agent, wider, ["agent_id"])
    expected = told["topic_mean"] + told["agent_log_handle_excess"]
    told["agent_topic"] = told["agent_id"] + "|" + told["topic"]
    told["agent_topic_handled_count"] = told["handle_n"]
    told["agent_topic_log_handle_mean"] = _shrunk(told, "handle", expected, params.shrink_handle)
    told["agent_topic_resolution_rate"] = _shrunk(
        told, "resolved", told["agent_resolution_rate"], params.shrink_resolution
    )
    return told


def _source(told: pd.DataFrame, key: list[str], fields: tuple[str, ...]) -> pd.DataFrame:
    """As Feast reads it: the key, its fields, event_timestamp, and created (a snapshot is made at its moment)."""
    moment = pd.to_datetime(told["boundary"] * US_PER_S, unit="us", utc=True)
    found = told[[*key, *fields]].assign(event_timestamp=moment, created=moment)
    return found.sort_values([*key, "event_timestamp"]).reset_index(drop=True)
