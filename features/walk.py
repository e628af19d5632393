"""A walk through the past, day by day: at each origin what was known then, as it would have been told then.

One walk serves any number of origins, so that a year of them costs little more than the last. What becomes known late
is taken in when it is known; nothing of an origin depends on a later day.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from features import calendar
from features.calendar import Days
from features.calendar_events import CLOSURE, KINDS, Effects
from features.drift import AHEAD, Drift, Law
from features.grid import Flags, Floats, History
from features.handling import Handling
from features.openness import Openness
from features.scale import expected, scaled
from features.spread import Spread, within_measure
from features.surface import Surface
from features.today import Agreement

if TYPE_CHECKING:
    from features.params import ForecastDataParams

# Days for which what becomes known late is taken in.
LATE_DAYS = 8
# Days that a queue must have been seen before its errors say anything.
FEWEST_DAYS = 5


@dataclass(frozen=True)
class _Promise:
    """What was told of a day at an earlier origin: the calendar's course, the averages of drift as they stood, and of
    which slots it was told at all."""

    course: Floats
    averages: Floats
    told: Flags


@dataclass
class _Learned:
    """A day as it was learned, to be mended: its place and calendar, and which cells of its course are known."""

    day: int
    row: Floats
    queues: Flags
    course: Floats
    known: Flags
    late: Flags
    promises: dict[int, _Promise] = field(default_factory=dict)


class Walk:
    """The state after some days: `day` is the place of the next origin's day in the history's grid."""

    def __init__(self, past: History, *, last_day: int, params: ForecastDataParams) -> None:
        """Before the first day of the history; `last_day` is the place of the last that will be asked for."""
        queues, slots = len(past.queues), past.slots
        self.past = past
        # No longer than is asked for: the names of later holidays would be columns that depend on the future.
        self.calendar: Days = calendar.days(past.first_day, max(last_day, 0) + 1, country=params.country)
        self.day = 0
        self.openness = Openness(queues, slots, share=params.open_share)
        self.surface = Surface(queues, slots, (*self.calendar.kinds, "after closed days", "after closed days"))
        self.drift, self.law = Drift(queues, slots), Law()
        self.spread, self.handling = Spread(queues, slots), Handling(queues, slots)
        self.effects = Effects(queues)
        self.known_s = -np.inf
        self.agreement = Agreement(slots, interval_s=past.interval_s)
        # A day ahead, on the scale, as it came: (days, queues, slots), NaN where nothing was told or came.
        self.errors = np.full((past.days, queues, slots), np.nan, dtype=np.float32)
        self.seen_days = np.zeros(queues)
        self._promises: dict[int, dict[int, _Promise]] = {}
        self._learned: deque[_Learned] = deque(maxlen=LATE_DAYS)

    def advance(self, to_day: int) -> None:
        """Learn the days before `to_day`, each from what was known at its end, and later what became known later."""
        while self.day < to_day:
            self._promise()
            self.day += 1
            self.take_in(known_s=midnight(self.past, self.day))

    def take_in(self, *, known_s: float) -> None:
        """Learn of days that are over what was known by that moment and is not yet learned."""
        self.known_s = known_s
        for learned in self._learned:
            self._mend(learned, known_s=known_s)
        if self.day and (not self._learned or self._learned[-1].day < self.day - 1):
            self._begin(self.day - 1)
            self._mend(self._learned[-1], known_s=known_s)

    def seen(self, day: int, *, known_s: float) -> Floats:
        """(queues, slots): the counts of a day as known at that moment, NaN where unknown."""
        if not 0 <= day < self.past.days:
            return np.full((len(self.past.queues), self.past.slots), np.nan)
        found: Floats = np.where(self.past.known_s[:, day] <= known_s, self.past.offered[:, day], np.nan)
        return found

    def row(self, day: int) -> Floats:
        """(queues, features): the calendar of a day, and whether it follows closed days that were none by habit."""
        told, weekday = self.calendar.columns[day], int(self.calendar.weekday[day])
        closures = self._closures(day)
        after = self.openness.after_closed(day, today=self.day, weekday=weekday, closures=closures)
        rows = np.broadcast_to(told, (len(self.past.queues), len(told)))
        return np.column_stack([rows, after, after * float(weekday != 0)])

    def solve(self) -> None:
        """The calendar's coefficients by all that was learned."""
        self.surface.solve(span_days=self.day)

    def course(self, day: int) -> Floats:
        """(queues, slots) on the scale: what is expected of a day, after `solve`, by calendar, drift and events."""
        kept = self.law.kept(self.surface.told_by(self.drift.averages), ahead=float(day - self.day))
        return self.surface.course(self.surface.orders(self.row(day)) + kept) + self.effects.of(self.touched(day))

    def touched(self, day: int) -> Floats:
        """(kinds, queues, slots): the share of each interval of a day that events cover, as far as they are known."""
        if self.past.events is None:
            return np.zeros((len(KINDS), *self.surface.told.shape))
        return self.past.events.touched(slot_starts(self.past, day), self.past.interval_s, known_s=self.known_s)

    def _closures(self, day: int) -> dict[int, Flags]:
        """(queues, slots): what announced closures take of each day of the week before, from the next to come on."""
        days, events = range(max(self.day, day - 7), day), self.past.events
        if events is None or not days or not events.any_of(
            CLOSURE, midnight(self.past, days[0]), midnight(self.past, day), known_s=self.known_s
        ):  # fmt: skip
            return {}
        return {before: self.touched(before)[CLOSURE] >= 0.5 for before in days}

    def _promise(self) -> None:
        """Keep what is told today of the days at AHEAD, to learn from when they have come."""
        ready = self.seen_days >= FEWEST_DAYS
        if not ready.any():
            return
        self.solve()
        averages, told = self.drift.averages, self.surface.told & ready[:, None]
        for place, ahead in enumerate(AHEAD):
            if self.day + ahead < min(self.past.days, len(self.calendar)):
                course = self.surface.course(self.surface.orders(self.row(self.day + ahead)))
                self._promises.setdefault(self.day + ahead, {})[place] = _Promise(course, averages, told)

    def _begin(self, day: int) -> None:
        """A day is over, and nothing of it is known yet."""
        self.surface.pass_day()
        self.handling.pass_day()
        self.effects.pass_day()
        shape = (len(self.past.queues), self.past.slots)
        nothing = np.zeros(shape, dtype=bool)
        row = np.zeros((shape[0], len(self.surface.kinds)))
        self._learned.append(
            _Learned(day, row, nothing[:, 0], np.zeros(shape), nothing, nothing, self._promises.pop(day, {}))
        )

    def _mend(self, learned: _Learned, *, known_s: float) -> None:
        """Learn the queues of which something is known for the first time, and what is new of the others."""
        if learned.day >= self.past.days or (learned.queues.all() and (learned.known | self._never(learned.day)).all()):
            return
        weekday = int(self.calendar.weekday[learned.day])
        counts = self.seen(learned.day, known_s=known_s)
        late = np.isfinite(self.past.known_s[:, learned.day]) & (self.past.known_s[:, learned.day] > known_s)
        first = ~learned.queues & ~((late | np.isnan(counts)).all(axis=1) & late.any(axis=1))
        if first.any():
            self._learn(learned, counts, first, late)
        self._amend(learned, counts, late)
        usable = self.openness.usable(counts, weekday=weekday)
        new = ~np.isnan(usable) & ~learned.known & learned.queues[:, None] & self.surface.told
        if new.any():
            change = np.where(new, scaled(np.where(new, counts, 0.0)) - learned.course, 0.0)
            self.surface.mend(learned.row, change)
            if promise := learned.promises.get(0):
                ago = self._learned[-1].day - learned.day + 1
                self.drift.mend(np.where(promise.told, change, 0.0), days_ago=ago)
            learned.course, learned.known = learned.course + change, learned.known | new
            self._handled(learned.day, new)

    def _handled(self, day: int, cells: Flags) -> None:
        self.handling.add(self.past.handled[:, day], self.past.handle_s[:, day], cells=cells)

    def _amend(self, learned: _Learned, counts: Floats, late: Flags) -> None:
        """Late cells that are there now say when the queue is open."""
        cells = learned.late & ~late & learned.queues[:, None]
        if cells.any():
            self.openness.amend(learned.day, counts, weekday=int(self.calendar.weekday[learned.day]), cells=cells)
            self.surface.tell(self.openness.told())
            learned.late = learned.late & ~cells

    def _never(self, day: int) -> Flags:
        """Cells of which nothing will ever be known."""
        return np.isinf(self.past.known_s[:, day])

    def _learn(self, learned: _Learned, counts: Floats, first: Flags, late: Flags) -> None:
        weekday = int(self.calendar.weekday[learned.day])
        row = self._row_of(learned.day)
        holiday = bool(self.calendar.is_holiday[learned.day])
        self.openness.add(learned.day, counts, weekday=weekday, holiday=holiday, queues=first, late=late)
        learned.late = learned.late | (late & first[:, None])
        self.surface.tell(self.openness.told())
        counts = np.where(first[:, None], self.openness.usable(counts, weekday=weekday), np.nan)
        queues = np.asarray((~np.isnan(counts)).any(axis=1))
        course = self._filled(learned, counts, queues)
        self.surface.add(row, course, queues=queues)
        self._handled(learned.day, ~np.isnan(counts))
        self.seen_days += queues
        learned.row = np.where(first[:, None], row, learned.row)
        learned.queues = learned.queues | first
        learned.course = np.where(queues[:, None], course, learned.course)
        learned.known = learned.known | ~np.isnan(counts) | (first & ~queues)[:, None]

    def _row_of(self, day: int) -> Floats:
        """The calendar's rows of a day that is over, as `row` told them at its beginning."""
        now, self.day = self.day, day
        try:
            return self.row(day)
        finally:
            self.day = now

    def _filled(self, learned: _Learned, counts: Floats, queues: Flags) -> Floats:
        """A day's course on the scale: the unknown as it was told, and what is beyond all measure cut to measure."""
        values = scaled(counts)
        known = ~np.isnan(values)
        mean = np.nan_to_num(values).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        plain: Floats = np.where(known, values, mean[:, None])
        promise = learned.promises.get(0)
        if promise is None:
            return plain
        told, sizes = self._told(promise, 0), self.spread.sizes()
        error = np.where(promise.told, values - told, np.nan)
        explained = self._explained(learned.day, error)
        error = error - explained
        self.errors[learned.day] = np.where(known, error, self.errors[learned.day])
        self._judge(learned, counts, sizes, explained)
        cut = told + np.nan_to_num(within_measure(error, sizes=sizes))
        filled: Floats = np.where(promise.told, cut, plain)
        self._learn_drift(learned, filled, queues)
        return filled

    def _explained(self, day: int, error: Floats) -> Floats:
        """(queues, slots): what of a day's errors its events account for, learned from them first."""
        touched = self.touched(day)
        if not touched.any():
            return np.zeros(error.shape)
        self.effects.learn(touched, error, self.surface.told)
        return self.effects.of(touched)

    def _told(self, promise: _Promise, place: int) -> Floats:
        averages = self.surface.told_by(promise.averages)
        found: Floats = promise.course + self.surface.course(self.law.kept(averages, ahead=AHEAD[place]))
        return found

    def _judge(self, learned: _Learned, counts: Floats, sizes: Floats, explained: Floats) -> None:
        """explained: what events account for, which is no error of the course."""
        for place, promise in learned.promises.items():
            known: Flags = ~np.isnan(counts) & promise.told
            told = self._told(promise, place) + explained
            error = np.where(known, scaled(counts) - told, np.nan)
            if place == 0:
                self.spread.add(error, sizes=sizes)
                self.agreement.add(within_measure(error, sizes=sizes) / sizes)
            self.spread.add_ahead(
                place, error, sizes=sizes, queues=_any(known), total=np.where(known, counts, 0.0).sum(axis=1),
                told=np.where(known, expected(told, size=sizes), 0.0).sum(axis=1),
            )  # fmt: skip

    def _learn_drift(self, learned: _Learned, filled: Floats, queues: Flags) -> None:
        for place, promise in learned.promises.items():
            told: Flags = promise.told & queues[:, None]
            error = np.where(told, filled - promise.course, 0.0)
            averages = self.surface.told_by(promise.averages) * _any(told)[None, :, None]
            self.law.learn(place, averages, self.surface.told_by(error))
            if place == 0:
                self.drift.add(error, queues=_any(told))


def _any(cells: Flags) -> Flags:
    """(queues,): whether any slot is set."""
    return np.asarray(cells.any(axis=1))


def midnight(past: History, day: int) -> float:
    """The moment at which the local day at that place begins, in seconds since 1970."""
    return _moment(past, day, 0)


def slot_starts(past: History, day: int) -> Floats:
    """(slots,): the moments at which the slots of a local day begin; after a change of clocks those on the wall."""
    begins, slots = midnight(past, day), np.arange(past.slots, dtype=np.float64)
    if midnight(past, day + 1) - begins == 86_400.0:
        return np.asarray(begins + slots * past.interval_s, dtype=np.float64)
    return np.asarray([_moment(past, day, past.interval_s * slot) for slot in range(past.slots)], dtype=np.float64)


def _moment(past: History, day: int, second: int) -> float:
    """When the local clock shows that second of the day, the first time that it does."""
    wall = datetime.combine(past.first_day + timedelta(days=day), time()) + timedelta(seconds=second)
    return wall.replace(tzinfo=ZoneInfo(past.time_zone)).astimezone(UTC).timestamp()
