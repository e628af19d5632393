"""Who is rostered when, and when they are really there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from centre.simulation.demand import SLOT_S, SLOTS, Calendar, channel_shapes
from centre.simulation.parameters import WorldParams
from centre.simulation.people import Agents, Floats, Ints

GRACE_S: Final = 1800  # the late shift stays half an hour after closing, to empty the lines
WEEK: Final = 7
VARIED_H: Final = 0.5  # breaks start up to this much before or after their planned hour
TRAINING_AT_H: Final = 4.3  # between lunch and the second pause


@dataclass(frozen=True)
class Duty:
    """One entry of the roster, seconds from the origin. `activity`: work, break, training or leave."""

    agent: int
    starts_s: int
    ends_s: int
    activity: str


def roster(params: WorldParams, *, agents: Agents, days: Calendar, rng: np.random.Generator) -> list[Duty]:
    """The planned weeks: each agent's start and working days follow the usual demand, as a planner would have it.

    One after another, each agent gets the start and days that leave least squared distance between cover and need;
    bilingual agents and the others cover the week separately. The plan knows no day's real level.
    """
    duties: list[Duty] = []
    for first in range(0, days.days, WEEK):
        weekday = (days.first_day.weekday() + first) % WEEK
        for bilingual in (True, False):
            team = [n for n, spoken in enumerate(agents.languages) if (len(spoken) > 1) == bilingual]
            team = [n for n in team if agents.joins_day[n] <= first < agents.leaves_day[n]]
            for agent, start, working in _planned(params, rng.permutation(team), weekday):
                for day in working:
                    if first + day < agents.leaves_day[agent]:
                        duties += _shift(params, agent, days.midnights[first + day], params.shift_starts[start], rng)
    return sorted(duties, key=lambda duty: (duty.agent, duty.starts_s))


def presence(
    duties: list[Duty], *, count: int, absence_chance: float, rng: np.random.Generator
) -> list[list[tuple[int, int]]]:
    """Spans in which each of `count` agents takes contacts: planned work, minus shifts missed at short notice."""
    spans: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    missing: dict[tuple[int, int], bool] = {}
    for duty in duties:
        shift = (duty.agent, duty.starts_s // 86_400)
        if shift not in missing:
            missing[shift] = bool(rng.random() < absence_chance)
        if duty.activity == "work" and not missing[shift]:
            spans[duty.agent].append((duty.starts_s, duty.ends_s))
    return spans


def _planned(params: WorldParams, team: Ints, weekday: int) -> list[tuple[int, int, list[int]]]:
    """(agent, place of the start, days of the week) for a team, against the need of a usual week."""
    weights = np.array([params.weekday_factors[(weekday + day) % WEEK] for day in range(WEEK)])
    need = weights[:, None] * _usual_need(params)[None, :]
    worked = np.array([_cover(params, start) for start in params.shift_starts])
    need *= len(team) * params.days_per_week * worked[0].sum() / need.sum()
    cover, plan = np.zeros((WEEK, SLOTS)), []
    for agent in team.tolist():
        gain = (2 * (need - cover) @ worked.T) - (worked**2).sum(axis=1)[None, :]
        best = np.sort(gain, axis=0)[-params.days_per_week :].sum(axis=0)
        start = int(np.argmax(best))
        working = sorted(np.argsort(-gain[:, start], kind="stable")[: params.days_per_week].tolist())
        cover[working] += worked[start]
        plan.append((agent, start, working))
    return plan


def _usual_need(params: WorldParams) -> Floats:
    """A usual day's work by half hour: mails of the night are meant for the hour before opening."""
    shapes = dict(zip(params.channel_shares, channel_shapes(params), strict=True))
    need = np.sum([params.channel_shares[channel] * shape for channel, shape in shapes.items()], axis=0)
    opens, closes = 2 * params.open_hour, 2 * params.close_hour
    night = need[: opens - 2].sum() + need[closes:].sum()
    need[: opens - 2], need[closes:] = 0.0, 0.0
    need[opens - 2 : opens] += night / 2
    return np.asarray(need, dtype=np.float64)


def _cover(params: WorldParams, start_h: float) -> Floats:
    """Share of each half hour of the day in which an agent with this start takes contacts, on average."""
    cover = _overlap(start_h, start_h + params.shift_hours)
    for begins_h, hours in _pauses(params):
        window = _overlap(start_h + begins_h - VARIED_H, start_h + begins_h + VARIED_H + hours)
        cover -= window * hours / (2 * VARIED_H + hours)
    return cover


def _overlap(start_h: float, end_h: float) -> Floats:
    edges = np.arange(SLOTS) * SLOT_S / 3600
    share = (np.minimum(edges + 0.5, end_h) - np.maximum(edges, start_h)) * 2
    return np.asarray(np.clip(share, 0, 1), dtype=np.float64)


def _pauses(params: WorldParams) -> list[tuple[float, float]]:
    """Hours into the shift and length of the three breaks, as planned."""
    return [(1.75, params.pause_h), (3.25, params.lunch_h), (5.25, params.pause_h)]


def _shift(params: WorldParams, agent: int, midnight: int, start_h: float, rng: np.random.Generator) -> list[Duty]:
    """Work broken by a pause, lunch and a pause (at varied times), and now and then an hour of training."""
    starts = midnight + int(start_h * 3600)
    ends = min(starts + int(params.shift_hours * 3600), midnight + params.close_hour * 3600 + GRACE_S)
    varied = rng.uniform(-VARIED_H, VARIED_H, size=3)
    away = [
        (starts + int((begins_h + late_h) * 3600), hours, "break")
        for (begins_h, hours), late_h in zip(_pauses(params), varied, strict=True)
    ]
    if rng.random() < params.training_chance:
        away.insert(2, (starts + int(TRAINING_AT_H * 3600), params.training_h, "training"))
    duties, at = [], starts
    for begins, hours, activity in away:
        back = begins + int(hours * 3600)
        if begins > at and back < ends:
            duties += [Duty(agent, at, begins, "work"), Duty(agent, begins, back, activity)]
            at = back
    return [*duties, Duty(agent, at, ends, "work")]
