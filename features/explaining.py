"""Why a day is expected to be busier or calmer than another: what calendar, last days and events each account for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from data_contracts.errors import InputError, NotFound
from features.calendar_events import CLOSURE
from features.grid import Flags, Floats, History
from features.scale import counted
from features.walk import Walk

if TYPE_CHECKING:
    from features.params import ForecastDataParams

# All queues together, as issued tables name them.
SITE = "*"
# A day further ahead is told by its calendar alone, and nobody plans it.
MOST_AHEAD = 366
# Days that make the usual day, which a day is compared with where no other is named.
USUAL_DAYS = 28
_WORDS = {
    "weekday": "the day of the week", "month": "the place in the month", "year": "the season",
    "holiday": "a public holiday or its neighbour", "named holiday": "this very holiday",
    "after closed days": "the first day after closed ones",
}  # fmt: skip
DRIFT, EVENTS, REST = "how the last days went", "events that planners announced", "open hours"


@dataclass(frozen=True)
class Reason:
    """What accounts for so many contacts more (or fewer) than on the day that is compared with."""

    what: str
    contacts: float


@dataclass(frozen=True)
class Explained:
    """A day's usual contacts beside another's, and the reasons of the difference, the largest first.

    came_on_them: what came on the days that it is compared with, on average; None where they are to come.
    """

    day: str
    against: str
    expected: float
    expected_against: float
    came_on_them: float | None
    reasons: tuple[Reason, ...]


def explained(
    past: History, *, queue: str, day: date, against: date | None, known_until: datetime, params: ForecastDataParams
) -> Explained:
    """The difference of two days to come (or of one and the mean of the last weeks), taken apart; of the site (SITE)
    that of all queues.

    Each reason is what the day's total loses when only it is as on the other day; what they do together goes to none of
    them, so that they need not add up to the last contact. NotFound for a queue that was never seen, InputError for a
    day that is over, or more than a year ahead.
    """
    if queue not in (SITE, *past.queues):
        raise NotFound("no history of this queue", expected=", ".join((SITE, *past.queues))[:300], came=queue[:80])
    place = past.place(day)
    today = past.place(known_until.astimezone(ZoneInfo(past.time_zone)).date())
    asked = (place, place if against is None else past.place(against))
    if max(asked) > today + MOST_AHEAD:
        raise InputError("a day so far ahead is not told", expected=f"{_day(past, today + MOST_AHEAD)} or earlier",
                         came=f"{day}" if against is None else f"{day}, {against}", where="--day")  # fmt: skip
    if min(asked) < today:
        raise InputError("a day that is over is not expected any more", expected=f"{_day(past, today)} or later",
                         came=f"{day}" if against is None else f"{day}, {against}", where="--day")  # fmt: skip
    state = Walk(past, last_day=max(*asked, today) + 1, params=params)
    state.advance(max(today, 0))
    state.take_in(known_s=known_until.timestamp())
    state.solve()
    other = None if against is None else past.place(against)
    return _together([_compared(state, number, place, other)
                      for number, name in enumerate(past.queues) if queue in (SITE, name)])  # fmt: skip


def _together(each: Sequence[Explained]) -> Explained:
    """Queues added up."""
    contacts: dict[str, float] = {}
    for reason in (reason for one in each for reason in one.reasons):
        contacts[reason.what] = contacts.get(reason.what, 0.0) + reason.contacts
    told = sorted((Reason(*one) for one in contacts.items()), key=lambda one: -abs(one.contacts))
    came = [one.came_on_them for one in each if one.came_on_them is not None]
    return replace(
        each[0], expected=sum(one.expected for one in each), expected_against=sum(one.expected_against for one in each),
        came_on_them=sum(came) if came else None, reasons=tuple(told),
    )  # fmt: skip


def _compared(state: Walk, queue: int, day: int, against: int | None) -> Explained:
    days = [against] if against is not None else _usual_days(state, queue)
    rows = np.mean([state.row(one)[queue] for one in days], axis=0)
    mine, open_, closed = state.row(day)[queue], _open(state, day)[queue], _closed(state, day)[queue]
    theirs = _open(state, days[-1] if against is not None else day)[queue]
    their_closed = _closed(state, days[-1])[queue] if against is not None else np.zeros(closed.shape, dtype=bool)
    drift = _drift(state, day)[queue]
    their_drift = _drift(state, days[-1])[queue] if against is not None else np.zeros(drift.shape)
    events = state.effects.of(state.touched(day))[queue]
    their_events = state.effects.of(state.touched(days[-1]))[queue] if against is not None else np.zeros(events.shape)

    def total(row: Floats, kept: Floats, moved: Floats, hours: Flags) -> float:
        course = state.surface.basis[queue] @ (row @ state.surface.coefficients[queue] + kept) + moved
        return float(counted(course)[hours].sum())

    whole = total(mine, drift, events, open_ & ~closed)
    reasons = [
        Reason(_WORDS[kind], whole - total(np.where(_of(state, kind), rows, mine), drift, events, open_ & ~closed))
        for kind in _WORDS if _of(state, kind).any()
    ]  # fmt: skip
    reasons += [
        Reason(DRIFT, whole - total(mine, their_drift, events, open_ & ~closed)),
        Reason(EVENTS, whole - total(mine, drift, their_events, open_ & ~their_closed)),
        Reason(REST, whole - total(mine, drift, events, theirs & ~closed)),
    ]
    told = sorted((one for one in reasons if abs(one.contacts) >= 0.05), key=lambda one: -abs(one.contacts))
    name = f"the mean of the last {len(days)} open days" if against is None else _day(state.past, against)
    came = None if against is not None else float(np.nansum(state.past.offered[queue, days]) / len(days))
    return Explained(_day(state.past, day), name, whole, total(rows, their_drift, their_events, theirs & ~their_closed),
                     came, tuple(told))  # fmt: skip


def _usual_days(state: Walk, queue: int) -> Sequence[int]:
    """The last days on which the queue was open."""
    before = range(max(state.day - 2 * USUAL_DAYS, 0), min(state.day, state.past.days))
    told = [day for day in before if np.nan_to_num(state.seen(day, known_s=state.known_s)[queue]).any()]
    return told[-USUAL_DAYS:] or [state.day]


def _open(state: Walk, day: int) -> Flags:
    weekday, holiday = int(state.calendar.weekday[day]), bool(state.calendar.is_holiday[day])
    return state.openness.is_open(today=state.day, weekday=weekday, holiday=holiday)


def _closed(state: Walk, day: int) -> Flags:
    """(queues, slots): what announced closures take of the day."""
    return np.asarray(state.touched(day)[CLOSURE] >= 0.5)


def _drift(state: Walk, day: int) -> Floats:
    """(queues, orders): what the last days' errors move that day by."""
    return state.law.kept(state.surface.told_by(state.drift.averages), ahead=float(day - state.day))


def _of(state: Walk, kind: str) -> Flags:
    return np.asarray([one == kind for one in state.surface.kinds])


def _day(past: History, place: int) -> str:
    return date.fromordinal(past.first_day.toordinal() + place).isoformat()
