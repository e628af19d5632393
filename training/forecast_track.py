"""How good earlier issues were: what each said of a local day before the day began, against what came.

Figures are those of a report: WAPE of the median, the share inside the central intervals, the mean pinball loss over
the mean count; and calibration, the share of what came below each published quantile (what equals it counts half, as
whole numbers often do).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.aggregates import LEVELS, SITE, local_days
from training.forecast_figures import covered, pinball, place

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
COLUMNS = tuple(f"offered_q{round(1000 * level):03d}" for level in LEVELS)
CENTRAL = (0.8, 0.95)


@dataclass(frozen=True)
class Said:
    """What one issue said of one local day (ISO): its rows of that day, by interval and of the day as a whole.

    Tables hold `queue` (the site among them), `interval_start` and COLUMNS; `baseline_*` are what the baseline said of
    the same, None where the issue did not keep it.
    """

    day: str
    issue_id: str
    source: str
    intervals: pa.Table
    days: pa.Table
    baseline_intervals: pa.Table | None = None
    baseline_days: pa.Table | None = None


@dataclass(frozen=True)
class Beside:
    """n forecasts beside what came; quantiles (n, LEVELS), the baseline's all NaN where it was not kept."""

    day: npt.NDArray[np.object_]
    queue: npt.NDArray[np.object_]
    hour: npt.NDArray[np.int64]
    quantiles: Floats
    baseline: Floats
    came: Floats

    def taken(self, rows: Bools) -> Beside:
        """Only these rows."""
        return Beside(*(getattr(self, one.name)[rows] for one in fields(self)))

    def by_baseline(self) -> Beside:
        """The same as the baseline said it."""
        return Beside(self.day, self.queue, self.hour, self.baseline, self.baseline, self.came)


def track(said: Sequence[Said], recent: pa.Table, *, time_zone: str) -> dict[str, Any]:
    """All figures as plain data: `days` judged, `overall` (queues pooled), `queues` (the site among them), `by_day`.

    recent: `queue`, `interval_start`, `offered_count` of what came, the site among the queues. An interval counts where
    its count is known, of the site where that of every queue is; a day where every interval is that was told of.
    `baseline` is None unless a model issued and the baseline was kept beside every day: both are of the same rows.
    """
    came = _Came(recent, time_zone)
    told = [(one, _intervals(one, came, time_zone)) for one in said]
    intervals = _joined([rows for _, rows in told])
    days = _joined([_days(one, rows, came) for one, rows in told])
    by_model = any(one.source == "model" for one in said)
    intervals, days = _known(intervals), _known(days)

    def of(rows: Beside, name: str) -> Beside:
        return rows.taken(rows.queue == name)

    return {
        "days": sorted(set(intervals.day)),
        "overall": _told(intervals.taken(intervals.queue != SITE), days.taken(days.queue != SITE), by_model),
        "queues": [{"queue": name, **_told(of(intervals, name), of(days, name), by_model)}
                   for name in sorted(set(intervals.queue))],
        "by_day": _by_day(intervals, days, {one.day: one for one in said}),
    }  # fmt: skip


def figures(intervals: Beside, days: Beside) -> dict[str, Any]:
    """WAPE, shares inside and pinball, each by interval and by day; None where nothing came or nothing is known."""
    pair = {"interval": intervals, "day": days}
    return {
        "intervals": len(intervals.came),
        "days": len(days.came),
        "wape": {name: wape(rows) for name, rows in pair.items()},
        "pinball": {
            name: _over(pinball(rows.came, rows.quantiles, LEVELS).sum(), rows.came.sum())
            for name, rows in pair.items()
        },
        "inside": {
            f"{round(100 * level)}": {
                name: _over(covered(rows.came, rows.quantiles, LEVELS, level=level).sum(), len(rows.came))
                for name, rows in pair.items()
            }
            for level in CENTRAL
        },
    }


def wape(rows: Beside) -> float | None:
    """Sum of |came - median| over sum of what came; None where nothing came."""
    return _over(np.abs(rows.came - rows.quantiles[:, place(LEVELS, 0.5)]).sum(), rows.came.sum())


def calibration(rows: Beside) -> list[float | None]:
    """For each level the share of what came below the published quantile, half of what equals it added."""
    below = (rows.came[:, None] < rows.quantiles) + 0.5 * (rows.came[:, None] == rows.quantiles)
    return [_over(one, len(rows.came)) for one in below.sum(axis=0)]


def by_hour(rows: Beside, *, beside: bool) -> list[dict[str, Any]]:
    """WAPE by the local hour in which intervals begin, `beside` with the baseline's; only hours in which any came."""
    found = []
    for hour in sorted(set(rows.hour.tolist())):
        mine = rows.taken(rows.hour == hour)
        if mine.came.sum() > 0:
            usual = wape(mine.by_baseline()) if beside else None
            found.append({"hour": hour, "came": float(mine.came.sum()), "wape": wape(mine), "baseline_wape": usual})
    return found


def _told(intervals: Beside, days: Beside, by_model: bool) -> dict[str, Any]:
    beside = by_model and not np.isnan(intervals.baseline).any() and not np.isnan(days.baseline).any()
    return {
        **figures(intervals, days),
        "baseline": figures(intervals.by_baseline(), days.by_baseline()) if beside else None,
        "by_hour": by_hour(intervals, beside=beside),
        "calibration": [
            {"level": level, "interval": of_intervals, "day": of_days}
            for level, of_intervals, of_days in zip(LEVELS, calibration(intervals), calibration(days), strict=True)
        ],
    }


def _by_day(intervals: Beside, days: Beside, said: Mapping[str, Said]) -> list[dict[str, Any]]:
    """What was said of each queue's day, what came, and how its intervals went; in order of day and queue."""
    found = []
    for number in np.lexsort((days.queue.astype(str), days.day.astype(str))):
        day, queue = days.day[number], days.queue[number]
        mine = intervals.taken((intervals.day == day) & (intervals.queue == queue))
        inside = covered(mine.came, mine.quantiles, LEVELS, level=0.8)
        found.append({
            "day": day, "queue": queue, "issue_id": said[day].issue_id, "source": said[day].source,
            "came": float(days.came[number]), **_named(days.quantiles[number]),
            "intervals": len(mine.came), "wape": wape(mine), "inside_80": _over(inside.sum(), len(inside)),
        })  # fmt: skip
    return found


def _named(quantiles: Floats) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in zip(COLUMNS, quantiles, strict=True)}


class _Came:
    """What came, to be looked up by queue and start, and by queue and local day."""

    def __init__(self, recent: pa.Table, time_zone: str) -> None:
        queues, counts = recent["queue"].to_pylist(), recent["offered_count"].to_pylist()
        self._counts = dict(zip(zip(queues, _micros(recent), strict=True), counts, strict=True))
        self._days: dict[tuple[str, str], float] = {}
        for queue, day, count in zip(queues, local_days(recent, time_zone), counts, strict=True):
            self._days[queue, day] = self._days.get((queue, day), 0.0) + (count or 0.0)

    def of(self, queues: Sequence[str], starts: Sequence[int]) -> Floats:
        """The count of each interval, NaN where it is not known; of the site NaN where that of any queue is not."""
        told = [self._counts.get(key) for key in zip(queues, starts, strict=True)]
        found = np.asarray([np.nan if one is None else one for one in told], dtype=np.float64)
        unknown = {start for queue, start, one in zip(queues, starts, told, strict=True) if one is None}
        lost = [queue == SITE and start in unknown for queue, start in zip(queues, starts, strict=True)]
        found[np.asarray(lost, dtype=bool)] = np.nan
        return found

    def of_day(self, queue: str, day: str) -> float:
        """All that came on a local day, in intervals that nobody told of too."""
        return self._days.get((queue, day), np.nan)


def _intervals(one: Said, came: _Came, time_zone: str) -> Beside:
    queues, starts = one.intervals["queue"].to_pylist(), _micros(one.intervals)
    wall = pc.local_timestamp(one.intervals["interval_start"].cast(pa.timestamp("us", tz=time_zone)))
    return Beside(
        np.full(len(queues), one.day, dtype=object), np.asarray(queues, dtype=object),
        np.asarray(pc.hour(wall).to_numpy(zero_copy_only=False), dtype=np.int64), _quantiles(one.intervals),
        _aligned(one.baseline_intervals, queues, starts), came.of(queues, starts),
    )  # fmt: skip


def _days(one: Said, intervals: Beside, came: _Came) -> Beside:
    """A day that holds an interval whose count is not known is not known."""
    queues, starts = one.days["queue"].to_pylist(), _micros(one.days)
    known = set(intervals.queue) - set(intervals.queue[np.isnan(intervals.came)])
    told = [came.of_day(queue, one.day) if queue in known else np.nan for queue in queues]
    return Beside(
        np.full(len(queues), one.day, dtype=object), np.asarray(queues, dtype=object),
        np.zeros(len(queues), dtype=np.int64), _quantiles(one.days), _aligned(one.baseline_days, queues, starts),
        np.asarray(told, dtype=np.float64),
    )  # fmt: skip


def _aligned(table: pa.Table | None, queues: Sequence[str], starts: Sequence[int]) -> Floats:
    """(n, LEVELS): the table's quantiles in this order, NaN where it has no such row."""
    found = np.full((len(queues), len(LEVELS)), np.nan)
    if table is not None:
        told = _quantiles(table)
        where = {key: row for row, key in enumerate(zip(table["queue"].to_pylist(), _micros(table), strict=True))}
        for number, key in enumerate(zip(queues, starts, strict=True)):
            if key in where:
                found[number] = told[where[key]]
    return found


def _quantiles(table: pa.Table) -> Floats:
    columns = [np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64) for name in COLUMNS]
    return np.column_stack(columns)


def _known(rows: Beside) -> Beside:
    return rows.taken(~np.isnan(rows.came) & ~np.isnan(rows.quantiles).any(axis=1))


def _joined(parts: Sequence[Beside]) -> Beside:
    texts: npt.NDArray[np.object_] = np.asarray([], dtype=object)
    none = np.zeros((0, len(LEVELS)))
    every = [Beside(texts, texts, np.asarray([], dtype=np.int64), none, none, np.zeros(0)), *parts]
    return Beside(*(np.concatenate([getattr(part, one.name) for part in every]) for one in fields(Beside)))


def _micros(table: pa.Table) -> list[int]:
    found: list[int] = table["interval_start"].cast(pa.int64()).to_pylist()
    return found


def _over(part: Any, whole: Any) -> float | None:
    return round(float(part) / float(whole), 6) if whole > 0 else None
