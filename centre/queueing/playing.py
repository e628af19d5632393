"""A fitted centre, played: contacts drawn by its arrivals, served as its agents do, and told as a log again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from typing import Final

import numpy as np

from centre.queueing import arrivals, draws, presence
from centre.queueing.call_log import DAY_S, NOBODY, Bools, CallLog, Floats, Ints
from centre.queueing.contacts import Contact, Leg, Run
from centre.queueing.draws import LIVES, Draws
from centre.queueing.engine import Policy, run
from centre.queueing.fitting import Fit
from centre.queueing.policies import LongestIdle

# After the last day the lines are emptied for so long; who waits then is not told.
LATE_S: Final = DAY_S


@dataclass(frozen=True)
class Transferring:
    """Where a contact that is handed on stands: with its place in line or at the end, and how urgent.

    `priority` None keeps the contact's own. By default it keeps both: whoever has waited once is not sent to the end.
    """

    keeps_place: bool = True
    priority: int | None = None


KEEPING: Final = Transferring()


def contacts(fit: Fit, *, first_weekday: int, days: int, seed: int, like: Sequence[int] | None = None) -> list[Contact]:
    """Who comes of itself in `days` days, with patience and priority: the same whoever answers and how.

    `like`: the days of the log that these days are again (`arrivals.drawn`). A contact's key is its customer's number
    times LIVES; what follows from it counts on from there.
    """
    times, streams = arrivals.drawn(fit.arrivals, first_weekday=first_weekday, days=days, seed=seed, like=like)
    luck = Draws(seed)
    customers = np.arange(len(times))
    willing = luck.of(customers, draws.PATIENCE)
    kinds = fit.log.kind_of_stream[streams]
    patience_s = np.full(len(times), inf)
    for kind, patience in enumerate(fit.patience):
        patience_s[kinds == kind] = patience.quantile_s(willing[kinds == kind])
    urgency = luck.of(customers, draws.PRIORITY).tolist()
    return [
        Contact(
            customer * LIVES,
            at_s,
            stream,
            _priority(fit, stream, urgency[customer]),
            waits_s,
            shares=fit.shares[stream],
        )
        for customer, (at_s, stream, waits_s) in enumerate(
            zip(times.tolist(), streams.tolist(), patience_s.tolist(), strict=True)
        )
    ]


class FittedService:
    """The engine's service by fit: each agent's own pace, transfers, repeats; every draw is the customer's own."""

    def __init__(
        self, fit: Fit, *, who: Sequence[int], seed: int, first_weekday: int, transferring: Transferring = KEEPING
    ) -> None:
        """`who[agent]`: whose pace in the log the engine's agent has."""
        self._fit = fit
        self._who = who
        self._luck = Draws(seed)
        self._first_weekday = first_weekday
        self._transferring = transferring
        self._kinds = fit.log.kind_of_stream.tolist()
        self.wrapping_s: dict[int, float] = {}  # unlogged wrap-up by contact key: the agent is taken, the log is silent

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        """The customer's place in the distribution for this kind and agent, and the wrap-up that no log tells."""
        customer, life = divmod(contact.key, LIVES)
        quantile = self._luck.one(customer, draws.HANDLE, life=life)
        moved = self._is_handed_on(contact, customer, life)
        seconds = self._fit.handling.seconds(self._kinds[contact.skill], self._who[agent], quantile, transferred=moved)
        wrap_up = self._fit.presence.wrap_up
        if wrap_up is None:
            return seconds
        silent = min(presence.BREAK_S, wrap_up.one_s(self._luck.one(customer, draws.WRAP_UP, life=life)))
        self.wrapping_s[contact.key] = silent
        return seconds + silent

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        """A transfer at once, or a repeat after a while; none after as many lives as there are draws for."""
        customer, life = divmod(leg.contact.key, LIVES)
        if life + 1 == LIVES:
            return ()
        if self.hands_on(leg):
            return [self._handed_on(leg, customer, life)]
        following = self._fit.following
        onward = following.after_giving_up if leg.agent is None else following.after_answer
        stream = leg.contact.skill
        if self._luck.one(customer, draws.RETURN, life=life) >= onward.share[stream]:
            return ()
        ended_s = leg.ended_s - self.wrapping_s.get(leg.contact.key, 0.0)
        to = onward.stream(stream, self._luck.one(customer, draws.TO_QUEUE, life=life))
        quantile = self._luck.one(customer, draws.DELAY, life=life)
        delay_s = following.delay_s(self._kinds[to], ended_s, quantile, first_weekday=self._first_weekday)
        return [self._next(leg, customer, life, max(leg.ended_s, ended_s + delay_s), to)]

    def hands_on(self, leg: Leg) -> bool:
        """Whether an answered contact goes on to another queue."""
        customer, life = divmod(leg.contact.key, LIVES)
        return leg.agent is not None and life + 1 < LIVES and self._is_handed_on(leg.contact, customer, life)

    def _is_handed_on(self, contact: Contact, customer: int, life: int) -> bool:
        share = float(self._fit.following.transfers.share[contact.skill])
        return self._luck.one(customer, draws.TRANSFER, life=life) < share

    def _handed_on(self, leg: Leg, customer: int, life: int) -> Contact:
        to = self._fit.following.transfers.stream(
            leg.contact.skill, self._luck.one(customer, draws.TO_QUEUE, life=life)
        )
        moved = self._next(leg, customer, life, leg.ended_s, to)
        if self._transferring.keeps_place:
            moved.since_s = leg.contact.stands_since_s
        moved.priority = leg.contact.priority if self._transferring.priority is None else self._transferring.priority
        return moved

    def _next(self, leg: Leg, customer: int, life: int, at_s: float, stream: int) -> Contact:
        patience = self._fit.patience[self._kinds[stream]]
        return Contact(
            leg.contact.key + 1,
            at_s,
            stream,
            _priority(self._fit, stream, self._luck.one(customer, draws.PRIORITY, life=life + 1)),
            patience.one_s(self._luck.one(customer, draws.PATIENCE, life=life + 1)),
            shares=self._fit.shares[stream],
        )


@dataclass(frozen=True)
class Played:
    """What was played, told as a log; the agents' time at work (seconds) and whom they serve; who still waits."""

    log: CallLog
    at_work_s: Floats
    serves: Bools
    waiting_count: int


def play(
    fit: Fit,
    *,
    days: int,
    seed: int,
    first_weekday: int | None = None,
    agents: int | None = None,
    as_logged: bool = False,
    policy: Policy | None = None,
    transferring: Transferring = KEEPING,
) -> Played:
    """Play `days` days from a weekday (the log's first), with the log's agents or so many; the same for the same seed.

    Each day has the roster of a day of the log. With `as_logged` it is also as busy as that day was, as far as the
    day's counts tell; else it is a new day. Agents or policy change who answers and when, never who comes, with what
    patience and luck.
    """
    weekday = int(fit.log.weekdays[0]) if first_weekday is None else first_weekday
    who = fit.presence.chosen(agents)
    plan = presence.days_in_turn(fit.log.weekdays, first_weekday=weekday, days=days)
    roster = fit.presence.roster(who, plan=plan)
    service = FittedService(fit, who=who, seed=seed, first_weekday=weekday, transferring=transferring)
    out = run(
        contacts(fit, first_weekday=weekday, days=days, seed=seed, like=plan if as_logged else None),
        agents=[replace(agent, places=fit.places) for agent in roster],
        policy=policy or LongestIdle(),
        service=service,
        until_s=days * DAY_S + LATE_S,
    )
    told = _told(fit, out, service, days, names=_names(fit.log.agents, who), shift=weekday - int(fit.log.weekdays[0]))
    at_work = presence.at_work_s([agent.spans for agent in roster], told)
    return Played(told, at_work, fit.presence.serves[who], len(out.unserved))


def _priority(fit: Fit, stream: int, quantile: float) -> int:
    """The engine's priority, smaller first, of the recorded one at this place of the stream's distribution."""
    values, shares = fit.priorities[stream]
    return -int(values[min(len(values) - 1, int(np.searchsorted(shares, quantile, side="right")))])


def _names(agents: Sequence[str], who: Sequence[int]) -> tuple[str, ...]:
    """The log's names; a copy of an agent is numbered."""
    met: dict[int, int] = {}
    names = []
    for agent in who:
        met[agent] = met.get(agent, 0) + 1
        names.append(agents[agent] if met[agent] == 1 else f"{agents[agent]} ({met[agent]})")
    return tuple(names)


def _told(fit: Fit, out: Run, service: FittedService, days: int, *, names: tuple[str, ...], shift: int) -> CallLog:
    """The legs of the played days as a log would tell them: unlogged wrap-up is left out."""
    legs = [leg for leg in out.legs if leg.queued_s < days * DAY_S]
    key = np.array([leg.contact.key for leg in legs], dtype=np.int64)
    moved = np.array([service.hands_on(leg) for leg in legs], dtype=np.bool_)
    queued = _floats(leg.queued_s for leg in legs)
    order = np.argsort(queued, kind="stable")
    silent = _floats(service.wrapping_s.get(leg.contact.key, 0.0) for leg in legs)
    handle = _floats(np.nan if leg.agent is None else leg.ended_s - leg.answered_s for leg in legs) - silent
    return CallLog(
        first_day=fit.log.first_day + timedelta(days=shift % 7),
        days=days,
        streams=fit.log.streams,
        agents=names,
        stream=np.array([leg.contact.skill for leg in legs], dtype=np.int64)[order],
        queued_s=queued[order],
        wait_s=_floats(leg.wait_s for leg in legs)[order],
        handle_s=handle[order],
        agent=np.array([NOBODY if leg.agent is None else leg.agent for leg in legs], dtype=np.int64)[order],
        gone=np.isnan(handle)[order],
        transferred=moved[order],
        contact=_contact_numbers(key, moved)[order],
        customer=(key // LIVES)[order],
        priority=-np.array([leg.contact.priority for leg in legs], dtype=np.int64)[order],
    )


def _contact_numbers(key: Ints, moved: Bools) -> Ints:
    """A number for each contact: a leg that was handed on belongs to one with the next leg of its customer."""
    order = np.argsort(key, kind="stable")
    goes_on = np.append(False, (key[order][1:] == key[order][:-1] + 1) & moved[order][:-1])
    numbers = np.empty(len(key), dtype=np.int64)
    numbers[order] = np.cumsum(~goes_on) - 1
    return numbers


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, dtype=np.float64)
