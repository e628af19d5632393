"""Chats beside chats, calls that need the whole agent, breaks, and what a transfer keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest

from centre.queueing import erlang
from centre.queueing.engine import ALWAYS, Agent, Contact, Leg, Run, run
from centre.queueing.policies import LongestIdle


class Desk:
    """Work of fixed length; `slower` is the share of its speed that a contact keeps for each other one held."""

    def __init__(self, work_s: float, *, slower: float = 1.0) -> None:
        self.work_s = work_s
        self.slower = slower

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        return self.work_s

    def speed(self, agent: int, held: int) -> float:
        return self.slower ** (held - 1)

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        return ()


class Drawn(Desk):
    """Work as listed, by contact."""

    def __init__(self, work_s: list[float]) -> None:
        super().__init__(0)
        self.by_key = work_s

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        return self.by_key[contact.key]


class Moving(Desk):
    """Every answered contact of skill 0 goes on to skill 1, in the way that `moved` says."""

    def __init__(self, work_s: float, moved: Callable[[Leg], Contact]) -> None:
        super().__init__(work_s)
        self.moved = moved

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        return [self.moved(leg)] if leg.contact.skill == 0 and leg.agent is not None else ()


def chat(key: int, at: float, *, skill: int = 0, priority: int = 0) -> Contact:
    return Contact(key, at, skill, priority, shares=True)


def desk(*skills: int, places: int = 3, spans: Sequence[tuple[float, float]] = ALWAYS) -> Agent:
    return Agent(frozenset(skills), tuple(spans), places=places)


def played(contacts: list[Contact], agents: list[Agent], service: Desk | None = None) -> Run:
    return run(contacts, agents=agents, policy=LongestIdle(), service=service or Desk(10), keep_changes=True)


def times(out: Run) -> dict[int, tuple[float, float]]:
    return {leg.contact.key: (leg.answered_s, leg.ended_s) for leg in out.legs}


def test_an_agent_holds_as_many_chats_as_there_are_places_and_no_more() -> None:
    out = played([chat(n, n) for n in range(4)], [desk(0, places=3)])

    assert times(out) == {0: (0, 10), 1: (1, 11), 2: (2, 12), 3: (10, 20)}


def test_a_call_needs_the_whole_agent() -> None:
    out = played([chat(0, 0), Contact(1, 1, 0), chat(2, 12)], [desk(0)])

    assert times(out) == {0: (0, 10), 1: (10, 20), 2: (20, 30)}


def test_an_agent_with_one_place_takes_chats_one_by_one() -> None:
    out = played([chat(0, 0), chat(1, 1)], [Agent(frozenset({0}))])

    assert times(out) == {0: (0, 10), 1: (10, 20)}


def test_chats_side_by_side_slow_each_other_as_long_as_both_last() -> None:
    out = played([chat(0, 0), chat(1, 4)], [desk(0)], Desk(10, slower=0.5))

    # 4 s alone, then 6 s of work at half speed to 16; the other has done 6 of its 10 by then and goes on alone
    assert times(out) == {0: (0, 16), 1: (4, 20)}


def test_a_chat_that_is_taken_at_the_moment_another_ends_is_counted_once() -> None:
    out = played([chat(n, 0) for n in range(6)], [desk(0, places=2)], Desk(10, slower=0.5))

    assert times(out) == {0: (0, 20), 1: (0, 20), 2: (20, 40), 3: (20, 40), 4: (40, 60), 5: (40, 60)}


def test_the_idle_are_asked_before_those_who_hold_a_chat_and_of_these_who_holds_fewest() -> None:
    out = played([chat(n, n) for n in range(5)], [desk(0), desk(0), desk(0)])

    legs = {leg.contact.key: leg for leg in out.legs}
    assert [legs[key].agent for key in range(5)] == [0, 1, 2, 0, 1]
    assert legs[1].eligible == (1, 2, 0)
    assert legs[1].idle_s == (1, 1, 0)
    assert legs[4].eligible == (1, 2, 0)


def test_no_further_chat_is_taken_while_a_more_urgent_call_waits_for_the_agent() -> None:
    out = played([chat(0, 0, priority=1), Contact(1, 1, 0, priority=0), chat(2, 2, priority=1)], [desk(0)])

    assert times(out) == {0: (0, 10), 1: (10, 20), 2: (20, 30)}


def test_a_call_that_is_no_more_urgent_does_not_keep_chats_out() -> None:
    out = played([chat(0, 0), Contact(1, 1, 0), chat(2, 2)], [desk(0)])

    assert times(out) == {0: (0, 10), 2: (2, 12), 1: (12, 22)}


def test_after_a_call_every_place_is_filled_from_the_line() -> None:
    out = played([Contact(0, 0, 0), *(chat(n, n) for n in (1, 2, 3, 4))], [desk(0)])

    assert [times(out)[key][0] for key in (1, 2, 3, 4)] == [10, 10, 10, 20]


def test_an_agent_with_places_is_a_station_of_as_many_servers() -> None:
    """Six agents of two places at full speed are twelve servers: as many have to wait as Erlang's formula says."""
    waited = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        arrivals = np.cumsum(rng.exponential(180 / 9.0, 12_000)).tolist()
        contacts = [chat(n, at) for n, at in enumerate(arrivals)]
        legs = played(contacts, [desk(0, places=2)] * 6, Drawn(rng.exponential(180, 12_000).tolist())).legs
        waited.append(float(np.mean([leg.wait_s > 0 for leg in legs[600:]])))

    half = 4.781 * np.std(waited, ddof=1) / np.sqrt(10)  # 99.9% Student, 9 degrees of freedom
    assert abs(np.mean(waited) - erlang.erlang_c(12, load=9.0)) < half < 0.06


def test_who_leaves_with_chats_in_hand_ends_them_and_takes_no_other() -> None:
    out = played([chat(0, 0), chat(1, 4), chat(2, 6)], [desk(0, spans=((0, 5), (100, 200)))])

    assert times(out) == {0: (0, 10), 1: (4, 14), 2: (100, 110)}
    assert [(one.at_s, one.state) for one in out.changes][:3] == [(0, "available"), (0, "busy"), (14, "away")]


def test_a_break_that_falls_in_a_contact_starts_after_it() -> None:
    agent = Agent(frozenset({0}), ((0, 100),), breaks=((15, 40),))

    out = played([Contact(0, 10, 0), Contact(1, 12, 0), Contact(2, 95, 0)], [agent])

    assert times(out) == {0: (10, 20), 1: (40, 50), 2: (95, 105)}
    states = [(one.at_s, one.state) for one in out.changes]
    assert states == [
        (0, "available"), (10, "busy"), (20, "break"), (40, "busy"), (50, "available"), (95, "busy"), (105, "away"),
    ]  # fmt: skip


def test_a_break_that_a_contact_outlasts_is_lost() -> None:
    agent = Agent(frozenset({0}), ((0, 100),), breaks=((12, 15),))

    out = played([Contact(0, 10, 0), Contact(1, 11, 0)], [agent])

    assert times(out) == {0: (10, 20), 1: (20, 30)}
    assert "break" not in {one.state for one in out.changes}


def test_a_break_of_an_idle_agent_starts_on_time() -> None:
    out = played([Contact(0, 12, 0)], [Agent(frozenset({0}), ((0, 100),), breaks=((5, 15),))])

    assert times(out) == {0: (15, 25)}
    assert [(one.at_s, one.state) for one in out.changes][:3] == [(0, "available"), (5, "break"), (15, "busy")]


@pytest.mark.parametrize(
    ("moved", "order"),
    [
        (lambda leg: Contact(leg.contact.key, leg.ended_s, 1), [3, 2, 0]),
        (lambda leg: Contact(leg.contact.key, leg.ended_s, 1, since_s=leg.queued_s), [3, 0, 2]),
        (lambda leg: Contact(leg.contact.key, leg.ended_s, 1, priority=-1), [3, 0, 2]),
        (lambda leg: Contact(leg.contact.key, leg.ended_s, 1, priority=1, since_s=leg.queued_s), [3, 2, 0]),
    ],
    ids=["to the end of the line", "with its place", "ahead of all", "behind all"],
)
def test_a_transfer_stands_where_it_is_configured_to(moved: Callable[[Leg], Contact], order: list[int]) -> None:
    contacts = [Contact(0, 1, 0), Contact(3, 5, 1), Contact(2, 6, 1)]

    out = played(contacts, [desk(0, places=1), desk(1, places=1)], Moving(10, moved))

    # the transfer comes at 11; the second agent is taken until 15, and one has waited there since 6
    assert [leg.contact.key for leg in out.legs if leg.contact.skill == 1] == order
    assert next(leg.wait_s for leg in out.legs if leg.contact.key == 0 and leg.contact.skill == 1) in (4, 14)


def test_patience_of_a_transfer_counts_from_its_own_arrival() -> None:
    service = Moving(10, lambda leg: Contact(0, leg.ended_s, 1, patience_s=3, since_s=leg.queued_s))

    out = played([Contact(0, 1, 0), Contact(1, 9, 1)], [desk(0, places=1), desk(1, places=1)], service)

    (left,) = [leg for leg in out.legs if leg.agent is None]
    assert (left.queued_s, left.ended_s, left.wait_s) == (11, 14, 3)


def test_every_place_is_held_by_one_contact_at_a_time() -> None:
    rng = np.random.default_rng(5)
    contacts = [
        Contact(
            n, float(n) / 2, int(rng.integers(2)), int(rng.integers(3)), float(rng.exponential(40)), shares=n % 3 > 0
        )
        for n in range(4000)
    ]
    shifts = [((0.0, 900.0), (1000.0, 3000.0))] * 3 + [ALWAYS] * 3

    out = played(contacts, [desk(0, 1, spans=spans) for spans in shifts], Desk(8, slower=0.7))

    assert sorted(leg.contact.key for leg in out.legs) + [one.key for one in out.unserved] == list(range(4000))
    for agent in range(6):
        own = [leg for leg in out.legs if leg.agent == agent]
        ticks = sorted(
            [(leg.answered_s, 1, leg) for leg in own] + [(leg.ended_s, 0, leg) for leg in own],
            key=lambda tick: tick[:2],
        )
        used = 0
        for _, starts, leg in ticks:
            used += (1 if starts else -1) * (1 if leg.contact.shares else 3)
            assert 0 <= used <= 3
