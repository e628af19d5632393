"""Demand counted: how many contacts each queue was offered in each interval, and how long they took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from data_contracts.errors import NotEnoughData
from features import mergers, parts
from features.records import US_PER_S, Tables, first_revisions, frame, known
from features.writing import write_table

if TYPE_CHECKING:
    import pandas as pd

    from features.params import ForecastDataParams

_TIME = pa.timestamp("us", tz="UTC")

SCHEMA = pa.schema(
    [
        ("queue", pa.string()),
        ("interval_start", _TIME),
        ("interval_s", pa.int64()),
        ("offered_count", pa.float64()),
        ("handled_count", pa.float64()),
        ("handle_s", pa.float64()),
        ("is_open", pa.bool_()),
        ("known_at", _TIME),
        ("part", pa.string()),
    ]
)


def build(tables: Tables, *, params: ForecastDataParams, as_of: datetime, to: Path) -> dict[str, Any]:
    """Write `to`/forecast/intervals.parquet (SCHEMA, by queue and time) from what was known at `as_of`, and beside it
    calendar_events.parquet where planners know of any.

    Returns the family's part of the manifest. Raises NotEnoughData where no interval is complete.
    """
    table = intervals(tables, params=params, as_of=as_of)
    write_table(table, to / "forecast" / "intervals.parquet")
    events = known(tables, "calendar_events", as_of=as_of)
    if events.num_rows:
        write_table(events, to / "forecast" / "calendar_events.parquet")
    told = table.to_pandas(ignore_metadata=True)
    return {
        "rows": len(told),
        "parts": {part: int((told["part"] == part).sum()) for part in parts.PARTS},
        "queues": sorted(told["queue"].unique()),
        "interval_s": int(told["interval_s"].iloc[0]),
        "period": [f"{told['interval_start'].min():%FT%TZ}", f"{told['interval_start'].max():%FT%TZ}"],
        "calendar_events": events.num_rows,
        "timeless": False,
    }


def intervals(
    tables: Tables, *, params: ForecastDataParams, as_of: datetime, merged_until: datetime | None = None
) -> pa.Table:
    """Demand by queue and interval: SCHEMA. From `volumes` where there are any, else counted from contacts.

    Queues that merged by `merged_until` (`as_of` without it) have one past, under the name of what they became.

    interval_s: of the params, or the longest of the volumes' if that is longer. handle_s: mean seconds of those that
    an agent handled. is_open: volumes: somebody counted; contacts: the slot of the week (local time) usually has some.
    known_at: when the last contact of the interval was known, and its end at the earliest.
    part: by days of the calendar `params.time_zone`; days are never split.
    """
    events = known(tables, "calendar_events", as_of=as_of)
    names = mergers.renamed(events, until=merged_until or as_of)
    counted = _from_volumes(tables, names, params=params, as_of=as_of)
    if not len(counted):
        counted = _from_contacts(tables, names, params=params, as_of=as_of)
    if not len(counted):
        raise NotEnoughData(
            "no demand to forecast", expected="volumes, or inbound contacts with a queue", came="none known",
            where=f"as of {as_of.isoformat()}",
        )  # fmt: skip
    counted["part"] = _parts(counted, params=params)
    counted = counted.sort_values(["queue", "interval_start"])[SCHEMA.names]
    return pa.Table.from_pandas(counted, schema=SCHEMA, preserve_index=False).replace_schema_metadata()


def _from_volumes(
    tables: Tables, names: Mapping[str, str], *, params: ForecastDataParams, as_of: datetime
) -> pd.DataFrame:
    columns = ["queue", "interval_start", "interval_s", "offered_count", "handled_count", "handle_mean_s", "known_at"]
    told = frame(_past(known(tables, "volumes", as_of=as_of), "interval_start", as_of), columns)
    if not len(told):
        return told
    told = mergers.under_new_names(recent(told, "interval_start", params=params), names)
    length = max(params.interval_s, int(told["interval_s"].max()))
    ends = told["interval_start"] + _seconds(told["interval_s"])
    told["interval_start"] = _on_grid(told["interval_start"], length, params)
    told["known_at"] = np.maximum(told["known_at"], ends)
    told["handle_total_s"] = told["handle_mean_s"] * told["handled_count"]
    cells = told.groupby(["queue", "interval_start"])
    counted = cells[["offered_count", "handled_count", "handle_total_s"]].sum(min_count=1)
    counted["known_at"] = cells["known_at"].max()
    counted = counted.reset_index()
    counted["handle_s"] = counted["handle_total_s"] / counted["handled_count"].where(counted["handled_count"] > 0)
    counted["interval_s"], counted["is_open"] = length, True
    complete = counted["interval_start"] + _length(length) <= as_of
    found: pd.DataFrame = counted[complete].drop(columns=["handle_total_s"])
    return found


def _from_contacts(
    tables: Tables, names: Mapping[str, str], *, params: ForecastDataParams, as_of: datetime
) -> pd.DataFrame:
    """Offered: the entries of contacts into queues, each queue of a contact once."""
    entered = entries(tables, as_of=as_of, names=names)
    if not len(entered):
        return entered
    length = params.interval_s
    entered = recent(entered, "entered_at", params=params)
    entered["interval_start"] = _on_grid(entered["entered_at"], length, params)
    counted = entered.groupby(["queue", "interval_start"]).agg(
        offered_count=("contact_id", "size"),
        handled_count=("handle_s", "count"),
        handle_s=("handle_s", "mean"),
        last_known_at=("known_at", "max"),
    )
    whole = _every_interval(counted, length, params)
    whole[["offered_count", "handled_count"]] = whole[["offered_count", "handled_count"]].fillna(0.0)
    end = whole["interval_start"] + _length(length)
    whole["known_at"] = np.maximum(whole["last_known_at"].fillna(end), end)
    # Later contacts of an interval may still be under way: it is complete when they had time to be known.
    whole = whole[end + _length(params.settle_s) <= as_of].copy()
    whole["interval_s"] = length
    whole["is_open"] = _usually_open(whole, params=params)
    found: pd.DataFrame = whole.drop(columns=["last_known_at"])
    return found


def _past(table: pa.Table, column: str, as_of: datetime) -> pa.Table:
    """Without the rows that claim a time after `as_of`: no demand of the future is known, whatever a clock said."""
    import pyarrow.compute as pc

    future = pc.greater(table[column], pa.scalar(as_of, type=table.schema.field(column).type))
    return table.filter(pc.invert(pc.fill_null(future, False)))


def recent(rows: pd.DataFrame, column: str, *, params: ForecastDataParams) -> pd.DataFrame:
    """The rows of the last `max_history_days` before the latest one."""
    found: pd.DataFrame = rows[rows[column] > rows[column].max() - _length(86_400 * params.max_history_days)].copy()
    return found


def entries(tables: Tables, *, as_of: datetime, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """What entered which queue: queue, contact_id, channel, language (None where untold), entered_at, known_at, and
    handle_s (of the first agent who took it there, else NaN). names: of queues that merged, what they became."""
    import pandas as pd

    columns = ["contact_id", "revision", "queue", "direction", "channel", "language", "started_at", "known_at",
               "timeless"]  # fmt: skip
    contacts = frame(_past(known(tables, "contacts", as_of=as_of), "started_at", as_of), columns)
    contacts = first_revisions(contacts[~contacts["timeless"].fillna(False).astype(bool)])
    contacts = contacts[(contacts["direction"] == "inbound") & contacts["queue"].notna()]
    contacts = mergers.under_new_names(contacts, names or {})
    columns = ["contact_id", "queue", "sequence", "agent_id", "queued_at", "handle_s", "known_at"]
    legs = frame(_past(known(tables, "segments", as_of=as_of), "queued_at", as_of), columns).sort_values(
        ["contact_id", "sequence"]
    )
    legs = legs[legs["contact_id"].isin(contacts["contact_id"]) & legs["queue"].notna()]
    legs = mergers.under_new_names(legs, names or {})
    legs["handle_s"] = legs["handle_s"].where(legs["agent_id"].notna())
    by_leg = legs.groupby(["contact_id", "queue"], as_index=False).agg(
        entered_at=("queued_at", "min"), handle_s=("handle_s", "first"), leg_known_at=("known_at", "min")
    )
    found = contacts[["contact_id", "queue", "started_at", "known_at"]].merge(
        by_leg, on=["contact_id", "queue"], how="outer"
    )
    found = found.merge(contacts[["contact_id", "channel", "language"]], on="contact_id")
    found["entered_at"] = found["entered_at"].fillna(found["started_at"])
    found["known_at"] = pd.concat([found["known_at"], found["leg_known_at"]], axis=1).max(axis=1)
    return found[found["entered_at"].notna()].drop(columns=["started_at", "leg_known_at"])


def _every_interval(counted: pd.DataFrame, length: int, params: ForecastDataParams) -> pd.DataFrame:
    """Each queue's intervals from the first day to the last of all of them, with none counted where none was."""
    import pandas as pd

    starts = counted.index.get_level_values("interval_start")
    every = _grid(starts.min(), starts.max() + _length(length), length, params)
    queues = sorted(counted.index.get_level_values("queue").unique())
    whole = pd.MultiIndex.from_product([queues, every], names=["queue", "interval_start"])
    return counted.reindex(whole).reset_index()


def _usually_open(whole: pd.DataFrame, *, params: ForecastDataParams) -> pd.Series:
    """Whether the interval's slot of the local week had a contact in at least `open_share` of its weeks."""
    local = whole["interval_start"].dt.tz_convert(params.time_zone)
    slot = local.dt.weekday * 86_400 + local.dt.hour * 3600 + local.dt.minute * 60
    busy = (whole["offered_count"] > 0).groupby([whole["queue"], slot]).transform("mean")
    usual = busy >= params.open_share
    found: pd.Series = usual | (whole["offered_count"] > 0)
    return found


def _parts(counted: pd.DataFrame, *, params: ForecastDataParams) -> Any:
    """Parts by local day: the last share of the days judges, the share before calibrates."""
    local_day = counted["interval_start"].dt.tz_convert(params.time_zone).dt.tz_localize(None).dt.normalize()
    day = local_day.astype("datetime64[us]").astype("int64").to_numpy() // (86_400 * US_PER_S)
    open_days = np.unique(day[counted["is_open"].to_numpy()])
    judge_from, calibrate_from = parts.cuts(
        open_days, judge_share=params.judge_share, calibrate_share=params.calibrate_share
    )
    return parts.after_cuts(day, judge_from=judge_from, calibrate_from=calibrate_from)


def _on_grid(times: pd.Series, length: int, params: ForecastDataParams) -> pd.Series:
    """The start of the interval in which each time lies."""
    import pandas as pd

    if not len(times):
        return times
    # Before the first time the longest interval begins a day and an hour ago: on a day of 25 hours.
    grid = _grid(times.min() - _length(90_000), times.max() + _length(1), length, params)
    place = grid.searchsorted(times, side="right") - 1
    return pd.Series(grid[place], index=times.index)


def _grid(start: pd.Timestamp, end: pd.Timestamp, length: int, params: ForecastDataParams) -> pd.DatetimeIndex:
    """Starts of the intervals that begin in [start, end)."""
    import pandas as pd

    from features.grid import interval_starts

    found = interval_starts(start.timestamp(), end.timestamp(), time_zone=params.time_zone, interval_s=length)
    return pd.DatetimeIndex(pd.to_datetime(found, unit="s", utc=True)).as_unit("us")


def _length(length: int) -> Any:
    import pandas as pd

    return pd.Timedelta(seconds=length)


def _seconds(counts: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_timedelta(counts, unit="s")
