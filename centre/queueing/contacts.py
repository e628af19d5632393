"""What the engine plays with and what it tells: contacts, agents, legs, changes of state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final

# Agents who are free for a contact, and how long each has been, in seconds.
Free = tuple[tuple[int, ...], tuple[float, ...]]

# Disjoint, ordered periods as (start, end) seconds.
Spans = tuple[tuple[float, float], ...]

ALWAYS: Final[Spans] = ((0.0, inf),)


@dataclass(slots=True, eq=False)
class Contact:
    """One customer who wants one skill. Smaller `priority` is served first; `patience_s` bounds the wait.

    `shares`: it needs one of an agent's places (a chat), not the whole agent (a call). `since_s`: its place in line
    counts from then, as of a transfer that keeps its place; None is from its own arrival.
    """

    key: int
    arrives_s: float
    skill: int
    priority: int = 0
    patience_s: float = inf
    waiting: bool = False
    shares: bool = False
    since_s: float | None = None

    @property
    def stands_since_s(self) -> float:
        """Of two equally urgent contacts the one that stands longer is served first."""
        return self.arrives_s if self.since_s is None else self.since_s


@dataclass(frozen=True, slots=True)
class Agent:
    """What an agent can do and when: spans of work, breaks within them, and places for contacts side by side."""

    skills: frozenset[int]
    spans: Spans = ALWAYS
    breaks: Spans = ()
    places: int = 1


@dataclass(slots=True, eq=False)
class Leg:
    """What became of one contact. `agent` is None when it abandoned; `eligible` are those free when it was assigned.

    `idle_s`: how long each of the eligible had been free by then; 0 for one who took it from the queue, and for one
    who held another contact beside it.
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
    """An agent's state from this moment: available, busy (with one contact or more), break or away."""

    at_s: float
    agent: int
    state: str


@dataclass(slots=True)
class Run:
    """What the engine saw: legs in order of their end, state changes in order of time, contacts still waiting."""

    legs: list[Leg] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unserved: list[Contact] = field(default_factory=list)


def worked(agent: Agent) -> Iterator[tuple[float, float]]:
    """The agent's spans without the breaks in them, in order."""
    for begins, ends in agent.spans:
        at = begins
        for leaves, returns in agent.breaks:
            if at < returns and leaves < ends:
                if leaves > at:
                    yield at, leaves
                at = returns
        if at < ends:
            yield at, ends


def why_away(agent: Agent, at_s: float) -> str:
    """The state of an agent who takes no contact now: break, or away."""
    return "break" if any(leaves <= at_s < returns for leaves, returns in agent.breaks) else "away"
