"""A roster to begin with: again and again the shift that gains most, to whoever may work it and has worked least."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from centre.staffing.load import Floats
from centre.staffing.programs import Task
from centre.staffing.shifts import Duty, Shift, Worker


def greedy(workers: Sequence[Worker], people: Sequence[int], task: Task) -> list[Duty]:
    """Duties that break no rule but perhaps the least hours of a week: these are filled up as far as shifts allow."""
    start = _Start(workers, people, task)
    while start.add_best():
        pass
    for place in people:
        start.fill_up(place)
    return start.duties


class _Start:
    """Duties so far, and what each slot still gains from one more agent of some skills."""

    def __init__(self, workers: Sequence[Worker], people: Sequence[int], task: Task) -> None:
        self.workers, self.task = workers, task
        self.duties: list[Duty] = []
        self.left = [cover.wanted.copy() for cover in task.covers]
        self.own: dict[int, list[Shift]] = defaultdict(list)
        self.paid: dict[tuple[int, int], int] = defaultdict(int)
        self.kinds: dict[tuple[frozenset[int], float], list[int]] = defaultdict(list)
        for place in people:
            self.kinds[(workers[place].skills, workers[place].cost_hour)].append(place)
        slots = len(task.covers[0].wanted) if task.covers else 0
        self.shares = np.array([_shares(shift, slots) for shift in task.shifts]).reshape(len(task.shifts), slots)
        wages = [cost * np.array([shift.paid for shift in task.shifts], dtype=float) for _, cost in self.kinds]
        self.wages = np.array(wages).reshape(len(self.kinds), len(task.shifts))
        self.can = {
            (kind, n): [place for place in places if workers[place].can_work(shift)]
            for kind, places in enumerate(self.kinds.values())
            for n, shift in enumerate(task.shifts)
        }

    def add_best(self) -> bool:
        """Add the shift that gains most; False where none gains."""
        if not self.task.covers or not self.kinds:
            return False
        worth = [self._worth(skills) for skills, _ in self.kinds]
        gains = np.array(worth) @ self.shares.T - self.wages
        for cell in np.argsort(-gains, axis=None, kind="stable").tolist():
            kind, n = divmod(cell, len(self.task.shifts))
            if gains[kind, n] <= 0:
                return False
            able = self.can[(kind, n)] = [place for place in self.can[(kind, n)] if self._may(place, n)]
            if able:
                week = self.task.days[self.task.shifts[n].day].week
                self._add(min(able, key=lambda place: (self.paid[(place, week)], place)), n, worth[kind])
                return True
        return False

    def fill_up(self, place: int) -> None:
        """Give a worker the shifts that cost least until the least hours of each week are reached, if they can be."""
        worker, task = self.workers[place], self.task
        for week in sorted({day.week for day in task.days}):
            share = sum(day.week == week for day in task.days) / 7
            least = int(worker.min_hours_week * share * 3600 / task.terms.slot_s)
            while self.paid[(place, week)] < least:
                worth = self._worth(worker.skills)
                able = [
                    n
                    for n, shift in enumerate(task.shifts)
                    if task.days[shift.day].week == week and worker.can_work(shift) and self._may(place, n)
                ]
                if not able:
                    return
                self._add(place, max(able, key=lambda n: (float(self.shares[n] @ worth), -n)), worth)

    def _worth(self, skills: frozenset[int]) -> Floats:
        """What one more agent of these skills is worth in each slot."""
        terms = self.task.terms
        found = np.zeros(self.shares.shape[1])
        for cover, left in zip(self.task.covers, self.left, strict=True):
            if skills & cover.queues:
                found += np.where(left > 0, terms.missing_cost, -terms.idle_cost if cover.idle else 0.0)
        return found

    def _may(self, place: int, n: int) -> bool:
        """Whether this shift fits beside those that the worker has."""
        shift, terms, days = self.task.shifts[n], self.task.terms, self.task.days
        own, week = self.own[place], days[shift.day].week
        most = self.workers[place].max_hours_week * 3600 / terms.slot_s
        if self.paid[(place, week)] + shift.paid > most:
            return False
        if sum(days[one.day].week == week for one in own) >= terms.max_days_week:
            return False
        return all(
            one.day != shift.day and (shift.start >= one.end + terms.rest or one.start >= shift.end + terms.rest)
            for one in own
        )

    def _add(self, place: int, n: int, worth: Floats) -> None:
        shift = self.task.shifts[n]
        breaks = tuple(
            min(pause.places, key=lambda at: (float(worth[at : at + pause.length].sum()), at)) for pause in shift.pauses
        )
        self.duties.append(Duty(place, shift, breaks))
        self.own[place].append(shift)
        self.paid[(place, self.task.days[shift.day].week)] += shift.paid
        for cover, left in zip(self.task.covers, self.left, strict=True):
            if self.workers[place].skills & cover.queues:
                left[shift.start : shift.end] -= 1
                for pause, at in zip(shift.pauses, breaks, strict=True):
                    left[at : at + pause.length] += 1


def _shares(shift: Shift, slots: int) -> Floats:
    """How much of an agent each slot has of a shift, its breaks spread over where they may lie."""
    found = np.zeros(max(slots, shift.end))
    found[shift.start : shift.end] = 1.0
    for pause in shift.pauses:
        for at in pause.places:
            found[at : at + pause.length] -= 1 / len(pause.places)
    return found[:slots]
