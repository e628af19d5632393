"""Scenarios say what the quantiles say, hang together as asked, and change as asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import poisson

from centre.staffing import load as loads
from centre.staffing.load import LEVELS, Floats, Hanging, Load
from data_contracts.errors import InputError

QUEUES, INTERVALS = 2, 8


def quantiles(*, mean: float = 30.0) -> Floats:
    """Poisson counts' quantiles, the same everywhere."""
    of_one = poisson.ppf(np.array(LEVELS), mean)
    return np.broadcast_to(of_one[:, None, None], (len(LEVELS), QUEUES, INTERVALS)).astype(float)


def drawn(offered: Floats | None = None, handle: Floats | None = None, **changes: Any) -> Load:
    asked: dict[str, Any] = {
        "interval_s": 1800, "day": np.repeat([0, 1], INTERVALS // 2), "handle_cv": np.full(QUEUES, 0.8),
        "patience_s": np.full(QUEUES, 180.0), "hanging": Hanging(0.5, 0.4), "scenarios": 4000, "seed": 3,
    }  # fmt: skip
    offered = quantiles() if offered is None else offered
    return loads.drawn(offered, np.full_like(offered, 240.0) if handle is None else handle, **(asked | changes))


def test_scenarios_have_the_quantiles_that_they_were_drawn_from() -> None:
    told = np.quantile(drawn().counts, LEVELS, axis=0)

    assert told == pytest.approx(quantiles(), abs=1.01)
    assert drawn().counts.mean() == pytest.approx(30.0, rel=0.01)


@pytest.mark.parametrize(
    ("one", "other", "hanging"), [((0, 0), (0, 3), 0.5), ((0, 0), (1, 3), 0.5 * 0.4), ((0, 0), (0, 7), 0.0)]
)
def test_luck_hangs_together_within_a_day_and_between_queues(
    one: tuple[int, int], other: tuple[int, int], hanging: float
) -> None:
    counts = drawn().counts

    found = np.corrcoef(counts[:, one[0], one[1]], counts[:, other[0], other[1]])[0, 1]

    assert found == pytest.approx(hanging, abs=0.05)


def test_a_closed_interval_has_no_contacts() -> None:
    offered = quantiles()
    offered[:, :, 3] = 0

    assert not drawn(offered).counts[:, :, 3].any()


def test_chance_in_an_intervals_mean_is_not_taken_for_doubt_about_the_level() -> None:
    """Thirty contacts with cv .8 have a mean that varies by .8 / sqrt(30) even where the level is known."""
    chance = 240 * (1 + 0.8 / np.sqrt(30) * np.array([-1.96, -1.2816, -0.6745, 0, 0.6745, 1.2816, 1.96]))
    handle = np.broadcast_to(chance[:, None, None], (7, QUEUES, INTERVALS))

    known, doubted = drawn(handle=handle), drawn(handle=handle, handle_cv=np.zeros(QUEUES))

    assert known.handle_s.std() < 2.0
    assert doubted.handle_s.std() == pytest.approx(240 * 0.8 / np.sqrt(30), rel=0.1)


def test_more_volume_keeps_poisson_counts_poisson() -> None:
    counts = np.random.default_rng(1).poisson(40.0, size=(20_000, 1, 1))
    of = Load(1800, counts, np.full(counts.shape, 300.0), np.ones(1), np.full(1, 100.0))

    more = loads.changed(of, volume=1.5, handle_more_s=30.0)

    assert more.counts.mean() == pytest.approx(60.0, rel=0.01)
    assert more.counts.var() == pytest.approx(60.0, rel=0.04)
    assert (more.handle_s == 330.0).all()
    assert loads.changed(of).counts.tolist() == counts.tolist()


def test_less_work_than_some_contacts_are_leaves_a_second_of_these() -> None:
    of = drawn(scenarios=3)
    mixed = replace(of, handle_s=np.where(np.arange(of.handle_s.size).reshape(of.handle_s.shape) % 2, 300.0, 40.0))

    less = loads.changed(mixed, handle_more_s=-60.0)

    assert sorted(np.unique(less.handle_s)) == [1.0, 240.0]


@pytest.mark.parametrize("asked", [{"volume": -0.1}, {"volume": float("nan")}, {"handle_more_s": -240.0}])
def test_a_change_that_no_centre_can_have_is_refused(asked: dict[str, float]) -> None:
    with pytest.raises(InputError, match="no such change"):
        loads.changed(drawn(scenarios=3), **asked)


@pytest.mark.parametrize("wrong", [quantiles()[::-1], quantiles()[:5], np.full((7, QUEUES, INTERVALS), np.nan)])
def test_quantiles_that_fall_or_are_not_known_are_refused(wrong: Floats) -> None:
    with pytest.raises(InputError, match="no such forecast"):
        drawn(wrong)


def test_the_same_seed_is_the_same_luck() -> None:
    assert drawn(scenarios=5).counts.tolist() == drawn(scenarios=5).counts.tolist()
    assert drawn(scenarios=5).counts.tolist() != drawn(scenarios=5, seed=4).counts.tolist()
