"""Intervals against independent oracles: formulas, a naive bootstrap, and numbers worked by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from data_contracts.errors import InputError, NotEnoughData
from training import intervals

RNG = np.random.default_rng(5)
RIGHT, OTHER = RNG.random(800) < 0.85, RNG.random(800) < 0.80


def _naive(ours: np.ndarray, theirs: np.ndarray, draws: int = 800) -> tuple[float, float]:
    """The bootstrap as its definition says it, one draw and one row at a time."""
    chance, gaps, pairs = random.Random(11), [], list(zip(ours.tolist(), theirs.tolist(), strict=True))
    for _ in range(draws):
        drawn = chance.choices(pairs, k=len(pairs))
        gaps.append(sum(a - b for a, b in drawn) / len(drawn))
    gaps.sort()
    return gaps[int(draws * 0.025)], gaps[int(draws * 0.975)]


def test_the_paired_bootstrap_agrees_with_a_naive_one() -> None:
    got = intervals.paired(RIGHT, other=OTHER, better="higher", seed=3)
    low, high = _naive(RIGHT.astype(float), OTHER.astype(float))

    assert got.difference.estimate == pytest.approx(RIGHT.mean() - OTHER.mean())
    assert got.difference.low == pytest.approx(low, abs=0.008)
    assert got.difference.high == pytest.approx(high, abs=0.008)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    first, again, other = (intervals.paired(RIGHT, other=OTHER, better="higher", seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first.difference != other.difference


def test_lower_is_better_turns_the_difference_around() -> None:
    errors, more = np.array([1.0, 2, 3, 4] * 30), np.array([2.0, 3, 4, 6] * 30)

    got = intervals.paired(errors, other=more, better="lower", seed=1, denominators=np.full(120, 10.0))

    assert (got.candidate, got.other) == (0.25, 0.375)
    assert got.difference.estimate == pytest.approx(0.125)
    assert got.difference.low > 0


def test_blocks_that_share_their_fate_widen_the_interval() -> None:
    days = np.repeat(np.arange(20), 40)
    right = np.repeat(RNG.random(20) < 0.7, 40)  # a whole day is right or wrong

    by_row = intervals.single(right, seed=1)
    by_day = intervals.single(right, seed=1, blocks=list(days))

    assert by_day.high - by_day.low > 4 * (by_row.high - by_row.low)


def test_many_rows_are_grouped_without_changing_the_width() -> None:
    right = RNG.random(60_000) < 0.9

    got = intervals.single(right, seed=1)

    normal = 1.96 * (0.9 * 0.1 / 60_000) ** 0.5
    assert (got.high - got.low) / 2 == pytest.approx(normal, rel=0.08)


def test_p_worse_is_small_only_for_a_worse_candidate() -> None:
    worse = intervals.paired(OTHER, other=RIGHT, better="higher", seed=1).p_worse
    better = intervals.paired(RIGHT, other=OTHER, better="higher", seed=1).p_worse
    same = intervals.paired(RIGHT, other=RIGHT, better="higher", seed=1).p_worse

    assert worse < 0.05 < 0.95 < better
    assert same == 1.0


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Clopper and Pearson as R's binom.test prints them; 0 of n has the closed form 1 - 0.025^(1/n).
    [(7, 10, 0.3475471, 0.9332605), (0, 10, 0.0, 1 - 0.025**0.1), (10, 10, 0.025**0.1, 1.0)],
)
def test_exact_binomial_intervals_are_the_published_ones(hits: int, of: int, low: float, high: float) -> None:
    got = intervals.proportion(hits, of=of)

    assert (got.low, got.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


def test_an_exact_interval_needs_rows_and_no_more_hits_than_rows() -> None:
    with pytest.raises(NotEnoughData):
        intervals.proportion(0, of=0)
    with pytest.raises(InputError):
        intervals.proportion(3, of=2)


def test_holm_is_as_worked_by_hand() -> None:
    # 0.01*4, max(.04, .03*3)=.09, max(.09, .04*2)=.09, max(.09, .2*1)=.2; given out of order
    assert intervals.holm([0.04, 0.01, 0.2, 0.03]) == pytest.approx([0.09, 0.04, 0.2, 0.09])
    assert intervals.holm([0.6, 0.7]) == [1.0, 1.0]
    assert intervals.holm([]) == []


def test_what_cannot_be_compared_is_refused() -> None:
    for ours, theirs, told in (
        ([1.0, 2], [1.0], {}),
        ([1.0, float("nan")], [1.0, 1], {}),
        ([1.0, 1], [1.0, 1], {"denominators": [1.0, -1]}),
        ([1.0, 1], [1.0, 1], {"blocks": ["a"]}),
    ):
        with pytest.raises(InputError):
            intervals.paired(ours, other=theirs, better="higher", seed=1, **told)


def test_one_row_or_one_block_shows_no_spread() -> None:
    with pytest.raises(NotEnoughData):
        intervals.single([1.0], seed=1)
    with pytest.raises(NotEnoughData):
        intervals.single([1.0, 0.0], seed=1, blocks=["day", "day"])
    with pytest.raises(NotEnoughData):
        intervals.single([0.0, 0.0], seed=1, denominators=[0.0, 0.0])


def test_blocks_without_actuals_do_not_break_a_ratio() -> None:
    got = intervals.single([0.0, 3.0, 0.0], seed=1, denominators=[0.0, 4.0, 0.0])

    assert np.isfinite([got.estimate, got.low, got.high]).all()
