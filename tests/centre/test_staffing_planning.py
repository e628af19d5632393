"""Need, shared skills, roster and what it reaches, together; and what is left when people stay away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from centre.staffing import lanes, planning, required, shifts
from centre.staffing.load import Load
from centre.staffing.rules import Rules, from_mapping
from centre.staffing.shifts import Day, Duty, Shift, Worker

SLOTS = 24  # a day of twelve hours in half hours
DAYS = [Day(0, 0, 0)]
ALL_DAY = {"name": "day", "hours": 12, "first_start": "00:00", "last_start": "00:00", "breaks": []}


def rules(**told: Any) -> Rules:
    usual: dict[str, Any] = {"shrinkage": 0.0, "templates": [ALL_DAY], "luck": {"scenarios": 200},
                             "rostering": {"slot_min": 30, "max_hours_day": 12, "effort": 2}}  # fmt: skip
    return from_mapping(usual | told)


def load(*rates: float, seed: int = 1, scenarios: int = 200) -> Load:
    """Poisson counts, the same rate all day; lognormal work of 300 s, 200 s of patience."""
    counts = np.random.default_rng(seed).poisson(np.array(rates)[:, None], size=(scenarios, len(rates), SLOTS))
    queues = len(rates)
    return Load(1800, counts.astype(np.int64), np.full(counts.shape, 300.0), np.full(queues, 0.8),
                np.full(queues, 200.0))  # fmt: skip


def crowd(*skills: tuple[int, ...]) -> list[Worker]:
    return [Worker(f"{place:02}", frozenset(own), 20.0, 0.0, 168.0) for place, own in enumerate(skills)]


def planned(of: Load, workers: list[Worker], told: Rules | None = None) -> planning.Plan:
    told = told or rules()
    goals = [told.goal("q")] * of.counts.shape[1]
    again = replace(of, counts=of.counts[::-1].copy())
    return planning.plan(of, again, told, goals=goals, workers=workers, days=DAYS)


def test_enough_people_of_one_skill_are_rostered_and_no_more() -> None:
    plan = planned(load(15.0), crowd(*[(0,)] * 12))

    need = plan.needs[0].agents
    assert len(plan.roster.duties) == need.max()
    assert plan.reached.probability.min() > 0.85
    assert plan.reached.able[0].tolist() == [need.max()] * SLOTS
    assert plan.roster.cost == need.max() * 12 * 20


def test_shared_skills_need_fewer_people_than_each_queue_by_itself() -> None:
    of = load(12.0, 12.0, 12.0)

    shared = planned(of, crowd(*[(0, 1, 2)] * 24))
    apart = planned(of, crowd(*[(0,)] * 8, *[(1,)] * 8, *[(2,)] * 8))

    assert len(shared.roster.duties) < 0.85 * len(apart.roster.duties)
    assert shared.reached.probability.mean() > 0.88
    assert apart.reached.probability.mean() > 0.88


def test_where_the_played_roster_misses_people_of_the_skill_are_added() -> None:
    """Few serve both: what the queues would need as one queue is not enough."""
    workers = crowd(*[(0,)] * 10, *[(1,)] * 10, (0, 1))
    of = load(15.0, 15.0)

    begun, mended = (
        planned(of, workers, rules(rostering={"slot_min": 30, "max_hours_day": 12, "effort": 2, "repairs": repairs}))
        for repairs in (0, 4)
    )

    assert (begun.repairs, mended.repairs) > (0, 0)
    assert begun.reached.probability.mean() < 0.85
    assert mended.reached.probability.mean() > 0.88
    assert len(mended.roster.duties) > len(begun.roster.duties)


def test_too_few_people_are_all_rostered_and_the_plan_says_what_they_reach() -> None:
    of = load(30.0)
    plan = planned(of, crowd(*[(0,)] * 5))

    present, serves = required.one_queue(np.full(SLOTS, 5))
    answered = lanes.answered(of, present=present, serves=serves, within_s=np.array([20.0]), slot_s=1800, seed=77)

    truth = required.met(answered[:, 0], of.counts[:, 0], target=0.8)
    assert len(plan.roster.duties) == 5
    assert plan.reached.probability.mean() == pytest.approx(truth.mean(), abs=0.02)
    assert plan.reached.service_level.mean() < 0.7
    assert plan.reached.occupancy.max() <= 1.0


def test_shrinkage_is_taken_from_those_rostered() -> None:
    told = rules(shrinkage=0.25)
    plan = planned(load(15.0), crowd(*[(0,)] * 12), told)

    raw = int(plan.needs[0].agents.max())
    assert len(plan.roster.duties) == int(required.positions(np.array(raw), shrinkage=0.25))
    assert plan.reached.able[0].min() >= raw
    assert plan.reached.probability.min() > 0.85


def test_queues_hang_together_by_whoever_serves_both() -> None:
    serves = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0]], dtype=bool)

    assert planning.components(serves) == [([0, 1, 2], [0, 1]), ([3], [2]), ([4], [])]


def test_a_queue_that_nobody_serves_reaches_nothing() -> None:
    plan = planned(load(15.0, 10.0), crowd(*[(0,)] * 8))

    assert plan.reached.probability[1].max() == 0
    assert plan.reached.service_level[1].max() == 0
    assert plan.reached.able[1].max() == 0


def test_the_sick_are_so_many_of_each_day_from_all_skills() -> None:
    shift = Shift("day", 0, 0, 24, 24, ())
    other = replace(shift, day=1, start=24, end=48)
    workers = crowd(*[(0,)] * 6, *[(1,)] * 6)
    duties = [Duty(place, one, ()) for place in range(12) for one in (shift, other)]

    left = planning.stays_away(duties, workers, count=4)

    for day in range(2):
        here = [duty.worker for duty in left if duty.shift.day == day]
        assert (sum(place < 6 for place in here), len(here)) == (4, 8)
    assert planning.stays_away(duties, workers, count=0) == sorted(
        duties, key=lambda duty: (duty.shift.day, duty.worker)
    )
    assert planning.stays_away(duties, workers, count=99) == []


def test_breaks_cover_nobody() -> None:
    pause = shifts.Pause(2, False, (8, 10))
    here = shifts.present([Duty(1, Shift("day", 0, 4, 20, 14, (pause,)), (10,))], workers=2, slots=SLOTS)

    assert not here[0].any()
    assert np.flatnonzero(here[1]).tolist() == [*range(4, 10), *range(12, 20)]
