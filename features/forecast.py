"""What a forecast may know: for each interval to come, what is usual then and how the last days went, as far as known.

Training (at rolling origins) and issuing read the same rows. Demand itself is counted in `features.demand`, and the
walk through the past that tells what is usual is `features.walk`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from data_contracts.errors import InputError
from features.calendar_events import CLOSURE
from features.drift import AHEAD
from features.grid import Flags, Floats, History, history, interval_starts, local, ordinal
from features.scale import counted, scaled
from features.spread import MOST_SIZES, within_measure
from features.walk import Walk

if TYPE_CHECKING:
    from features.params import ForecastDataParams
    from features.records import Tables

__all__ = ["CATEGORICAL", "DESIGN_COLUMNS", "KEY_COLUMNS", "Asked", "History", "build", "design", "designs", "history"]

# Same weekdays that a planner looks back at; the median is of the first `lag_weeks`.
LAGS = 8
CALENDAR_COLUMNS = (
    "queue_code", "weekday", "minute_of_day", "day_of_month", "month", "week_of_year",
    "is_holiday", "is_day_before_holiday", "is_day_after_holiday", "position_in_day", "ahead_h",
)  # fmt: skip
# usual: contacts, by calendar, drift and the hours of today; spread: how far off that usually is, on the scale of
# `features.scale`; day_spread: the same of a day's total; drift_*: the level's error over the last days,
# and *_error: of the same hour, in units of the spread; today_shift: what the hours of today move the rest by.
VOLUME_COLUMNS = (
    "usual", "spread", "day_spread", "usual_day_total", "drift_2d", "drift_5d", "drift_20d", "last_error",
    "weekday_error", "today_shift",
)  # fmt: skip
HANDLE_COLUMNS = ("handle_usual", "handle_recent")
# What a model reads, in this order; beside them a design has KEY_COLUMNS and what a planner would look at.
DESIGN_COLUMNS = (*CALENDAR_COLUMNS, *VOLUME_COLUMNS, *HANDLE_COLUMNS)
CATEGORICAL = ("queue_code",)
KEY_COLUMNS = ("queue", "interval_start", "interval_s", "is_open")
PLANNER_COLUMNS = (
    *(f"lag_{k}" for k in range(1, LAGS + 1)),
    "lag_median",
    "handle_median",
    "site_spread",
    "today_strange",
)
# Two queues may share a code; with more codes LightGBM warns, on standard output, of the few that are there.
_CODES = 199
# What is looked at to tell an outage or a viral post while it happens.
STRANGE_S = 7200
_SAME_WEEKDAYS = 3


@dataclass(frozen=True)
class Asked:
    """Intervals that begin in a horizon, as told at an origin from what was known by then."""

    known_until: datetime
    start: datetime
    end: datetime


def build(tables: Tables, *, params: ForecastDataParams, as_of: datetime, to: Path) -> dict[str, Any]:
    """Write `to`/forecast/intervals.parquet; see `features.demand.build`."""
    from features import demand

    return demand.build(tables, params=params, as_of=as_of, to=to)


def design(
    past: pa.Table | History, *, horizon_start: datetime, horizon_end: datetime, known_until: datetime,
    params: ForecastDataParams, events: pa.Table | None = None,
) -> pa.Table:  # fmt: skip
    """One row a queue and interval that begins in the horizon; see `designs`."""
    asked = Asked(known_until, horizon_start, horizon_end)
    return next(designs(past, asked=[asked], params=params, events=events))


def designs(
    past: pa.Table | History, *, asked: Sequence[Asked], params: ForecastDataParams, events: pa.Table | None = None
) -> Iterator[pa.Table]:
    """A table for each that is asked, in that order; origins must not go back in time.

    past: the intervals table of `features.demand`, or `history` of it. events: rows of `calendar_events`, each read
    from when it was known (a `history` has its own). Columns: KEY_COLUMNS, DESIGN_COLUMNS and PLANNER_COLUMNS (float64,
    NaN where unknown); is_open: what the past says of that hour and day. Only cells with `known_at` at or before
    `known_until` are read, so a row never looks ahead. Raises InputError for an empty horizon,
    naive times, or origins that go back.
    """
    grid = past if isinstance(past, History) else history(past, params=params, events=events)
    for one in asked:
        _refuse_senseless(one)
    if any(later.known_until < one.known_until for one, later in pairwise(asked)):
        raise InputError("origins go back in time", expected="each at or after the one before", came="an earlier one",
                         where="asked")  # fmt: skip
    last = max(_day_of(grid, max(one.end, one.known_until).timestamp()) for one in asked)
    state = Walk(grid, last_day=last, params=params)
    for one in asked:
        state.advance(max(_day_of(grid, one.known_until.timestamp()), state.day, 0))
        state.take_in(known_s=one.known_until.timestamp())
        yield _Told(state, one, params).table()


def _refuse_senseless(asked: Asked) -> None:
    if asked.end <= asked.start or asked.known_until.tzinfo is None or asked.start.tzinfo is None:
        raise InputError(
            "not a horizon", expected="aware times, the end after the start", came=f"{asked.start} to {asked.end}"
        )


def _day_of(grid: History, moment_s: float) -> int:
    days, _, _ = local(np.asarray([int(moment_s)]), time_zone=grid.time_zone, interval_s=grid.interval_s)
    return int(days[0]) - ordinal(grid.first_day)


class _Told:
    """The rows of one origin: first by target day for all queues and slots, then picked for the intervals asked."""

    def __init__(self, state: Walk, asked: Asked, params: ForecastDataParams) -> None:
        self.state, self.asked, self.params = state, asked, params
        self.grid = state.past
        self.known_s = asked.known_until.timestamp()
        self.starts = interval_starts(
            asked.start.timestamp(), asked.end.timestamp(), time_zone=self.grid.time_zone,
            interval_s=self.grid.interval_s,
        )  # fmt: skip
        days, self.slot, self.second = local(
            self.starts, time_zone=self.grid.time_zone, interval_s=self.grid.interval_s
        )
        self.day = days - ordinal(self.grid.first_day)

    def table(self) -> pa.Table:
        """All rows, queue by queue."""
        state, queues = self.state, self.grid.queues
        state.solve()
        self.sizes, self.handle = state.spread.sizes(), (state.handling.usual(), state.handling.level())
        self.growth, self.day_sizes = state.spread.growth(), state.spread.day_sizes()
        self.levels = self._levels()
        columns: dict[str, Floats] = {}
        if not len(self.starts):
            names = (*DESIGN_COLUMNS, *PLANNER_COLUMNS, "is_open")
            columns = {name: np.zeros((len(queues), 0)) for name in names}
        for day in np.unique(self.day):
            mine = self.day == day
            for name, values in self._of_day(int(day)).items():
                columns.setdefault(name, np.full((len(queues), len(self.starts)), np.nan))[:, mine] = (
                    values[:, self.slot[mine]] if values.ndim == 2 else values[:, None]
                )
        columns["minute_of_day"] = self._each(self.second.astype(np.float64) / 60.0)
        columns["ahead_h"] = self._each((self.starts.astype(np.float64) - self.known_s) / 3600.0)
        columns["queue_code"] = np.repeat([[_code(name)] for name in queues], len(self.starts), axis=1)
        return self._arrow(columns)

    def _arrow(self, columns: dict[str, Floats]) -> pa.Table:
        count = len(self.starts)
        names = np.repeat(np.asarray(self.grid.queues, dtype=object), count)
        starts = pa.array(np.tile(self.starts * 1_000_000, len(self.grid.queues)))
        made: dict[str, Any] = {
            "queue": pa.array(names, pa.string()),
            "interval_start": starts.cast(pa.timestamp("us", tz="UTC")),
            "interval_s": pa.array(np.full(len(names), self.grid.interval_s), pa.int64()),
            "is_open": pa.array(columns["is_open"].ravel() > 0),
        }
        for name in (*DESIGN_COLUMNS, *PLANNER_COLUMNS):
            made[name] = pa.array(columns[name].ravel(), pa.float64(), from_pandas=False)
        return pa.table(made)

    def _each(self, values: Floats) -> Floats:
        return np.repeat(np.asarray(values, dtype=np.float64)[None, :], len(self.grid.queues), axis=0)

    def _of_day(self, day: int) -> dict[str, Floats]:
        """Columns of a target day: (queues, slots), or (queues,) where all slots have the same."""
        state, days = self.state, self.state.calendar
        ahead, weekday = max(day - state.day, 0), int(days.weekday[day])
        open_ = state.openness.is_open(today=state.day, weekday=weekday, holiday=bool(days.is_holiday[day]))
        open_ = open_ & (state.touched(day)[CLOSURE] < 0.5)
        strange = np.zeros(len(self.grid.queues))
        course, shift, share = state.course(day), np.zeros(self.sizes.shape), np.ones(self.sizes.shape)
        if day == state.day:
            shift, share, strange = self._rest_of_today(course)
        usual = np.where(open_, counted(course + self.sizes * shift), 0.0)
        total = usual.sum(axis=1)
        grown = float(np.interp(ahead, AHEAD, self.growth))
        same = {name: np.full(len(total), getattr(days, attribute)[day]) for name, attribute in _OF_DAYS.items()}
        *day_spread, site_spread = (np.interp(ahead, AHEAD, one) for one in self.day_sizes.T)
        if day == state.day:
            day_spread = list(np.asarray(day_spread) * np.sqrt(_mean_over(share, open_)))
            site_spread = float(site_spread * np.sqrt(share[open_].mean())) if open_.any() else site_spread
        return {
            **same, **self.levels, **self._errors(day), **self._lags(day), **self._seconds(),
            "is_open": open_.astype(np.float64), "usual": usual, "spread": self.sizes * np.sqrt(share) * grown,
            "day_spread": np.asarray(day_spread), "site_spread": np.full(len(total), site_spread),
            "today_strange": strange,
            "usual_day_total": total, "today_shift": shift,
            "position_in_day": (np.cumsum(usual, axis=1) - usual) / np.maximum(total, 1e-9)[:, None],
        }  # fmt: skip

    def _rest_of_today(self, course: Floats) -> tuple[Floats, Floats, Floats]:
        """What the hours of today say of the rest, in units of the spread, the share of variance that is left, and how
        strange the last two hours were."""
        counts = self.state.seen(self.state.day, known_s=self.known_s)
        counts = self.state.openness.usable(counts, weekday=int(self.state.calendar.weekday[self.state.day]))
        error = np.where(self.state.surface.told, scaled(counts) - course, np.nan) / self.sizes
        last = max(2, STRANGE_S // self.grid.interval_s)
        shift, share = self.state.agreement.rest(within_measure(error * self.sizes, sizes=self.sizes) / self.sizes)
        return shift, share, self.state.agreement.strangeness(error, last=last)

    def _levels(self) -> dict[str, Floats]:
        """The level's error over the last days: the mean over the slots, on the scale, by the memories of the drift."""
        orders = self.state.surface.told_by(self.state.drift.averages)[:, :, 0]
        width = np.sqrt(np.maximum(self.state.surface.told.sum(axis=1), 1))
        return dict(zip(("drift_2d", "drift_5d", "drift_20d"), orders / width, strict=True))

    def _errors(self, day: int) -> dict[str, Floats]:
        """Errors of the same slot on the last day that had any, and on the last same weekdays (their mean)."""
        before = self.state.errors[: self.state.day]
        recent = before[max(len(before) - 7, 0) :][::-1]
        nearest = day - -(-max(day - self.state.day + 1, 1) // 7) * 7
        weeks = range(nearest, nearest - 7 * _SAME_WEEKDAYS, -7)
        same = [before[week] for week in weeks if 0 <= week < len(before)]
        return {"last_error": _first(recent, self.sizes), "weekday_error": _mean_of(same, self.sizes)}

    def _lags(self, day: int) -> dict[str, Floats]:
        """What a planner looks at: the last six known same weekdays, without days on which nobody came."""
        weeks = range(7, 7 * self.params.max_lag_weeks + 1, 7)
        seen = np.stack([self._open_day(day - back) for back in weeks])
        known = _in_front(seen)[:LAGS]
        filled = [known[k] if k < len(known) else np.full(seen.shape[1:], np.nan) for k in range(LAGS)]
        handle = np.stack([self._handle_day(day - back) for back in weeks])
        return {
            **{f"lag_{k + 1}": filled[k] for k in range(LAGS)},
            "lag_median": median(known[: self.params.lag_weeks]),
            "handle_median": median(_in_front(handle)[: self.params.lag_weeks]),
        }  # fmt: skip

    def _open_day(self, day: int) -> Floats:
        counts = self.state.seen(day, known_s=self.known_s)
        opened = np.asarray((np.nan_to_num(counts) > 0).any(axis=1, keepdims=True))
        return np.where(opened, counts, np.nan)

    def _handle_day(self, day: int) -> Floats:
        if not 0 <= day < self.grid.days:
            return np.full(self.sizes.shape, np.nan)
        return np.where(self.grid.known_s[:, day] <= self.known_s, self.grid.handle_s[:, day], np.nan)

    def _seconds(self) -> dict[str, Floats]:
        usual, level = self.handle
        return {"handle_usual": usual * level[:, None], "handle_recent": level}


_OF_DAYS = {
    "weekday": "weekday", "day_of_month": "day_of_month", "month": "month", "week_of_year": "week_of_year",
    "is_holiday": "is_holiday", "is_day_before_holiday": "is_before", "is_day_after_holiday": "is_after",
}  # fmt: skip


def _mean_over(values: Floats, cells: Flags) -> Floats:
    """(queues,): the mean over these slots, 1 where there are none."""
    count = cells.sum(axis=1)
    return np.where(count > 0, (values * cells).sum(axis=1) / np.maximum(count, 1), 1.0)


def _code(queue: str) -> float:
    return float(zlib.crc32(queue.encode()) % _CODES)


def _first(errors: Any, sizes: Floats) -> Floats:
    """The first known of each cell in units of its size, 0 where there is none."""
    if not len(errors):
        return np.zeros(sizes.shape)
    found: Floats = np.nan_to_num(_in_front(np.asarray(errors, dtype=np.float64))[0]) / sizes
    return np.clip(found, -MOST_SIZES, MOST_SIZES)


def _mean_of(errors: Sequence[Any], sizes: Floats) -> Floats:
    if not errors:
        return np.zeros(sizes.shape)
    units = np.clip(np.stack(errors).astype(np.float64) / sizes, -MOST_SIZES, MOST_SIZES)
    found: Floats = np.nan_to_num(units).sum(axis=0) / np.maximum((~np.isnan(units)).sum(axis=0), 1)
    return found


def _in_front(values: Floats) -> Floats:
    """Along the first axis the known ones before the unknown, in their order: holidays and gaps are stepped over."""
    order = np.argsort(np.isnan(values), axis=0, kind="stable")
    found: Floats = np.take_along_axis(values, order, axis=0)
    return found


def median(values: Floats) -> Floats:
    """Along the first axis, of what is known; NaN where nothing is. By sorting: numpy's own is slow here."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = (~np.isnan(values)).sum(axis=0)
    places = np.stack([np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(values) - 1)])
    found: Floats = np.take_along_axis(ordered, places, axis=0).mean(axis=0)
    return np.where(count > 0, found, np.nan)
