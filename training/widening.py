"""Forecasts made honest on held-back days: how far the model is trusted, and how wide its quantiles must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.loaders.forecast import TARGETS, bases
from training.origins import Issued
from training.params import ForecastParams

Floats = npt.NDArray[np.float64]
# Fewest held-back rows that may move a quantile.
FEWEST_ROWS = 100
# Shares of the model's correction that are tried.
TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Widened:
    """By target: how much of the model's correction of the usual level is kept (0 to 1), and what is added to each
    quantile in the loader's units; and the factors of a day's total."""

    trust: dict[str, float]
    by_target: dict[str, list[float]]
    day_factors: list[float]


def untouched(params: ForecastParams) -> Widened:
    """Quantiles as the trees give them."""
    count = len(params.quantiles)
    return Widened(dict.fromkeys(TARGETS, 1.0), {name: [0.0] * count for name in TARGETS}, [1.0] * count)


def widened(model: Any, asked: Issued, *, params: ForecastParams) -> Widened:
    """Conformalised quantile regression (Romano, Patterson and Candes 2019) on the held-back days.

    The pair around the median at each level is moved apart by the level's quantile of how far outside it the truth lay.
    It is never narrowed: the held-back days are few, and days are alike within and not between.
    """
    raw = asked.matrix(model.columns)
    based, found = bases(raw, model.columns, line=model.line), model.predict(raw)
    actual = {"volume": asked.offered, "handle": asked.handle_s}
    made = untouched(params)
    middle = params.quantiles.index(0.5)
    for name in model.targets:
        centre, unit = based[name]
        gap = found[name][:, middle] - centre
        made.trust[name] = trusted(actual[name], centre=centre, gap=gap)
        found[name] = np.maximum(found[name] - ((1.0 - made.trust[name]) * gap)[:, None], 0.0)
        made.by_target[name] = _offsets(found[name], actual[name], unit, params.quantiles)
    return Widened(made.trust, made.by_target, day_factors(found["volume"], asked, params=params))


def trusted(actual: Floats, *, centre: Floats, gap: Floats) -> float:
    """The share of the trees' correction that the held-back days bear out: the one of the smallest error.

    Trees of a short history correct too much; of two shares that do equally well, the one nearer to a half is taken.
    """
    told = ~np.isnan(actual) & ~np.isnan(gap) & ~np.isnan(centre)
    if not told.any():
        return 1.0
    errors = {share: float(np.abs(actual - centre - share * gap)[told].sum()) for share in TRUSTS}
    return min(TRUSTS, key=lambda share: (errors[share], abs(share - 0.5)))


def day_factors(predicted: Floats, asked: Issued, *, params: ForecastParams) -> list[float]:
    """Quantiles of a day's total over the sum of its medians, from the held-back days of all queues.

    Student's t with the days' own spread, widened for its being estimated from few: mean 1 by the median's own claim.
    """
    from scipy.stats import t

    median = predicted[:, params.quantiles.index(0.5)]
    keys = [f"{queue}|{day}" for queue, day in zip(asked.queue, asked.day, strict=True)]
    _, place = np.unique(keys, return_inverse=True)
    total, made = np.bincount(place, weights=asked.offered), np.bincount(place, weights=median)
    told = made > 0
    days = len(set(asked.day))
    if days < 3 or told.sum() < 3:
        return [1.0] * len(params.quantiles)
    ratio = total[told] / made[told] - 1.0
    spread = float(np.sqrt(np.average(ratio**2, weights=made[told]))) * np.sqrt(1 + 1 / days)
    return [round(max(0.0, 1.0 + float(t.ppf(q, days - 1)) * spread), 6) for q in params.quantiles]


def _offsets(predicted: Floats, actual: Floats, unit: Floats, quantiles: tuple[float, ...]) -> list[float]:
    told = ~np.isnan(actual) & ~np.isnan(predicted).any(axis=1) & (unit > 0)
    found = [0.0] * len(quantiles)
    if told.sum() < FEWEST_ROWS:
        return found
    for low in range(len(quantiles) // 2):
        high = len(quantiles) - 1 - low
        outside = np.maximum(predicted[told, low] - actual[told], actual[told] - predicted[told, high]) / unit[told]
        level = min(1.0, (quantiles[high] - quantiles[low]) * (1 + 1 / told.sum()))
        offset = max(0.0, float(np.quantile(outside, level, method="higher")))
        found[low], found[high] = round(-offset, 6), round(offset, 6)
    return found
