"""How many agents each interval of a queue needs so that it meets its service level with the stated probability.

A half hour's service level is itself random: of 10 to 200 contacts some meet a bad minute, and the rate is not what was
expected (Steckley, Henderson and Mehrotra 2009, "Forecast errors in service systems"; Gans, Koole and Mandelbaum 2003,
section 4.4). Erlang's formulas give the mean of a steady state; a mean of 80% is met in about half of the intervals.
So agents are counted by the share of scenarios in which the interval itself meets its target, each played from where
the interval before left it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from centre.staffing import lanes
from centre.staffing.load import Floats, Ints, Load
from data_contracts.errors import InputError

# A share that lies on its target is met, whatever its last bit says.
_BIT: Final = 1e-9
# Who is added after the whole day was played: what one interval leaves behind rarely reaches beyond the next.
_ROUNDS: Final = 8
# Nobody has more agents in one queue; a need beyond is a forecast that went wrong.
MOST_AGENTS: Final = 5_000


@dataclass(frozen=True)
class Goal:
    """A service level (`target` of the contacts offered in an interval answered within `within_s`), and its limits.

    Each interval meets it with `probability`, or, `on_average`, the intervals of the plan do: agents come whole, so
    that each interval alone is mostly surer than asked. Agents are busy `max_occupancy` of their time or less, as
    expected over the scenarios; an interval that may have contacts has `min_agents` or more.
    """

    target: float
    within_s: float
    probability: float
    max_occupancy: float
    min_agents: int
    on_average: bool = False


@dataclass(frozen=True)
class Need:
    """Of one queue, by interval: agents at work, the probability that they meet the goal, how busy they will be."""

    agents: Ints
    probability: Floats
    occupancy: Floats


def met(answered: Ints, offered: Ints, *, target: float) -> Floats:
    """The share of scenarios that meet the target, by interval: without a contact nobody waits, and it is met."""
    return np.asarray((answered >= target * offered - _BIT).mean(axis=0))


def needed(load: Load, goal: Goal, *, seed: int, told: Load | None = None) -> Need:
    """The fewest agents of a queue of its own (`load` of one queue), interval by interval.

    The probability is told by scenarios that did not choose the agents (`told`, or the same counts with other luck):
    whoever takes the first count that reaches 90% takes a lucky one too often. Raises InputError for a need that no
    centre has.
    """
    least = _least(load, goal)
    agents = _forward(load, goal, least, seed=seed)
    for _ in range(_ROUNDS):
        short = (_probability(load, agents, goal, seed=seed) < goal.probability - _BIT) & (agents > 0)
        if not short.any():
            break
        agents = agents + short
    if goal.on_average:
        agents = _shed(load, agents, goal, least, seed=seed)
    said = _probability(told or load, agents, goal, seed=seed + 1)
    return Need(agents, said, occupancy(load, agents))


def occupancy(load: Load, agents: Ints) -> Floats:
    """Expected work over the time of so many agents (intervals,), at most 1; 0 without agents."""
    work = load.erlangs.sum(axis=0)
    return np.asarray(np.minimum(1.0, np.divide(work, agents, out=np.zeros(len(work)), where=agents > 0)))


def positions(agents: Ints, *, shrinkage: float) -> Ints:
    """Agents to roster so that so many are at work: over (1 - shrinkage), rounded up."""
    return np.ceil(agents / (1.0 - shrinkage) - _BIT).astype(np.int64)


def at_work(rostered: Ints, *, shrinkage: float) -> Ints:
    """Of so many rostered, those who are at work: the inverse of `positions`, rounded down."""
    return np.asarray(np.floor(rostered * (1.0 - shrinkage) + _BIT), dtype=np.int64)


def one_queue(agents: Ints) -> tuple[lanes.Bools, lanes.Bools]:
    """Presence (agents, intervals) and skills of a queue with so many agents in each interval, the same ones first."""
    present = np.arange(int(agents.max(initial=0)))[:, None] < agents
    return present, np.ones((len(present), 1), dtype=np.bool_)


def _probability(load: Load, agents: Ints, goal: Goal, *, seed: int) -> Floats:
    present, serves = one_queue(agents)
    answered = lanes.answered(load, present=present, serves=serves, within_s=np.array([goal.within_s]),
                              slot_s=load.interval_s, seed=seed)  # fmt: skip
    return met(answered[:, 0], load.counts[:, 0], target=goal.target)


def _shed(load: Load, agents: Ints, goal: Goal, least: Ints, *, seed: int) -> Ints:
    """One agent fewer where that costs least, as long as the intervals on average meet the goal with its probability.

    Tried for every other interval at once, as an interval bears what the one before left behind.
    """
    open_ = np.flatnonzero(least)
    before = _probability(load, agents, goal, seed=seed)
    loss = np.full(len(agents), np.inf)
    for turn in range(2):
        fewer = agents.copy()
        tried = open_[turn::2][agents[open_[turn::2]] > least[open_[turn::2]]]
        fewer[tried] -= 1
        loss[tried] = (before - _probability(load, fewer, goal, seed=seed))[tried]
    order = [place for place in np.argsort(loss, kind="stable").tolist() if np.isfinite(loss[place])]
    low, high = 0, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        fewer = agents.copy()
        fewer[order[:middle]] -= 1
        enough = _probability(load, fewer, goal, seed=seed)[open_].mean() >= goal.probability - _BIT
        low, high = (middle, high) if enough else (low, middle - 1)
    shed = agents.copy()
    shed[order[:low]] -= 1
    return shed


def _least(load: Load, goal: Goal) -> Ints:
    """Agents by the limits alone."""
    busy = np.ceil(load.erlangs[0] / goal.max_occupancy - _BIT).astype(np.int64)
    if int(busy.max(initial=0)) > MOST_AGENTS:
        raise InputError("no centre has so many agents", expected=f"{MOST_AGENTS} or fewer in a queue",
                         came=str(busy.max()), remedy="Look at the forecast.")  # fmt: skip
    return np.asarray(np.maximum(busy, max(1, goal.min_agents)) * load.counts[:, 0].any(axis=0))


def _forward(load: Load, goal: Goal, least: Ints, *, seed: int) -> Ints:
    """Interval by interval, the fewest agents that do, each from where the fewest before left it."""
    chosen = np.zeros(len(least), dtype=np.int64)
    free_s = np.zeros((len(load.counts), 0))
    for interval in np.flatnonzero(least).tolist():
        turn = _Turn(lanes.arriving(load, interval, seed=seed), load.counts[:, 0, interval], goal, free_s)
        chosen[interval] = turn.fewest(least=int(least[interval]), guess=_guess(load, interval))
        free_s = turn.after(int(chosen[interval]))
    return chosen


def _guess(load: Load, interval: int) -> int:
    """The square-root rule with the load's own spread (Garnett, Mandelbaum and Reiman 2002; Whitt 1999)."""
    work = load.counts[:, 0, interval] * load.handle_s[:, 0, interval] / load.interval_s
    return ceil(float(np.quantile(work, 0.9)))


class _Turn:
    """One interval, tried with different counts of agents from the same state."""

    def __init__(self, coming: lanes.Arriving, offered: Ints, goal: Goal, free_s: Floats) -> None:
        self._coming, self._offered, self._goal, self._before = coming, offered, goal, free_s
        self._tried: dict[int, tuple[bool, Floats]] = {}

    def fewest(self, *, least: int, guess: int) -> int:
        """The fewest agents, `least` or more, that meet the goal: down from a guess that does, or up from one."""
        count = max(least, guess)
        if self._does(count):
            while count > least and self._does(count - 1):
                count -= 1
            return count
        while not self._does(count):
            count += 1
        return count

    def after(self, count: int) -> Floats:
        """When each agent is free after the interval was played with so many."""
        self._does(count)
        return self._tried[count][1]

    def _does(self, count: int) -> bool:
        if count not in self._tried:
            wide = max(count, self._before.shape[1])
            after = np.zeros((len(self._before), wide))
            after[:, : self._before.shape[1]] = self._before
            free_s = np.ascontiguousarray(after[:, :count])
            waits = lanes.serve(self._coming, free_s)
            after[:, :count] = free_s
            soon = (waits <= self._goal.within_s).sum(axis=0)
            share = float(met(soon, self._offered, target=self._goal.target))
            self._tried[count] = (share >= self._goal.probability - _BIT, after)
        return self._tried[count][0]
