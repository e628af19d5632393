"""Who is rostered when, and when they are really there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from centre.simulation.demand import Calendar
from centre.simulation.parameters import WorldParams
from centre.simulation.people import Agents

GRACE_S: Final = 1800  # the late shift stays half an hour after closing, to empty the lines


@dataclass(frozen=True)
class Duty:
    """One entry of the roster, seconds from the origin. `activity`: work, break, training or leave."""

    agent: int
    starts_s: int
    ends_s: int
    activity: str


def roster(params: WorldParams, *, agents: Agents, days: Calendar, rng: np.random.Generator) -> list[Duty]:
    """The planned weeks: five shifts each agent and week, more on the busy weekdays, starts spread over the day."""
    duties: list[Duty] = []
    for first in range(0, days.days, 7):
        for agent in range(len(agents.names)):
            start_h = params.shift_starts[int(rng.integers(len(params.shift_starts)))]
            for day in _working_days(params, first, days, rng):
                if agents.joins_day[agent] <= day < agents.leaves_day[agent]:
                    duties += _shift(params, agent, days.midnights[day], start_h, rng)
    return duties


def presence(duties: list[Duty], *, absence_chance: float, rng: np.random.Generator) -> list[list[tuple[int, int]]]:
    """Spans in which each agent takes contacts: planned work, minus shifts missed at short notice."""
    spans: list[list[tuple[int, int]]] = [[] for _ in range(1 + max(duty.agent for duty in duties))]
    missing: dict[tuple[int, int], bool] = {}
    for duty in duties:
        shift = (duty.agent, duty.starts_s // 86_400)
        if shift not in missing:
            missing[shift] = bool(rng.random() < absence_chance)
        if duty.activity == "work" and not missing[shift]:
            spans[duty.agent].append((duty.starts_s, duty.ends_s))
    return spans


def _working_days(params: WorldParams, first: int, days: Calendar, rng: np.random.Generator) -> list[int]:
    weights = np.array([params.weekday_factors[(days.first_day.weekday() + first + n) % 7] for n in range(7)])
    # Drawn without replacement, light days fill up later: squaring brings supply back in line with demand.
    picked = rng.choice(7, size=params.days_per_week, replace=False, p=weights**2 / (weights**2).sum())
    return sorted(first + int(day) for day in picked if first + day < days.days)


def _shift(params: WorldParams, agent: int, midnight: int, start_h: float, rng: np.random.Generator) -> list[Duty]:
    """Work broken by a pause, lunch and a pause (at varied times), and now and then an hour of training."""
    starts = midnight + int(start_h * 3600)
    ends = min(starts + int(params.shift_hours * 3600), midnight + params.close_hour * 3600 + GRACE_S)
    shift = rng.uniform(-0.25, 0.25, size=3)
    away = [
        (starts + int((1.75 + shift[0]) * 3600), params.pause_h, "break"),
        (starts + int((3.75 + shift[1]) * 3600), params.lunch_h, "break"),
        (starts + int((6.50 + shift[2]) * 3600), params.pause_h, "break"),
    ]
    if rng.random() < params.training_chance:
        away.insert(2, (starts + int(5.2 * 3600), 1.0, "training"))
    duties, at = [], starts
    for begins, hours, activity in away:
        back = begins + int(hours * 3600)
        if begins > at and back < ends:
            duties += [Duty(agent, at, begins, "work"), Duty(agent, begins, back, activity)]
            at = back
    return [*duties, Duty(agent, at, ends, "work")]
