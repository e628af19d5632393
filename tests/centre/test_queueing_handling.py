from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from centre.queueing import call_log, handling
from centre.queueing.handling import Handling
from data_contracts.errors import NotEnoughData
from tests.centre.small_log import leg, segments


def fitted(legs: list[dict[str, object]]) -> Handling:
    return handling.fit(call_log.read(segments(legs), time_zone="UTC"))


def test_agents_are_told_apart_as_far_as_their_contacts_allow() -> None:
    """Shrunken effects are nearer to the truth than the plain means, and hardly anything is believed of newcomers."""
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 0.25, 40)
    counts = np.array([4] * 20 + [200] * 20)
    agent = np.repeat(np.arange(40), counts)
    logs = 5.0 + truth[agent] + rng.normal(0, 0.8, len(agent))

    effects, within = handling.agent_effects(logs, agent, agents=41)

    plain = np.array([logs[agent == one].mean() - logs.mean() for one in range(40)])
    few = slice(0, 20)
    assert np.mean((effects[few] - truth[few]) ** 2) < 0.6 * np.mean((plain[few] - truth[few]) ** 2)
    assert np.abs(effects[20:40]).mean() > 0.9 * np.abs(plain[20:]).mean()
    assert within == pytest.approx(0.8, rel=0.03)
    assert effects[40] == 0.0


def test_the_shrinkage_is_that_of_the_one_way_layout() -> None:
    # three agents of two contacts each: worked by hand from the sums of squares
    logs = np.array([4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    effects, within = handling.agent_effects(logs, np.array([0, 0, 1, 1, 2, 2]), agents=3)

    between = (2 * (4 + 0 + 4) - 2 * 0.5) / (6 - 12 / 6)
    assert within == pytest.approx(0.5**0.5)
    assert effects.tolist() == pytest.approx([-2 * 2 / (2 + 0.5 / between), 0, 2 * 2 / (2 + 0.5 / between)])


def test_agents_who_do_not_differ_get_no_effect() -> None:
    rng = np.random.default_rng(2)

    effects, within = handling.agent_effects(rng.normal(5, 1, 400), np.arange(400) % 4, agents=4)

    assert np.abs(effects).max() < 0.1
    assert within == pytest.approx(1.0, rel=0.1)


def test_each_kind_has_its_own_times_and_one_that_is_hardly_known_takes_those_of_all() -> None:
    legs = [leg(n, handle_s=100.0 if n % 2 else 400.0, agent=f"a{n % 5}") for n in range(40)]
    legs += [leg(100 + n, queue="loans", handle_s=900.0) for n in range(30)]
    legs += [leg(200, queue="once", handle_s=50.0)]

    told = fitted(legs)

    assert told.log_mean[0] == pytest.approx((log(100) + log(400)) / 2)
    assert told.log_mean[1] == pytest.approx(log(900))
    assert told.log_mean[2] == pytest.approx((20 * log(100) + 20 * log(400) + 30 * log(900) + log(50)) / 71)
    assert told.handled.tolist() == [40, 30, 1]


def test_a_greater_quantile_takes_longer_and_the_median_is_the_agents_own() -> None:
    rng = np.random.default_rng(3)
    legs = [leg(n, handle_s=float(exp(5 + 0.3 * (n % 2) + rng.normal(0, 0.5))), agent=f"a{n % 2}") for n in range(2000)]

    told = fitted(legs)

    seconds = [told.seconds(0, 1, quantile) for quantile in (0.001, 0.2, 0.5, 0.9, 0.999)]
    assert seconds == sorted(seconds)
    assert told.seconds(0, 1, 0.5) == pytest.approx(exp(5.3), rel=0.05)
    assert told.seconds(0, 0, 0.5) == pytest.approx(exp(5.0), rel=0.05)
    mean = np.mean([told.seconds(0, 0, (n + 0.5) / 4000) for n in range(4000)])
    assert mean == pytest.approx(exp(5.0 + 0.5**2 / 2), rel=0.05)


def test_wrong_connections_stay_as_many_as_they_are() -> None:
    legs = [leg(n, handle_s=3.0 if n % 5 == 0 else 200.0 + n) for n in range(500)]

    told = fitted(legs)

    assert told.short_share[0] == pytest.approx(0.2)
    assert told.seconds(0, 0, 0.199) <= handling.MIN_HANDLE_S < told.seconds(0, 0, 0.201)


def test_a_contact_that_is_handed_on_takes_as_long_as_those_do() -> None:
    legs = [leg(n, handle_s=50.0 if n % 4 == 0 else 200.0, outcome="transferred" if n % 4 == 0 else "answered")
            for n in range(80)]  # fmt: skip

    told = fitted(legs)

    assert told.seconds(0, 0, 0.5, transferred=True) == pytest.approx(50.0)
    assert told.seconds(0, 0, 0.5) == pytest.approx(200.0)


def test_a_log_that_nobody_handled_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="too few handled contacts"):
        fitted([leg(1, outcome="abandoned"), leg(2, handle_s=5.0), leg(3, handle_s=60.0)])
