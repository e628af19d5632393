"""What may come: scenarios of contacts and handle times for each interval, drawn from a forecast's quantiles.

How many come is uncertain twice, and both matter for staffing: the rate is not known, and a Poisson number comes of it
(Steckley, Henderson and Mehrotra 2009; Robbins and Harrison 2010). A forecast of *counts* holds both already, so that
nothing is added to its quantiles here; scenarios of counts from elsewhere may take their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from data_contracts.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# The levels of an issued forecast (serving/issued.py).
LEVELS: Final = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
# Between its 10% and its 90% quantile a normal variable has so many standard deviations.
# The least work that a contact can be, in seconds.
LEAST_HANDLE_S: Final = 1.0
_SPREAD: Final = 2 * 1.2815515655446004


@dataclass(frozen=True)
class Load:
    """Scenarios, all of the same intervals one after another from the horizon's start.

    `counts`: contacts, (scenarios, queues, intervals), whole numbers, 0 where closed. `handle_s`: mean seconds of an
    agent's work a contact, same shape; each contact's own is lognormal around it with `handle_cv` (queues,). Patience
    is exponential with mean `patience_s` (queues,), inf for customers who never give up.
    """

    interval_s: int
    counts: Ints
    handle_s: Floats
    handle_cv: Floats
    patience_s: Floats

    @property
    def erlangs(self) -> Floats:
        """Expected work in each interval over its length, (queues, intervals)."""
        return np.asarray((self.counts * self.handle_s).mean(axis=0) / self.interval_s)

    def of(self, queues: Sequence[int]) -> Load:
        """These queues alone."""
        at = list(queues)
        return replace(self, counts=self.counts[:, at], handle_s=self.handle_s[:, at], handle_cv=self.handle_cv[at],
                       patience_s=self.patience_s[at])  # fmt: skip


@dataclass(frozen=True)
class Hanging:
    """How far good and bad luck come together, as correlations of normal scores.

    `day`: of two intervals of one day in one queue. `queues`: of the day's luck of two queues.
    """

    day: float
    queues: float


def drawn(
    offered: Floats,
    handle: Floats,
    *,
    interval_s: int,
    day: Ints,
    handle_cv: Floats,
    patience_s: Floats,
    hanging: Hanging,
    scenarios: int,
    seed: int,
) -> Load:
    """Scenarios of quantiles at LEVELS: `offered` and `handle` (seconds), each (7, queues, intervals).

    `day` (intervals,) numbers the days: within one the luck of the intervals hangs together. Offered 0 at every level
    is a closed interval. The same seed gives the same luck whatever the quantiles. Raises InputError for quantiles that
    fall, or are not there.
    """
    _refuse_senseless(offered, "offered")
    _refuse_senseless(handle, "handle")
    roots = np.random.SeedSequence([seed, 1]).spawn(2)
    of_counts, of_handle = (_scores(root, offered.shape[1], day, hanging, scenarios) for root in roots)
    counts = np.maximum(0, np.rint(_at(offered, of_counts))).astype(np.int64)
    seconds = _levels_alone(handle, usual=offered[3], handle_cv=handle_cv)
    return Load(interval_s, counts, np.maximum(1.0, _at(seconds, of_handle)), handle_cv, patience_s)


def changed(load: Load, *, volume: float = 1.0, handle_more_s: float = 0.0) -> Load:
    """The same luck with `volume` times the contacts and `handle_more_s` seconds more work in each.

    Where a count varies as Poisson counts do, `volume` times the mean has `volume` times the variance; only what it
    varies beyond that grows with the square. Where work was shorter than what is saved, a second is left of it. Raises
    InputError for what no centre can have.
    """
    if not volume >= 0 or float(load.handle_s.mean()) + handle_more_s <= LEAST_HANDLE_S:
        raise InputError("no such change", expected="volume 0 or more, a mean handle time that stays above 1 s",
                         came=f"volume x {volume:g}, {handle_more_s:+g} s")  # fmt: skip
    mean = load.counts.mean(axis=0)
    beyond = np.maximum(load.counts.var(axis=0) - mean, 0.0)
    before = np.sqrt(np.maximum(mean + beyond, 1e-12))
    stretch = np.sqrt(volume * mean + volume**2 * beyond) / before
    counts = np.maximum(0, np.rint(volume * mean + stretch * (load.counts - mean))).astype(np.int64)
    return replace(load, counts=counts, handle_s=np.maximum(load.handle_s + handle_more_s, LEAST_HANDLE_S))


def _scores(root: np.random.SeedSequence, queues: int, day: Ints, hanging: Hanging, scenarios: int) -> Floats:
    """Normal scores (scenarios, queues, intervals): of the day for all, of the day and queue, and of the interval."""
    days, place = np.unique(day, return_inverse=True)
    rng = np.random.default_rng(root)
    shared = rng.standard_normal((scenarios, 1, len(days)))
    own = rng.standard_normal((scenarios, queues, len(days)))
    of_day = np.sqrt(hanging.queues) * shared + np.sqrt(1 - hanging.queues) * own
    alone = rng.standard_normal((scenarios, queues, len(day)))
    return np.asarray(np.sqrt(hanging.day) * of_day[:, :, place] + np.sqrt(1 - hanging.day) * alone)


def _at(quantiles: Floats, scores: Floats) -> Floats:
    """Values at normal scores: straight between the levels' scores, and on beyond the outer ones."""
    knots = ndtri(np.array(LEVELS))
    left = np.clip(np.searchsorted(knots, scores) - 1, 0, len(knots) - 2)
    queue, interval = np.ogrid[: quantiles.shape[1], : quantiles.shape[2]]
    low, high = quantiles[left, queue, interval], quantiles[left + 1, queue, interval]
    share = (scores - knots[left]) / np.diff(knots)[left]
    return np.asarray(low + share * (high - low))


def _levels_alone(handle: Floats, *, usual: Floats, handle_cv: Floats) -> Floats:
    """Quantiles of the expected handle time, from those of an interval's mean.

    A mean of `usual` contacts varies by chance too, with relative variance cv^2 / usual; the engine draws that again.
    """
    middle = handle[3]
    spread = (handle[5] - handle[1]) / (_SPREAD * middle)
    chance = handle_cv[:, None] ** 2 / np.maximum(usual, 1.0)
    left = np.sqrt(np.maximum(spread**2 - chance, 0.0))
    keep = np.divide(left, spread, out=np.zeros_like(spread), where=spread > 0)
    return np.asarray(middle * (handle / middle) ** keep)


def _refuse_senseless(quantiles: Floats, name: str) -> None:
    known = bool(np.isfinite(quantiles).all())
    if len(quantiles) != len(LEVELS) or not known or bool((np.diff(quantiles, axis=0) < -1e-9).any()):
        came = f"{len(quantiles)} levels" + ("" if known else ", some unknown")
        raise InputError("no such forecast", expected=f"{len(LEVELS)} quantiles that do not fall, all known", came=came,
                         where=name)  # fmt: skip
