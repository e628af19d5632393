"""What lies beside an issue for those who look back: what came lately, and how good the earlier issues were.

issued/<issue_id>/recent.parquet   contacts offered by queue (the site is `*`) and interval, of the last weeks
issued/<issue_id>/track.json       of each of these days what the last issue before it began said, against what came
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flows.compose import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from training.forecast_track import Said

logger = logging.getLogger("parley.flows")
# Local days that are looked back on: four of each weekday.
DAYS = 28


def recent(past: pa.Table, *, as_of: datetime, time_zone: str) -> pa.Table:
    """Of the demand that is known (`features.demand`) the last DAYS local days and the one of `as_of`, and the site."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from training.aggregates import SITE

    names = ["queue", "interval_start", "interval_s", "offered_count"]
    since = pa.scalar(_midnight(_looked_back(as_of, time_zone)[0], time_zone), past.schema.field(names[1]).type)
    queues = past.filter(pc.greater_equal(past["interval_start"], since)).select(names)
    sums = queues.group_by(names[1:3], use_threads=False).aggregate([("offered_count", "sum")])
    keys = {"queue": pa.array([SITE] * sums.num_rows, pa.string()), **{name: sums[name] for name in names[1:3]}}
    site = pa.table({**keys, "offered_count": sums["offered_count_sum"]})
    return pa.concat_tables([queues, site]).sort_by([(name, "ascending") for name in names[:2]])


def track(place: Workspace, came: pa.Table, *, as_of: datetime, time_zone: str) -> dict[str, Any]:
    """The figures of `training.forecast_track`, of what earlier issues said of the days that `came` tells of.

    An issue speaks of a day if it knew nothing of it: its `as_of` is the day's beginning or before; the last of these
    is taken, as it was issued, without what planners changed. `unreadable`: issues that were to be read and could not.
    """
    from training import forecast_track

    names = _names(place.settings.issued_dir)
    said: list[Said] = []
    unreadable: list[str] = []
    for day in _looked_back(as_of, time_zone):
        name = _last_before(names, _midnight(day, time_zone))
        if name is not None:
            try:
                said += _said(place.settings.issued_dir, name, day, time_zone)
            except (OSError, ValueError, KeyError) as error:  # Arrow's own errors are ValueErrors
                logger.warning("an earlier issue cannot be read", extra={"told": {"issue": name, "why": str(error)}})
                unreadable.append(name)
    return {**forecast_track.track(said, came, time_zone=time_zone), "time_zone": time_zone,
            "as_of": as_of.isoformat(), "unreadable": sorted(set(unreadable))}  # fmt: skip


def _looked_back(as_of: datetime, time_zone: str) -> list[date]:
    """The DAYS local days before that of `as_of`."""
    today = as_of.astimezone(ZoneInfo(time_zone)).date()
    return [today - timedelta(days=ago) for ago in range(DAYS, 0, -1)]


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone))


def _names(folder: Path) -> list[str]:
    """Issues as they were issued, before planners changed them, in order of what they know."""
    from serving.issued import Issued

    return [name for name in Issued(folder).names() if "~" not in name]


def _last_before(names: Sequence[str], start: datetime) -> str | None:
    """Names begin with the moment that they know: the last that is `start` or before."""
    stamp = f"{start.astimezone(ZoneInfo('UTC')):%Y%m%dT%H%M%SZ}"
    return next((name for name in reversed(names) if name[:16] <= stamp), None)


def _said(folder: Path, name: str, day: date, time_zone: str) -> list[Said]:
    """What the issue said of the day; nothing where its days were not kept or the day lies beyond it."""
    from training.forecast_track import Said

    about = json.loads((folder / name / "issue.json").read_text("utf-8"))
    stems = ("table", "days_table", "baseline_table", "baseline_days_table")
    if about["source"] == "baseline":  # then the issue is what the baseline said
        about |= {"baseline_table": about["table"], "baseline_days_table": about.get("days_table")}
    tables = [_of_day(folder, about.get(stem), day, time_zone) for stem in stems]
    intervals, days, *baseline = tables
    if intervals is None or days is None or not intervals.num_rows:
        return []
    return [Said(day.isoformat(), name, str(about["source"]), intervals, days, *baseline)]


def _of_day(folder: Path, name: str | None, day: date, time_zone: str) -> pa.Table | None:
    """The rows that begin on a local day; None where there is no such table."""
    import pyarrow.parquet as pq

    from training.forecast_track import COLUMNS

    if name is None:
        return None
    since, until = (_midnight(one, time_zone) for one in (day, day + timedelta(days=1)))
    within = [("interval_start", ">=", since), ("interval_start", "<", until)]
    names = ["queue", "interval_start", *COLUMNS]
    return pq.read_table(folder / name, columns=names, filters=within).select(names)
