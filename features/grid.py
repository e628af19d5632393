"""Demand on a grid of local days and slots: what `features.forecast` reads its past from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_contracts.errors import NotEnoughData

if TYPE_CHECKING:
    from features.calendar_events import Planned
    from features.params import ForecastDataParams

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
# Zones differ from each other, and clocks are changed, by multiples of a quarter of an hour.
_CLOCK_STEP_S = 900


@dataclass(frozen=True)
class History:
    """The past of all queues: arrays (queues, days, slots), NaN where nothing was counted.

    `first_day` is the local day of place 0; a slot is `interval_s` of local wall time. known_s: when a cell was known,
    in seconds since 1970, infinite where nothing ever was.
    """

    queues: tuple[str, ...]
    offered: Floats
    handled: Floats
    handle_s: Floats
    known_s: Floats
    first_day: date
    interval_s: int
    time_zone: str
    events: Planned | None = None

    @property
    def slots(self) -> int:
        """Intervals in a day of 24 hours."""
        return int(self.offered.shape[2])

    @property
    def days(self) -> int:
        """Days from the first on which anything was counted to the last."""
        return int(self.offered.shape[1])

    def place(self, day: date) -> int:
        """The place of a local day; before the first it is negative."""
        return day.toordinal() - self.first_day.toordinal()


def history(intervals: pa.Table, *, params: ForecastDataParams, events: pa.Table | None = None) -> History:
    """The intervals on their grid, once for many origins. Two intervals of one slot (a clock set back) are averaged.

    events: rows of the dataset `calendar_events`, each read from when it was known.
    """
    from features.calendar_events import planned

    if not intervals.num_rows:
        raise NotEnoughData("no history to forecast from", expected="at least one interval", came="none")
    starts = _epoch_s(intervals["interval_start"]).astype(np.int64)
    interval_s = int(intervals["interval_s"][0].as_py())
    day, slot, _ = local(starts, time_zone=params.time_zone, interval_s=interval_s)
    names, queue = np.unique(np.asarray(intervals["queue"].to_pylist(), dtype=str), return_inverse=True)
    shape = (len(names), int(day.max() - day.min()) + 1, -(-86_400 // interval_s))
    cell = np.ravel_multi_index((queue, day - day.min(), slot), shape)
    known = np.full(shape, -np.inf)
    np.maximum.at(known.reshape(-1), cell, _epoch_s(intervals["known_at"]))
    offered, handled, handle_s = (
        _mean(_column(intervals, name), cell, shape) for name in ("offered_count", "handled_count", "handle_s")
    )
    known_s = np.where(np.isfinite(known), known, np.inf)
    first = day_of(int(day.min()))
    queues = tuple(map(str, names))
    told = None if events is None else planned(events, queues=queues)
    return History(queues, offered, handled, handle_s, known_s, first, interval_s, params.time_zone, told)


def local(starts: Whole, *, time_zone: str, interval_s: int) -> tuple[Whole, Whole, Whole]:
    """Local day (number since 1970), slot of the day, and second of the day, of moments in seconds since 1970."""
    import pandas as pd

    moments = pd.to_datetime(np.asarray(starts, dtype=np.int64), unit="s", utc=True).tz_convert(time_zone)
    wall = moments.tz_localize(None).as_unit("s").asi8
    day = wall // 86_400
    second = wall - day * 86_400
    return day, second // interval_s, second


def interval_starts(start_s: float, end_s: float, *, time_zone: str, interval_s: int) -> Whole:
    """Starts of the intervals that begin in [start_s, end_s), in seconds since 1970: on multiples of their length of
    the local clock, which in some zones runs beside the others by half an hour or three quarters.

    Where clocks are set back an hour, hours and parts of them come twice; a longer interval of that day is longer.
    """
    step = gcd(interval_s, _CLOCK_STEP_S)
    first, end = int(np.ceil(start_s)), int(np.ceil(end_s))
    _, _, second = local(np.asarray([first]), time_zone=time_zone, interval_s=interval_s)
    first += -int(second[0]) % step
    every = np.arange(first, end, step, dtype=np.int64)
    day, slot, second = local(every, time_zone=time_zone, interval_s=interval_s)
    on_clock = second % interval_s == 0
    found, day, slot = every[on_clock], day[on_clock], slot[on_clock]
    again = (np.diff(day) == 0) & (np.diff(slot) == 0) & (np.diff(found) < interval_s)
    return np.asarray(np.delete(found, np.flatnonzero(again) + 1), dtype=np.int64)


def _mean(values: Floats, cell: Whole, shape: tuple[int, ...]) -> Floats:
    """By cell the mean of what is known, NaN where nothing is."""
    told, size = ~np.isnan(values), int(np.prod(shape))
    total = np.bincount(cell[told], weights=values[told], minlength=size)
    count = np.bincount(cell[told], minlength=size)
    found: Floats = np.divide(total, count, out=np.full(size, np.nan), where=count > 0).reshape(shape)
    return found


def _column(table: pa.Table, name: str) -> Floats:
    found: Floats = table[name].to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _epoch_s(times: pa.ChunkedArray) -> Floats:
    found: Floats = times.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy() / 1e6
    return found


def ordinal(day: date) -> int:
    """The number of a day since 1970."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def day_of(number: int) -> date:
    """The day of a number since 1970."""
    return date.fromordinal(number + date(1970, 1, 1).toordinal())
