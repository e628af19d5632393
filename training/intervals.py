"""How sure a figure is: paired bootstrap, exact binomial intervals, Holm's correction. Numbers in, numbers out.

Every figure here is a ratio of sums, sum(numerator) / sum(denominator): an accuracy (hits over rows), a WAPE (absolute
errors over actuals), a mean reward. So one bootstrap serves them all, and a resample is a weighted sum of block totals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_contracts.errors import InputError, NotEnoughData
from training.report import Better

Floats = NDArray[np.float64]

LEVEL = 0.95
# 2000 draws put the Monte-Carlo error of a 2.5% quantile near 0.35 points of probability; 200 would leave 1.1.
DRAWS = 2000
# Above this many blocks, blocks are drawn in random groups of near-equal size: sums of exchangeable blocks resample to
# the same variance, and the cost stays that of 2000 x 4000 counts.
MOST_BLOCKS = 4000
# Memory of one batch of draws: 50 x 4000 numbers of 8 bytes are 1.6 MB, which stays in the cache.
DRAWS_AT_ONCE = 50


@dataclass(frozen=True)
class Interval:
    """A figure with the bounds of its central interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """Two models on the same rows; `difference` is oriented: positive means that the candidate is better."""

    candidate: float
    other: float
    difference: Interval
    p_worse: float
    rows: int
    method: str


def paired(
    candidate: ArrayLike,
    *,
    other: ArrayLike,
    better: Better,
    seed: int,
    denominators: ArrayLike | None = None,
    blocks: Sequence[Any] | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Paired:
    """Difference of two ratio figures on the same rows, by paired bootstrap (percentile interval).

    `candidate`, `other`: one numerator a row (0/1 for accuracy, |error| for WAPE). `denominators`: one a row, 1 when
    left out. `blocks`: one label a row (a day, a customer); rows of a block are drawn together, for they share their
    fate. `p_worse`: share of draws, plus one in each count, in which the candidate is not worse (Davison and
    Hinkley 1997, section 4.2.3): small when it is worse. Interval: Efron and Tibshirani 1993, chapter 13.
    Raises NotEnoughData below two rows or two blocks, InputError for unequal lengths or figures that are not finite.
    """
    ours, theirs, below = columns(candidate, other, denominators)
    names, group = _blocks(blocks, rows=len(ours), seed=seed)
    totals = _totals(group, count=names, columns=(ours, theirs, below))
    sign = 1.0 if better == "higher" else -1.0
    ours_drawn, theirs_drawn, below_drawn = _resampled(totals, seed=seed, draws=draws)
    drawn = sign * (ours_drawn - theirs_drawn) / below_drawn
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    estimate = sign * float((ours.sum() - theirs.sum()) / below.sum())
    not_worse = int(np.count_nonzero(drawn >= 0))
    return Paired(
        candidate=float(ours.sum() / below.sum()),
        other=float(theirs.sum() / below.sum()),
        difference=Interval(estimate, float(low), float(high)),
        p_worse=(1 + not_worse) / (draws + 1),
        rows=len(ours),
        method=f"paired bootstrap by {'block' if blocks is not None else 'row'}, {draws} draws, seed {seed}",
    )


def single(
    numerators: ArrayLike,
    *,
    seed: int,
    denominators: ArrayLike | None = None,
    blocks: Sequence[Any] | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Interval:
    """Interval of one ratio figure by bootstrap; arguments and errors as in `paired`."""
    above, _, below = columns(numerators, numerators, denominators)
    names, group = _blocks(blocks, rows=len(above), seed=seed)
    totals = _totals(group, count=names, columns=(above, below))
    above_drawn, below_drawn = _resampled(totals, seed=seed, draws=draws)
    low, high = np.quantile(above_drawn / below_drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(above.sum() / below.sum()), float(low), float(high))


def proportion(hits: int, *, of: int, level: float = LEVEL) -> Interval:
    """Exact binomial interval of a share: Clopper and Pearson 1934, by beta quantiles. NotEnoughData when `of` is 0."""
    if not 0 <= hits <= of:
        raise InputError("not a share", expected="0 <= hits <= of", came=f"{hits} of {of}")
    if of == 0:
        raise NotEnoughData("no rows, no share", expected="at least one row", came="0")
    from scipy.stats import beta  # scipy is heavy, and serving imports what is above

    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return Interval(hits / of, low, high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: Holm 1979. Reject those at or below the level; the family error holds."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, floor = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted


def columns(candidate: ArrayLike, other: ArrayLike, denominators: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    """The three as checked columns of floats; denominators of 1 when left out. Errors as in `paired`."""
    ours, theirs = np.asarray(candidate, dtype=np.float64), np.asarray(other, dtype=np.float64)
    below = np.ones_like(ours) if denominators is None else np.asarray(denominators, dtype=np.float64)
    if not (ours.ndim == 1 and ours.shape == theirs.shape == below.shape):
        raise InputError(
            "paired figures need the same rows",
            expected="three columns of one length",
            came=f"{ours.shape}, {theirs.shape}, {below.shape}",
        )
    if not all(np.isfinite(column).all() for column in (ours, theirs, below)) or (below < 0).any():
        raise InputError("figures to compare must be finite, and denominators not negative", came="NaN, inf or below 0")
    if len(ours) and below.sum() <= 0:
        raise NotEnoughData("nothing to divide by", expected="denominators that sum above 0", came="0")
    return ours, theirs, below


def _blocks(blocks: Sequence[Any] | None, *, rows: int, seed: int) -> tuple[int, NDArray[np.int64]]:
    """How many blocks there are, and which one each row is in."""
    if blocks is not None and len(blocks) != rows:
        raise InputError("each row needs its block", expected=f"{rows} block labels", came=str(len(blocks)))
    if blocks is None:
        count, group = rows, np.arange(rows, dtype=np.int64)
    else:
        numbers = {label: number for number, label in enumerate(dict.fromkeys(blocks))}
        count, group = len(numbers), np.array([numbers[label] for label in blocks], dtype=np.int64)
    if count < 2:
        raise NotEnoughData("one block shows no spread", expected="at least two rows or blocks", came=str(count))
    if count <= MOST_BLOCKS:
        return count, group
    shuffled = np.random.default_rng([seed, count]).permutation(count) % MOST_BLOCKS
    return MOST_BLOCKS, shuffled[group]


def _totals(group: NDArray[np.int64], *, count: int, columns: Sequence[Floats]) -> Floats:
    """Sums by block: (columns, blocks)."""
    summed = [np.bincount(group, weights=column, minlength=count) for column in columns]
    return np.stack(summed).astype(np.float64)


def _resampled(totals: Floats, *, seed: int, draws: int) -> Floats:
    """Totals of each draw: (columns, draws). A draw takes as many blocks as there are, with replacement.

    Draws whose denominator is zero cannot be (it would need to draw only empty blocks) but for tiny data; they are
    drawn as the whole, which is neutral.
    """
    rng = np.random.default_rng(seed)
    count = totals.shape[1]
    batches = []
    for start in range(0, draws, DRAWS_AT_ONCE):
        size = min(DRAWS_AT_ONCE, draws - start)
        taken = rng.integers(count, size=(size, count))
        batches.append(np.stack([column[taken].sum(axis=1) for column in totals]))
    drawn: Floats = np.concatenate(batches, axis=1)
    empty = drawn[-1] <= 0
    drawn[:, empty] = totals.sum(axis=1, keepdims=True)
    return drawn
