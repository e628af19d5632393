"""Truthful confidence: how scores become probabilities, what is refused, and how far confidence and truth differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.loaders.intent import mixed

Doubles = npt.NDArray[np.float64]
Mix = tuple[float, ...]  # the weight of each head's scores, and the share of answers that are wrong however sure
BINS = 15  # DESIGN section 6
# Where a mix is sought from: every head as it is, and 2% of the labels wrong.
START_WEIGHT, START_WRONG = 1.0, 0.02
# What an encoder must save of the held-out loss to be heard: one that saves less costs its time for nothing. The light
# one for all languages saves .5 to 2.3% of English, and with it 57.3% of left-out intents are found, without it 55.6%
# (Banking77, three draws); the one for English costs Chinese 4%.
EARNS = 0.0025
# ... and of all rows' log-likelihood: half of chi-squared's 95% quantile (one degree of freedom). Less is chance.
SURELY = 1.92
# Points of a table of quantiles: the lowest stands for a half percent.
TABLE_STEPS = 201
# Scores (rows x labels) that a mix is sought on: five hundred rows of 5,000 labels tell its few figures well enough.
MOST_SCORES = 2_500_000
# Draws for the calibration error that a perfectly calibrated model shows: its mean is then known to about 2%.
DRAWS = 200


@dataclass(frozen=True)
class Scores:
    """Held-out scores of the heads (n, heads, labels), the true label numbers, and the weights of the rows."""

    of_heads: Doubles
    truth: npt.NDArray[np.int64]
    weights: Doubles

    def take(self, rows: npt.NDArray[np.bool_]) -> Scores:
        """These rows only."""
        return Scores(self.of_heads[rows], self.truth[rows], self.weights[rows])

    def shares(self, mix: Mix) -> Doubles:
        """Probabilities under this mix."""
        return mixed(self.of_heads, mix=mix)

    def enough(self) -> Scores:
        """All rows, or where labels are many as many, evenly spaced, as `MOST_SCORES` allows."""
        count, labels = len(self.truth), self.of_heads.shape[2]
        most = max(1, MOST_SCORES // labels)
        if count <= most:
            return self
        kept = np.zeros(count, dtype=np.bool_)
        kept[np.linspace(0, count - 1, most).astype(int)] = True
        return self.take(kept)


def best_mix(scores: Scores, *, only: Sequence[int] | None = None) -> Mix:
    """The mix (`loader.mixed`) that describes these held-out rows best, in three steps.

    First how much each head is heard, by the likelihood of the true labels: temperature scaling (Guo et al. 2017) with
    a temperature a head. Then each encoder must earn its time (`EARNS`, `SURELY`), or is not asked. Last how sure to
    be, by the likelihood of "the best guess is right": labels are wrong sometimes, and a model taught by such labels
    is unsure of all of them, while its best guess is right more often. A row's worth of penalty towards the start
    keeps a handful of rows, all of them right, from asking for certainty. Rounded, so that the last bits of an
    optimiser are not part of a payload. only: the heads that may be heard (all when left out), none of which is then
    let go.
    """
    found = _Hearing(scores.enough())
    if only is not None:
        return found.surely(list(only))
    heads = list(range(scores.of_heads.shape[1]))
    while len(heads) > 2:  # the last head, of n-grams, costs next to nothing and stays
        without = {head: [one for one in heads if one != head] for head in heads[:-1]}
        least = min(without, key=lambda head: found.loss(without[head]))
        if found.loss(without[least]) - found.loss(heads) > max(EARNS * found.loss(heads), SURELY / found.total):
            break
        heads = without[least]
    return found.surely(heads)


class _Hearing:
    """Held-out rows, and how well sets of heads describe them."""

    def __init__(self, scores: Scores) -> None:
        self._scores = scores
        self._heads = scores.of_heads.shape[1]
        self._rows, self.total = np.arange(len(scores.truth)), float(scores.weights.sum())
        self._found: dict[tuple[int, ...], tuple[float, Doubles]] = {}

    def loss(self, heads: Sequence[int]) -> float:
        """Mean negative log-likelihood with these heads at their best."""
        return self._best(heads)[0]

    def surely(self, heads: Sequence[int]) -> Mix:
        """The mix of these heads, as sure as its best guess is right."""
        logs = self._best(heads)[1]
        start = np.log(np.asarray([START_WEIGHT, START_WRONG]))

        def doubted(told: Doubles) -> float:
            shares = self._scores.shares(self._mix(heads, logs[:-1] + told[0], told[1]))
            best, right = shares.max(axis=1), shares.argmax(axis=1) == self._scores.truth
            return self._unlikely(np.where(right, best, 1.0 - best), told - start)

        _, (surer, wrong) = _least(doubted, start)
        return self._mix(heads, logs[:-1] + surer, float(wrong), digits=4)

    def _best(self, heads: Sequence[int]) -> tuple[float, Doubles]:
        if tuple(heads) not in self._found:
            start = np.log(np.asarray([START_WEIGHT] * len(heads) + [START_WRONG]))

            def loss(logs: Doubles) -> float:
                shares = self._scores.shares(self._mix(heads, logs[:-1], logs[-1]))
                return self._unlikely(shares[self._rows, self._scores.truth], logs - start)

            self._found[tuple(heads)] = _least(loss, start)
        return self._found[tuple(heads)]

    def _unlikely(self, shares: Doubles, moved: Doubles) -> float:
        drawn = 0.5 * float(moved @ moved)
        told = float(-(self._scores.weights @ np.log(np.clip(shares, 1e-12, 1.0))))
        return (told + drawn) / (self.total + 1.0)

    def _mix(self, heads: Sequence[int], logs: Doubles, wrong: float, *, digits: int = 12) -> Mix:
        weights = np.zeros(self._heads)
        weights[list(heads)] = np.exp(np.clip(logs, -20.0, 20.0))
        rounded = (round(float(one), digits) for one in weights)
        return (*rounded, min(round(float(np.exp(np.clip(wrong, -20.0, 20.0))), digits), 0.5))


def _least(loss: Callable[[Doubles], float], start: Doubles) -> tuple[float, Doubles]:
    """Nelder and Mead 1965, from a simplex as wide as the answer may lie (scipy takes one too small to move)."""
    from scipy.optimize import minimize

    corners = np.vstack([start, start + np.eye(len(start))])
    told = {"maxiter": 300, "xatol": 1e-3, "fatol": 1e-6, "initial_simplex": corners}
    found = minimize(loss, start, method="Nelder-Mead", options=told)
    return float(found.fun), np.asarray(found.x, dtype=np.float64)


def tables(signs: Doubles) -> list[list[float]]:
    """Of each sign of familiarity (columns), its quantiles on these held-out texts: what `loader.familiarity` reads."""
    steps = np.linspace(0.0, 1.0, TABLE_STEPS)
    return [[round(float(one), 6) for one in np.quantile(column, steps)] for column in signs.T]


def threshold(known: Doubles, *, refused_share: float) -> float:
    """The familiarity below which that share of these held-out in-scope texts is refused."""
    return round(float(np.quantile(known, refused_share, method="lower")), 6)


def calibration_error(confidence: Doubles, hits: Doubles, *, weights: Doubles | None = None) -> float:
    """ECE: mean gap between confidence and accuracy over 15 bins of equal mass, top guess, before any refusal.

    weights: of the rows, as everywhere that accuracy is measured; one each when left out.
    """
    below = np.ones_like(confidence) if weights is None else weights
    groups = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    gaps = [abs(float(below[group] @ (confidence[group] - hits[group]))) for group in groups if len(group)]
    return sum(gaps) / max(float(below.sum()), 1e-12)


@dataclass(frozen=True)
class Expected:
    """The calibration error that a perfectly calibrated model would show on such rows, by chance alone."""

    mean: float
    low: float
    high: float


def expected_error(confidence: Doubles, *, seed: int, weights: Doubles | None = None) -> Expected:
    """By drawing truths that the confidences describe exactly: mean and central 95% of their calibration error."""
    rng = np.random.default_rng(seed)
    truths = (rng.random(len(confidence)) < confidence for _ in range(DRAWS))
    drawn = [calibration_error(confidence, truth.astype(np.float64), weights=weights) for truth in truths]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Expected(float(np.mean(drawn)), float(low), float(high))


def reliability(confidence: Doubles, hits: Doubles, *, bins: int = BINS) -> list[dict[str, Any]]:
    """The bins of a reliability chart, of equal mass: mean confidence, share right, rows."""
    groups = np.array_split(np.argsort(confidence, kind="stable"), bins)
    return [
        {"confidence": float(confidence[g].mean()), "accuracy": float(hits[g].mean()), "rows": len(g)}
        for g in groups
        if len(g)
    ]
