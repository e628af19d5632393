"""From load to a plan: what each queue needs, what shared skills save, who works, and what the roster then reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from centre.staffing import lanes, required, rosters, shifts
from centre.staffing.lanes import Bools
from centre.staffing.load import Floats, Ints, Load
from centre.staffing.required import Goal, Need
from centre.staffing.rosters import Cover, Roster, Terms
from centre.staffing.rules import Rules
from centre.staffing.shifts import Day, Duty, Worker
from centre.staffing.waiting import Waiting, with_room

# Scenarios that a bound of shared agents is taken from: it is where the program starts, the play of the roster decides.
_POOL_SCENARIOS: Final = 200
# A probability that is short by less than its own noise is not worth an agent.
_NOISE: Final = 0.02
# Far below its goal an interval wants two agents more at once.
_FAR: Final = 0.2
# The part of the effort that a roster takes which is played only to see where it misses.
_QUICK: Final = 0.25


@dataclass(frozen=True)
class Reached:
    """What agents reach, (queues, intervals): the probability of meeting the goal, and the expected service level.

    `able`: agents at work who serve the queue (after shrinkage, on average over the interval's slots); `occupancy`: of
    those who share customers with it. An interval without contacts reaches everything.
    """

    probability: Floats
    service_level: Floats
    able: Floats
    occupancy: Floats


@dataclass(frozen=True)
class Plan:
    """Agents at work that each queue needs were it alone, positions to roster, the roster, and what it reaches.

    `covers`: what the integer program was asked to cover, in its order; `repairs`: rounds in which it was asked again.
    """

    needs: tuple[Need, ...]
    positions: Ints
    roster: Roster
    covers: tuple[Cover, ...]
    reached: Reached
    repairs: int


def needs(
    load: Load, told: Load, goals: Sequence[Goal], *, seed: int, waiting: Waiting | None = None
) -> tuple[Need, ...]:
    """Each queue's need by itself; with `waiting`, room for what may wait too."""
    return tuple(
        _roomy(
            required.needed(load.of([queue]), goal, seed=seed + 2 * queue, told=told.of([queue])),
            load.of([queue]), goal, waiting and waiting.of([queue]),
        )
        for queue, goal in enumerate(goals)
    )  # fmt: skip


def _roomy(need: Need, load: Load, goal: Goal, waiting: Waiting | None) -> Need:
    """The need with room for what waits; the probability stays that of fewer agents."""
    if waiting is None:
        return need
    agents = with_room(need.agents, load.erlangs.sum(axis=0), waiting, max_occupancy=goal.max_occupancy)
    return replace(need, agents=agents, occupancy=required.occupancy(load, agents))


def plan(
    load: Load,
    told: Load,
    rules: Rules,
    *,
    goals: Sequence[Goal],
    workers: Sequence[Worker],
    days: Sequence[Day],
    waiting: Waiting | None = None,
    step: Callable[[str], None] = lambda told: None,
) -> Plan:
    """Need, roster and what the roster reaches. `load` chooses, `told` says how probable it is; the same intervals.

    waiting: work beside the load that the needs leave room for; whoever works it puts it aside for a contact. Agents
    are added where the played roster misses, up to `rules.rostering.repairs` times. step: is told what is done now, as
    all of it takes a minute or two. Raises InputError for agents whose rules contradict each other.
    """
    step("what each queue needs")
    alone = needs(load, told, goals, seed=rules.luck.seed, waiting=waiting)
    positions = required.positions(np.stack([need.agents for need in alone]), shrinkage=rules.shrinkage)
    wanted = _covers(load, goals, positions, workers, rules, waiting)
    can = shifts.possible(rules, days, wanted=np.max([cover.wanted for cover in wanted], axis=0) > 0)
    terms, rounds = _terms(rules), 0
    quick = replace(terms, effort=terms.effort * _QUICK)
    while rounds < rules.rostering.repairs and any(len(cover.queues) > 1 for cover in wanted):
        step(f"a roster, played, and mended where it misses: {rounds + 1} of {rules.rostering.repairs} at most")
        here = _present(rosters.made(workers, can, days, wanted, quick), workers, wanted)
        chosen = reached(load, here, workers, goals=goals, rules=rules, seed=rules.luck.seed)
        more = _repaired(wanted, chosen, here, workers, goals, load)
        if more is None:
            break
        wanted, rounds = more, rounds + 1
    step("the roster that stays")
    roster = rosters.made(workers, can, days, wanted, terms)
    here = _present(roster, workers, wanted)
    said = reached(told, here, workers, goals=goals, rules=rules, seed=rules.luck.seed + 1)
    return Plan(alone, positions, roster, tuple(wanted), said, rounds)


def _present(roster: Roster, workers: Sequence[Worker], covers: Sequence[Cover]) -> Bools:
    return shifts.present(roster.duties, workers=len(workers), slots=len(covers[0].wanted))


def reached(
    load: Load, here: Bools, workers: Sequence[Worker], *, goals: Sequence[Goal], rules: Rules, seed: int
) -> Reached:
    """What these agents (workers by slots) reach, played in all scenarios, with shrinkage taken from them."""
    slot_s = rules.rostering.slot_min * 60
    serves = skills(workers, queues=len(goals))
    working = np.zeros_like(here)
    _, queues, intervals = load.counts.shape
    probability, level, occupied = (np.ones((queues, intervals)) for _ in range(3))
    for queues_, people in components(serves):
        working[people] = _after_shrinkage(here[people], serves[people], rules.shrinkage, load.interval_s // slot_s)
        own, within = load.of(queues_), np.array([goals[queue].within_s for queue in queues_])
        answered = lanes.answered(own, present=working[people], serves=serves[np.ix_(people, queues_)],
                                  within_s=within, slot_s=slot_s, seed=seed)  # fmt: skip
        for place, queue in enumerate(queues_):
            offered = own.counts[:, place]
            probability[queue] = required.met(answered[:, place], offered, target=goals[queue].target)
            level[queue] = answered[:, place].sum(axis=0) / np.maximum(1, offered.sum(axis=0))
            level[queue, ~offered.any(axis=0)] = 1.0
        occupied[queues_] = required.occupancy(own, _by_interval(working[people], intervals).sum(axis=0))
    there = able(working, workers, queues=queues, intervals=intervals)
    return Reached(probability, level, there, occupied)


def skills(workers: Sequence[Worker], *, queues: int) -> Bools:
    """Workers by queues: who serves what."""
    found = np.zeros((len(workers), queues), dtype=np.bool_)
    for place, worker in enumerate(workers):
        found[place, sorted(worker.skills)] = True
    return found


def able(here: Bools, workers: Sequence[Worker], *, queues: int, intervals: int) -> Floats:
    """Agents of `here` (workers by slots) who serve each queue, (queues, intervals), on average over the slots."""
    return np.asarray(skills(workers, queues=queues).T.astype(float) @ _by_interval(here, intervals))


def components(serves: Bools) -> list[tuple[list[int], list[int]]]:
    """Queues that share agents, directly or through others, and these agents; a queue without any stands alone."""
    left = set(range(serves.shape[1]))
    found = []
    while left:
        queues = {min(left)}
        while True:
            people = serves[:, sorted(queues)].any(axis=1)
            wider = queues | set(np.flatnonzero(serves[people].any(axis=0)).tolist())
            if wider == queues:
                break
            queues = wider
        left -= queues
        found.append((sorted(queues), np.flatnonzero(people).tolist()))
    return found


def stays_away(duties: Sequence[Duty], workers: Sequence[Worker], *, count: int) -> list[Duty]:
    """The duties that are left when on each day `count` of those rostered are sick, spread evenly over their skills."""
    left = []
    for day in sorted({duty.shift.day for duty in duties}):
        own = [duty for duty in duties if duty.shift.day == day]
        own.sort(key=lambda duty: (sorted(workers[duty.worker].skills), duty.shift.start, duty.worker))
        sick = _spread(len(own), min(count, len(own)), turn=day)
        left += [duty for place, duty in enumerate(own) if place not in sick]
    return left


def _terms(rules: Rules) -> Terms:
    asked = rules.rostering
    slots = 60 / asked.slot_min
    return Terms(asked.slot_min * 60, round(asked.rest_h * slots), asked.max_days_week, asked.missing_cost,
                 asked.idle_cost, asked.effort, rules.luck.seed)  # fmt: skip


def _covers(
    load: Load, goals: Sequence[Goal], positions: Ints, workers: Sequence[Worker], rules: Rules, waiting: Waiting | None
) -> list[Cover]:
    """What to cover: of a queue whose agents serve no other, its positions; where skills are shared, bounds.

    All agents of queues that share them must be as many as these need were they one queue: fewer cannot do (pooling,
    Gans, Koole and Mandelbaum 2003, section 5). Of each of these queues as many must be able as its part of that.
    """
    each = load.interval_s // (rules.rostering.slot_min * 60)
    found = []
    for queues, _ in components(skills(workers, queues=len(goals))):
        if len(queues) == 1:
            found.append(Cover(frozenset(queues), np.repeat(positions[queues[0]], each), idle=True))
            continue
        apart = positions[queues].sum(axis=0)
        together = np.minimum(apart, _pooled(load.of(queues), [goals[queue] for queue in queues], rules,
                                             waiting and waiting.of(queues)))  # fmt: skip
        for queue in queues:
            part = np.ceil(positions[queue] * together / np.maximum(1, apart) - 1e-9).astype(np.int64)
            found.append(Cover(frozenset([queue]), np.repeat(part, each)))
        found.append(Cover(frozenset(queues), np.repeat(together, each), idle=True))
    return found


def _pooled(load: Load, goals: Sequence[Goal], rules: Rules, waiting: Waiting | None) -> Ints:
    """Positions of these queues taken as one whose agents can serve all."""
    counts = load.counts[:_POOL_SCENARIOS].sum(axis=1, keepdims=True)
    work = (load.counts * load.handle_s)[:_POOL_SCENARIOS].sum(axis=1, keepdims=True)
    weight = load.counts.mean(axis=(0, 2)) / max(1e-9, load.counts.mean(axis=(0, 2)).sum())
    one = Load(load.interval_s, counts, np.maximum(1.0, work / np.maximum(1, counts)),
               np.array([weight @ load.handle_cv]), np.array([np.min(load.patience_s)]))  # fmt: skip
    goal = Goal(min(goal.target for goal in goals), max(goal.within_s for goal in goals),
                min(goal.probability for goal in goals), max(goal.max_occupancy for goal in goals), 0,
                all(goal.on_average for goal in goals))  # fmt: skip
    need = _roomy(required.needed(one, goal, seed=rules.luck.seed), one, goal, waiting)
    return required.positions(need.agents, shrinkage=rules.shrinkage)


def _repaired(
    covers: Sequence[Cover],
    found: Reached,
    here: Bools,
    workers: Sequence[Worker],
    goals: Sequence[Goal],
    load: Load,
) -> list[Cover] | None:
    """The covers with an agent of the skill more in each interval that misses, or None where none does.

    Only where skills are shared: of a queue by itself the cover is the need, and what is missing is missing people.
    """
    shared = {queue for cover in covers if len(cover.queues) > 1 for queue in cover.queues}
    each = len(covers[0].wanted) // load.counts.shape[2]
    serves = skills(workers, queues=len(goals))
    changed, anything = [], False
    for cover in covers:
        (queue, *others) = sorted(cover.queues)
        if others or queue not in shared:
            changed.append(cover)
            continue
        short = found.probability[queue] < goals[queue].probability - _NOISE
        if goals[queue].on_average and found.probability[queue].mean() >= goals[queue].probability:
            short = np.zeros_like(short)
        misses = np.repeat(short, each)
        step = np.repeat(np.where(found.probability[queue] < goals[queue].probability - _FAR, 2, 1), each)
        there = here[serves[:, queue]].sum(axis=0)
        more = np.where(
            misses, np.maximum(cover.wanted, np.minimum(there + step, serves[:, queue].sum())), cover.wanted
        )
        anything = anything or bool((more > cover.wanted).any())
        changed.append(replace(cover, wanted=more))
    return changed if anything else None


def _after_shrinkage(here: Bools, serves: Bools, shrinkage: float, each: int) -> Bools:
    """Who is at work of those rostered: in each interval the share is away that no roster shows, evenly over skills."""
    working = here.copy()
    order = np.lexsort(serves.T)
    for interval in range(here.shape[1] // each):
        inside = slice(interval * each, (interval + 1) * each)
        people = [place for place in order.tolist() if here[place, inside].any()]
        count = len(people) - int(required.at_work(np.array(len(people)), shrinkage=shrinkage))
        away = [people[place] for place in sorted(_spread(len(people), count, turn=interval))]
        working[away, inside] = False
    return working


def _spread(among: int, count: int, *, turn: int) -> set[int]:
    """So many places of a row, evenly apart, beginning elsewhere at each turn."""
    if count <= 0:
        return set()
    shift = (turn * 0.6180339887) % 1.0  # multiples of the golden ratio are spread evenly
    return {int((place + shift) * among / count) for place in range(count)}


def _by_interval(here: Bools, intervals: int) -> Floats:
    """Agents by intervals: the share of the interval's slots in which each is there."""
    return np.asarray(here.reshape(len(here), intervals, here.shape[1] // intervals).mean(axis=2))
