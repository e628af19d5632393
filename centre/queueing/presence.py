"""Who is there to answer, day by day: as the agents' states tell it, or as the contacts that they took betray it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from centre.queueing.call_log import DAY_S, NOBODY, Bools, CallLog, Floats, Ints
from centre.queueing.contacts import Agent, Spans
from centre.queueing.patience import NEVER, Patience, estimate

# An agent who is available does not leave a customer waiting for longer than a phone rings.
RING_S: Final = 10.0
# Away from the line with somebody waiting: up to this it is wrap-up that the log does not tell, above it a break.
BREAK_S: Final = 300.0
# An agent whom nobody saw for so long was not there, waiting customers or not.
UNSEEN_S: Final = 2700.0
# An agent serves the streams that are this share or more of what they took; the odd one was a favour.
SERVES: Final = 0.005
AT_WORK: Final = ("available", "busy", "wrap_up")
IN_CONTACT: Final = ("busy", "wrap_up")
NO_DAY: Final = -1
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True)
class Presence:
    """Spans at work of each agent on each day (seconds from that day's midnight), and wrap-up that no log tells.

    `serves`: agents by streams. `spans[agent][day]`. `wrap_up` is None where handle times hold all of it.
    """

    serves: Bools
    spans: tuple[tuple[Spans, ...], ...]
    wrap_up: Patience | None

    def at_work_s(self, log: CallLog) -> Floats:
        """Seconds at work of each agent over all days of the log that was fitted."""
        plan = range(log.days)
        return at_work_s([_laid_out(own, plan) for own in self.spans], log)

    def chosen(self, count: int | None) -> list[int]:
        """Places of the agents of a roster of `count`: who worked most first, then the same again as copies.

        Without a count everybody, in order.
        """
        if count is None:
            return list(range(len(self.spans)))
        order = sorted(range(len(self.spans)), key=lambda agent: (-self._worked_s(agent), agent))
        return [order[place % len(order)] for place in range(count)]

    def roster(self, chosen: Sequence[int], *, plan: Sequence[int]) -> list[Agent]:
        """These agents over as many days as the plan has: on each they are there as on that day of the log."""
        return [
            Agent(frozenset(np.flatnonzero(self.serves[agent]).tolist()), _laid_out(self.spans[agent], plan))
            for agent in chosen
        ]

    def _worked_s(self, agent: int) -> float:
        return sum(end - start for own in self.spans[agent] for start, end in own)


def fit(log: CallLog, states: pa.Table | None = None, *, time_zone: str = "UTC") -> Presence:
    """When each agent was at work: by `states` (agent_id, changed_at, state) for those who have any, else inferred.

    Inferred, an agent is there from the first answer of a day to the last end. In a gap between two contacts the agent
    was not available while a customer waited whom the agent could serve: up to BREAK_S of that is wrap-up that the log
    does not tell, more is a break; and nobody is there through a gap of UNSEEN_S. Who left, by the states, with the end
    of a contact was to leave at some time during it: in the middle, for want of better.
    """
    serves = _serves(log)
    gaps = [_gaps(log, agent, _waiting(log, serves[agent])) for agent in range(len(log.agents))]
    told = _by_states(log, states, time_zone) if states is not None else {}
    spans = tuple(told.get(name) or _inferred(log.days, gaps[place]) for place, name in enumerate(log.agents))
    return Presence(serves, spans, None if told else _wrap_up(gaps))


@dataclass(frozen=True)
class _Gaps:
    """An agent's legs in order: answered, ended; and of the time after each, until when somebody was surely waiting.

    `busy_until_s`: the last moment before the next answer at which a customer waited whom the agent could serve.
    `unbroken_until_s`: up to when somebody waited without a break from the end of the contact on; nan where nobody did.
    """

    answered_s: Floats
    ended_s: Floats
    busy_until_s: Floats
    unbroken_until_s: Floats


def _serves(log: CallLog) -> Bools:
    """Agents by streams; a stream whose agents nobody knows is everybody's."""
    counts = np.zeros((len(log.agents), len(log.streams)))
    named = log.agent != NOBODY
    np.add.at(counts, (log.agent[named], log.stream[named]), 1.0)
    return np.asarray((counts > SERVES * counts.sum(axis=1, keepdims=True)) | (counts.sum(axis=0) == 0))


def _waiting(log: CallLog, serves: Bools) -> tuple[Floats, Floats]:
    """Disjoint periods, as starts and ends, in which a customer of these streams waited longer than a phone rings."""
    here = np.flatnonzero(serves[log.stream] & (log.wait_s > RING_S))
    starts, ends = log.queued_s[here] + RING_S, log.answered_s[here]
    if not len(here):
        return starts, ends
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    begins = np.append(True, starts[1:] > reach[:-1])
    return starts[begins], reach[np.append(np.flatnonzero(begins)[1:] - 1, len(reach) - 1)]


def _gaps(log: CallLog, agent: int, waiting: tuple[Floats, Floats]) -> _Gaps:
    own = np.flatnonzero(log.agent == agent)
    own = own[np.argsort(log.answered_s[own], kind="stable")]
    answered, ended = log.answered_s[own], np.maximum.accumulate(log.ended_s[own])
    until = np.append(answered[1:], ended[-1:])
    starts, ends = waiting
    if not len(starts):
        return _Gaps(answered, ended, ended, np.full(len(own), np.nan))
    last = np.searchsorted(starts, until, side="right") - 1
    busy = np.where(last >= 0, np.minimum(ends[np.maximum(last, 0)], until), ended)
    at_end = np.searchsorted(starts, ended, side="right") - 1
    held = (at_end >= 0) & (ends[np.maximum(at_end, 0)] >= ended)
    unbroken = np.where(held, np.minimum(ends[np.maximum(at_end, 0)], np.maximum(until, ended)), np.nan)
    return _Gaps(answered, ended, np.maximum(busy, ended), unbroken)


def _wrap_up(gaps: Sequence[_Gaps]) -> Patience | None:
    """The time from a contact to the next while somebody waits; censored where the line emptied, or by a break."""
    spells, taken = [], []
    for one in gaps:
        seen = ~np.isnan(one.unbroken_until_s[:-1])
        spell = (one.unbroken_until_s - one.ended_s)[:-1][seen]
        spells.append(np.minimum(spell, BREAK_S))
        taken.append((one.unbroken_until_s[:-1] >= one.answered_s[1:] - 1.0)[seen] & (spell < BREAK_S))
    found = estimate(np.concatenate(spells), abandoned=np.concatenate(taken)) if spells else NEVER
    return found if len(found.survival.times_s) else None


def _inferred(days: int, gaps: _Gaps) -> tuple[Spans, ...]:
    """Spans by day: an agent who goes comes back when last seen missing, or with the next answer."""
    ended, answered, busy = gaps.ended_s[:-1], gaps.answered_s[1:], gaps.busy_until_s[:-1]
    unseen = (answered - ended >= UNSEEN_S) | (answered // DAY_S != gaps.answered_s[:-1] // DAY_S)
    gone = unseen | (busy - ended > BREAK_S)
    starts = np.append(gaps.answered_s[:1], np.where(unseen, answered, busy)[gone])
    ends = np.append(ended[gone], gaps.ended_s[-1:])
    return _by_day(days, starts, ends)


def at_work_s(spans: Sequence[Spans], log: CallLog) -> Floats:
    """Seconds at work of each agent: the spans, and what the last contact in one needed beyond its end."""
    worked = np.zeros(len(spans))
    for agent, own in enumerate(spans):
        if not own:
            continue
        starts, ends = np.array(own).T
        legs = log.agent == agent
        place = np.searchsorted(starts, log.answered_s[legs], side="right") - 1
        beyond = np.zeros(len(own))
        np.maximum.at(beyond, place[place >= 0], (log.ended_s[legs] - ends[place])[place >= 0])
        worked[agent] = (ends - starts + np.minimum(beyond, np.append(starts[1:], np.inf) - ends)).sum()
    return worked


def _by_states(log: CallLog, states: pa.Table, time_zone: str) -> dict[str, tuple[Spans, ...]]:
    """Spans by day of each agent of the log whose states are told: from a state at work to one that is not."""
    wall = pc.local_timestamp(states["changed_at"].cast(pa.timestamp("us", tz=time_zone)))
    first = (log.first_day - _EPOCH).days * float(DAY_S)
    at_s = np.asarray(wall.cast(pa.int64()), dtype=np.int64) / 1e6 - first
    state = np.asarray(states["state"].to_pylist(), dtype=object)
    names = np.asarray(states["agent_id"].to_pylist(), dtype=object)
    found = {}
    for name in set(log.agents) & set(names.tolist()):
        own = np.flatnonzero(names == name)
        own = own[np.argsort(at_s[own], kind="stable")]
        found[name] = _by_day(log.days, *_worked(at_s[own], state[own], until_s=log.days * float(DAY_S)))
    return found


def _worked(at_s: Floats, state: Any, *, until_s: float) -> tuple[Floats, Floats]:
    """Starts and ends of the spans of one agent, from the changes of state in order of time."""
    working = np.isin(state, AT_WORK)
    changes = np.flatnonzero(np.diff(working.astype(np.int64), prepend=0))
    comes, leaves = changes[working[changes]], changes[~working[changes]]
    taken = np.where(state == "busy", np.arange(len(state)), -1)
    last_taken = np.maximum.accumulate(taken)[leaves - 1]
    middle = (at_s[np.maximum(last_taken, 0)] + at_s[leaves]) / 2
    ends = np.where(np.isin(state[leaves - 1], IN_CONTACT) & (last_taken >= 0), middle, at_s[leaves])
    return at_s[comes], np.append(ends, until_s)[: len(comes)]


def _by_day(days: int, starts: Floats, ends: Floats) -> tuple[Spans, ...]:
    spans: list[list[tuple[float, float]]] = [[] for _ in range(days)]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        day = int(start // DAY_S)
        if 0 <= day < days and end > start:
            spans[day].append((start - day * DAY_S, end - day * DAY_S))
    return tuple(tuple(own) for own in spans)


def days_in_turn(weekdays: Ints, *, first_weekday: int, days: int) -> list[int]:
    """For each day to play the day of the log that it repeats: those of its weekday by turns, NO_DAY without one."""
    of_weekday = [np.flatnonzero(weekdays == weekday).tolist() for weekday in range(7)]
    plan = []
    for day in range(days):
        own = of_weekday[(first_weekday + day) % 7]
        plan.append(own[(day // 7) % len(own)] if own else NO_DAY)
    return plan


def _laid_out(days: Sequence[Spans], plan: Sequence[int]) -> Spans:
    """The spans of the planned days one after another, joined where a night shift runs into the next day."""
    joined: list[tuple[float, float]] = []
    for number, day in enumerate(plan):
        for start, end in days[day] if day != NO_DAY else ():
            begins, ends = number * DAY_S + start, number * DAY_S + end
            if joined and begins <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
            else:
                joined.append((begins, ends))
    return tuple(joined)
