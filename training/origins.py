"""Forecasts as they would have been issued: at each day's start, from what was known then, beside what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features import forecast as features
from training.params import ForecastParams

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Issued:
    """n intervals as they were asked for (the design) and as they came: offered, handle_s (NaN where unknown)."""

    design: pa.Table
    day: npt.NDArray[np.object_]  # the local day of each row, ISO
    offered: Floats
    handle_s: Floats
    handled: Floats

    @property
    def queue(self) -> list[str]:
        """The queue of each row."""
        return [str(one) for one in self.design["queue"].to_pylist()]

    def matrix(self, columns: Sequence[str]) -> Floats:
        """These design columns as (n, columns); one that this design lacks is unknown throughout."""
        nothing = np.full(self.design.num_rows, np.nan)
        known = set(self.design.column_names)
        return np.column_stack([self.column(name) if name in known else nothing for name in columns])

    def column(self, name: str) -> Floats:
        """One design column."""
        return np.asarray(self.design[name].to_numpy(zero_copy_only=False), dtype=np.float64)


def local_days(intervals: pa.Table, *, time_zone: str) -> list[date]:
    """The local days on which anything was counted, in order."""
    zone = ZoneInfo(time_zone)
    starts = pc.unique(intervals["interval_start"]).to_pylist()
    return sorted({moment.astimezone(zone).date() for moment in starts})


def issued(intervals: pa.Table, *, days: Sequence[date], params: ForecastParams, far: bool = False) -> Issued:
    """One origin at the start of each of these local days, for the intervals of that day.

    far: also, from the same origins, one later day each within `params.horizon_days`, by turns, so that a model sees
    every distance. Left out are rows whose count is unknown, and those that the design calls closed when nobody came.
    """
    grid = features.history(intervals, params=params)
    wanted = [(day, ahead) for place, day in enumerate(days) for ahead in _aheads(place, params, far=far)]
    designs, names = [], []
    for day, ahead in wanted:
        target = day + timedelta(days=ahead)
        made = features.design(
            grid, known_until=_midnight(day, params.time_zone), horizon_start=_midnight(target, params.time_zone),
            horizon_end=_midnight(target + timedelta(days=1), params.time_zone), params=params,
        )  # fmt: skip
        designs.append(made)
        names += [target.isoformat()] * made.num_rows
    return _with_actuals(pa.concat_tables(designs), np.asarray(names, dtype=object), intervals)


def _aheads(place: int, params: ForecastParams, *, far: bool) -> list[int]:
    if not far or params.horizon_days < 2:
        return [0]
    return [0, 1 + place % (params.horizon_days - 1)]


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def _with_actuals(design: pa.Table, day: npt.NDArray[np.object_], intervals: pa.Table) -> Issued:
    queues = intervals["queue"].to_pylist()
    starts = intervals["interval_start"].cast(pa.int64()).to_pylist()
    place = {key: number for number, key in enumerate(zip(queues, starts, strict=True))}
    asked = zip(design["queue"].to_pylist(), design["interval_start"].cast(pa.int64()).to_pylist(), strict=True)
    found = np.asarray([place.get(key, -1) for key in asked], dtype=np.int64)
    counted = ("offered_count", "handle_s", "handled_count")
    offered, handle_s, handled = (_taken(intervals, name, found) for name in counted)
    kept = (found >= 0) & ~np.isnan(offered) & (_open(design) | (offered > 0))
    return Issued(design.filter(pa.array(kept)), day[kept], offered[kept], handle_s[kept], handled[kept])


def _taken(intervals: pa.Table, name: str, at: npt.NDArray[np.int64]) -> Floats:
    values = np.asarray(intervals[name].to_numpy(zero_copy_only=False), dtype=np.float64)
    found: Floats = np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
    return found


def _open(design: pa.Table) -> npt.NDArray[np.bool_]:
    told: Any = design["is_open"].to_numpy(zero_copy_only=False)
    return np.asarray(told, dtype=bool)
