"""Rosters obey every rule, cost what the best of all costs where all can be tried, and say why none can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from centre.staffing import rosters, shifts
from centre.staffing.rosters import Cover, Roster, Terms
from centre.staffing.rules import Rules, from_mapping
from centre.staffing.shifts import Day, Duty, Shift, Worker
from data_contracts.errors import InputError

SLOT_S = 3600
DAY = 24
TERMS = Terms(SLOT_S, rest=11, max_days_week=5, missing_cost=100.0, idle_cost=0.0, effort=20.0, seed=1)


def rules(*templates: dict[str, Any]) -> Rules:
    return from_mapping({"rostering": {"slot_min": 60}, "templates": list(templates)})


SHORT = {"name": "short", "hours": 4, "first_start": "08:00", "last_start": "12:00", "every_min": 240, "breaks": []}
LONG = {"name": "long", "hours": 6, "first_start": "08:00", "last_start": "10:00", "every_min": 120,
        "breaks": [{"minutes": 60, "paid": False, "after_h": 2, "before_h": 3}]}  # fmt: skip


def week(count: int) -> list[Day]:
    return [Day(day * DAY, day % 7, day // 7) for day in range(count)]


def worker(name: str, skills: Sequence[int] = (0,), **told: Any) -> Worker:
    usual: dict[str, Any] = {"cost_hour": 20.0, "min_hours_week": 0.0, "max_hours_week": 40.0}
    return Worker(name, frozenset(skills), **(usual | told))


def wanted(days: int, *levels: tuple[int, int, int]) -> np.ndarray:
    """From hour, to hour, agents; on each day."""
    found = np.zeros(days * DAY, dtype=np.int64)
    for day in range(days):
        for start, end, count in levels:
            found[day * DAY + start : day * DAY + end] = count
    return found


def made(
    workers: Sequence[Worker], covers: Sequence[Cover], *, days: int, of: Rules, terms: Terms = TERMS
) -> tuple[Roster, list[Shift]]:
    any_ = np.max([cover.wanted for cover in covers], axis=0) > 0
    can = shifts.possible(of, week(days), wanted=any_)
    return rosters.made(workers, can, week(days), covers, terms), can


def price(duties: Sequence[Duty], workers: Sequence[Worker], covers: Sequence[Cover], terms: Terms) -> float:
    """Wages and what is missing, from the definition."""
    here = shifts.present(duties, workers=len(workers), slots=len(covers[0].wanted))
    wages = sum(workers[duty.worker].cost_hour * duty.shift.paid for duty in duties)
    missing = 0.0
    for cover in covers:
        able = np.array([bool(one.skills & cover.queues) for one in workers])
        missing += np.maximum(cover.wanted - here[able].sum(axis=0), 0).sum() * terms.missing_cost
    return float(wages + missing)


def obeys(duties: Sequence[Duty], workers: Sequence[Worker], terms: Terms) -> bool:
    """Every rule of a person, from its definition."""
    for place, one in enumerate(workers):
        own = sorted((duty.shift for duty in duties if duty.worker == place), key=lambda shift: shift.start)
        paid = Counter()
        for shift in own:
            paid[shift.day // 7] += shift.paid
        days = [shift.day for shift in own]
        if len(set(days)) < len(days) or any(hours > one.max_hours_week for hours in paid.values()):
            return False
        if any(then.start < before.end + terms.rest for before, then in pairwise(own)):
            return False
        if len(days) > terms.max_days_week or not all(one.can_work(shift) for shift in own):
            return False
    return True


def best_of_all(workers: Sequence[Worker], covers: Sequence[Cover], can: Sequence[Shift], days: int) -> float:
    """Every roster there is: each worker on each day works no shift, or one with its breaks anywhere."""
    of_day: list[list[tuple[Shift, tuple[int, ...]] | None]] = [[None] for _ in range(days)]
    for shift in can:
        of_day[shift.day] += [(shift, breaks) for breaks in product(*(pause.places for pause in shift.pauses))]
    best = float("inf")
    for choice in product(*(of_day[day] for _ in workers for day in range(days))):
        duties = [Duty(place // days, told[0], told[1]) for place, told in enumerate(choice) if told is not None]
        if obeys(duties, workers, TERMS):
            best = min(best, price(duties, workers, covers, TERMS))
    return best


CASES = [
    ([worker("a"), worker("b")], [Cover(frozenset({0}), wanted(2, (8, 12, 1), (12, 16, 2)))], 2),
    ([worker("a"), worker("b", cost_hour=30.0, max_hours_week=5.0)], [Cover(frozenset({0}), wanted(2, (8, 16, 2)))], 2),
    ([worker("a", (0,)), worker("b", (1,)), worker("c", (0, 1), cost_hour=25.0)],
     [Cover(frozenset({0}), wanted(1, (8, 14, 1))), Cover(frozenset({1}), wanted(1, (10, 16, 1))),
      Cover(frozenset({0, 1}), wanted(1, (8, 16, 2)))], 1),
    ([worker("a", away=frozenset(range(DAY))), worker("b")], [Cover(frozenset({0}), wanted(2, (8, 12, 1)))], 2),
]  # fmt: skip


@pytest.mark.parametrize(("workers", "covers", "days"), CASES)
def test_no_roster_of_all_is_cheaper(workers: list[Worker], covers: list[Cover], days: int) -> None:
    found, can = made(workers, covers, days=days, of=rules(SHORT, LONG))

    assert obeys(found.duties, workers, TERMS)
    assert price(found.duties, workers, covers, TERMS) == pytest.approx(best_of_all(workers, covers, can, days))
    assert found.objective == pytest.approx(price(found.duties, workers, covers, TERMS))
    assert found.gap < 1e-3


def test_a_week_of_a_centre_is_covered_and_no_rule_is_broken() -> None:
    """Thirty agents of three kinds, a week of half hours with breaks; the same roster again."""
    lunch, rest = (
        {"minutes": 30, "paid": False, "after_h": 3, "before_h": 5},
        {"minutes": 30, "after_h": 6, "before_h": 7},
    )
    full = {"name": "full", "hours": 8.5, "last_start": "11:00", "every_min": 60, "breaks": [lunch, rest]}
    part = {"name": "part", "hours": 4, "first_start": "08:00", "last_start": "15:00", "every_min": 60, "breaks": []}
    of = from_mapping({"rostering": {"slot_min": 30}, "templates": [full, part]})
    days = [Day(day * 48, day, 0) for day in range(7)]
    workers = [worker(str(n), ((0,), (1,), (0, 1))[n % 3], min_hours_week=16.0) for n in range(30)]
    one = np.tile(np.repeat([0, 3, 5, 4, 0], [15, 6, 8, 9, 10]), 7)
    covers = [Cover(frozenset({0}), one), Cover(frozenset({1}), one), Cover(frozenset({0, 1}), 2 * one, idle=True)]
    can = shifts.possible(of, days, wanted=one > 0)
    terms = replace(TERMS, slot_s=1800, rest=22, effort=3.0, idle_cost=0.5)

    found, again = (rosters.made(workers, can, days, covers, terms) for _ in range(2))

    here = shifts.present(found.duties, workers=30, slots=7 * 48)
    able = np.array([0 in one.skills for one in workers])
    assert found == again
    assert np.maximum(one - here[able].sum(axis=0), 0).sum() <= 2
    assert found.gap < 0.05
    paid = Counter()
    for duty in found.duties:
        paid[duty.worker] += duty.shift.paid / 2
        assert all(at in pause.places for at, pause in zip(duty.breaks, duty.shift.pauses, strict=True))
    assert all(16 <= paid[place] <= 40 for place in range(30))
    assert max(Counter(duty.worker for duty in found.duties).values()) <= 5
    assert max(Counter((duty.worker, duty.shift.day) for duty in found.duties).values()) == 1


def test_where_too_few_are_there_the_roster_says_what_is_missing() -> None:
    found, _ = made([worker("a")], [Cover(frozenset({0}), wanted(1, (8, 12, 3)))], days=1, of=rules(SHORT))

    assert len(found.duties) == 1
    assert found.cost == pytest.approx(80.0)
    assert found.objective == pytest.approx(80.0 + 2 * 4 * 100.0)


def test_rest_between_shifts_is_kept() -> None:
    late = {"name": "late", "hours": 8, "first_start": "15:00", "last_start": "15:00", "breaks": []}
    early = {"name": "early", "hours": 8, "first_start": "06:00", "last_start": "06:00", "breaks": []}
    need = np.zeros(2 * DAY, dtype=np.int64)
    need[15:23], need[DAY + 6 : DAY + 14] = 1, 1

    found, _ = made([worker("a")], [Cover(frozenset({0}), need)], days=2, of=rules(late, early))
    rested, _ = made([worker("a")], [Cover(frozenset({0}), need)], days=2, of=rules(late, early),
                     terms=replace(TERMS, rest=7))  # fmt: skip

    assert (len(found.duties), len(rested.duties)) == (1, 2)


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"min_hours_week": 35.0, "away": frozenset(range(4 * DAY))}, "absences"),
        ({"min_hours_week": 35.0, "templates": frozenset({"short"})}, "templates"),
        ({"min_hours_week": 30.0, "max_hours_week": 24.0}, "max_hours_week"),
    ],
)
def test_an_agent_whose_rules_contradict_each_other_is_named_with_the_rule(told: dict[str, Any], rule: str) -> None:
    whole = {**LONG, "name": "whole", "hours": 9, "last_start": "08:00"}
    crowd = [worker("fine"), worker("poor", **told)]

    with pytest.raises(InputError, match=rule) as refused:
        made(crowd, [Cover(frozenset({0}), wanted(7, (8, 16, 1)))], days=7, of=rules(SHORT, whole))

    assert "poor cannot be rostered" in str(refused.value)


def test_counts_that_cannot_be_given_to_persons_are_made_anew_for_persons() -> None:
    """In sum two agents have room for every shift; each alone may not work late and then early."""
    late = {"name": "late", "hours": 8, "first_start": "15:00", "last_start": "15:00", "breaks": []}
    early = {"name": "early", "hours": 8, "first_start": "06:00", "last_start": "06:00", "breaks": []}
    need = np.zeros(4 * DAY, dtype=np.int64)
    for day in range(4):
        need[day * DAY + 6 : day * DAY + 14] = need[day * DAY + 15 : day * DAY + 23] = 1
    crowd = [worker("a", max_hours_week=24.0), worker("b", max_hours_week=24.0), worker("c", max_hours_week=24.0)]

    found, _ = made(crowd, [Cover(frozenset({0}), need)], days=4, of=rules(late, early))

    assert obeys(found.duties, crowd, TERMS)
    assert len(found.duties) == 8


def test_least_hours_that_a_crew_reaches_in_sum_are_reached_by_each_of_it() -> None:
    """Five whole shifts and two long days make the crew's hours together; each of the seven needs two whole ones."""
    days = [Day(0, 0, 1), Day(96, 1, 1)]
    workers = [worker(f"b{number}", min_hours_week=50.0) for number in range(7)]
    can = shifts.possible(Rules(), days, wanted=np.ones(192, dtype=bool))
    wanted_ = np.zeros(192, dtype=np.int64)
    wanted_[40:60] = 2
    terms = Terms(900, rest=44, max_days_week=5, missing_cost=100.0, idle_cost=0.5, effort=0.5, seed=1)

    found = rosters.made(workers, can, days, [Cover(frozenset([0]), wanted_, idle=True)], terms)

    paid = Counter[int]()
    for duty in found.duties:
        paid[duty.worker] += duty.shift.paid
    assert min(paid[place] for place in range(7)) >= int(50 * 2 / 7 * 4)
