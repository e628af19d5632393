"""Whether a contact was resolved, judged by what came after it (proxies, each with its bias) or by an agent's word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from features.records import days, first_revisions, frame, known

if TYPE_CHECKING:
    import pandas as pd

_TIME = pa.timestamp("us", tz="UTC")

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

BIAS = {
    "repeat_contact": "a proxy: customers also return for other reasons, or go elsewhere",
    "no_repeat_contact": "a proxy: customers who gave up do not return either",
    "reopened": "only channels that can be re-opened show it",
    "left_unanswered": "none known: transferred, and the customer left the queue",
    "verdict": "agents speak of the contacts that they remember",
}
RESOLVED_WORDS = {"resolved": 1.0, "unresolved": 0.0}


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
