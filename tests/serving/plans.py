"""Issued forecasts, their track and staffing plans in a house's folders, as the flows leave them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training import forecast_track
from training.forecast_track import COLUMNS, Said

TODAY = datetime(2026, 5, 1, tzinfo=UTC)
QUEUES = ("*", "billing", "sales")
HOURS = range(9, 17)


def quantiles(prefix: str, median: float) -> dict[str, float]:
    """Seven of them around a median."""
    steps = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
    return {name.replace("offered", prefix): median * step for name, step in zip(COLUMNS, steps, strict=True)}


def issue(folder: Path, *, as_of: datetime = TODAY, level: float = 20.0, days: int = 16, current: bool = True,
          suffix: str = "", **about: Any) -> str:  # fmt: skip
    """An issue from `as_of` on: `level` contacts an open hour of each queue, twice that of the site. Its id."""
    id_ = f"{as_of:%Y%m%dT%H%M%SZ}-baseline-0{suffix}"
    first = as_of.replace(hour=0, minute=0)
    starts = [first + timedelta(days=day, hours=hour) for day in range(days) for hour in HOURS]
    intervals = [
        {"queue": queue, "interval_start": at, "interval_s": 3600, "offered_mean": level, **quantiles("offered", level),
         **(quantiles("handle", 300.0) if queue != "*" else {})}
        for queue in QUEUES for at in starts if at >= as_of
    ]  # fmt: skip
    whole = [
        {"queue": queue, "interval_start": first + timedelta(days=day), "interval_s": 86_400,
         "offered_mean": 8 * level, **quantiles("offered", 8 * level)}
        for queue in QUEUES for day in range(days)
    ]  # fmt: skip
    told = {"issue_id": id_, "table": f"{id_}/intervals.parquet", "days_table": f"{id_}/days.parquet",
            "recent_table": f"{id_}/recent.parquet", "track": f"{id_}/track.json", "time_zone": "UTC",
            "issued_at": as_of.isoformat(), "as_of": as_of.isoformat(), "source": "baseline", "version": None,
            "approval": None, "artefact": None, "simulated": True, **about}  # fmt: skip
    (folder / id_).mkdir(parents=True)
    write(intervals, folder / id_ / "intervals.parquet")
    write(whole, folder / id_ / "days.parquet")
    (folder / id_ / "issue.json").write_text(json.dumps(told))
    if current:
        (folder / "current.json").write_text(json.dumps(told))
    return id_


def tell_apart(folder: Path, id_: str) -> None:
    """An issue, whose billing comes by voice in Chinese for three quarters, by chat in an untold language else."""
    mix = [
        {"queue": "billing", "channel": channel, "language": language, "hour": hour, "share": share,
         "handle_ratio": 1.0, "excess": 1.0, "day_excess": 1.0}
        for channel, language, share in (("voice", "zh", 0.75), ("chat", "und", 0.25)) for hour in range(168)
    ]  # fmt: skip
    write(mix, folder / id_ / "mix.parquet")
    for path in (folder / id_ / "issue.json", folder / "current.json"):
        told = json.loads(path.read_text())
        if told["issue_id"] == id_:
            path.write_text(json.dumps({**told, "mix_table": f"{id_}/mix.parquet"}))


def look_back(folder: Path, id_: str, *, days: int = 3, count: float = 25.0) -> None:
    """Beside an issue of TODAY: `count` contacts an open hour came in the last days, 20 were said."""
    rows = [
        {"queue": queue, "interval_start": TODAY - timedelta(days=ago) + timedelta(hours=hour), "interval_s": 3600,
         "offered_count": count * (2 if queue == "*" else 1)}
        for queue in QUEUES for ago in range(1, days + 1) for hour in HOURS
    ]  # fmt: skip
    write(rows, folder / id_ / "recent.parquet")
    recent = pq.read_table(folder / id_ / "recent.parquet")
    said = [_said(TODAY - timedelta(days=ago)) for ago in range(days, 0, -1)]
    told = forecast_track.track(said, recent, time_zone="UTC")
    (folder / id_ / "track.json").write_text(json.dumps(told))


def plan(folder: Path, *, id_: str = "20260501T060000Z-aa", days: int = 2, current: bool = True, **about: Any) -> str:
    """A plan of two queues from TODAY on: agent a1 works from 9 to 17, and billing lacks two at 9."""
    intervals = [
        {"queue": queue, "interval_start": TODAY + timedelta(days=day, hours=hour), "interval_s": 3600,
         "offered_mean": 20.0, "positions_required": 5, "probability": 0.9,
         "agents_rostered": 3.0 if (queue, hour) == ("billing", 9) else 5.0, "service_level": 0.85, "occupancy": 0.7}
        for queue in QUEUES[1:] for day in range(days) for hour in HOURS
    ]  # fmt: skip
    roster = [
        {"agent_id": "agent-a1", "day": f"{TODAY + timedelta(days=day):%Y-%m-%d}", "template": "full",
         "starts_at": TODAY + timedelta(days=day, hours=9), "ends_at": TODAY + timedelta(days=day, hours=17),
         "paid_h": 7.5, "breaks": [{"starts_at": TODAY + timedelta(days=day, hours=12),
                                    "ends_at": TODAY + timedelta(days=day, hours=12, minutes=30), "paid": False}]}
        for day in range(days)
    ]  # fmt: skip
    summary = {"intervals": 32, "share_with_probability": 0.875, "share_expected_to_meet": 0.91, "required_h": 160.0,
               "missing_h": 4.0}  # fmt: skip
    whole = {"shifts": 2, "agents_rostered": 1, "paid_h": 15.0, "cost": 300.0, "gap_to_best": 0.0, "repairs": 0}
    told = {
        "plan_id": id_, "planned_at": "2026-05-01T06:00:00Z", "issue_id": "20260501T000000Z-baseline-0",
        "source": "baseline", "version": None, "approval": None, "artefact": None, "simulated": True,
        "queues": list(QUEUES[1:]), "time_zone": "UTC", "agents_count": 3, "summary": {**summary, **whole},
        "rules": {"service": {"target": 0.8, "within_s": 20.0, "probability": 0.9},
                  "queues": {"sales": {"target": 0.7}}},
        "by_day": [{"day": f"{TODAY + timedelta(days=day):%Y-%m-%d}", **summary} for day in range(days)], **about,
    }  # fmt: skip
    (folder / id_).mkdir(parents=True)
    write(intervals, folder / id_ / "intervals.parquet")
    write(roster, folder / id_ / "roster.parquet")
    (folder / id_ / "plan.json").write_text(json.dumps(told))
    if current:
        (folder / "current.json").write_text(json.dumps(told))
    return id_


def _said(day: datetime) -> Said:
    rows = [{"queue": queue, "interval_start": day + timedelta(hours=hour), **quantiles("offered", 20.0)}
            for queue in QUEUES for hour in HOURS]  # fmt: skip
    whole = [{"queue": queue, "interval_start": day, **quantiles("offered", 160.0)} for queue in QUEUES]
    name = date.isoformat(day.date())
    return Said(name, f"issue-{name}", "baseline", pa.Table.from_pylist(rows), pa.Table.from_pylist(whole))


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Rows as a table; what a row lacks is null."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    pq.write_table(pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows]), path)
