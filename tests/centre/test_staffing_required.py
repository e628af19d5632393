"""Agents are the fewest that meet the goal with the stated probability, and the probability is true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from centre.queueing import erlang
from centre.staffing import lanes, required
from centre.staffing.load import Load
from centre.staffing.required import Goal
from data_contracts.errors import InputError

GOAL = Goal(target=0.8, within_s=20.0, probability=0.9, max_occupancy=0.95, min_agents=1)


def load(rates: list[float], *, seed: int = 1, scenarios: int = 600, day_sd: float = 0.1) -> Load:
    """Poisson counts around rates times a day's level; lognormal work of 300 s; 200 s of patience."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(1 / day_sd**2, day_sd**2, size=(scenarios, 1))
    counts = rng.poisson(np.array(rates) * level)[:, None, :].astype(np.int64)
    return Load(1800, counts, np.full(counts.shape, 300.0), np.full(1, 0.8), np.full(1, 200.0))


def realised(of: Load, agents: np.ndarray, *, seed: int) -> np.ndarray:
    present, serves = required.one_queue(agents)
    answered = lanes.answered(of, present=present, serves=serves, within_s=np.array([20.0]), slot_s=1800, seed=seed)
    return required.met(answered[:, 0], of.counts[:, 0], target=0.8)


@pytest.mark.parametrize("size", [12.0, 60.0])
def test_what_is_said_comes_true_on_days_that_nobody_saw(size: float) -> None:
    rates = [size * level for level in (0.6, 0.8, 1.0, 1.2, 1.0, 0.9, 0.8, 0.7)]
    need = required.needed(load(rates), GOAL, seed=1, told=load(rates, seed=2))

    came = realised(load(rates, seed=3, scenarios=1500), need.agents, seed=99)

    assert came.mean() == pytest.approx(need.probability.mean(), abs=0.012)
    assert came.min() > 0.85
    assert np.abs(came - need.probability).max() < 0.06


def test_one_agent_fewer_in_an_interval_misses() -> None:
    rates = [40.0] * 4
    need = required.needed(load(rates), GOAL, seed=1)

    fewer = need.agents - np.array([0, 0, 1, 0])

    assert realised(load(rates), fewer, seed=1)[2] < 0.9
    assert (realised(load(rates), need.agents, seed=1) >= 0.9).all()


def test_the_mean_of_a_steady_state_is_not_enough() -> None:
    """Erlang A's agents, whose mean service level is 80%, meet the interval about as often as not."""
    by_mean = next(n for n in range(1, 99) if erlang.erlang_a(
        n, load=40 * 300 / 1800, handle_s=300, patience_s=200).service_level(within_s=20) >= 0.8)  # fmt: skip

    need = required.needed(load([40.0] * 4), GOAL, seed=1)

    assert 0.35 < realised(load([40.0] * 4), np.full(4, by_mean), seed=1).mean() < 0.8
    assert need.agents.min() > by_mean


def test_a_surer_goal_needs_more_and_a_surer_rate_fewer() -> None:
    usual = required.needed(load([60.0] * 3, day_sd=0.3), GOAL, seed=1).agents

    assert (required.needed(load([60.0] * 3, day_sd=0.3), replace(GOAL, probability=0.98), seed=1).agents > usual).all()
    assert (required.needed(load([60.0] * 3, day_sd=0.01), GOAL, seed=1).agents < usual).all()


def test_limits_bind() -> None:
    of = load([60.0] * 3)
    calm = required.needed(of, replace(GOAL, max_occupancy=0.5), seed=1)
    few = required.needed(load([0.2, 0.0, 0.2], scenarios=300), replace(GOAL, min_agents=3), seed=1)

    assert calm.occupancy.max() <= 0.5
    assert (required.occupancy(of, calm.agents - 1) > 0.5).all()
    assert few.agents.tolist() == [3, 0, 3]


def test_positions_and_those_at_work_fit_together() -> None:
    raw = np.arange(0, 200)

    rostered = required.positions(raw, shrinkage=0.3)

    assert rostered[14] == 20
    assert required.at_work(rostered, shrinkage=0.3).tolist() == raw.tolist()


def test_an_interval_without_contacts_meets_its_goal() -> None:
    assert required.met(np.zeros((4, 2), dtype=np.int64), np.array([[0, 5]] * 4), target=0.8).tolist() == [1.0, 0.0]


def test_the_same_seed_is_the_same_need() -> None:
    one, other = (required.needed(load([30.0] * 3), GOAL, seed=5) for _ in range(2))

    assert one.agents.tolist() == other.agents.tolist()
    assert one.probability.tolist() == other.probability.tolist()


def test_a_forecast_that_went_wrong_is_refused() -> None:
    with pytest.raises(InputError, match="no centre has so many agents"):
        required.needed(load([9e5]), GOAL, seed=1)


def test_on_average_the_plan_has_the_probability_with_fewer_agents() -> None:
    rates = [12.0, 14.0, 15.0, 16.0, 15.0, 13.0, 12.0, 11.0]
    each = required.needed(load(rates), GOAL, seed=1)

    average = required.needed(load(rates), replace(GOAL, on_average=True), seed=1, told=load(rates, seed=2))

    assert average.agents.sum() < each.agents.sum()
    came = realised(load(rates, seed=3, scenarios=1500), average.agents, seed=99)
    assert came.mean() == pytest.approx(0.9, abs=0.02)
    assert realised(load(rates), average.agents, seed=1).mean() >= 0.9
