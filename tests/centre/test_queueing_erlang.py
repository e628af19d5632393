from __future__ import annotations

from math import exp, factorial, inf

import pytest

from centre.queueing import erlang
from data_contracts.errors import InputError


def naive_b(agents: int, load: float) -> float:
    return (load**agents / factorial(agents)) / sum(load**k / factorial(k) for k in range(agents + 1))


def naive_a(agents: int, load: float, handle_s: float, patience_s: float) -> tuple[float, float]:
    """Abandonment and wait probability from the balance equations of the birth-death chain, state by state."""
    weights = [1.0]
    for state in range(1, 2000):
        leaving = min(state, agents) / handle_s + max(0, state - agents) / patience_s
        weights.append(weights[-1] * (load / handle_s) / leaving)
    total = sum(weights)
    queue = sum((state - agents) * weight for state, weight in enumerate(weights) if state > agents) / total
    return queue / patience_s / (load / handle_s), sum(weights[agents:]) / total


@pytest.mark.parametrize(("agents", "load"), [(1, 0.5), (5, 3.0), (14, 10.0), (30, 45.0)])
def test_erlang_b_is_its_definition(agents: int, load: float) -> None:
    assert erlang.erlang_b(agents, load=load) == pytest.approx(naive_b(agents, load), rel=1e-12)


def test_erlang_b_neither_overflows_nor_vanishes_for_thousands_of_agents() -> None:
    assert 0 < erlang.erlang_b(5000, load=4950.0) < 0.02


def test_one_agent_waits_as_often_as_he_is_taken() -> None:
    assert erlang.erlang_c(1, load=0.7) == pytest.approx(0.7)


def test_an_overloaded_queue_without_impatience_never_settles() -> None:
    assert erlang.erlang_c(5, load=5.0) == 1.0
    assert erlang.service_level(5, load=5.0, handle_s=180, within_s=20) == 0.0
    assert erlang.mean_wait_s(5, load=5.0, handle_s=180) == inf
    assert erlang.mean_wait_s(5, load=4.99, handle_s=180) < inf


def test_the_published_example_of_pyworkforce_is_met() -> None:
    needed = erlang.required_agents(
        load=100 * 180 / 1800, handle_s=180, target=0.8, within_s=20, max_occupancy=0.85, shrinkage=0.3
    )

    assert (needed.raw, needed.positions) == (14, 20)
    assert needed.service_level == pytest.approx(0.888, abs=5e-4)
    assert needed.occupancy == pytest.approx(0.714, abs=5e-4)
    assert needed.wait_probability == pytest.approx(0.174, abs=5e-4)


def test_one_agent_fewer_than_required_misses_the_target() -> None:
    needed = erlang.required_agents(load=40.0, handle_s=240, target=0.8, within_s=20)

    assert needed.service_level >= 0.8
    assert erlang.service_level(needed.raw - 1, load=40.0, handle_s=240, within_s=20) < 0.8


@pytest.mark.parametrize(("agents", "load", "patience_s"), [(14, 12.0, 300.0), (14, 15.0, 200.0), (3, 9.0, 60.0)])
def test_erlang_a_solves_the_balance_equations(agents: int, load: float, patience_s: float) -> None:
    state = erlang.erlang_a(agents, load=load, handle_s=180, patience_s=patience_s)

    abandoned, waits = naive_a(agents, load, 180, patience_s)
    assert state.abandonment == pytest.approx(abandoned, rel=1e-9)
    assert state.wait_probability == pytest.approx(waits, rel=1e-9)
    assert state.mean_wait_s == pytest.approx(abandoned * patience_s, rel=1e-9)


def test_erlang_a_answers_all_who_do_not_abandon_when_given_time() -> None:
    state = erlang.erlang_a(14, load=15.0, handle_s=180, patience_s=200)

    assert state.service_level(within_s=7200) == pytest.approx(1 - state.abandonment, abs=1e-9)
    assert state.service_level(within_s=1e-9) == pytest.approx(1 - state.wait_probability, abs=1e-6)


def test_endless_patience_makes_erlang_a_erlang_c() -> None:
    state = erlang.erlang_a(14, load=11.0, handle_s=180, patience_s=1e9)

    assert state.wait_probability == pytest.approx(erlang.erlang_c(14, load=11.0), rel=1e-4)
    plain = erlang.service_level(14, load=11.0, handle_s=180, within_s=20)
    assert state.service_level(within_s=20) == pytest.approx(plain, abs=1e-4)


def test_with_one_agent_and_patience_as_long_as_service_the_queue_is_poisson() -> None:
    state = erlang.erlang_a(1, load=2.0, handle_s=100, patience_s=100)

    assert state.wait_probability == pytest.approx(1 - exp(-2.0), rel=1e-12)


@pytest.mark.parametrize(("agents", "load"), [(0, 3.0), (4, 0.0), (4, -1.0)])
def test_a_queue_without_agents_or_load_is_refused(agents: int, load: float) -> None:
    with pytest.raises(InputError, match="no such queue"):
        erlang.erlang_b(agents, load=load)


def test_a_target_that_is_no_share_is_refused() -> None:
    with pytest.raises(InputError, match="no such target"):
        erlang.required_agents(load=3.0, handle_s=180, target=80, within_s=20)
