"""Demand on a grid of local days and slots: what `features.forecast` reads its lags from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_contracts.errors import NotEnoughData

if TYPE_CHECKING:
    from features.params import ForecastDataParams

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class QueueHistory:
    """One queue's past on a grid of local days and slots: float64 (days, slots), NaN where nothing was counted."""

    queue: str
    offered: Floats
    handle_s: Floats
    known_s: Floats


@dataclass(frozen=True)
class History:
    """All queues on one grid. `first_day` is the local day of row 0; a slot is `interval_s` of local wall time."""

    queues: tuple[QueueHistory, ...]
    first_day: date
    interval_s: int
    time_zone: str

    @property
    def slots(self) -> int:
        """Intervals in a day of 24 hours."""
        return -(-86_400 // self.interval_s)


def history(intervals: pa.Table, *, params: ForecastDataParams) -> History:
    """The intervals on their grid, once for many origins. Two intervals of one slot (a clock set back) are averaged."""
    if not intervals.num_rows:
        raise NotEnoughData("no history to forecast from", expected="at least one interval", came="none")
    starts = _epoch_s(intervals["interval_start"]).astype(np.int64)
    interval_s = int(intervals["interval_s"][0].as_py())
    day, slot, _ = local(starts, time_zone=params.time_zone, interval_s=interval_s)
    first = int(day.min())
    queue_of = np.asarray(intervals["queue"].to_pylist(), dtype=object)
    shape = (int(day.max()) - first + 1, -(-86_400 // interval_s))
    values = {name: _column(intervals, name) for name in ("offered_count", "handle_s")}
    known_s = _epoch_s(intervals["known_at"])
    queues = []
    for queue in sorted(set(queue_of)):
        mine = np.flatnonzero(queue_of == queue)
        cells = (day[mine] - first, slot[mine])
        queues.append(
            QueueHistory(
                queue=str(queue),
                offered=_grid(values["offered_count"][mine], cells, shape),
                handle_s=_grid(values["handle_s"][mine], cells, shape),
                known_s=_grid_max(known_s[mine], cells, shape),
            )
        )
    return History(tuple(queues), day_of(first), interval_s, params.time_zone)


def local(starts: Whole, *, time_zone: str, interval_s: int) -> tuple[Whole, Whole, Whole]:
    """Local day (number since 1970), slot of the day, and second of the day, of moments in seconds since 1970."""
    import pandas as pd

    moments = pd.to_datetime(np.asarray(starts, dtype=np.int64), unit="s", utc=True).tz_convert(time_zone)
    wall = moments.tz_localize(None).as_unit("s").asi8
    day = wall // 86_400
    second = wall - day * 86_400
    return day, second // interval_s, second


def _grid(values: Floats, cells: tuple[Whole, Whole], shape: tuple[int, int]) -> Floats:
    total, count = np.zeros(shape), np.zeros(shape)
    told = ~np.isnan(values)
    at = (cells[0][told], cells[1][told])
    np.add.at(total, at, values[told])
    np.add.at(count, at, 1.0)
    found: Floats = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return found


def _grid_max(values: Floats, cells: tuple[Whole, Whole], shape: tuple[int, int]) -> Floats:
    found = np.full(shape, -np.inf)
    np.maximum.at(found, cells, values)
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
