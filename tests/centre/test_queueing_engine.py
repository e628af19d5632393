from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf

import numpy as np
import pytest

from centre.queueing import erlang
from centre.queueing.engine import Agent, Contact, Leg, Run, run
from centre.queueing.policies import LongestIdle, MostlyLongestIdle


class Fixed:
    """Every contact takes the same time; one follow-up for the keys named."""

    def __init__(self, handle_s: float, again: Sequence[int] = ()) -> None:
        self.seconds = handle_s
        self.again = set(again)

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        return self.seconds

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        if leg.contact.key not in self.again:
            return ()
        return [Contact(leg.contact.key + 100, leg.ended_s + 5, leg.contact.skill)]


class Exponential:
    def __init__(self, rng: np.random.Generator, mean_s: float) -> None:
        self.draws = iter(rng.exponential(mean_s, 300_000).tolist())

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        return next(self.draws)

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        return ()


def played(contacts: list[Contact], agents: list[Agent], *, handle_s: float = 10, again: Sequence[int] = ()) -> Run:
    return run(contacts, agents=agents, policy=LongestIdle(), service=Fixed(handle_s, again), keep_changes=True)


def agents_of(*skills: int, count: int = 1) -> list[Agent]:
    return [Agent(frozenset(skills)) for _ in range(count)]


def markovian(*, seed: int, load: float, agents: int, patience_s: float, count: int = 16_000) -> list[Leg]:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(180 / load, count)).tolist()
    patience = rng.exponential(patience_s, count).tolist() if patience_s < inf else [inf] * count
    contacts = [Contact(key, at, 0, 0, patience[key]) for key, at in enumerate(arrivals)]
    legs = run(contacts, agents=agents_of(0, count=agents), policy=LongestIdle(), service=Exponential(rng, 180)).legs
    return legs[count // 20 :]  # the queue starts empty: leave the beginning out


def interval(runs: list[float]) -> tuple[float, float]:
    """Mean of independent runs and the half width of its 99.9% Student interval (8 runs, 7 degrees of freedom)."""
    return float(np.mean(runs)), float(5.408 * np.std(runs, ddof=1) / np.sqrt(len(runs)))


@pytest.mark.parametrize(("agents", "load"), [(1, 0.6), (14, 11.0), (30, 26.0)])
def test_a_queue_of_patient_customers_matches_erlang_c(agents: int, load: float) -> None:
    samples = [markovian(seed=seed, load=load, agents=agents, patience_s=inf) for seed in range(8)]

    waits, half = interval([float(np.mean([leg.wait_s > 0 for leg in legs])) for legs in samples])
    assert abs(waits - erlang.erlang_c(agents, load=load)) < half < 0.06
    level, half = interval([float(np.mean([leg.wait_s <= 20 for leg in legs])) for legs in samples])
    assert abs(level - erlang.service_level(agents, load=load, handle_s=180, within_s=20)) < half < 0.06
    wait, half = interval([float(np.mean([leg.wait_s for leg in legs])) for legs in samples])
    truth = erlang.mean_wait_s(agents, load=load, handle_s=180)
    assert abs(wait - truth) < half < 0.4 * truth


@pytest.mark.parametrize(
    ("agents", "load", "patience_s"), [(3, 4.5, 90), (14, 12.0, 300), (14, 15.0, 200), (30, 36.0, 120)]
)
def test_a_queue_of_impatient_customers_matches_erlang_a(agents: int, load: float, patience_s: float) -> None:
    samples = [markovian(seed=seed, load=load, agents=agents, patience_s=patience_s) for seed in range(8)]
    truth = erlang.erlang_a(agents, load=load, handle_s=180, patience_s=patience_s)

    gone, half = interval([float(np.mean([leg.agent is None for leg in legs])) for legs in samples])
    assert abs(gone - truth.abandonment) < half < 0.02
    level, half = interval(
        [float(np.mean([leg.agent is not None and leg.wait_s <= 20 for leg in legs])) for legs in samples]
    )
    assert abs(level - truth.service_level(within_s=20)) < half < 0.05
    wait, half = interval([float(np.mean([leg.wait_s for leg in legs])) for legs in samples])
    assert abs(wait - truth.mean_wait_s) < half < 0.2 * truth.mean_wait_s


def test_only_an_agent_with_the_skill_is_asked() -> None:
    legs = played([Contact(0, 1, skill=7)], [*agents_of(3), *agents_of(7)]).legs

    assert [(leg.agent, leg.eligible) for leg in legs] == [(1, (1,))]


def test_the_agent_who_has_been_idle_longest_stands_first() -> None:
    contacts = [Contact(0, 1, 0), Contact(1, 2, 0), Contact(2, 50, 0)]

    legs = played(contacts, agents_of(0, count=2)).legs

    assert [leg.agent for leg in legs] == [0, 1, 0]
    assert legs[2].eligible == (0, 1)


def test_how_long_each_of_the_free_had_been_idle_is_kept() -> None:
    contacts = [Contact(0, 1, 0), Contact(1, 2, 0), Contact(2, 50, 0), Contact(3, 51, 0), Contact(4, 52, 0)]

    legs = played(contacts, agents_of(0, count=2)).legs

    # free at 11 and 12; the last one waits until 60, when an agent who has just become free takes it
    assert [leg.idle_s for leg in legs] == [(1, 1), (2,), (39, 38), (39,), (0,)]


def test_an_urgent_contact_is_taken_before_one_that_came_earlier() -> None:
    contacts = [Contact(0, 1, 0), Contact(1, 2, 0, priority=2), Contact(2, 3, 0, priority=1)]

    assert [leg.contact.key for leg in played(contacts, agents_of(0)).legs] == [0, 2, 1]


def test_a_customer_gives_up_when_patience_ends_and_not_a_second_earlier() -> None:
    contacts = [Contact(0, 0, 0), Contact(1, 1, 0, patience_s=8.5), Contact(2, 1, 0, patience_s=9.5)]

    legs = {leg.contact.key: leg for leg in played(contacts, agents_of(0)).legs}

    assert legs[1].agent is None
    assert legs[1].wait_s == 8.5
    assert legs[2].agent == 0
    assert legs[2].answered_s == 10


def test_an_agent_finishes_the_contact_before_leaving_and_takes_no_other() -> None:
    agents = [Agent(frozenset({0}), ((0.0, 15.0), (100.0, 200.0)))]

    out = played([Contact(0, 10, 0), Contact(1, 12, 0)], agents)

    assert [(leg.answered_s, leg.ended_s) for leg in out.legs] == [(10, 20), (100, 110)]
    assert [(change.at_s, change.state) for change in out.changes][:3] == [(0, "available"), (10, "busy"), (20, "away")]


def test_what_is_still_waiting_at_the_end_is_told() -> None:
    out = run([Contact(0, 1, 9)], agents=agents_of(0), policy=LongestIdle(), service=Fixed(5), until_s=50)

    assert [contact.key for contact in out.unserved] == [0]
    assert out.legs == []


def test_a_follow_up_joins_the_queue_like_any_other() -> None:
    legs = played([Contact(0, 1, 0)], agents_of(0), again=[0]).legs

    assert [(leg.contact.key, leg.queued_s) for leg in legs] == [(0, 1), (100, 16)]


def test_every_contact_ends_exactly_once() -> None:
    rng = np.random.default_rng(3)
    contacts = [
        Contact(n, float(n), int(rng.integers(3)), int(rng.integers(2)), float(rng.exponential(60)))
        for n in range(2000)
    ]
    agents = [*agents_of(0, 1, count=4), *agents_of(1, 2, count=4)]

    out = played(contacts, agents, handle_s=7.0)

    assert sorted(leg.contact.key for leg in out.legs) == list(range(2000))
    for agent in range(8):
        own = sorted((leg.answered_s, leg.ended_s) for leg in out.legs if leg.agent == agent)
        assert all(later[0] >= earlier[1] for earlier, later in pairwise(own))


def test_the_propensity_told_is_the_frequency_seen() -> None:
    policy = MostlyLongestIdle(0.3, np.random.default_rng(1))

    drawn = [policy.agent_for(Contact(0, 0, 0), [5, 6, 7, 8], 0.0) for _ in range(20_000)]

    counts, told = Counter(agent for agent, _ in drawn), dict(drawn)
    assert told == {5: pytest.approx(0.775), 6: pytest.approx(0.075), 7: pytest.approx(0.075), 8: pytest.approx(0.075)}
    for agent, propensity in told.items():
        assert counts[agent] / 20_000 == pytest.approx(propensity, abs=0.012)


def test_the_only_eligible_agent_is_chosen_for_certain() -> None:
    assert MostlyLongestIdle(0.3, np.random.default_rng(1)).agent_for(Contact(0, 0, 0), [4], 0.0) == (4, 1.0)
