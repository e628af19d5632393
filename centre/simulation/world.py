"""The simulated contact centre: a world that knows the truth, and the records that a real centre would have of it.

    events = simulate(weeks=8, seed=7, start=date(2026, 3, 2))

Only flows and tests import this: models must not see the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain

import numpy as np

from centre.queueing.engine import Agent, Policy, Run, run
from centre.queueing.policies import MostlyLongestIdle
from centre.simulation import demand, parameters, people, registers, shifts, wording
from centre.simulation.floor import Floor
from centre.simulation.parameters import Intent, WorldParams
from centre.simulation.records import Recorder
from centre.simulation.rows import Clockwork, in_order
from centre.simulation.truth import Truth
from data_contracts.errors import InputError
from data_contracts.events import Event


def simulate(*, weeks: int, seed: int, start: date, params: WorldParams | None = None) -> Iterator[Event]:
    """All events of `weeks` weeks from the local day `start`, in order of becoming known; same arguments, same events.

    Every event is marked simulated and backfilled. What becomes known after the period is not there.
    Raises InputError for less than a week.
    """
    return World(weeks=weeks, seed=seed, start=start, params=params).events()


@dataclass(frozen=True)
class _Streams:
    """Independent draws, so that a change in one part of the world leaves the others as they were."""

    customers: np.random.Generator
    agents: np.random.Generator
    demand: np.random.Generator
    shifts: np.random.Generator
    floor: np.random.Generator
    policy: np.random.Generator
    records: np.random.Generator
    clarifying: np.random.Generator
    coding: np.random.Generator

    @classmethod
    def of(cls, seed: int) -> _Streams:
        return cls(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(9)))


class World:
    """One run of the world: people, demand, roster; then the floor under a policy; then records and truth."""

    def __init__(
        self, *, weeks: int, seed: int, start: date, params: WorldParams | None = None, policy: Policy | None = None
    ) -> None:
        if weeks < 1:
            raise InputError("nothing to simulate", expected="1 week or more", came=str(weeks))
        self.params = params or parameters.load()
        self._draws = _Streams.of(seed)
        self.days = demand.calendar(start=start, weeks=weeks, time_zone=self.params.time_zone)
        self.customers = people.customers(self.params, rng=self._draws.customers)
        self.agents = people.agents(self.params, days=self.days.days, rng=self._draws.agents)
        self.roster = shifts.roster(self.params, agents=self.agents, days=self.days, rng=self._draws.shifts)
        self.policy = policy or MostlyLongestIdle(self.params.policy_epsilon, self._draws.policy)
        self.floor = Floor(self.params, self.agents, self.customers, self.days, self._draws.floor)

    @cached_property
    def run(self) -> Run:
        """The engine's run over the whole period; the floor then knows every case."""
        spans = self.presence()
        needs = demand.needs(self.params, days=self.days, rng=self._draws.demand)
        contacts = self.floor.open_cases(needs.starts_s.tolist(), needs.channels.tolist(), needs.intents.tolist())
        return run(
            contacts,
            agents=[Agent(skills, tuple(own)) for skills, own in zip(self._skills(), spans, strict=True)],
            policy=self.policy,
            service=self.floor,
            until_s=self.days.ends_s,
            keep_changes=True,
        )

    def presence(self) -> list[list[tuple[int, int]]]:
        """Seconds from the origin between which each agent takes contacts; another roster's world tells others."""
        return shifts.presence(
            self.roster,
            count=self.params.agent_count,
            absence_chance=self.params.absence_chance,
            rng=self._draws.shifts,
        )

    @property
    def truth(self) -> Truth:
        """What no record shows; for tests and for comparing policies."""
        _ = self.run
        return Truth(self.floor)

    def events(self) -> Iterator[Event]:
        """The records of the whole period, in order of becoming known."""
        changes = self.run.changes
        clockwork = Clockwork(self.days.origin)
        notes = chain(
            registers.taxonomy(self.params),
            registers.customers(self.customers, days=self.days),
            registers.agents(self.agents, days=self.days),
            registers.roster(self.roster, clockwork=clockwork),
            registers.states(changes, duties=self.roster, clockwork=clockwork),
            Recorder(self.floor, clockwork, self._draws.records, self._draws.clarifying, self._draws.coding).notes(),
        )
        return in_order(notes, clockwork=clockwork, until_s=self.days.ends_s)

    def _skills(self) -> list[frozenset[int]]:
        """The engine's skills: queue x language."""
        queues, count = self.params.queues, len(people.LANGUAGES)
        spoken = [[people.LANGUAGES.index(language) for language in own] for own in self.agents.languages]
        served = [[queues.index(queue) for queue in own] for own in self.agents.queues]
        return [
            frozenset(queue * count + language for queue in own for language in languages)
            for own, languages in zip(served, spoken, strict=True)
        ]


def novel_intent(params: WorldParams | None = None) -> Intent:
    """An intent that no simulated period holds: for trying whether one that nobody knows is learned."""
    return (params or parameters.load()).novel


def wordings(intent_id: str, *, language: str, count: int, seed: int) -> list[str]:
    """`count` different typed wordings from before the cut, the same for the same seed."""
    return wording.distinct(intent_id, language=language, late=False, count=count, seed=seed)


def unseen_wordings(intent_id: str, *, language: str, count: int, seed: int) -> list[str]:
    """`count` different typed wordings from after the cut: none of their templates is used by `wordings`."""
    return wording.distinct(intent_id, language=language, late=True, count=count, seed=seed)
