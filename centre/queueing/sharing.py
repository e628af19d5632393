"""Contacts that an agent holds side by side: who has room for one more, and when each ends as the others slow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from centre.queueing.contacts import Agent, Leg


@runtime_checkable
class Multitasking(Protocol):
    """What a `Service` may add: how fast work goes when an agent does several things at once."""

    def speed(self, agent: int, held: int) -> float:
        """Seconds of work done on each contact in one second while the agent holds `held` of them; 1 when alone."""
        ...


class Desks:
    """The contacts that each agent holds side by side, with the seconds of work that are left of each.

    Work is shared out continuously: a chat that is alone at first and then one of two runs at full speed first.
    """

    def __init__(self, agents: Sequence[Agent], service: object) -> None:
        self._places = [agent.places for agent in agents]
        self._speed = service.speed if isinstance(service, Multitasking) else None
        self._held: dict[int, dict[Leg, float]] = {}
        self._since: dict[int, float] = {}

    def take(self, agent: int, leg: Leg, work_s: float, now_s: float) -> list[Leg]:
        """Lay a contact beside the others; returns those whose end is another now, the new one among them."""
        self._work_on(agent, now_s)
        self._held.setdefault(agent, {})[leg] = work_s
        return [leg, *(moved for moved in self._moved(agent, now_s) if moved is not leg)]

    def drop(self, agent: int, leg: Leg, now_s: float) -> list[Leg]:
        """Take an ended contact away; returns those whose end is another now."""
        self._work_on(agent, now_s)
        del self._held[agent][leg]
        if not self._held[agent]:
            del self._held[agent]
            return []
        return self._moved(agent, now_s)

    def ends(self, leg: Leg, now_s: float) -> bool:
        """Whether a contact ends now: its end may have been planned anew since this moment was noted."""
        return leg.agent is not None and leg.ended_s == now_s and leg in self._held.get(leg.agent, ())

    def held(self, agent: int) -> int:
        """How many contacts an agent holds side by side."""
        return len(self._held.get(agent, ()))

    def has_room(self, agent: int) -> bool:
        """Whether a place is free beside what the agent holds."""
        return self.held(agent) < self._places[agent]

    def with_room(self) -> Iterator[int]:
        """Agents who hold something and have room: who holds fewest first, then whose last change is longest ago."""
        order = sorted((len(legs), self._since[agent], agent) for agent, legs in self._held.items())
        return (agent for count, _, agent in order if count < self._places[agent])

    def _work_on(self, agent: int, now_s: float) -> None:
        """Count off what was done since the last change."""
        legs = self._held.get(agent, {})
        done = (now_s - self._since.get(agent, now_s)) * self._pace(agent, len(legs))
        for leg in legs:
            legs[leg] -= done
        self._since[agent] = now_s

    def _moved(self, agent: int, now_s: float) -> list[Leg]:
        """Plan the end of each contact anew; returns those where that changes it."""
        if self._speed is None:
            return []
        legs = self._held[agent]
        pace = self._pace(agent, len(legs))
        moved = []
        for leg, left_s in legs.items():
            ends = now_s + max(0.0, left_s) / pace
            if ends != leg.ended_s:
                leg.ended_s = ends
                moved.append(leg)
        return moved

    def _pace(self, agent: int, held: int) -> float:
        return 1.0 if self._speed is None or held < 2 else self._speed(agent, held)
