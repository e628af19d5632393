"""Whole futures drawn from a forecast: intervals that go together as the days' totals and the site's say they do.

Every interval keeps its own distribution; a factor that a queue's whole day shares, and one that all queues share, are
as strong as the day's and the site's own forecasts are wide. So what is added up over intervals or queues adds up in
each future, and its quantiles are those of the sums (Panagiotelis et al. 2023, "Probabilistic forecast
reconciliation").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
# Of the variance of an interval at most so much is shared by the day: chance is always its own.
MOST_SHARED = 0.98


@dataclass(frozen=True)
class Told:
    """A forecast by interval: quantiles (n, levels), the group of each row (one of `groups`, a queue's day) and the
    local day of each group; with each group's total (groups, levels) and each day's over all queues (days, levels)."""

    quantiles: Floats
    group: Whole
    day_of_group: Whole
    group_totals: Floats
    day_totals: Floats
    levels: Sequence[float]


def drawn(told: Told, *, count: int, seed: int) -> Floats:
    """(count, n) contacts of so many futures, an even number; each group's totals have that group's quantiles."""
    rng = np.random.default_rng(seed)
    groups = len(told.day_of_group)
    of_day = _mirrored(rng, count, len(told.day_totals))
    own = _mirrored(rng, count, groups)
    chance = _mirrored(rng, count, len(told.group))
    together = shared_by_queues(told)[told.day_of_group]
    factor = np.sqrt(together) * of_day[:, told.day_of_group] + np.sqrt(1.0 - together) * own
    share = shared_by_day(told)[told.group]
    score = np.sqrt(share) * factor[:, told.group] + np.sqrt(1.0 - share) * chance
    return _adding_up(at_scores(told.quantiles, score, levels=told.levels), told)


def shared_by_day(told: Told) -> Floats:
    """(groups,): the share of an interval's variance that its queue's day has in common, by the width of the total."""
    width = _width(told.quantiles, told.levels)
    apart = np.bincount(told.group, weights=width**2, minlength=len(told.day_of_group))
    as_one = np.bincount(told.group, weights=width, minlength=len(told.day_of_group)) ** 2
    return _share(_width(told.group_totals, told.levels) ** 2, apart=apart, as_one=as_one)


def shared_by_queues(told: Told) -> Floats:
    """(days,): the share of a queue's day that all queues have in common, by the width of the site's total."""
    width = _width(told.group_totals, told.levels)
    apart = np.bincount(told.day_of_group, weights=width**2, minlength=len(told.day_totals))
    as_one = np.bincount(told.day_of_group, weights=width, minlength=len(told.day_totals)) ** 2
    return _share(_width(told.day_totals, told.levels) ** 2, apart=apart, as_one=as_one)


def at_scores(quantiles: Floats, score: Floats, *, levels: Sequence[float]) -> Floats:
    """Values (count, n) of normal scores by quantile functions (n, levels): linear between the levels' scores, and
    beyond the outermost as between the last two; not below 0."""
    nodes = np.asarray([NormalDist().inv_cdf(level) for level in levels])
    place = np.clip(np.searchsorted(nodes, score) - 1, 0, len(nodes) - 2)
    row = np.arange(quantiles.shape[0])[None, :]
    low, high = quantiles[row, place], quantiles[row, place + 1]
    found = low + (high - low) * (score - nodes[place]) / (nodes[place + 1] - nodes[place])
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def sums(futures: Floats, group: Whole, groups: int) -> Floats:
    """(count, groups): each future's sums by group."""
    found = np.zeros((len(futures), groups))
    np.add.at(found.T, group, futures.T)
    return found


def quantiles_of(futures: Floats, levels: Sequence[float]) -> Floats:
    """(n, levels) of futures (count, n)."""
    return np.asarray(np.quantile(futures, list(levels), axis=0).T, dtype=np.float64)


def _adding_up(futures: Floats, told: Told) -> Floats:
    """Each group's futures brought to its own total's quantiles, in the order of their sums."""
    total = sums(futures, told.group, len(told.day_of_group))
    order = total.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    score = np.asarray([NormalDist().inv_cdf((rank + 0.5) / len(total)) for rank in range(len(total))])[order]
    meant = at_scores(told.group_totals, score, levels=told.levels)
    factor = np.where(total > 0, meant / np.maximum(total, 1e-9), 1.0)
    return np.asarray(futures * factor[:, told.group], dtype=np.float64)


def _mirrored(rng: np.random.Generator, count: int, width: int) -> Floats:
    """Normal scores (count, width) of which the second half mirrors the first: their mean is 0."""
    half = rng.normal(size=(count // 2, width))
    return np.concatenate([half, -half])


def _width(quantiles: Floats, levels: Sequence[float]) -> Floats:
    """(n,): a standard deviation, by the distance of the 10% and the 90% quantile."""
    told = list(levels)
    low, high = told.index(0.1), told.index(0.9)
    return np.asarray((quantiles[:, high] - quantiles[:, low]) / (2.0 * NormalDist().inv_cdf(0.9)), dtype=np.float64)


def _share(variance: Floats, *, apart: Any, as_one: Any) -> Floats:
    """Where a sum's variance lies between that of parts which have nothing and all in common."""
    found = (variance - apart) / np.maximum(as_one - apart, 1e-9)
    return np.asarray(np.clip(np.where(as_one > apart + 1e-9, found, 0.0), 0.0, MOST_SHARED), dtype=np.float64)
