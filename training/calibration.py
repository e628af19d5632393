"""Truthful confidence: how scores become probabilities, what is refused, and how far confidence and truth differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.loaders.intent import softmax

Doubles = npt.NDArray[np.float64]
BINS = 15  # DESIGN section 6
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

    def shares(self, mix: tuple[float, float]) -> Doubles:
        """Probabilities under this mix."""
        return softmax(mix[0] * self.of_vectors + mix[1] * self.of_grams)


def best_mix(scores: Scores) -> tuple[float, float]:
    """The weights of the two heads' scores that make held-out truth likeliest: temperature scaling with two heads.

    Guo et al. 2017 fit one temperature on held-out log loss; here each head has its own. Half a row's worth of
    penalty towards 1 keeps a handful of rows, all of them right, from asking for certainty. Rounded, so that the last
    bits of an optimiser are not part of a payload.
    """
    from scipy.optimize import minimize

    rows, total = np.arange(len(scores.truth)), float(scores.weights.sum())

    def loss(logs: Doubles) -> float:
        a, b = np.exp(logs)
        shares = scores.shares((float(a), float(b)))[rows, scores.truth]
        return float(-(scores.weights @ np.log(np.maximum(shares, 1e-12))) + 0.5 * logs @ logs) / (total + 0.5)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"maxiter": 120, "xatol": 1e-3, "fatol": 1e-6})
    a, b = np.exp(found.x)
    return round(float(a), 4), round(float(b), 4)


def threshold(confidence: Doubles, *, refused_share: float) -> float:
    """The confidence below which that share of these held-out in-scope texts is refused."""
    return round(float(np.quantile(confidence, refused_share, method="lower")), 6)


def calibration_error(confidence: Doubles, hits: Doubles) -> float:
    """ECE: mean gap between confidence and accuracy over 15 bins of equal mass, top guess, before any refusal."""
    groups = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    gaps = [len(group) * abs(confidence[group].mean() - hits[group].mean()) for group in groups if len(group)]
    return float(sum(gaps) / max(1, len(confidence)))


@dataclass(frozen=True)
class Expected:
    """The calibration error that a perfectly calibrated model would show on such rows, by chance alone."""

    mean: float
    low: float
    high: float


def expected_error(confidence: Doubles, *, seed: int) -> Expected:
    """By drawing truths that the confidences describe exactly: mean and central 95% of their calibration error."""
    rng = np.random.default_rng(seed)
    truths = (rng.random(len(confidence)) < confidence for _ in range(DRAWS))
    drawn = [calibration_error(confidence, truth.astype(np.float64)) for truth in truths]
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
