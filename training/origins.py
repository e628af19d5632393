"""Forecasts as they would have been issued: at each origin, from what was known then, beside what came."""

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
from features.forecast import Asked
from training.params import ForecastParams

Floats = npt.NDArray[np.float64]
MIDNIGHT = time()


@dataclass(frozen=True)
class Issued:
    """n intervals as they were asked for (the design) and as they came: offered, handle_s (NaN where unknown)."""

    design: pa.Table
    day: npt.NDArray[np.object_]  # the local day of each row, ISO
    origin: npt.NDArray[np.int64]  # the number of the origin that asked
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

    def taken(self, rows: npt.NDArray[np.bool_]) -> Issued:
        """Only these rows."""
        kept = [one[rows] for one in (self.offered, self.handle_s, self.handled)]
        return Issued(self.design.filter(pa.array(rows)), self.day[rows], self.origin[rows], *kept)


def local_days(intervals: pa.Table, *, time_zone: str) -> list[date]:
    """The local days on which anything was counted, in order."""
    zone = ZoneInfo(time_zone)
    starts = pc.unique(intervals["interval_start"]).to_pylist()
    return sorted({moment.astimezone(zone).date() for moment in starts})


def issued(
    intervals: pa.Table, *, days: Sequence[date], params: ForecastParams, far: bool = False,
    events: pa.Table | None = None,
) -> Issued:  # fmt: skip
    """One origin at the start of each of these local days, for the intervals of that day.

    far: also, from the same origins, one later day each within `params.horizon_days`, by turns, so that a model sees
    every distance. Left out are rows whose count is unknown, and those that the design calls closed when nobody came.
    """
    wanted = [(day, ahead) for place, day in enumerate(days) for ahead in _aheads(place, params, far=far)]
    asked = [
        Asked(moment(day, MIDNIGHT, params.time_zone), *(
            moment(day + timedelta(days=ahead + step), MIDNIGHT, params.time_zone) for step in (0, 1)
        ))
        for day, ahead in wanted
    ]  # fmt: skip
    return told(intervals, asked=asked, params=params, events=events)


def told(
    intervals: pa.Table, *, asked: Sequence[Asked], params: ForecastParams, events: pa.Table | None = None
) -> Issued:
    """What is told at each of these origins, in order of time, beside what came; rows left out as in `issued`."""
    came = _Came(intervals)
    made = [
        _beside(design, came, number, params.time_zone)
        for number, design in enumerate(features.designs(intervals, asked=asked, params=params, events=events))
    ]
    return Issued(pa.concat_tables([one.design for one in made]), *(
        np.concatenate([getattr(one, name) for one in made])
        for name in ("day", "origin", "offered", "handle_s", "handled")
    ))  # fmt: skip


def moment(day: date, at: time, time_zone: str) -> datetime:
    """A time of the wall clock on a local day."""
    return datetime.combine(day, at, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def _aheads(place: int, params: ForecastParams, *, far: bool) -> list[int]:
    if not far or params.horizon_days < 2:
        return [0]
    return [0, 1 + place % (params.horizon_days - 1)]


class _Came:
    """The intervals by queue and start, to be looked up many times."""

    def __init__(self, intervals: pa.Table) -> None:
        queues = intervals["queue"].to_numpy(zero_copy_only=False)
        self._names = np.unique(queues.astype(str))
        keys = self._keys(queues, _micros(intervals))
        self._order = np.argsort(keys, kind="stable")
        self._keys_in_order = keys[self._order]
        self._columns = {
            name: np.asarray(intervals[name].to_numpy(zero_copy_only=False), dtype=np.float64)
            for name in ("offered_count", "handle_s", "handled_count")
        }

    def of(self, design: pa.Table) -> tuple[Floats, ...]:
        """offered, handle_s and handled of each row, NaN where there was no such interval."""
        keys = self._keys(design["queue"].to_numpy(zero_copy_only=False), _micros(design))
        place = np.minimum(np.searchsorted(self._keys_in_order, keys), len(self._keys_in_order) - 1)
        there = self._keys_in_order[place] == keys
        return tuple(np.where(there, values[self._order[place]], np.nan) for values in self._columns.values())

    def _keys(self, queues: Any, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = np.searchsorted(self._names, queues.astype(str)) * 2**42 + starts // 1_000_000
        return found


def _micros(table: pa.Table) -> npt.NDArray[np.int64]:
    return np.asarray(table["interval_start"].cast(pa.int64()).to_numpy(), dtype=np.int64)


def _beside(design: pa.Table, came: _Came, origin: int, time_zone: str) -> Issued:
    offered, handle_s, handled = came.of(design)
    opened = np.asarray(design["is_open"].to_numpy(zero_copy_only=False), dtype=bool)
    kept = ~np.isnan(offered) & (opened | (offered > 0))
    wall = pc.local_timestamp(design["interval_start"].cast(pa.timestamp("us", tz=time_zone)))
    day = np.asarray(pc.strftime(wall, format="%Y-%m-%d").to_pylist(), dtype=object)
    every = np.full(design.num_rows, origin, dtype=np.int64)
    return Issued(design, day, every, offered, handle_s, handled).taken(kept)
