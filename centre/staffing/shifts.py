"""Shifts that can be worked: each template at each of its starts on each day, with the places where breaks may lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from centre.staffing.rules import DAYS, Break, Rules, Template, minute

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Day:
    """A local day of the horizon: the slot at its midnight, the weekday (Monday is 0), the calendar week's number.

    Where clocks change, wall times from the minute `changed_min` on come `later_slots` after their usual slot.
    """

    first_slot: int
    weekday: int
    week: int
    changed_min: int = 1440
    later_slots: int = 0

    def slot(self, minute: int, *, slot_min: int) -> int:
        """The slot in which the wall clock shows that minute of the day."""
        return self.first_slot + minute // slot_min + (self.later_slots if minute >= self.changed_min else 0)


@dataclass(frozen=True)
class Pause:
    """A break of so many slots, and the slots of the horizon at which it may begin."""

    length: int
    paid: bool
    places: tuple[int, ...]


@dataclass(frozen=True)
class Shift:
    """One start of a template on one day (its place among the horizon's days), in slots of the horizon."""

    template: str
    day: int
    start: int
    end: int
    paid: int
    pauses: tuple[Pause, ...]


@dataclass(frozen=True)
class Worker:
    """Who may be rostered. `skills`: places of queues; `away`: slots in which the agent cannot work.

    Hours are of a calendar week; no `templates` means all.
    """

    agent_id: str
    skills: frozenset[int]
    cost_hour: float
    min_hours_week: float
    max_hours_week: float
    templates: frozenset[str] = frozenset()
    away: frozenset[int] = frozenset()

    def can_work(self, shift: Shift) -> bool:
        """Whether this shift is one of the agent's and lies free of absences."""
        if self.templates and shift.template not in self.templates:
            return False
        return not self.away or self.away.isdisjoint(range(shift.start, shift.end))


@dataclass(frozen=True)
class Duty:
    """A shift that somebody works, with the slot at which each of its breaks begins."""

    worker: int
    shift: Shift
    breaks: tuple[int, ...]


def possible(rules: Rules, days: Sequence[Day], *, wanted: Bools) -> list[Shift]:
    """Every shift of every template that covers a slot in which somebody is wanted (slots,)."""
    return [
        shift
        for place, day in enumerate(days)
        for template in rules.templates
        if DAYS[day.weekday] in template.days
        for shift in _of_day(template, place, day, slot_min=rules.rostering.slot_min)
        if shift.paid * rules.rostering.slot_min <= rules.rostering.max_hours_day * 60
        and wanted[shift.start : shift.end].any()
    ]


def present(duties: Sequence[Duty], *, workers: int, slots: int) -> Bools:
    """Who covers which slot: workers by slots, breaks left out."""
    found = np.zeros((workers, slots), dtype=np.bool_)
    for duty in duties:
        found[duty.worker, duty.shift.start : duty.shift.end] = True
        for pause, begins in zip(duty.shift.pauses, duty.breaks, strict=True):
            found[duty.worker, begins : begins + pause.length] = False
    return found


def _of_day(template: Template, place: int, day: Day, *, slot_min: int) -> Iterator[Shift]:
    first, last = (minute(clock, where=template.name) for clock in (template.first_start, template.last_start))
    length = round(template.hours * 60 / slot_min)
    unpaid = sum(pause.minutes // slot_min for pause in template.breaks if not pause.paid)
    for begins in range(first, last + 1, template.every_min):
        start = day.slot(begins, slot_min=slot_min)
        pauses = tuple(_pause(pause, start, slot_min) for pause in template.breaks)
        yield Shift(template.name, place, start, start + length, length - unpaid, pauses)


def _pause(pause: Break, start: int, slot_min: int) -> Pause:
    earliest, latest = (round(hours * 60 / slot_min) for hours in (pause.after_h, pause.before_h))
    return Pause(pause.minutes // slot_min, pause.paid, tuple(range(start + earliest, start + latest + 1)))
