"""Labels out of feedback: what a contact was about, and whether it was resolved.

Each label tells its source, weight, maturity and known bias. A person's correction outranks everything else; an outcome
whose window is still open is censored (null), never counted as resolved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from features.records import days, first_revisions, frame, known

if TYPE_CHECKING:
    import pandas as pd

    from features.params import LabelParams

_TIME = pa.timestamp("us", tz="UTC")

INTENT_SCHEMA = pa.schema(
    [
        ("contact_id", pa.string()),
        ("prediction_id", pa.string()),
        ("label", pa.string()),
        ("label_source", pa.string()),
        ("weight", pa.float64()),
        ("agents_count", pa.int64()),
        ("known_at", _TIME),
        ("timeless", pa.bool_()),
        ("matured", pa.bool_()),
        ("bias", pa.string()),
    ]
)
RESOLUTION_SCHEMA = pa.schema(
    [
        ("contact_id", pa.string()),
        ("resolved", pa.float64()),
        ("resolution_source", pa.string()),
        ("known_at", _TIME),
        ("matured", pa.bool_()),
        ("bias", pa.string()),
    ]
)

# The first of these that speaks of a contact decides its label.
RANKS = ("corrected", "labelled", "confirmed", "wrap_up")
BIAS = {
    "corrected": "volunteered: the mistakes that agents noticed",
    "prompted": "none known: asked at random",
    "labelled": "whoever made the file chose the texts",
    "confirmed": "anchored: the agent had the model's answer before them",
    "wrap_up": "chosen in haste: frequent and first codes are favoured",
    "disputed": "; agents disagree",
    "repeat_contact": "a proxy: customers also return for other reasons, or go elsewhere",
    "no_repeat_contact": "a proxy: customers who gave up do not return either",
    "reopened": "only channels that can be re-opened show it",
    "left_unanswered": "none known: transferred, and the customer left the queue",
    "verdict": "agents speak of the contacts that they remember",
}
RESOLVED_WORDS = {"resolved": 1.0, "unresolved": 0.0}


def intent_labels(
    verdicts: pa.Table,
    segments: pa.Table,
    predictions: pa.Table,
    *,
    params: LabelParams,
    as_of: datetime,
    intents: pa.Table | None = None,
) -> pa.Table:
    """What each contact was about, by the best source known at `as_of`: INTENT_SCHEMA, one row a contact.

    A verdict on a prediction that belongs to no contact gives a row with `prediction_id` and no contact. Of several
    agents the label with most of them holds (a tie goes to the latest), with the share that agrees as part of its
    weight. intents: where given, wrap-up codes that name none of them are no labels, and a deprecated intent stands for
    the one that took its place.
    """
    import pandas as pd

    said = pd.concat([_spoken(verdicts, predictions, as_of=as_of), _wrap_ups(segments, as_of=as_of)], ignore_index=True)
    said = _in_taxonomy(said, intents)
    said["rank"] = said["label_source"].map({name: place for place, name in enumerate(RANKS)}).astype("int64")
    said = said[said["rank"] == said.groupby("subject")["rank"].transform("min")]
    said = said.sort_values(["subject", "known_at", "statement_id"]).drop_duplicates(["subject", "agent"], keep="last")
    return _settled(said, params=params, as_of=as_of)


def resolution_labels(
    contacts: pa.Table,
    segments: pa.Table,
    verdicts: pa.Table,
    *,
    window_days: float | Mapping[str, float],
    as_of: datetime,
    same_topic: bool = False,
    settle_h: float = 24.0,
    default_window_days: float = 7.0,
) -> pa.Table:
    """Whether each contact that an agent handled was resolved: RESOLUTION_SCHEMA, one row a contact.

    resolved: 1 no repeat within the window, 0 a repeat, a re-opening, or left after a transfer; null while the window
    (and `settle_h` after it, in which a repeat becomes known) is open, and where the customer is not known, since then
    nobody could see a repeat. An agent's own word (a verdict with `resolved` or `unresolved`) outranks, at once.
    Both outcomes wait for the window: counting repeats at once would leave only failures among the recent contacts.
    window_days: one figure, or one by source, and `default_window_days` for the others.
    """
    told = _handled(contacts, segments, as_of=as_of)
    windows = window_days if isinstance(window_days, Mapping) else {}
    usual = default_window_days if isinstance(window_days, Mapping) else float(window_days)
    lengths = told["source"].map(lambda source: days(windows.get(source, usual))).astype("timedelta64[us]")
    told["window_ends"] = told["ended_at"] + lengths
    told["known_at"] = told["window_ends"] + days(settle_h / 24.0)
    told["next_at"] = _next_contact(told, contacts, as_of=as_of, same_topic=same_topic, settle_h=settle_h)
    _judge_outcomes(told, as_of=as_of)
    _hear_verdicts(told, verdicts, as_of=as_of)
    told["bias"] = told["resolution_source"].map(BIAS)
    return pa.Table.from_pandas(
        told.sort_values("contact_id")[RESOLUTION_SCHEMA.names], schema=RESOLUTION_SCHEMA, preserve_index=False
    ).replace_schema_metadata()


def _spoken(verdicts: pa.Table, predictions: pa.Table, *, as_of: datetime) -> pd.DataFrame:
    """Statements of people: subject, contact, prediction, label, source, agent, weight, time."""
    columns = ["verdict_id", "prediction_id", "contact_id", "capability", "agent_id", "verdict", "instead"]
    columns += ["prompted", "weight", "known_at", "timeless"]
    told = frame(known({"verdicts": verdicts}, "verdicts", as_of=as_of), columns)
    told = told[told["capability"] == "intent"].reset_index(drop=True)
    answers = known({"predictions": predictions}, "predictions", as_of=as_of)
    served = frame(answers, ["prediction_id", "contact_id", "answer"])
    told = told.merge(served, on="prediction_id", how="left", suffixes=("", "_served"))
    told["contact_id"] = told["contact_id"].fillna(told["contact_id_served"])
    told["label_source"] = [
        _kind(verdict, agent, instead)
        for verdict, agent, instead in zip(told["verdict"], told["agent_id"], told["instead"], strict=True)
    ]
    answered = [_answered_intent(answer) for answer in told["answer"]]
    told["label"] = np.where(told["label_source"] == "confirmed", np.asarray(answered, dtype=object), told["instead"])
    told["subject"] = told["contact_id"].fillna("prediction:" + told["prediction_id"].astype("object"))
    told["agent"] = told["agent_id"].fillna("")
    told["prompted"] = told["prompted"].fillna(False).astype(bool)
    told["weight"] = told["weight"].fillna(1.0)
    told["statement_id"] = told["verdict_id"]
    return told[told["label_source"].notna() & told["label"].notna() & told["subject"].notna()][_STATEMENT]


_STATEMENT = [
    "subject",
    "contact_id",
    "prediction_id",
    "label",
    "label_source",
    "agent",
    "prompted",
    "weight",
    "known_at",
    "timeless",
    "statement_id",
]


def _kind(verdict: str, agent: Any, instead: Any) -> str | None:
    """The source that a verdict amounts to; none where it names no intent."""
    spoken_by_agent, names_one = isinstance(agent, str), isinstance(instead, str)
    if verdict in ("wrong", "edited") and names_one:
        return "corrected"
    if verdict == "labelled" and names_one:
        return "corrected" if spoken_by_agent else "labelled"
    return "confirmed" if verdict in ("right", "used") else None


def _answered_intent(answer: Any) -> str | None:
    """The intent that a served answer named; none of one that abstained."""
    if not isinstance(answer, str):
        return None
    told = json.loads(answer)
    named = told.get("intent") if isinstance(told, dict) else None
    return named if isinstance(named, str) and not told.get("abstained") else None


def _wrap_ups(segments: pa.Table, *, as_of: datetime) -> pd.DataFrame:
    """The last wrap-up code of each contact, as a statement of the agent who set it."""
    columns = ["segment_id", "contact_id", "sequence", "agent_id", "disposition_code", "known_at", "timeless"]
    told = frame(known({"segments": segments}, "segments", as_of=as_of), columns)
    told = told[told["disposition_code"].notna()].sort_values(["contact_id", "sequence", "known_at"])
    told = told.drop_duplicates("contact_id", keep="last")
    told = told.assign(subject=told["contact_id"], prediction_id=None, label=told["disposition_code"], weight=1.0)
    told = told.assign(label_source="wrap_up", agent=told["agent_id"].fillna(""), prompted=False)
    return told.assign(statement_id=told["segment_id"])[_STATEMENT]


def _in_taxonomy(said: pd.DataFrame, intents: pa.Table | None) -> pd.DataFrame:
    """Deprecated intents replaced by their successors; wrap-up codes that are no intents left out."""
    if intents is None or not intents.num_rows:
        return said
    told = frame(intents, ["intent_id", "revision", "known_at", "deprecated_by"]).sort_values(["revision", "known_at"])
    told = told.drop_duplicates("intent_id", keep="last")
    next_of = {i: s for i, s in zip(told["intent_id"], told["deprecated_by"], strict=True) if isinstance(s, str)}
    said = said.assign(label=said["label"].map(lambda label: _successor(label, next_of)))
    return said[(said["label_source"] != "wrap_up") | said["label"].isin(set(told["intent_id"]))]


def _successor(label: str, next_of: Mapping[str, str]) -> str:
    seen = {label}
    while label in next_of and next_of[label] not in seen:
        label = next_of[label]
        seen.add(label)
    return label


def _settled(said: pd.DataFrame, *, params: LabelParams, as_of: datetime) -> pa.Table:
    """One row a subject out of the statements of its best source."""
    votes = (
        said.assign(by_agent=(said["agent"] != "").astype("int64"))
        .groupby(["subject", "label"])
        .agg(
            agents_count=("by_agent", "sum"),
            votes=("agent", "size"),
            last=("known_at", "max"),
        )
    )
    votes["share"] = votes["votes"] / votes.groupby("subject")["votes"].transform("sum")
    chosen = votes.reset_index().sort_values(["subject", "votes", "last", "label"])
    chosen = chosen.drop_duplicates("subject", keep="last")
    told = chosen.merge(
        said.drop_duplicates(["subject", "label"], keep="last").drop(columns=["agent"]), on=["subject", "label"]
    ).sort_values("subject")
    base = {
        "labelled": params.weight_labelled,
        "corrected": params.weight_corrected,
        "confirmed": params.weight_confirmed,
        "wrap_up": params.weight_wrap_up,
    }
    told["weight"] = told["label_source"].map(base) * told["weight"] * told["share"]
    settle = told["label_source"].map({"wrap_up": days(params.wrap_up_settle_h / 24.0)}).fillna(days(0))
    told["matured"] = (told["known_at"] + settle.astype("timedelta64[us]")) <= as_of
    told["bias"] = _intent_bias(told)
    return pa.Table.from_pandas(
        told[INTENT_SCHEMA.names], schema=INTENT_SCHEMA, preserve_index=False
    ).replace_schema_metadata()


def _intent_bias(told: pd.DataFrame) -> list[str]:
    asked = (told["label_source"] == "corrected") & told["prompted"]
    bias = told["label_source"].map(BIAS).where(~asked, BIAS["prompted"])
    return list(bias + np.where(told["share"] < 1.0, BIAS["disputed"], ""))


def _handled(contacts: pa.Table, segments: pa.Table, *, as_of: datetime) -> pd.DataFrame:
    """Contacts that an agent took, as first told, with when they were re-opened (or not)."""
    columns = ["contact_id", "revision", "customer_id", "topic", "queue", "outcome", "ended_at", "reopened"]
    told = frame(known({"contacts": contacts}, "contacts", as_of=as_of), [*columns, "source", "known_at", "timeless"])
    told = told[~told["timeless"].fillna(False).astype(bool)]
    reopened = told[told["reopened"].fillna(False).astype(bool)].groupby("contact_id")["known_at"].min()
    legs = frame(known({"segments": segments}, "segments", as_of=as_of), ["contact_id", "agent_id", "outcome"])
    taken = legs[legs["agent_id"].notna() & (legs["outcome"] != "refused")]["contact_id"].unique()
    told = first_revisions(told)
    told = told[told["contact_id"].isin(taken) & told["ended_at"].notna()].reset_index(drop=True)
    told["reopened_at"] = told["contact_id"].map(reopened).astype("datetime64[us, UTC]")
    return told


def _next_contact(
    told: pd.DataFrame, contacts: pa.Table, *, as_of: datetime, same_topic: bool, settle_h: float
) -> pd.Series:
    """When the customer came next (about the same topic, if asked and both are known); NaT if never, or not known.

    A later contact counts only if it was known within `settle_h` of its start: then whatever this label says was
    already known at the label's own `known_at`, and no running figure built on it looks ahead.
    """
    import pandas as pd

    columns = ["contact_id", "revision", "customer_id", "topic", "direction", "started_at", "known_at"]
    later = first_revisions(frame(known({"contacts": contacts}, "contacts", as_of=as_of), columns))
    later = later[later["customer_id"].notna() & (later["direction"] == "inbound")]
    later = later[later["known_at"] - later["started_at"] <= days(settle_h / 24.0)].sort_values("started_at")
    asking = told[told["customer_id"].notna()].sort_values("ended_at")
    kinds = [(asking, later, ["customer_id"])]
    if same_topic:
        with_topic, without = asking[asking["topic"].notna()], asking[asking["topic"].isna()]
        kinds = [
            (with_topic, later[later["topic"].notna()], ["customer_id", "topic"]),
            (with_topic, later[later["topic"].isna()], ["customer_id"]),
            (without, later, ["customer_id"]),
        ]
    found = pd.concat([_following(left, right, by=by) for left, right, by in kinds])
    earliest = found.groupby(level=0).min()
    return told["contact_id"].map(earliest).astype("datetime64[us, UTC]")


def _following(left: pd.DataFrame, right: pd.DataFrame, *, by: list[str]) -> pd.Series:
    import pandas as pd

    joined = pd.merge_asof(
        left[["contact_id", "ended_at", *by]].rename(columns={"ended_at": "moment"}),
        right[["started_at", *by]].assign(moment=right["started_at"]),
        on="moment",
        by=by,
        direction="forward",
        allow_exact_matches=True,
    )
    return joined.set_index("contact_id")["started_at"]


def _judge_outcomes(told: pd.DataFrame, *, as_of: datetime) -> None:
    """Set resolved, resolution_source and matured from repeats and re-openings."""
    repeated = told["next_at"].notna() & (told["next_at"] <= told["window_ends"])
    reopened = told["reopened_at"].notna() & (told["reopened_at"] <= told["known_at"])
    left = told["outcome"] == "abandoned"
    told["resolution_source"] = np.select(
        [left, reopened, repeated], ["left_unanswered", "reopened", "repeat_contact"], default="no_repeat_contact"
    )
    told["matured"] = told["known_at"] <= as_of
    visible = told["customer_id"].notna() & told["matured"] & ~told["outcome"].isin(["open", "phantom"])
    told["resolved"] = np.where(visible, np.where(left | reopened | repeated, 0.0, 1.0), np.nan)


def _hear_verdicts(told: pd.DataFrame, verdicts: pa.Table, *, as_of: datetime) -> None:
    """An agent's own word on a contact takes the place of the proxy."""
    columns = ["verdict_id", "contact_id", "capability", "instead", "known_at"]
    spoken = frame(known({"verdicts": verdicts}, "verdicts", as_of=as_of), columns)
    spoken = spoken[(spoken["capability"] == "route") & spoken["instead"].isin(RESOLVED_WORDS)]
    spoken = spoken[spoken["contact_id"].notna()]
    spoken = spoken.sort_values(["known_at", "verdict_id"]).drop_duplicates("contact_id", keep="last")
    by_contact = spoken.set_index("contact_id")
    heard = told["contact_id"].isin(by_contact.index)
    ids = told.loc[heard, "contact_id"]
    told.loc[heard, "resolved"] = ids.map(by_contact["instead"]).map(RESOLVED_WORDS)
    told.loc[heard, "known_at"] = ids.map(by_contact["known_at"])
    told.loc[heard, "resolution_source"] = "verdict"
    told.loc[heard, "matured"] = True
