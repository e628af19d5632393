"""Offers: each contact that an agent took, with what was known when it was offered and what came of it.

For the judged decisions also the agents who could have taken it: off-policy judging compares with these.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data_contracts.errors import NotEnoughData
from features import lookup, parts, routing, snapshots
from features.labels import resolution_labels
from features.records import US_PER_S, Tables, first_revisions, frame, known, seconds
from features.store.services import ROUTING_SERVICE, VIEWS, service
from features.writing import write_table

if TYPE_CHECKING:
    from features.params import LabelParams, RoutingDataParams

_TIME = pa.timestamp("us", tz="UTC")
_IDS = [
    ("segment_id", pa.string()),
    ("contact_id", pa.string()),
    ("agent_id", pa.string()),
    ("decision_id", pa.string()),
    ("customer_id", pa.string()),
    ("queue", pa.string()),
    ("topic", pa.string()),
    ("channel", pa.string()),
    ("language", pa.string()),
    ("happened_at", _TIME),
    ("part", pa.string()),
    ("propensity", pa.float64()),
]
_FEATURES = [(name, pa.float64()) for name in routing.COLUMNS]
_LABELS = [("resolved", pa.float64()), ("handle_s", pa.float64()), ("rating", pa.float64())]
OFFERS_SCHEMA = pa.schema([*_IDS, ("eligible", pa.string()), *_FEATURES, *_LABELS])
# idle_s: how long the agent had been idle when the decision was made; null where it was not logged.
CANDIDATES_SCHEMA = pa.schema([*_IDS, ("chosen", pa.bool_()), ("idle_s", pa.float64()), *_FEATURES])


def build(
    tables: Tables,
    *,
    params: RoutingDataParams,
    labels: LabelParams,
    as_of: datetime,
    to: Path,
    repo: Path,
    threads: int = 2,
) -> dict[str, Any]:
    """Write `to`/store/<view>.parquet, `to`/routing/offers.parquet and `to`/routing/candidates.parquet.

    repo: the Feast repository to make (its registry names machine paths, so it is no part of the payload).
    Returns the family's part of the manifest. Raises NotEnoughData where no agent took a contact.
    """
    told = offers(tables, params=params, labels=labels, as_of=as_of)
    write_sources(told, tables, params=params, as_of=as_of, to=to / "store")
    lookup.prepare(repo, sources=to / "store")
    judge_from = _part(told, params=params)
    _forget_later_labels(told, judge_from)
    who_could = candidates(told, params=params)
    both = _with_features(
        pd.concat([told.drop(columns=["idle_s"]), who_could], ignore_index=True), repo=repo, threads=threads
    )
    _write(both.iloc[: len(told)], OFFERS_SCHEMA, ["segment_id"], to / "routing" / "offers.parquet")
    who = both.iloc[len(told) :]
    _write(who, CANDIDATES_SCHEMA, ["decision_id", "agent_id"], to / "routing" / "candidates.parquet")
    return _told_of(told, who_could)


def offers(tables: Tables, *, params: RoutingDataParams, labels: LabelParams, as_of: datetime) -> pd.DataFrame:
    """One row for each leg with an agent: who, what, when, the decision behind it, and its labels with when known.

    Raises NotEnoughData where there is none.
    """
    told = _legs(tables, as_of=as_of)
    if not len(told):
        raise NotEnoughData("no contact was taken by an agent", expected="segments with an agent", came="none known")
    told["handle_s"] = told["handle_s"].where(told["handle_s"] > params.min_handle_s)
    told = _with_decisions(told, tables, as_of=as_of)
    told = _with_resolution(told, tables, labels=labels, as_of=as_of)
    told = _with_ratings(told, tables, as_of=as_of)
    return told.sort_values("segment_id").reset_index(drop=True)


def _legs(tables: Tables, *, as_of: datetime) -> pd.DataFrame:
    columns = ["segment_id", "contact_id", "sequence", "kind", "queue", "agent_id", "queued_at", "offered_at"]
    columns += ["answered_at", "handle_s", "talk_s", "hold_s", "wrap_up_s", "outcome", "known_at"]
    legs = frame(known(tables, "segments", as_of=as_of), columns)
    legs = legs[legs["agent_id"].notna() & (legs["kind"] == "agent") & (legs["outcome"] != "refused")]
    about = ["contact_id", "topic", "channel", "language", "customer_id", "priority"]
    contacts = _timed(first_revisions(frame(known(tables, "contacts", as_of=as_of), [*about, *_TOLD])))
    told = legs.merge(contacts[about], on="contact_id")
    pieces = told[["talk_s", "hold_s", "wrap_up_s"]].sum(axis=1, min_count=1)
    told["handle_s"] = told["handle_s"].fillna(pieces)
    told["happened_at"] = told["offered_at"].fillna(told["answered_at"]).fillna(told["queued_at"])
    told["topic"] = told["topic"].fillna(told["queue"]).fillna("")
    told["transferred"] = told["outcome"] == "transferred"
    return told[told["happened_at"].notna()]


_TOLD = ["revision", "known_at", "timeless"]


def _timed(contacts: pd.DataFrame) -> pd.DataFrame:
    """Without the texts of files, which were no contacts of any centre."""
    return contacts[~contacts["timeless"].fillna(False).astype(bool)]


def _with_decisions(told: pd.DataFrame, tables: Tables, *, as_of: datetime) -> pd.DataFrame:
    """Join the decision that chose the agent of the leg, the nearest in time; one overridden has no propensity left."""
    columns = ["decision_id", "revision", "contact_id", "eligible", "idle_s", "chosen_agent_id", "propensity"]
    decisions = frame(known(tables, "decisions", as_of=as_of), [*columns, "followed", "happened_at", "known_at"])
    made = decisions[(decisions["revision"] == 0) & ~decisions["decision_id"].isin(_overridden(decisions))]
    made = made.rename(columns={"chosen_agent_id": "agent_id", "happened_at": "made_at"})
    made = made.drop(columns=["revision", "followed", "known_at"])
    pairs = told[["segment_id", "contact_id", "agent_id", "happened_at"]].merge(made, on=["contact_id", "agent_id"])
    pairs["apart"] = (pairs["happened_at"] - pairs["made_at"]).abs()
    pairs = pairs.sort_values(["apart", "segment_id", "decision_id"])
    pairs = pairs.drop_duplicates("segment_id").drop_duplicates("decision_id")
    found = pairs[["segment_id", "decision_id", "eligible", "idle_s", "propensity"]]
    return told.merge(found, on="segment_id", how="left")


def _overridden(decisions: pd.DataFrame) -> set[str]:
    """Decisions that somebody else took, by the last word on each: a revision may correct the one before."""
    outcomes = decisions[decisions["followed"].notna()].sort_values(["decision_id", "revision"])
    last = outcomes.drop_duplicates("decision_id", keep="last")
    return set(last.loc[~last["followed"].astype(bool), "decision_id"])


def _with_resolution(told: pd.DataFrame, tables: Tables, *, labels: LabelParams, as_of: datetime) -> pd.DataFrame:
    """The contact's outcome; the agent who transferred it did not resolve it."""
    outcome = resolution_labels(
        *(known(tables, name, as_of=as_of) for name in ("contacts", "segments", "verdicts")),
        window_days=labels.windows_days,
        default_window_days=labels.usual_window_days,
        as_of=as_of,
        same_topic=labels.repeat_same_topic,
        settle_h=labels.repeat_settle_h,
    ).to_pandas(ignore_metadata=True)
    outcome = outcome.rename(columns={"known_at": "resolved_known_at"})
    told = told.merge(outcome[["contact_id", "resolved", "resolved_known_at", "matured"]], on="contact_id", how="left")
    told["resolved"] = told["resolved"].mask(told["transferred"] & told["resolved"].notna(), 0.0)
    return told


def _with_ratings(told: pd.DataFrame, tables: Tables, *, as_of: datetime) -> pd.DataFrame:
    """The customer's rating goes to the last agent of the contact."""
    ratings = frame(known(tables, "ratings", as_of=as_of), ["rating_id", "contact_id", "score", "known_at"])
    ratings = ratings.sort_values(["known_at", "rating_id"]).drop_duplicates("contact_id", keep="last")
    ratings = ratings.rename(columns={"score": "rating", "known_at": "rating_known_at"}).drop(columns=["rating_id"])
    last = told.sort_values(["contact_id", "sequence"]).drop_duplicates("contact_id", keep="last")
    return told.merge(last[["segment_id", "contact_id"]].merge(ratings, on="contact_id").drop(columns=["contact_id"]),
                      on="segment_id", how="left")  # fmt: skip


def write_sources(told: pd.DataFrame, tables: Tables, *, params: RoutingDataParams, as_of: datetime, to: Path) -> None:
    """Write the Parquet file of each view, `to`/<view>.parquet: its key, its fields, event_timestamp, created.

    told: of `offers`, with all labels that were known at `as_of`.
    """
    sources = snapshots.agent_snapshots(_facts(told), _agents(tables, as_of=as_of), params=params)
    sources["customer_features"] = snapshots.customer_snapshots(_of_customers(tables, as_of=as_of), params=params)
    for view in VIEWS:
        fields = [(view.join_key, pa.string()), *((name, pa.float64()) for name in view.fields)]
        schema = pa.schema([*fields, ("event_timestamp", _TIME), ("created", _TIME)])
        table = pa.Table.from_pandas(sources[view.name][schema.names], schema=schema, preserve_index=False)
        write_table(table, to / f"{view.name}.parquet")


def _facts(told: pd.DataFrame) -> pd.DataFrame:
    """One row for each figure that became known of a leg, at the moment when it did."""
    kinds = (
        ("handle", np.log(told["handle_s"]), told["known_at"]),
        ("resolved", told["resolved"], told["resolved_known_at"]),
        ("rating", told["rating"].astype("float64"), told["rating_known_at"]),
    )
    found = []
    for name, values, moments in kinds:
        rows = told[["agent_id", "topic"]].assign(known_at=moments, **{name: values})
        found.append(rows[values.notna()])
    return pd.concat(found, ignore_index=True)


def _agents(tables: Tables, *, as_of: datetime) -> pd.DataFrame:
    columns = ["agent_id", "revision", "known_at", "hired_on", "languages"]
    told = frame(known(tables, "agents", as_of=as_of), columns)
    hired = pd.to_datetime(told["hired_on"], utc=True)
    spoken = [set(languages) if languages is not None else None for languages in told["languages"]]
    return told[["agent_id", "known_at"]].assign(
        hired_s=seconds(hired).astype("float64"),
        speaks_en=[np.nan if not names else float("en" in names) for names in spoken],
        speaks_zh=[np.nan if not names else float("zh" in names) for names in spoken],
    )


def _of_customers(tables: Tables, *, as_of: datetime) -> pd.DataFrame:
    columns = ["contact_id", "customer_id", "started_at", "outcome", "topic", "queue"]
    told = _timed(first_revisions(frame(known(tables, "contacts", as_of=as_of), [*columns, *_TOLD])))
    told = told[told["customer_id"].notna() & told["started_at"].notna()]
    return told.assign(topic=told["topic"].fillna(told["queue"]).fillna(""))


def _part(told: pd.DataFrame, *, params: RoutingDataParams) -> pd.Timestamp:
    """Set `part` by time and return the moment from which rows judge.

    The cut is that of the rows whose outcome has matured, so that what judges has outcomes; newer ones judge too. Of
    the earlier rows those calibrate whose outcomes were the last to be known at the cut; the newest of them, with
    outcomes still open at the cut, train for their handle time.
    """
    moments = (seconds(told["happened_at"]).to_numpy() * US_PER_S).astype(np.int64)
    matured = told["matured"].fillna(False).astype(bool).to_numpy()
    share = params.calibrate_share / (1.0 - params.judge_share)
    judge_from, _ = parts.cuts(
        moments[matured] if matured.any() else moments, judge_share=params.judge_share, calibrate_share=0.0
    )
    cut = pd.Timestamp(judge_from, unit="us", tz="UTC")
    labelled = moments[((told["resolved_known_at"] <= cut) & (moments < judge_from)).to_numpy()]
    told["part"] = np.where(moments >= judge_from, "judge", "train")
    if len(labelled):
        calibrate_from, _ = parts.cuts(labelled, judge_share=share, calibrate_share=0.0)
        told.loc[(moments >= calibrate_from) & (moments <= labelled.max()), "part"] = "calibrate"
    return cut


def _forget_later_labels(told: pd.DataFrame, judge_from: pd.Timestamp) -> None:
    """What trains and calibrates has the labels that were known when judging began, as a model of that day had."""
    earlier = told["part"] != "judge"
    for label, known_at in (("resolved", "resolved_known_at"), ("rating", "rating_known_at"), ("handle_s", "known_at")):
        told[label] = told[label].astype("float64").mask(earlier & ~(told[known_at] <= judge_from))


def candidates(told: pd.DataFrame, *, params: RoutingDataParams) -> pd.DataFrame:
    """The eligible agents of the judged decisions with a propensity: a row for each agent, `chosen` for one of them.

    `idle_s` is each one's own, in seconds.
    """
    judged = told[(told["part"] == "judge") & told["propensity"].notna() & told["eligible"].notna()]
    if len(judged) > params.max_candidate_decisions:
        shares = judged["decision_id"].map(lambda name: parts.stable_share(name, salt="candidates"))
        judged = judged.loc[shares.nsmallest(params.max_candidate_decisions).index]
    eligible = [json.loads(names) for names in judged["eligible"]]
    idle_s: list[Any] = [_idle_of(names, text) for names, text in zip(eligible, judged["idle_s"], strict=True)]
    found = judged.assign(chosen_agent=judged["agent_id"], agent_id=eligible, idle_s=idle_s)
    found = found.explode(["agent_id", "idle_s"])
    found = found[found["agent_id"].notna()].sort_values(["decision_id", "agent_id"])
    found["chosen"] = found["agent_id"] == found["chosen_agent"]
    found["propensity"] = found["propensity"].where(found["chosen"])
    return found.drop(columns=["chosen_agent"])


def _idle_of(agents: list[str], text: Any) -> list[float | None]:
    """Seconds of idleness of these agents, None where they were not logged."""
    told = json.loads(text) if isinstance(text, str) else {}
    return [told.get(agent) for agent in agents]


def _with_features(told: pd.DataFrame, *, repo: Path, threads: int) -> pd.DataFrame:
    """Join what the store knew at each row's moment, and compute COLUMNS of it."""
    asked = pa.table(
        {
            "event_timestamp": pa.array(told["happened_at"], _TIME),
            "customer_id": pa.array(told["customer_id"].fillna(""), pa.string()),
            "agent_id": pa.array(told["agent_id"], pa.string()),
            "topic": pa.array(told["topic"], pa.string()),
            "agent_topic": pa.array(told["agent_id"] + "|" + told["topic"], pa.string()),
        }
    )
    found = lookup.training_set(asked, repo=repo, service=ROUTING_SERVICE, threads=threads)
    raw: dict[str, Any] = {name: found[name].to_numpy() for name in service(ROUTING_SERVICE).fields()}
    raw |= {name: [_text(v) for v in told[name]] for name in ("queue", "channel", "language", "topic")}
    raw["priority"] = told["priority"].to_numpy(dtype=np.float64, na_value=np.nan)
    raw["at_s"] = seconds(told["happened_at"]).to_numpy()
    raw["queued_at_s"] = seconds(told["queued_at"]).to_numpy()
    features = pd.DataFrame(routing.assemble(raw), columns=list(routing.COLUMNS), index=told.index)
    return pd.concat([told.drop(columns=["priority"]), features], axis=1)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _write(told: pd.DataFrame, schema: pa.Schema, by: list[str], to: Path) -> None:
    told = told.sort_values(by)
    write_table(pa.Table.from_pandas(told[schema.names], schema=schema, preserve_index=False), to)


def _told_of(told: pd.DataFrame, who_could: pd.DataFrame) -> dict[str, Any]:
    return {
        "rows": len(told),
        "parts": {part: int((told["part"] == part).sum()) for part in parts.PARTS},
        "candidates": len(who_could),
        "decisions_with_propensity": int(told["propensity"].notna().sum()),
        "labels": {name: int(told[name].notna().sum()) for name in ("resolved", "handle_s", "rating")},
        "period": [f"{told['happened_at'].min():%FT%TZ}", f"{told['happened_at'].max():%FT%TZ}"],
        "service": ROUTING_SERVICE,
        "service_digest": service(ROUTING_SERVICE).digest(),
        "timeless": False,
    }
