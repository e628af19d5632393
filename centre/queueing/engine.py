"""A discrete-event engine for queues of contacts and agents: multi-skill, priorities, patience, shifts, follow-ups.

Small on purpose and fast: one heap of pending happenings, one heap of waiting contacts for each skill. It knows
nothing of where contacts come from or how long they take: a `Service` says so, and a `Policy` decides who takes whom.
Times are seconds from an origin that the caller chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, Final, Protocol

ARRIVAL: Final = 0
ABANDON: Final = 1
FINISH: Final = 2
COME: Final = 3
LEAVE: Final = 4

# Agents who are free for a contact, and how long each has been, in seconds.
Free = tuple[tuple[int, ...], tuple[float, ...]]

ALWAYS: Final[tuple[tuple[float, float], ...]] = ((0.0, inf),)


@dataclass(slots=True, eq=False)
class Contact:
    """One customer who wants one skill. Smaller `priority` is served first; `patience_s` bounds the wait."""

    key: int
    arrives_s: float
    skill: int
    priority: int = 0
    patience_s: float = inf
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """What an agent can do and when: disjoint, ordered spans of work as (start, end) seconds."""

    skills: frozenset[int]
    spans: tuple[tuple[float, float], ...] = ALWAYS


@dataclass(slots=True, eq=False)
class Leg:
    """What became of one contact. `agent` is None when it abandoned; `eligible` are those free when it was assigned.

    `idle_s`: how long each of the eligible had been free by then; 0 for one who took it from the queue.
    """

    contact: Contact
    queued_s: float
    answered_s: float
    ended_s: float
    agent: int | None
    eligible: tuple[int, ...]
    propensity: float
    idle_s: tuple[float, ...] = ()

    @property
    def wait_s(self) -> float:
        """Seconds from queued to answered or given up."""
        return self.answered_s - self.queued_s


@dataclass(frozen=True, slots=True)
class Change:
    """An agent's state from this moment: available, busy or away."""

    at_s: float
    agent: int
    state: str


class Policy(Protocol):
    """Who takes whom. Both questions name only what may be chosen; neither may hold a contact back."""

    def agent_for(self, contact: Contact, eligible: Sequence[int], now_s: float) -> tuple[int, float]:
        """One of the free `eligible` agents (longest idle first) and the probability with which it was chosen."""
        ...

    def contact_for(self, agent: int, heads: Sequence[Contact], now_s: float) -> int:
        """The place in `heads` (first of each line that the freed agent serves) of the contact to take."""
        ...


class Service(Protocol):
    """What happens between a contact and its agent, and because of it."""

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        """Seconds for which the agent is taken by this contact, wrap-up included."""
        ...

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        """Contacts that come because of this one (transfer, repeat), at or after its end."""
        ...


@dataclass(slots=True)
class Run:
    """What the engine saw: legs in order of their end, state changes in order of time, contacts still waiting."""

    legs: list[Leg] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unserved: list[Contact] = field(default_factory=list)


def run(
    contacts: Iterable[Contact],
    *,
    agents: Sequence[Agent],
    policy: Policy,
    service: Service,
    until_s: float = inf,
    keep_changes: bool = False,
) -> Run:
    """Play the contacts against the agents and return what happened up to `until_s`.

    An agent whose span ends while taken finishes that contact first. Ties in time happen in the order given.
    """
    return _Play(agents, policy, service, keep_changes).play(contacts, until_s)


class _Play:
    """The state of one run."""

    def __init__(self, agents: Sequence[Agent], policy: Policy, service: Service, keep_changes: bool) -> None:
        self.agents = agents
        self.policy = policy
        self.service = service
        self.keep_changes = keep_changes
        self.out = Run()
        self.heap: list[tuple[float, int, int, object]] = []
        self.count = 0
        self.idle: dict[int, float] = {}  # insertion order is order of becoming idle: the longest idle stand first
        self.taken: set[int] = set()
        self.on_shift: set[int] = set()
        self.lines: dict[int, list[tuple[int, float, int, Contact]]] = {}
        self.skills = [tuple(sorted(agent.skills)) for agent in agents]
        self.able: dict[int, frozenset[int]] = {}

    def play(self, contacts: Iterable[Contact], until_s: float) -> Run:
        """Work the heap off, earliest first."""
        self._open(contacts)
        act: tuple[Callable[[Any, float], None], ...] = (
            self._arrive,
            self._abandon,
            self._finish,
            self._come,
            self._leave,
        )
        heap = self.heap
        while heap:
            now, _, kind, what = heappop(heap)
            if now > until_s:
                break
            act[kind](what, now)
        waiting = [entry[3] for line in self.lines.values() for entry in line if entry[3].waiting]
        self.out.unserved = sorted(waiting, key=lambda contact: (contact.arrives_s, contact.key))
        return self.out

    def _open(self, contacts: Iterable[Contact]) -> None:
        for place, agent in enumerate(self.agents):
            for start, end in agent.spans:
                self._later(start, COME, place)
                if end < inf:
                    self._later(end, LEAVE, place)
        for contact in contacts:
            self._later(contact.arrives_s, ARRIVAL, contact)
        heapify(self.heap)

    def _later(self, at: float, kind: int, what: object) -> None:
        self.count += 1
        self.heap.append((at, self.count, kind, what))

    def _push(self, at: float, kind: int, what: object) -> None:
        self.count += 1
        heappush(self.heap, (at, self.count, kind, what))

    def _note(self, now: float, agent: int, state: str) -> None:
        if self.keep_changes:
            self.out.changes.append(Change(now, agent, state))

    def _able(self, skill: int) -> frozenset[int]:
        if skill not in self.able:
            self.able[skill] = frozenset(n for n, agent in enumerate(self.agents) if skill in agent.skills)
        return self.able[skill]

    def _arrive(self, contact: Contact, now: float) -> None:
        able = self._able(contact.skill)
        eligible = [agent for agent in self.idle if agent in able]
        if eligible:
            agent, propensity = self.policy.agent_for(contact, eligible, now)
            idle_s = tuple(now - self.idle[one] for one in eligible)
            del self.idle[agent]
            self._start(contact, agent, (tuple(eligible), idle_s), propensity, now)
            return
        contact.waiting = True
        self.count += 1
        line = self.lines.setdefault(contact.skill, [])
        heappush(line, (contact.priority, contact.arrives_s, self.count, contact))
        if contact.patience_s < inf:
            self._push(now + contact.patience_s, ABANDON, contact)

    def _abandon(self, contact: Contact, now: float) -> None:
        if contact.waiting:
            contact.waiting = False
            self._end(Leg(contact, contact.arrives_s, now, now, None, (), 1.0))

    def _start(self, contact: Contact, agent: int, free: Free, propensity: float, now: float) -> None:
        self.taken.add(agent)
        self._note(now, agent, "busy")
        ends = now + self.service.handle_s(contact, agent, now)
        eligible, idle_s = free
        self._push(ends, FINISH, Leg(contact, contact.arrives_s, now, ends, agent, eligible, propensity, idle_s))

    def _finish(self, leg: Leg, now: float) -> None:
        agent = leg.agent
        if agent is None:
            raise ValueError("only a contact with an agent can be finished")
        self.taken.discard(agent)
        self._end(leg)
        self._free(agent, now)

    def _end(self, leg: Leg) -> None:
        self.out.legs.append(leg)
        for contact in self.service.follow_ups(leg):
            self._push(contact.arrives_s, ARRIVAL, contact)

    def _come(self, agent: int, now: float) -> None:
        self.on_shift.add(agent)
        if agent not in self.taken and agent not in self.idle:
            self._free(agent, now)

    def _leave(self, agent: int, now: float) -> None:
        self.on_shift.discard(agent)
        if self.idle.pop(agent, None) is not None:
            self._note(now, agent, "away")

    def _free(self, agent: int, now: float) -> None:
        if agent not in self.on_shift:
            self._note(now, agent, "away")
            return
        heads = self._heads(agent)
        if not heads:
            self.idle[agent] = now
            self._note(now, agent, "available")
            return
        contact = heads[self.policy.contact_for(agent, heads, now)]
        contact.waiting = False
        self._start(contact, agent, ((agent,), (0.0,)), 1.0, now)

    def _heads(self, agent: int) -> list[Contact]:
        heads = []
        for skill in self.skills[agent]:
            line = self.lines.get(skill)
            while line and not line[0][3].waiting:
                heappop(line)
            if line:
                heads.append(line[0][3])
        return heads
