"""Truthful confidence: how scores become probabilities, what is refused, and how far confidence and truth differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.loaders.intent import mixed

Doubles = npt.NDArray[np.float64]
Mix = tuple[float, float, float]
BINS = 15  # DESIGN section 6
# Logarithms of where a mix is sought from: both heads as they are, and 2% of the labels wrong.
START = np.log(np.asarray([1.0, 1.0, 0.02]))
# Points of a table of quantiles: the lowest stands for a half percent.
TABLE_STEPS = 201
# Draws for the calibration error that a perfectly calibrated model shows: its mean is then known to about 2%.
DRAWS = 200


@dataclass(frozen=True)
class Scores:
    """Held-out scores of the two heads (n, labels), the true label numbers, and the weights of the rows."""

    of_vectors: Doubles
    of_grams: Doubles
    truth: npt.NDArray[np.int64]
    weights: Doubles

    def take(self, rows: npt.NDArray[np.bool_]) -> Scores:
        """These rows only."""
        return Scores(self.of_vectors[rows], self.of_grams[rows], self.truth[rows], self.weights[rows])

    def shares(self, mix: Mix) -> Doubles:
        """Probabilities under this mix."""
        return mixed(self.of_vectors, self.of_grams, mix=mix)


def best_mix(scores: Scores) -> Mix:
    """The mix (`loader.mixed`) that describes these held-out rows best, in two steps.

    First how much each head is heard, by the likelihood of the true labels: temperature scaling (Guo et al. 2017) with
    a temperature a head. Then how sure to be, by the likelihood of "the best guess is right": labels are wrong
    sometimes, and a model taught by such labels is unsure of all of them, while its best guess is right more often.
    A row's worth of penalty towards the start keeps a handful of rows, all of them right, from asking for certainty.
    Rounded, so that the last bits of an optimiser are not part of a payload.
    """
    rows, total = np.arange(len(scores.truth)), float(scores.weights.sum())

    def unlikely(shares: Doubles, logs: Doubles) -> float:
        drawn = 0.5 * float((logs - START[: len(logs)]) @ (logs - START[: len(logs)]))
        return (float(-(scores.weights @ np.log(np.clip(shares, 1e-12, 1.0)))) + drawn) / (total + 1.0)

    heard = _least(lambda logs: unlikely(scores.shares(_mix(logs))[rows, scores.truth], logs), START)

    def doubted(logs: Doubles) -> float:
        shares = scores.shares(_mix(heard + np.asarray([logs[0], logs[0], 0.0]), wrong=logs[1]))
        best, right = shares.max(axis=1), shares.argmax(axis=1) == scores.truth
        return unlikely(np.where(right, best, 1.0 - best), np.asarray([logs[0], 0.0, logs[1]]))

    surer, wrong = _least(doubted, START[[0, 2]])
    return _mix(heard + np.asarray([surer, surer, 0.0]), wrong=float(wrong), digits=4)


def _least(loss: Callable[[Doubles], float], start: Doubles) -> Doubles:
    """Nelder and Mead 1965, from a simplex as wide as the answer may lie (scipy takes one too small to move)."""
    from scipy.optimize import minimize

    corners = np.vstack([start, start + np.eye(len(start))])
    told = {"maxiter": 300, "xatol": 1e-3, "fatol": 1e-6, "initial_simplex": corners}
    return np.asarray(minimize(loss, start, method="Nelder-Mead", options=told).x, dtype=np.float64)


def _mix(logs: Doubles, *, wrong: float | None = None, digits: int = 12) -> Mix:
    told = np.exp(np.clip([logs[0], logs[1], logs[2] if wrong is None else wrong], -20.0, 20.0))
    a, b, floor = (round(float(one), digits) for one in told)
    return a, b, min(floor, 0.5)


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


def reliability(confidence: Doubles, hits: Doubles) -> list[dict[str, Any]]:
    """The bins of a reliability chart: mean confidence, share right, rows."""
    groups = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    return [
        {"confidence": float(confidence[g].mean()), "accuracy": float(hits[g].mean()), "rows": len(g)}
        for g in groups
        if len(g)
    ]
