"""What planners change in an issued forecast, and what each change added or cost once the counts have come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.aggregates import SITE, local_days

Floats = npt.NDArray[np.float64]
OFFERED = "offered_"


@dataclass(frozen=True)
class Adjustment:
    """Intervals of a queue (all without one) that begin in [starts_at, ends_at) are expected `factor` times as busy."""

    adjustment_id: str
    queue: str | None
    starts_at: datetime
    ends_at: datetime
    factor: float
    kind: str
    reason: str
    by: str

    def touches(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Which rows of a table of intervals it is about; the site's are added up from the queues'."""
        queues = np.asarray(table["queue"].to_pylist(), dtype=object)
        starts = table["interval_start"].cast(pa.int64()).to_numpy()
        within = (starts >= self.starts_at.timestamp() * 1e6) & (starts < self.ends_at.timestamp() * 1e6)
        mine = (queues != SITE) if self.queue is None else (queues == self.queue)
        return np.asarray(within & mine, dtype=bool)


@dataclass(frozen=True)
class Value:
    """Of intervals that have come: how many, and the sums of counts and of errors without and with the adjustment."""

    intervals: int
    offered: float
    error_without: float
    error_with: float

    @property
    def saved(self) -> float:
        """Contacts of error that it saved; negative where it cost."""
        return self.error_without - self.error_with


def applied(intervals: pa.Table, adjustments: Sequence[Adjustment]) -> pa.Table:
    """The table with every queue's mean and quantiles multiplied, and the site's mean and quantiles following them."""
    factor = _factors(intervals, adjustments)
    site = np.asarray([queue == SITE for queue in intervals["queue"].to_pylist()])
    mean, starts = _column(intervals, "offered_mean"), intervals["interval_start"].cast(pa.int64()).to_numpy()
    _, place = np.unique(starts, return_inverse=True)
    before, after = (np.bincount(place, weights=np.where(site, 0.0, mean * one)) for one in (1.0, factor))
    ratio = np.where(before > 0, after / np.maximum(before, 1e-9), 1.0)
    return _multiplied(intervals, np.where(site, ratio[place], factor))


def of_days(days: pa.Table, *, before: pa.Table, after: pa.Table, time_zone: str) -> pa.Table:
    """The table of days following its intervals: each day is multiplied as its intervals were in the mean."""
    sums = [_by_day(table, time_zone) for table in (before, after)]
    keys = zip(days["queue"].to_pylist(), local_days(days, time_zone), strict=True)
    ratio = [sums[1].get(key, 0.0) / sums[0][key] if sums[0].get(key) else 1.0 for key in keys]
    return _multiplied(days, np.asarray(ratio))


def value(adjustment: Adjustment, issued: pa.Table, came: Mapping[tuple[str, datetime], float]) -> Value:
    """What it was worth: errors of the median as issued, and as adjusted, of the intervals that have come.

    came: counts by queue and start.
    """
    rows = issued.filter(pa.array(adjustment.touches(issued)))
    keys = list(zip(rows["queue"].to_pylist(), rows["interval_start"].to_pylist(), strict=True))
    told = [place for place, key in enumerate(keys) if key in came]
    actual = np.asarray([came[keys[place]] for place in told], dtype=np.float64)
    median = _column(rows, "offered_q500")[told]
    without, adjusted = np.abs(actual - median), np.abs(actual - adjustment.factor * median)
    return Value(len(told), float(actual.sum()), float(without.sum()), float(adjusted.sum()))


def _factors(intervals: pa.Table, adjustments: Sequence[Adjustment]) -> Floats:
    """(rows,): those that touch a row one after the other."""
    factor = np.ones(intervals.num_rows)
    for one in adjustments:
        factor[one.touches(intervals)] *= one.factor
    return factor


def _multiplied(table: pa.Table, factor: Any) -> pa.Table:
    for place, name in enumerate(table.column_names):
        if name.startswith(OFFERED):
            column = pa.array(_column(table, name) * factor, pa.float64(), from_pandas=True)
            table = table.set_column(place, name, column)
    return table


def _by_day(table: pa.Table, time_zone: str) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    keys = zip(table["queue"].to_pylist(), local_days(table, time_zone), strict=True)
    for key, mean in zip(keys, _column(table, "offered_mean"), strict=True):
        found[key] = found.get(key, 0.0) + float(mean)
    return found


def _column(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
