"""What a forecast may know: for each interval to come, what the same hours were before, as far as it was known.

Training (at rolling origins) and issuing call the same `design`. Demand itself is counted in `features.demand`.
"""

from __future__ import annotations

import zlib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from data_contracts.errors import InputError
from features.grid import Floats, History, QueueHistory, Whole, day_of, history, local, ordinal

if TYPE_CHECKING:
    from features.params import ForecastDataParams
    from features.records import Tables

__all__ = ["CATEGORICAL", "DESIGN_COLUMNS", "KEY_COLUMNS", "History", "build", "design", "history", "holidays_of"]

LAGS = 6
# Days over which the level is compared with what was usual.
LEVEL_DAYS = (1, 3, 7, 28)

_LAG_COLUMNS = tuple(f"lag_{k}" for k in range(1, LAGS + 1))
CALENDAR_COLUMNS = (
    "queue_code",
    "weekday",
    "minute_of_day",
    "day_of_month",
    "month",
    "week_of_year",
    "is_holiday",
    "is_day_before_holiday",
    "is_day_after_holiday",
    "position_in_day",
    "ahead_h",
)
VOLUME_COLUMNS = (
    *_LAG_COLUMNS,
    "lag_median",
    "lag_mean",
    "lag_spread",
    "lag_median_before",
    "lag_median_after",
    *(f"level_{days}d" for days in LEVEL_DAYS),
    "today_ratio",
    "usual_day_total",
)
HANDLE_COLUMNS = ("handle_median", "handle_recent", "handle_usual")
# What a model reads, in this order; beside them a design has `queue`, `interval_start`, `interval_s`, `is_open`.
DESIGN_COLUMNS = (*CALENDAR_COLUMNS, *VOLUME_COLUMNS, *HANDLE_COLUMNS)
CATEGORICAL = ("queue_code",)
KEY_COLUMNS = ("queue", "interval_start", "interval_s", "is_open")
_CODES = 997


def build(tables: Tables, *, params: ForecastDataParams, as_of: datetime, to: Path) -> dict[str, Any]:
    """Write `to`/forecast/intervals.parquet; see `features.demand.build`."""
    from features import demand

    return demand.build(tables, params=params, as_of=as_of, to=to)


def design(
    past: pa.Table | History,
    *,
    horizon_start: datetime,
    horizon_end: datetime,
    known_until: datetime,
    params: ForecastDataParams,
) -> pa.Table:
    """The feature rows of every interval of [horizon_start, horizon_end), by queue and time, from what was known.

    past: the intervals table of `features.demand`, or `history` of it (make that once for many origins).
    Returns KEY_COLUMNS and DESIGN_COLUMNS (float64, NaN where unknown); is_open: what the slot's past says, holidays
    not counted. Only cells with `known_at` at or before `known_until` are read, so a row never looks ahead.
    Raises InputError for an empty horizon or naive times.
    """
    if horizon_end <= horizon_start or known_until.tzinfo is None or horizon_start.tzinfo is None:
        raise InputError(
            "not a horizon", expected="aware times, the end after the start", came=f"{horizon_start} to {horizon_end}"
        )
    grid = past if isinstance(past, History) else history(past, params=params)
    starts = _starts(horizon_start, horizon_end, grid.interval_s)
    asked = _Asked(grid, starts, known_until, params)
    blocks = [_queue_rows(asked, queue) for queue in grid.queues]
    names = [str(queue.queue) for queue in grid.queues]
    columns: dict[str, Any] = {
        "queue": pa.array(np.repeat(np.asarray(names, dtype=object), len(starts)), pa.string()),
        "interval_start": pa.array(np.tile(starts * 1_000_000, len(names))).cast(pa.timestamp("us", tz="UTC")),
        "interval_s": pa.array(np.full(len(starts) * len(names), grid.interval_s), pa.int64()),
        "is_open": pa.array(np.concatenate([block["is_open"] for block in blocks]).astype(bool)),
    }
    for name in DESIGN_COLUMNS:
        columns[name] = pa.array(np.concatenate([block[name] for block in blocks]), pa.float64(), from_pandas=False)
    return pa.table(columns)


class _Asked:
    """What is the same for all queues of one call: the target intervals in local time and their calendar."""

    def __init__(self, grid: History, starts: Whole, known_until: datetime, params: Any) -> None:
        self.grid, self.starts, self.params = grid, starts, params
        self.known_s = known_until.timestamp()
        days, self.slot, self.second = local(starts, time_zone=grid.time_zone, interval_s=grid.interval_s)
        self.day = days - ordinal(grid.first_day)
        now, _, _ = local(np.asarray([int(self.known_s)]), time_zone=grid.time_zone, interval_s=grid.interval_s)
        self.today = int(now[0]) - ordinal(grid.first_day)
        self.calendar: dict[str, Floats] = self._calendar(days)

    def _calendar(self, days: Whole) -> dict[str, Floats]:
        told = {day: day_of(int(day)) for day in np.unique(days)}
        off = holidays_of(self.params.country, {d.year + i for d in told.values() for i in (-1, 0, 1)})

        def of(read: Any) -> Floats:
            by_day = {day: float(read(when)) for day, when in told.items()}
            return np.asarray([by_day[day] for day in days], dtype=np.float64)

        return {
            "weekday": of(lambda d: d.weekday()),
            "minute_of_day": self.second.astype(np.float64) / 60.0,
            "day_of_month": of(lambda d: d.day),
            "month": of(lambda d: d.month),
            "week_of_year": of(lambda d: d.isocalendar().week),
            "is_holiday": of(lambda d: d in off),
            "is_day_before_holiday": of(lambda d: d + timedelta(days=1) in off),
            "is_day_after_holiday": of(lambda d: d - timedelta(days=1) in off),
            "ahead_h": (self.starts.astype(np.float64) - self.known_s) / 3600.0,
        }


def _queue_rows(asked: _Asked, queue: QueueHistory) -> dict[str, Floats]:
    visible = queue.known_s <= asked.known_s
    offered = np.where(visible, queue.offered, np.nan)
    offered[~(np.nan_to_num(offered) > 0).any(axis=1)] = np.nan  # a day without anybody was a closed day
    handle = np.where(visible, queue.handle_s, np.nan)
    weeks = asked.params.max_lag_weeks
    lags = _weekly_lags(offered, asked.day, asked.slot, weeks=weeks)
    recent = _first_known(lags, asked.params.lag_weeks)
    found = dict(asked.calendar)
    found["queue_code"] = np.full(len(asked.starts), float(zlib.crc32(queue.queue.encode()) % _CODES))
    found |= {f"lag_{k + 1}": recent[k] if k < len(recent) else np.full(len(asked.starts), np.nan) for k in range(LAGS)}
    found["lag_median"], found["lag_mean"] = _median(recent), _mean(recent)
    found["lag_spread"] = _spread(recent)
    found["is_open"] = _is_open(asked, offered, lags)
    found["lag_median_before"] = _neighbour(asked, offered, -1)
    found["lag_median_after"] = _neighbour(asked, offered, 1)
    found |= _levels(asked, offered)
    found |= _day_shape(asked, offered)
    found |= _handle_columns(asked, offered, handle)
    return found


def _weekly_lags(values: Floats, day: Whole, slot: Whole, *, weeks: int) -> Floats:
    """(weeks, n): the same local weekday and slot k = 1..weeks before, NaN where unknown."""
    at = day[None, :] - 7 * np.arange(1, weeks + 1)[:, None]
    inside = (at >= 0) & (at < len(values))
    found: Floats = np.where(inside, values[np.clip(at, 0, len(values) - 1), slot[None, :]], np.nan)
    return found


def _first_known(lags: Floats, count: int) -> Floats:
    """(count, n): the most recent known ones, in order of recency; holidays and gaps are stepped over."""
    order = np.argsort(np.isnan(lags), axis=0, kind="stable")
    found: Floats = np.take_along_axis(lags, order, axis=0)[:count]
    return found


def _is_open(asked: _Asked, offered: Floats, lags: Floats) -> Floats:
    """Somebody came in at least `open_share` of the last weeks in which anything of that weekday is known."""
    at = asked.day[None, :] - 7 * np.arange(1, len(lags) + 1)[:, None]
    inside = (at >= 0) & (at < len(offered))
    day_known = np.asarray((~np.isnan(offered)).any(axis=1))
    seen = (inside & day_known[np.clip(at, 0, len(offered) - 1)]).sum(axis=0)
    busy = (np.nan_to_num(lags) > 0).sum(axis=0)
    found: Floats = ((busy > 0) & (busy >= asked.params.open_share * seen)).astype(np.float64)
    return found


def _neighbour(asked: _Asked, offered: Floats, step: int) -> Floats:
    """The median of the slot before or after, on the same weekdays."""
    slot = np.clip(asked.slot + step, 0, asked.grid.slots - 1)
    return _median(_first_known(_weekly_lags(offered, asked.day, slot, weeks=asked.params.max_lag_weeks), LAGS))


def _levels(asked: _Asked, offered: Floats) -> dict[str, Floats]:
    """Actual over usual, of the last days known and of today so far: 1 where nothing is known."""
    last = min(asked.today, len(offered) - 1)
    first = max(last - max(LEVEL_DAYS) - 14, 0)
    rows = np.arange(first, last + 1)
    cells = (rows[:, None] + np.zeros(asked.grid.slots, dtype=np.int64)[None, :]).ravel()
    slots = np.tile(np.arange(asked.grid.slots), len(rows))
    usual = _median(_first_known(_weekly_lags(offered, cells, slots, weeks=asked.params.max_lag_weeks), LAGS))
    usual = usual.reshape(len(rows), asked.grid.slots)
    actual = offered[first : last + 1]
    both = ~np.isnan(usual) & ~np.isnan(actual)
    sums = np.column_stack([np.where(both, actual, 0.0).sum(axis=1), np.where(both, usual, 0.0).sum(axis=1)])
    count = len(asked.starts)
    whole = sums[(rows < asked.today) & both.any(axis=1)]
    found = {f"level_{days}d": np.full(count, _ratio(whole[-days:])) for days in LEVEL_DAYS}
    found["today_ratio"] = np.where(asked.day == asked.today, _ratio(sums[rows == asked.today]), 1.0)
    return found


def _ratio(sums: Floats) -> float:
    """Actual over usual, drawn towards 1 by ten contacts: a ratio of three to two says little."""
    actual, usual = sums.sum(axis=0) if len(sums) else (0.0, 0.0)
    return float((actual + 10.0) / (usual + 10.0))


def _day_shape(asked: _Asked, offered: Floats) -> dict[str, Floats]:
    """The usual total of the interval's day, and how much of it lies before the interval (0 to 1)."""
    total, position = np.zeros(len(asked.starts)), np.zeros(len(asked.starts))
    slots = np.arange(asked.grid.slots)
    for day in np.unique(asked.day):
        lags = _weekly_lags(offered, np.full(len(slots), day), slots, weeks=asked.params.max_lag_weeks)
        usual = np.nan_to_num(_median(_first_known(lags, asked.params.lag_weeks)))
        before = np.cumsum(usual) - usual
        mine = asked.day == day
        total[mine] = usual.sum()
        position[mine] = before[asked.slot[mine]] / max(float(usual.sum()), 1e-9)
    return {"usual_day_total": total, "position_in_day": position}


def _handle_columns(asked: _Asked, offered: Floats, handle: Floats) -> dict[str, Floats]:
    """Seconds a contact takes: at these hours, over the last week, and over the last four weeks."""
    lags = _weekly_lags(handle, asked.day, asked.slot, weeks=asked.params.max_lag_weeks)
    last = min(asked.today, len(handle) - 1) + 1
    return {
        "handle_median": _median(_first_known(lags, asked.params.lag_weeks)),
        "handle_recent": np.full(len(asked.starts), _weighted(handle[:last][-7:], offered[:last][-7:])),
        "handle_usual": np.full(len(asked.starts), _weighted(handle[:last][-28:], offered[:last][-28:])),
    }


def _weighted(values: Floats, weights: Floats) -> float:
    both = ~np.isnan(values) & (np.nan_to_num(weights) > 0)
    return float(np.average(values[both], weights=weights[both])) if both.any() else float("nan")


def holidays_of(country: str | None, years: set[int]) -> frozenset[date]:
    """Public holidays of a country (ISO code) in those years, by the package `holidays`; none without a country."""
    if country is None:
        return frozenset()
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=sorted(years)))
    except NotImplementedError as error:
        raise InputError(
            "no such country", expected="an ISO 3166 code that the package holidays knows", came=country
        ) from error


def _median(values: Floats) -> Floats:
    """Down each column, of what is known; NaN where nothing is. By sorting: numpy's own is slow over many columns."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = (~np.isnan(values)).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(values) - 1)
    columns = np.arange(values.shape[1])
    return np.where(count > 0, (ordered[low, columns] + ordered[high, columns]) / 2.0, np.nan)


def _mean(values: Floats) -> Floats:
    count = (~np.isnan(values)).sum(axis=0)
    total: Floats = np.nansum(values, axis=0)
    found: Floats = np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)
    return found


def _spread(values: Floats) -> Floats:
    """Standard deviation down each column."""
    found: Floats = np.sqrt(_mean((values - _mean(values)[None, :]) ** 2))
    return found


def _starts(start: datetime, end: datetime, interval_s: int) -> Whole:
    """Starts of the intervals (seconds since 1970, on multiples of their length) that begin in the horizon."""
    first = -(-int(start.timestamp()) // interval_s) * interval_s
    return np.arange(first, int(np.ceil(end.timestamp())), interval_s, dtype=np.int64)
