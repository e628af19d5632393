"""A discrete-event engine for queues of contacts and agents: skills, priorities, patience, shifts, chats, follow-ups.

Small on purpose and fast: one heap of pending happenings, one heap of waiting contacts for each skill. It knows
nothing of where contacts come from or how long they take: a `Service` says so, and a `Policy` decides who takes whom.
Times are seconds from an origin that the caller chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, Final, Protocol

from centre.queueing.contacts import ALWAYS, Agent, Change, Contact, Free, Leg, Run, why_away, worked
from centre.queueing.sharing import Desks

__all__ = ["ALWAYS", "Agent", "Change", "Contact", "Leg", "Policy", "Run", "Service", "run"]

# A line of those who wait for one skill: priority, since when, number, contact.
Lines = dict[int, list[tuple[int, float, int, Contact]]]

ARRIVAL: Final = 0
ABANDON: Final = 1
FINISH: Final = 2
COME: Final = 3
LEAVE: Final = 4


class Policy(Protocol):
    """Who takes whom. Both questions name only what may be chosen; neither may hold a contact back."""

    def agent_for(self, contact: Contact, eligible: Sequence[int], now_s: float) -> tuple[int, float]:
        """One of the `eligible` agents and the probability with which it was chosen.

        The idle stand first, longest idle ahead; for a contact that shares, those who hold fewest others follow.
        """
        ...

    def contact_for(self, agent: int, heads: Sequence[Contact], now_s: float) -> int:
        """The place in `heads` (first of each line that the freed agent serves) of the contact to take."""
        ...


class Service(Protocol):
    """What happens between a contact and its agent, and because of it. May add `sharing.Multitasking`."""

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        """Seconds of work, wrap-up included: so long is the agent taken, unless others are held beside and slow it."""
        ...

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        """Contacts that come because of this one (transfer, repeat), at or after its end."""
        ...


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

    An agent whose span ends, or whose break begins, while taken finishes that contact first; the break ends when it
    was to. A contact that shares takes one of an agent's places, any other the whole agent; while one waits that needs
    the whole agent and is more urgent, no more that share are laid beside what the agent holds. Ties in time happen in
    the order given.
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
        self.lines: Lines = {}
        self.sharing_lines: Lines = {}  # of those who need a place only
        self.desks = Desks(agents, service)
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
        lines = (*self.lines.values(), *self.sharing_lines.values())
        waiting = [entry[3] for line in lines for entry in line if entry[3].waiting]
        self.out.unserved = sorted(waiting, key=lambda contact: (contact.arrives_s, contact.key))
        return self.out

    def _open(self, contacts: Iterable[Contact]) -> None:
        for place, agent in enumerate(self.agents):
            for start, end in worked(agent):
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
        if contact.shares:
            eligible += [agent for agent in self.desks.with_room() if agent in able and self._open_to(contact, agent)]
        if eligible:
            agent, propensity = self.policy.agent_for(contact, eligible, now)
            idle_s = tuple([now - self.idle.get(one, now) for one in eligible])
            self.idle.pop(agent, None)
            self._start(contact, agent, (tuple(eligible), idle_s), propensity, now)
            return
        contact.waiting = True
        self.count += 1
        lines = self.sharing_lines if contact.shares else self.lines
        line = lines.setdefault(contact.skill, [])
        heappush(line, (contact.priority, contact.stands_since_s, self.count, contact))
        if contact.patience_s < inf:
            self._push(now + contact.patience_s, ABANDON, contact)

    def _open_to(self, contact: Contact, agent: int) -> bool:
        """Whether an agent who holds others takes this one too: at work, and nobody more urgent needs all of them."""
        return agent in self.on_shift and not any(
            head.priority < contact.priority for head in self._heads(agent, self.lines)
        )

    def _abandon(self, contact: Contact, now: float) -> None:
        if contact.waiting:
            contact.waiting = False
            self._end(Leg(contact, contact.arrives_s, now, now, None, (), 1.0))

    def _start(self, contact: Contact, agent: int, free: Free, propensity: float, now: float) -> None:
        if agent not in self.taken:
            self.taken.add(agent)
            self._note(now, agent, "busy")
        work_s = self.service.handle_s(contact, agent, now)
        ends = now + work_s
        eligible, idle_s = free
        leg = Leg(contact, contact.arrives_s, now, ends, agent, eligible, propensity, idle_s)
        if contact.shares:
            self._plan(self.desks.take(agent, leg, work_s, now))
        else:
            self._push(ends, FINISH, leg)

    def _plan(self, legs: Iterable[Leg]) -> None:
        for leg in legs:
            self._push(leg.ended_s, FINISH, leg)

    def _finish(self, leg: Leg, now: float) -> None:
        agent = leg.agent
        if agent is None:
            raise ValueError("only a contact with an agent can be finished")
        if leg.contact.shares:
            if not self.desks.ends(leg, now):
                return
            self._plan(self.desks.drop(agent, leg, now))
            if self.desks.held(agent):
                self._end(leg)
                self._fill(agent, now)
                return
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
        elif self.desks.held(agent):
            self._fill(agent, now)

    def _leave(self, agent: int, now: float) -> None:
        self.on_shift.discard(agent)
        if self.idle.pop(agent, None) is not None:
            self._note(now, agent, why_away(self.agents[agent], now))

    def _free(self, agent: int, now: float) -> None:
        """An agent with nothing in hand takes the next contact, or is available, or goes."""
        if agent not in self.on_shift:
            self._note(now, agent, why_away(self.agents[agent], now))
            return
        heads = self._heads(agent, self.lines)
        if self.sharing_lines:
            heads += self._heads(agent, self.sharing_lines)
        if not heads:
            self.idle[agent] = now
            self._note(now, agent, "available")
            return
        contact = self._take(agent, heads, now)
        if contact.shares:
            self._fill(agent, now)

    def _fill(self, agent: int, now: float) -> None:
        """An agent who holds contacts that share takes more of them, as long as a place is free and one waits."""
        while agent in self.on_shift and self.desks.has_room(agent):
            heads = [head for head in self._heads(agent, self.sharing_lines) if self._open_to(head, agent)]
            if not heads:
                return
            self._take(agent, heads, now)

    def _take(self, agent: int, heads: list[Contact], now: float) -> Contact:
        contact = heads[self.policy.contact_for(agent, heads, now)]
        contact.waiting = False
        self._start(contact, agent, ((agent,), (0.0,)), 1.0, now)
        return contact

    def _heads(self, agent: int, lines: Lines) -> list[Contact]:
        heads = []
        for skill in self.skills[agent]:
            line = lines.get(skill)
            while line and not line[0][3].waiting:
                heappop(line)
            if line:
                heads.append(line[0][3])
        return heads
