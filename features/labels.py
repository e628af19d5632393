"""Labels out of feedback: what a contact was about, and whether it was resolved.

Each label tells its source, weight, maturity and known bias. A person's correction outranks everything else; an outcome
whose window is still open is censored (null), never counted as resolved.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from features import checkers, wrap_ups
from features.outcomes import RESOLUTION_SCHEMA, resolution_labels
from features.records import days, frame, known
from features.taxonomy import successor

if TYPE_CHECKING:
    import pandas as pd

    from features.params import LabelParams

__all__ = ["INTENT_SCHEMA", "RANKS", "RESOLUTION_SCHEMA", "answered_intent", "intent_labels", "resolution_labels"]

_TIME = pa.timestamp("us", tz="UTC")

INTENT_SCHEMA = pa.schema(
    [
        ("contact_id", pa.string()),
        ("prediction_id", pa.string()),
        ("label", pa.string()),
        ("label_source", pa.string()),
        ("weight", pa.float64()),
        ("agents_count", pa.int64()),
        ("agents", pa.list_(pa.string())),
        ("known_at", _TIME),
        ("timeless", pa.bool_()),
        ("matured", pa.bool_()),
        ("bias", pa.string()),
        ("asked", pa.string()),
        ("code", pa.string()),
        ("code_intent", pa.string()),
    ]
)
# The first of these that speaks of a contact decides its label: a person's own word (an agent's or a file's), then a
# click that the model was right, then a cluster that an engineer accepted, then a code chosen in haste from a list that
# may not have the intent at all.
RANKS = {"corrected": 0, "labelled": 0, "confirmed": 1, "clustered": 2, "wrap_up_code": 3}
BIAS = {
    "corrected": "volunteered: the mistakes that agents noticed",
    "prompted": "none known: asked at random",
    "teach": "asked for because the model was unsure",
    "settle": "asked for because the label was doubted",
    "cluster": "only what the model refused and what lies close together; nobody read each text",
    "labelled": "whoever made the file chose the texts",
    "confirmed": "anchored: the agent had the model's answer before them",
    "clustered": "only what the model refused and what lies close together; nobody read each text",
    "wrap_up_code": "chosen in haste: frequent and first codes are favoured",
    "disputed": "; agents disagree",
}


def intent_labels(
    verdicts: pa.Table,
    segments: pa.Table,
    predictions: pa.Table,
    *,
    params: LabelParams,
    as_of: datetime,
    intents: pa.Table | None = None,
    coded: wrap_ups.Coded | None = None,
) -> pa.Table:
    """What each contact was about, by the best source known at `as_of`: INTENT_SCHEMA, one row a contact.

    A verdict on a prediction that belongs to no contact gives a row with `prediction_id` and no contact. A person's
    word stands until others overturn it (`checkers.standing`); of several codes or clicks the commonest holds (a tie
    goes to the latest). The share that agrees, and how accurate its speakers were on known answers (`checkers.trust`),
    are part of a label's weight; `agents` are those who said it. intents: the taxonomy as known at `as_of`; where it
    has any, what names none of its intents is no label, whoever said it (until the taxonomy defines it), and a
    deprecated intent stands for the one that took its place. coded: what wrap-up codes say (`wrap_ups.coded`);
    without it a code is taken as an intent's id. `code`, `code_intent`: what a contact's code said, whoever is heard.
    """
    import pandas as pd

    coded = coded or wrap_ups.coded(segments, as_of=as_of, intents=intents)
    codes = _in_taxonomy(coded.statements, intents)
    codes = codes.assign(weight=codes["weight"].fillna(params.weight_wrap_up))
    said = pd.concat([_in_taxonomy(_spoken(verdicts, predictions, as_of=as_of), intents), codes[_STATEMENT]])
    said = said.reset_index(drop=True)
    said["rank"] = said["label_source"].map(RANKS).astype("int64")
    said = said[said["rank"] == said.groupby("subject")["rank"].transform("min")].reset_index(drop=True)
    said["weight"] = said["weight"] * checkers.trust(said)
    said = said.sort_values(["subject", "known_at", "statement_id"]).drop_duplicates(["subject", "agent"], keep="last")
    return _settled(said, codes, params=params, as_of=as_of)


def _spoken(verdicts: pa.Table, predictions: pa.Table, *, as_of: datetime) -> pd.DataFrame:
    """Statements of people: subject, contact, prediction, label, source, agent, weight, time."""
    columns = ["verdict_id", "prediction_id", "contact_id", "capability", "agent_id", "verdict", "instead"]
    columns += ["prompted", "asked", "weight", "known_at", "timeless"]
    told = frame(known({"verdicts": verdicts}, "verdicts", as_of=as_of), columns)
    told = told[told["capability"] == "intent"].reset_index(drop=True)
    answers = known({"predictions": predictions}, "predictions", as_of=as_of)
    served = frame(answers, ["prediction_id", "contact_id", "answer"])
    told = told.merge(served, on="prediction_id", how="left", suffixes=("", "_served"))
    told["contact_id"] = told["contact_id"].fillna(told["contact_id_served"])
    told["label_source"] = [
        _kind(*said) for said in zip(told["verdict"], told["agent_id"], told["instead"], told["asked"], strict=True)
    ]
    answered = [answered_intent(answer) for answer in told["answer"]]
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
    "asked",
    "weight",
    "known_at",
    "timeless",
    "statement_id",
]


def _kind(verdict: str, agent: Any, instead: Any, asked: Any) -> str | None:
    """The source that a verdict amounts to; none where it names no intent."""
    spoken_by_agent, names_one = isinstance(agent, str), isinstance(instead, str)
    if asked == "cluster":
        return "clustered"
    if verdict in ("wrong", "edited") and names_one:
        return "corrected"
    if verdict == "labelled" and names_one:
        return "corrected" if spoken_by_agent else "labelled"
    return "confirmed" if verdict in ("right", "used") else None


def answered_intent(answer: Any) -> str | None:
    """The intent that a served answer (JSON) named; none of one that abstained."""
    if not isinstance(answer, str):
        return None
    told = json.loads(answer)
    named = told.get("intent") if isinstance(told, dict) else None
    return named if isinstance(named, str) and not told.get("abstained") else None


def _in_taxonomy(said: pd.DataFrame, intents: pa.Table | None) -> pd.DataFrame:
    """Deprecated intents replaced by their successors; what the taxonomy does not define left out."""
    if intents is None or not intents.num_rows:
        return said
    told = frame(intents, ["intent_id", "revision", "known_at", "deprecated_by"]).sort_values(["revision", "known_at"])
    told = told.drop_duplicates("intent_id", keep="last")
    next_of = {i: s for i, s in zip(told["intent_id"], told["deprecated_by"], strict=True) if isinstance(s, str)}
    said = said.assign(label=said["label"].map(lambda label: successor(label, next_of)))
    return said[said["label"].isin(set(told["intent_id"]))]


def _settled(said: pd.DataFrame, codes: pd.DataFrame, *, params: LabelParams, as_of: datetime) -> pa.Table:
    """One row a subject out of the statements of its best source."""
    import pandas as pd

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
    stands = _standing(said)
    votes = votes.reset_index()
    votes["stands"] = [
        stands.get(subject) == label for subject, label in zip(votes["subject"], votes["label"], strict=True)
    ]
    chosen = votes.sort_values(["subject", "stands", "votes", "last", "label"]).drop_duplicates("subject", keep="last")
    chosen["agents"] = pd.Series(_speakers(said, chosen), index=chosen.index, dtype=object)
    told = chosen.merge(
        said.drop_duplicates(["subject", "label"], keep="last").drop(columns=["agent"]), on=["subject", "label"]
    ).sort_values("subject")
    base = {
        "labelled": params.weight_labelled,
        "corrected": params.weight_corrected,
        "confirmed": params.weight_confirmed,
        "clustered": params.weight_clustered,
        wrap_ups.SOURCE: 1.0,  # each code has a weight of its own
    }
    told["weight"] = told["label_source"].map(base) * told["weight"] * told["share"]
    settle = told["label_source"].map({wrap_ups.SOURCE: days(params.wrap_up_settle_h / 24.0)}).fillna(days(0))
    told["matured"] = (told["known_at"] + settle.astype("timedelta64[us]")) <= as_of
    told["bias"] = _intent_bias(told)
    for name, of_code in (("code", "code"), ("code_intent", "label")):
        told[name] = told["contact_id"].map(codes.set_index("contact_id")[of_code]).astype(object)
    return pa.Table.from_pandas(
        told[INTENT_SCHEMA.names], schema=INTENT_SCHEMA, preserve_index=False
    ).replace_schema_metadata()


def _standing(said: pd.DataFrame) -> dict[str, str]:
    """The label that stands of each subject on which people's own words differ."""
    spoken = said[said["rank"] == 0].sort_values(["subject", "known_at", "statement_id"])
    differ = spoken.groupby("subject")["label"].transform("nunique") > 1
    columns = ("label", "agent", "known_at", "weight")
    found = {}
    for subject, rows in spoken[differ].groupby("subject"):
        words = zip(*(rows[name] for name in columns), strict=True)
        found[str(subject)] = checkers.standing([checkers.Statement(*word) for word in words])
    return found


def _speakers(said: pd.DataFrame, chosen: pd.DataFrame) -> list[list[str]]:
    """The agents whose word each chosen label is, by row of `chosen`."""
    by_agent = said.loc[said["agent"] != "", ["subject", "label", "agent"]].merge(chosen[["subject", "label"]])
    heard: dict[str, list[str]] = {}
    for subject, agent in zip(by_agent["subject"], by_agent["agent"], strict=True):
        heard.setdefault(subject, []).append(agent)
    return [heard.get(subject, []) for subject in chosen["subject"]]


def _intent_bias(told: pd.DataFrame) -> list[str]:
    asked_at_random = (told["label_source"] == "corrected") & told["prompted"]
    bias = told["label_source"].map(BIAS).where(~asked_at_random, BIAS["prompted"])
    bias = bias.where(told["asked"].isna(), told["asked"].map(BIAS))
    return list(bias + np.where(told["share"] < 1.0, BIAS["disputed"], ""))
