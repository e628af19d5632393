"""Who works when: rosters of persons, made and made better by the integer program of `programs`.

A small roster is one program over crews (agents that are alike), and its counts are given to persons; every roster of
persons, counted by crews, obeys the crews' program, so that its bound holds. Where counts cannot be given to persons,
and where all would be too large, a roster is made day by day and then made better: some days are taken out and rostered
anew while the others stay (large neighbourhood search, Shaw 1998). Queues that share no agents are rostered apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final, NoReturn

import numpy as np

from centre.staffing import programs
from centre.staffing.load import Ints
from centre.staffing.programs import CENTS, Breaks, Cover, Crew, Found, Task, Terms
from centre.staffing.shifts import Day, Duty, Shift, Worker
from centre.staffing.starting import greedy
from data_contracts.errors import InputError

__all__ = ["Cover", "Roster", "Terms", "made"]

# Crews times shifts, up to which the whole is one program from the start.
_TINY: Final = 60
# The part of the effort that one program of a large roster may take.
_TURN: Final = 0.08


@dataclass(frozen=True)
class Roster:
    """Duties in order of worker and time; `cost` of paid hours.

    `objective` is the cost with the price of missing and idle agents, `bound` what no roster can go below.
    """

    duties: tuple[Duty, ...]
    cost: float
    objective: float
    bound: float

    @property
    def gap(self) -> float:
        """How far from the best the roster may be, as a share; 0 where it is proven best."""
        return max(0.0, (self.objective - self.bound) / self.objective) if self.objective > 0 else 0.0


def made(
    workers: Sequence[Worker], can: Sequence[Shift], days: Sequence[Day], covers: Sequence[Cover], terms: Terms
) -> Roster:
    """The cheapest roster that the effort finds, with its bound; `can` in order of day.

    Raises InputError where the agents' own rules contradict each other: it names the agent and the rule.
    """
    parts = _apart(workers, covers)
    made_ = [
        _Part(workers, people, Task(can, days, own, replace(terms, effort=terms.effort / len(parts)))).roster()
        for people, own in parts
    ]
    duties = sorted((duty for one in made_ for duty in one.duties), key=lambda duty: (duty.worker, duty.shift.start))
    cost, objective, bound = (sum(getattr(one, name) for one in made_) for name in ("cost", "objective", "bound"))
    return Roster(tuple(duties), cost, objective, bound)


def _apart(workers: Sequence[Worker], covers: Sequence[Cover]) -> list[tuple[list[int], list[Cover]]]:
    """Workers and covers that have to do with each other; workers who serve nothing that is covered come last."""
    parts: list[tuple[set[int], list[Cover]]] = []
    for cover in covers:
        queues, own = set(cover.queues), [cover]
        for worker in workers:
            queues |= worker.skills if worker.skills & queues else set()
        for part in [one for one in parts if one[0] & queues]:
            parts.remove(part)
            queues, own = queues | part[0], part[1] + own
        parts.append((queues, own))
    left = set(range(len(workers)))
    found = []
    for queues, own in parts:
        people = [place for place in sorted(left) if workers[place].skills & queues]
        left -= set(people)
        found.append((people, own))
    return found + ([(sorted(left), [])] if left else [])


class _Part:
    """A roster in the making, of workers and covers that have to do with each other."""

    def __init__(self, workers: Sequence[Worker], people: Sequence[int], task: Task) -> None:
        self.workers, self.people, self.task = workers, people, task
        self.effort = task.terms.effort
        self.every_day = range(len(task.days))
        self.places = {shift: n for n, shift in enumerate(task.shifts)}

    def roster(self) -> Roster:
        """The best that the effort finds."""
        everybody = self._crews(self.every_day, ())
        duties = self.obeying()
        if duties is None:
            _refuse([self.workers[place] for place in self.people], self.task)
        if len(everybody) * len(self.task.shifts) > _TINY:
            duties = self._improved(duties, until=self.effort / 3)
        objective = self.price(duties)
        whole = programs.solved(self.task, list(everybody), effort=self.effort, hint=self._counted(everybody, duties))
        bound = max(whole.bound if whole else 0.0, self._bound_by_days())
        if whole and whole.objective < objective:
            given = self._given_out(everybody, whole)
            if given is None:
                given = self._improved(duties, until=-self.effort)
            duties, objective = min((given, duties), key=self.price), min(self.price(given), objective)
        return self._told(duties, objective, min(bound, objective))

    def obeying(self) -> list[Duty] | None:
        """Duties to begin with that break no rule; None where nobody can obey them all."""
        duties = greedy(self.workers, self.people, self.task)
        paid: Counter[tuple[int, int]] = Counter()
        for duty in duties:
            paid[(duty.worker, self.task.days[duty.shift.day].week)] += duty.shift.paid
        everybody = self._crews(self.every_day, ())
        if all(
            paid[(place, week)] >= least
            for crew, places in everybody.items()
            for week, least in crew.least
            for place in places
        ):
            return duties
        free = replace(self.task, covers=())
        found = self._solved((), self.every_day, free, effort=self.effort)
        if found is not None or len(self.people) == 1:
            return found
        # Counts of a crew may not be given to its persons; without a cover nothing binds these to each other.
        alone = [_Part(self.workers, [place], free).obeying() for place in self.people]
        return [duty for own in alone for duty in own or ()] if all(own is not None for own in alone) else None

    def price(self, duties: Iterable[Duty]) -> float:
        """Wages, missing and idle agents, in CENTS of a slot: what the program makes small."""
        duties = list(duties)
        terms = self.task.terms
        total = float(sum(round(self.workers[one.worker].cost_hour * CENTS) * one.shift.paid for one in duties))
        for cover in self.task.covers:
            there = self._there(duties, cover)
            total += round(terms.missing_cost * CENTS) * float(np.maximum(cover.wanted - there, 0).sum())
            if cover.idle:
                total += round(terms.idle_cost * CENTS) * float(np.maximum(there - cover.wanted, 0).sum())
        return total

    def _there(self, duties: Sequence[Duty], cover: Cover) -> Ints:
        able = [duty for duty in duties if self.workers[duty.worker].skills & cover.queues]
        found = np.zeros(len(cover.wanted), dtype=np.int64)
        for duty in able:
            found[duty.shift.start : duty.shift.end] += 1
            for pause, begins in zip(duty.shift.pauses, duty.breaks, strict=True):
                found[begins : begins + pause.length] -= 1
        return found

    def _improved(self, duties: list[Duty], *, until: float) -> list[Duty]:
        """Days rostered anew, one by one and then two by two, until nothing gains or the effort is down to `until`."""
        best = self.price(duties)
        each = max(1e-3, (self.effort - until) * _TURN)
        for free in _neighbourhoods(len(self.every_day)):
            if self.effort <= until:
                break
            found = self._solved(duties, free, self.task, effort=min(each, self.effort - until))
            if found is not None and (price := self.price(found)) < best:
                duties, best = found, price
        return duties

    def _solved(self, duties: Sequence[Duty], free: Sequence[int], task: Task, *, effort: float) -> list[Duty] | None:
        """All duties, those of the `free` days made anew; None where none were found."""
        stays = [duty for duty in duties if duty.shift.day not in free]
        left = [replace(cover, wanted=self._left(cover, stays, free)) for cover in task.covers]
        crews = self._crews(free, stays)
        own = replace(task, covers=left)
        hint = self._counted(crews, [duty for duty in duties if duty.shift.day in free])
        found = programs.solved(own, list(crews), effort=effort, hint=hint)
        self.effort -= found.effort if found else effort
        if found is None:
            return None
        given = self._given_out(crews, found)
        return None if given is None else stays + given

    def _left(self, cover: Cover, stays: Sequence[Duty], free: Sequence[int]) -> Ints:
        """What is still wanted where shifts of the free days may be."""
        near = np.zeros(len(cover.wanted), dtype=np.bool_)
        for shift in self.task.shifts:
            if shift.day in free:
                near[shift.start : shift.end] = True
        return np.where(near, cover.wanted - self._there(stays, cover), 0)

    def _crews(self, free: Sequence[int], stays: Sequence[Duty]) -> dict[Crew, list[int]]:
        """Workers who are alike as to the free days, given the duties that stay; with their places."""
        own: dict[int, list[Shift]] = {}
        for duty in stays:
            own.setdefault(duty.worker, []).append(duty.shift)
        alike: dict[Crew, list[int]] = {}
        for place in self.people:
            crew = self._crew(self.workers[place], free, own.get(place, []))
            alike.setdefault(crew, []).append(place)
        return {replace(crew, size=len(places)): places for crew, places in alike.items()}

    def _crew(self, worker: Worker, free: Sequence[int], own: Sequence[Shift]) -> Crew:
        terms, days = self.task.terms, self.task.days
        can = tuple(
            n
            for n, shift in enumerate(self.task.shifts)
            if shift.day in free
            and worker.can_work(shift)
            and all(shift.start >= one.end + terms.rest or one.start >= shift.end + terms.rest for one in own)
        )
        least, most, left = [], [], []
        for week in sorted({days[place].week for place in free}):
            paid = sum(shift.paid for shift in own if days[shift.day].week == week)
            share = sum(day.week == week for day in days) / 7 * 3600 / terms.slot_s
            least.append((week, max(0, int(worker.min_hours_week * share) - paid)))
            most.append((week, int(worker.max_hours_week * 3600 / terms.slot_s) - paid))
            left.append((week, terms.max_days_week - sum(days[shift.day].week == week for shift in own)))
        return Crew(1, worker.skills, worker.cost_hour, can, tuple(least), tuple(most), tuple(left))

    def _counted(
        self, crews: Mapping[Crew, list[int]], duties: Sequence[Duty]
    ) -> tuple[dict[tuple[int, int], int], Breaks]:
        """Duties as counts and breaks of the crews."""
        crew_of = {place: number for number, places in enumerate(crews.values()) for place in places}
        counts: Counter[tuple[int, int]] = Counter()
        breaks: Counter[tuple[frozenset[int], int, int, int]] = Counter()
        for duty in duties:
            n = self.places[duty.shift]
            counts[(crew_of[duty.worker], n)] += 1
            for place, at in enumerate(duty.breaks):
                breaks[(self.workers[duty.worker].skills, n, place, at)] += 1
        return counts, breaks

    def _given_out(self, crews: Mapping[Crew, list[int]], found: Found) -> list[Duty] | None:
        """Duties of persons from counts of crews, or None where that breaks a person's rules."""
        alone = [(replace(crew, size=1), place) for crew, places in crews.items() for place in places]
        persons = found.counts
        if len(alone) > len(crews):
            fixed, first = [], 0
            for number, crew in enumerate(crews):
                each = range(first, first + crew.size)
                first += crew.size
                fixed += [([(person, n) for person in each], found.counts[(number, n)]) for n in crew.shifts]
            given = programs.solved(replace(self.task, covers=()), [crew for crew, _ in alone],
                                    effort=self.task.terms.effort * _TURN, fixed=fixed)  # fmt: skip
            if given is None:
                return None
            persons = given.counts
        places: dict[tuple[frozenset[int], int, int], list[int]] = {}
        for (skills, n, pause, at), count in sorted(found.breaks.items(), key=lambda one: one[0][1:]):
            places.setdefault((skills, n, pause), []).extend([at] * count)
        duties = []
        for (person, n), works in sorted(persons.items()):
            if works:
                crew, place = alone[person]
                pauses = self.task.shifts[n].pauses
                begins = [self._begins(places, crew.skills, n, pause) for pause in range(len(pauses))]
                duties.append(Duty(place, self.task.shifts[n], tuple(begins)))
        return duties

    def _begins(self, places: Mapping[Any, list[int]], skills: frozenset[int], n: int, pause: int) -> int:
        """Where the next of these breaks lies; without a cover it lies anywhere."""
        left = places.get((skills, n, pause))
        return left.pop() if left else self.task.shifts[n].pauses[pause].places[0]

    def _bound_by_days(self) -> float:
        """What no roster goes below: each day by itself, with everybody there; 0 where shifts pass midnight.

        The greater of two bounds: with breaks, and without any, which is a smaller program.
        """
        days = self.task.days
        last = [day.first_slot for day in days[1:]] + [10**9]
        if any(shift.end > last[shift.day] for shift in self.task.shifts):
            return 0.0
        unbroken = replace(self.task, shifts=[replace(shift, pauses=()) for shift in self.task.shifts])
        return sum(max(self._bound_of_day(day, task) for task in (self.task, unbroken)) for day in self.every_day)

    def _bound_of_day(self, day: int, task: Task) -> float:
        covers = [replace(cover, wanted=self._left(cover, (), [day])) for cover in task.covers]
        crews = [replace(crew, least=tuple((week, 0) for week, _ in crew.least)) for crew in self._crews([day], ())]
        effort = task.terms.effort * _TURN / 2
        found = programs.solved(replace(task, covers=covers), crews, effort=effort)
        return max(0.0, found.bound) if found else 0.0

    def _told(self, duties: Sequence[Duty], objective: float, bound: float) -> Roster:
        slot_s = self.task.terms.slot_s
        cost = sum(self.workers[duty.worker].cost_hour * duty.shift.paid for duty in duties) * slot_s / 3600
        unit = CENTS * 3600 / slot_s
        return Roster(tuple(duties), cost, objective / unit, bound / unit)


def _neighbourhoods(days: int) -> Iterator[tuple[int, ...]]:
    """Each day, then each two days (nearest in a week first), then again."""
    pairs = sorted(combinations(range(days), 2), key=lambda pair: (pair[1] - pair[0], pair))
    for _ in range(3):
        yield from ((day,) for day in range(days))
        yield from pairs


def _refuse(workers: Sequence[Worker], task: Task) -> NoReturn:
    """Nothing binds two agents together but the cover, which may be missed: some agent alone cannot be rostered."""
    loosened: dict[str, Any] = {
        "absences": lambda worker, own: (replace(worker, away=frozenset()), own),
        "templates": lambda worker, own: (replace(worker, templates=frozenset()), own),
        "rest_h": lambda worker, own: (worker, replace(own, rest=0)),
        "max_days_week": lambda worker, own: (worker, replace(own, max_days_week=7)),
        "max_hours_week": lambda worker, own: (replace(worker, max_hours_week=168.0), own),
    }

    def can(worker: Worker, own: Terms) -> bool:
        alone = _Part([worker], [0], replace(task, covers=(), terms=own))
        return alone.obeying() is not None

    for worker in (one for one in workers if not can(one, task.terms)):
        guilty = [name for name, loosen in loosened.items() if can(*loosen(worker, task.terms))]
        raise InputError(
            f"{worker.agent_id} cannot be rostered",
            expected=f"{worker.min_hours_week:g} paid hours a week (min_hours_week), which the shifts allow",
            came="with " + (" or ".join(guilty) or "these templates") + " they do not",
            where="staffing rules and agents",
            remedy="Lower min_hours_week, or loosen " + (guilty[0] if guilty else "the templates") + ".",
        )  # fmt: skip
    raise InputError("no roster was found in the time given", expected="a roster", came="none",
                     where=f"effort {task.terms.effort:g}", remedy="Raise rostering.effort.")  # fmt: skip
