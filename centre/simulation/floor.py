"""The floor: how a contact goes once an agent takes it, whether it is resolved, and what comes of it.

The engine asks; the answers rest on each case's own draws, so that another policy on the same seed meets the same
customers with the same luck (common random numbers).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import exp, inf, log
from typing import Final

import numpy as np

from centre.queueing.engine import Contact, Leg
from centre.simulation.demand import Calendar
from centre.simulation.parameters import WorldParams
from centre.simulation.people import Agents, Customers

MIN_HANDLE_S: Final = 12
_REOPEN: Final = 0  # places of a case's draws
_REPEAT: Final = 1
_TRANSFER: Final = 2
_RESOLVE: Final = 3
_SWITCH: Final = 4
DRAWS: Final = 5


@dataclass(slots=True, eq=False)
class Case:
    """One contact with what is true of it. `channel`, `intent`, `topic`, `queue` are places; topic -1 is missing."""

    number: int
    channel: int
    intent: int
    group: int
    topic: int
    queue: int
    first_queue: int
    customer: int
    identified: bool
    language: int
    started_s: int
    menu_s: int
    patience_s: float
    noise: float
    draws: list[float]
    follows: int = -1
    legs: list[Leg] = field(default_factory=list)
    transferred: bool = False
    resolved: bool = False
    reopened_after: int = -1  # legs before the re-opening; -1: never
    pending: bool = False  # waiting or with an agent

    def visits(self) -> list[list[Leg]]:
        """The legs of each time that the contact was opened and ended; what has not ended yet is left out."""
        if self.reopened_after < 0:
            return [] if self.pending else [self.legs]
        first, second = self.legs[: self.reopened_after], self.legs[self.reopened_after :]
        return [first] if self.pending else [first, second]


class Floor:
    """The engine's `Service` for this world; keeps every case, its legs and its outcome."""

    def __init__(
        self, params: WorldParams, agents: Agents, customers: Customers, days: Calendar, rng: np.random.Generator
    ) -> None:
        self.params = params
        self.agents = agents
        self.customers = customers
        self.days = days
        self.rng = rng
        self.cases: list[Case] = []
        self.channels = tuple(params.channel_shares)
        self.queue_places = {queue: place for place, queue in enumerate(params.queues)}
        self.group_places = {group.id: place for place, group in enumerate(params.groups)}
        self.group_queue = [self.queue_places[group.queue] for group in params.groups]
        self.intent_group = [self.group_places[intent.group] for intent in params.intents]
        self.base_logit = [log(i.resolution / (1 - i.resolution)) for i in params.intents]
        self.base_handle = [log(intent.handle_s) for intent in params.intents]
        self.channel_handle = [log(params.channel_handle_factors[channel]) for channel in self.channels]
        self.skill = agents.skill.tolist()
        self.pace = agents.pace.tolist()
        self.trained = [frozenset(self.queue_places[queue] for queue in queues) for queues in agents.queues]

    def open_cases(self, starts: list[int], channels: list[int], intents: list[int]) -> Iterator[Contact]:
        """A case for each first contact, with a customer who needs things as often as drawn."""
        n = len(starts)
        weights = np.cumsum(self.customers.rate)
        picked = np.searchsorted(weights, self.rng.random(n) * weights[-1]).tolist()
        draws = self.rng.random((n, DRAWS)).tolist()
        noise = self.rng.normal(0, self.params.handle_sigma, n).tolist()
        for place in range(n):
            case = self._case(starts[place], channels[place], intents[place], picked[place], noise[place], draws[place])
            yield self._contact(case, case.started_s + case.menu_s)

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        """Whole seconds from answer to ready again; short where the agent only finds out that the queue is wrong."""
        case = self.cases[contact.key]
        case.transferred = self._transfers(case, agent)
        seconds = self.expected_handle_s(case, agent) * exp(case.noise)
        factor = self.params.misrouted_handle_factor if case.transferred else 1.0
        return float(max(MIN_HANDLE_S, round(seconds * factor)))

    def expected_handle_s(self, case: Case, agent: int) -> float:
        """Median seconds of this agent on this case, were it not transferred."""
        shape = self.base_handle[case.intent] + self.channel_handle[case.channel] + self.pace[agent][case.group]
        return exp(shape)

    def resolution(self, case: Case, agent: int) -> float:
        """Chance that this agent resolves this case: intent, agent's skill in its group, training for its queue."""
        logit = self.base_logit[case.intent] + self.skill[agent][case.group]
        if self.group_queue[case.group] not in self.trained[agent]:
            logit += self.params.misrouted_logit
        return 1.0 / (1.0 + exp(-logit))

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        """A transfer at once; a redial after giving up; a re-opening or a repeat when nothing was resolved."""
        case = self.cases[leg.contact.key]
        case.legs.append(leg)
        case.pending = False
        if leg.agent is None:
            return self._redial(case, leg)
        if case.transferred:
            case.queue = self.group_queue[case.group]
            return [self._contact(case, leg.ended_s, priority=0)]
        case.resolved = case.draws[_RESOLVE] < self.resolution(case, leg.agent)
        return () if case.resolved else self._come_back(case, leg)

    def _transfers(self, case: Case, agent: int) -> bool:
        true_queue = self.group_queue[case.group]
        if case.queue == true_queue or true_queue in self.trained[agent]:
            return False
        return case.draws[_TRANSFER] < self.params.transfer_chance

    def _redial(self, case: Case, leg: Leg) -> Iterable[Contact]:
        if case.draws[_REPEAT] >= self.params.redial_chance:
            return ()
        return self._again(case, leg.ended_s + self.rng.exponential(self.params.redial_delay_s), case.channel)

    def _come_back(self, case: Case, leg: Leg) -> Iterable[Contact]:
        if case.draws[_REPEAT] >= self.params.repeat_chance_unresolved:
            return ()
        delay_s = 3600 * self.params.repeat_delay_h * exp(self.rng.normal(0, self.params.repeat_delay_sigma))
        written = self.channels[case.channel] == "email"
        if written and case.reopened_after < 0 and case.draws[_REOPEN] < self.params.reopen_chance:
            case.reopened_after = len(case.legs)
            case.draws = self.rng.random(DRAWS).tolist()
            case.noise = float(self.rng.normal(0, self.params.handle_sigma))
            return [self._contact(case, int(leg.ended_s + delay_s))]
        same = case.draws[_SWITCH] < self.params.repeat_same_channel
        channel = case.channel if same else int(self.rng.integers(len(self.channels)))
        return self._again(case, leg.ended_s + delay_s, channel)

    def _again(self, case: Case, at_s: float, channel: int) -> Iterable[Contact]:
        """A new contact of the same customer about the same; in the period only, at a time when somebody answers."""
        starts = self._when_open(int(at_s), channel)
        if starts >= self.days.ends_s:
            return ()
        noise = float(self.rng.normal(0, self.params.handle_sigma))
        again = self._case(starts, channel, case.intent, case.customer, noise, self.rng.random(DRAWS).tolist())
        again.follows = case.number
        again.identified = again.identified or case.identified
        return [self._contact(again, again.started_s + again.menu_s)]

    def _when_open(self, at_s: int, channel: int) -> int:
        if self.channels[channel] == "email" or at_s >= self.days.ends_s:
            return at_s
        day = self.days.day_of(at_s)
        opens = self.days.midnights[day] + 3600 * self.params.open_hour
        closes = self.days.midnights[day] + 3600 * self.params.close_hour
        if opens <= at_s < closes:
            return at_s
        early = int(self.rng.integers(0, 3 * 3600))
        return opens + early if at_s < opens else self.days.midnights[day + 1] + 3600 * self.params.open_hour + early

    def _case(self, starts: int, channel: int, intent: int, customer: int, noise: float, draws: list[float]) -> Case:
        group = self.intent_group[intent]
        topic = self._menu_choice(group)
        name = self.channels[channel]
        case = Case(
            number=len(self.cases),
            channel=channel,
            intent=intent,
            group=group,
            topic=topic,
            queue=self.group_queue[topic if topic >= 0 else group],
            first_queue=self.group_queue[topic if topic >= 0 else group],
            customer=customer,
            identified=bool(self.rng.random() < self.params.identified_share[name]),
            language=int(self.customers.languages[customer]),
            started_s=starts,
            menu_s=int(self.params.menu_s[name] * (0.5 + self.rng.random())),
            patience_s=self._patience(name),
            noise=noise,
            draws=draws,
        )
        self.cases.append(case)
        return case

    def _menu_choice(self, group: int) -> int:
        draw = self.rng.random()
        if draw < self.params.topic_missing:
            return -1
        if draw < self.params.topic_missing + self.params.topic_right:
            return group
        near = [n for n, queue in enumerate(self.group_queue) if queue == self.group_queue[group] and n != group]
        far = [n for n, queue in enumerate(self.group_queue) if queue != self.group_queue[group]]
        choices = near if near and self.rng.random() < self.params.topic_near else far
        return choices[int(self.rng.integers(len(choices)))]

    def _patience(self, channel: str) -> float:
        mean = self.params.patience_s[channel]
        return inf if mean == 0 else float(1 + int(self.rng.exponential(mean)))

    def _contact(self, case: Case, at_s: float, *, priority: int | None = None) -> Contact:
        case.pending = True
        skill = case.queue * 2 + case.language
        return Contact(
            case.number, at_s, skill, self._priority(case) if priority is None else priority, case.patience_s
        )

    def rank(self, case: Case) -> int:
        """The priority as the centre records it: larger is served sooner, 0 is normal."""
        return 2 - self._priority(case)

    def _priority(self, case: Case) -> int:
        if self.channels[case.channel] == "email":
            return 5
        return 1 if self.customers.segments[case.customer] == self.params.priority_segment else 2
