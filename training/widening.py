"""Forecasts made honest on held-back days: how far the trees are trusted, and how wide the quantiles must be.

What is usual was told before its day came, on all days; so its errors, in units of their usual size, give the
quantiles their form. The held-back days, which nothing was learned from, then say by how much the whole model's errors
are larger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from training.loaders.forecast import AHEAD_H, MEAN_LEVELS, PARTS, TARGETS, bases, bucket, scaled, values
from training.origins import Issued
from training.params import ForecastParams

Floats = npt.NDArray[np.float64]
# Fewest rows that may form a quantile of their own distance ahead.
FEWEST_ROWS = 1000
# Held-back days that may say that the trees are right.
FEWEST_DAYS = 10
# Days by which a shift of all quantiles is drawn to none: days go together, and fifty know their mean to a seventh of a
# day's spread only.
SHIFT_BELIEF = 150.0
# Shares of what the trees say that are tried.
TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Days by which the held-back days' larger or smaller errors are drawn to the form's own.
BELIEF_DAYS = 20.0
# Contacts by which what comes of small counts is drawn to what their quantiles say.
MEAN_BELIEF = 100.0
# Days by which the form of a day's total is drawn to Student's t of five degrees: heavier than normal, as days are. On
# `bank_calls` (20, 40 and 60 days judged) its 80% intervals are 4% narrower than with eight degrees, and hold 90%.
DAY_BELIEF, DAY_FREEDOM = 200.0, 5


@dataclass(frozen=True)
class Widened:
    """By target: how far each part of the trees is kept (0 to 1), and the quantiles' places in units of the spread, by
    distance ahead and of volume also by size (`loaders.forecast.bucket`); those of a day's total in units of the day's;
    and what the mean of small counts' quantiles is multiplied by."""

    trust: dict[str, dict[str, float]]
    offsets: dict[str, list[list[float]]]
    day_offsets: list[float]
    mean_ratio: list[float]


def untouched(params: ForecastParams, *, grown: Sequence[str]) -> Widened:
    """All that the trees say, where they were grown, and the quantiles of a normal distribution."""
    plain = [round(NormalDist().inv_cdf(q), 6) for q in params.quantiles]
    return Widened(
        {name: dict.fromkeys(PARTS, float(name in grown)) for name in TARGETS},
        {name: [plain] * _buckets(name) for name in TARGETS}, plain, [1.0] * len(MEAN_LEVELS),
    )  # fmt: skip


def widened(model: Any, *, known: Issued, held: Issued, params: ForecastParams) -> Widened:
    """What the model's payload must say of itself. known: the rows learned from; held: rows of the held-back days."""
    made = untouched(params, grown=model.targets)
    for name in model.targets:
        said, errors = _said(model, held, name), _errors(held, model.columns, name)
        errors[bucket(held.matrix(model.columns), model.columns, name) > len(AHEAD_H)] = np.nan
        made.trust[name] = trusted(errors, said, days=held.day)
        left = (errors - made.trust[name]["centre"] * said["centre"]) * np.exp(
            -made.trust[name]["spread"] * said["spread"]
        )
        larger = _larger(left, errors, days=held.day)
        made.offsets[name] = _offsets(known, model.columns, name, params.quantiles, larger)
    # Of days too the form is that of errors that were made before the day came: the trees have seen these days.
    model.trust, model.offsets = {name: dict.fromkeys(PARTS, 0.0) for name in TARGETS}, made.offsets
    model.mean_ratio = mean_ratio(model, known)
    return Widened(made.trust, made.offsets, day_offsets(model, known, params=params), model.mean_ratio)


def _buckets(target: str) -> int:
    return (len(AHEAD_H) + 1) * (2 if target == "volume" else 1)


def _errors(asked: Issued, columns: list[str], target: str) -> Floats:
    """What came less what was usual, in units of its usual size; NaN where unknown."""
    centre, unit = bases(asked.matrix(columns), columns)[target]
    actual = asked.offered if target == "volume" else np.where(np.nan_to_num(asked.handled) > 0, asked.handle_s, np.nan)
    return np.asarray((values(target, actual) - centre) / unit, dtype=np.float64)


def _said(model: Any, asked: Issued, target: str) -> dict[str, Floats]:
    raw = asked.matrix(model.columns)
    (centre, unit), (moved, grown) = bases(raw, model.columns)[target], model.located(raw)[target]
    return {"centre": (moved - centre) / unit, "spread": np.log(grown / unit)}


def trusted(errors: Floats, said: Mapping[str, Floats], *, days: Any) -> dict[str, float]:
    """The share of each part that the held-back days bear out, of which the smaller of two that do as well."""
    told = ~np.isnan(errors)
    if not told.any():
        return dict.fromkeys(PARTS, 0.0)
    centre = _best(
        {share: np.abs(errors - share * said["centre"])[told] for share in TRUSTS}, days=np.asarray(days)[told]
    )
    left = np.log(np.abs(errors - centre * said["centre"]) + 0.1)
    left = left - float(np.nanmean(left))
    spread = _best({share: (left - share * said["spread"])[told] ** 2 for share in TRUSTS}, days=np.asarray(days)[told])
    return {"centre": centre, "spread": spread}


def _best(lost: Mapping[float, Floats], *, days: Any) -> float:
    """The share that loses least and surely less than none: by two standard errors over FEWEST_DAYS days or more."""
    names, place = np.unique(np.asarray(days, dtype=str), return_inverse=True)
    by_day = {share: np.bincount(place, weights=one) for share, one in lost.items()}
    gain = {share: by_day[0.0] - one for share, one in by_day.items()}
    error = {share: float(one.std() * np.sqrt(len(names))) for share, one in gain.items()}
    enough = len(names) >= FEWEST_DAYS
    sure = [share for share in TRUSTS if share == 0.0 or (enough and gain[share].sum() > 2.0 * error[share])]
    return max(sure, key=lambda share: (float(gain[share].sum()), -share))


def _larger(left: Floats, errors: Floats, *, days: Any) -> float:
    """How many times larger the model's errors are on the held-back days than the usual's, drawn to one."""
    told = ~np.isnan(left)
    if not told.any():
        return 1.0
    ratio = float(np.median(np.abs(left[told])) / max(float(np.median(np.abs(errors[told]))), 1e-9))
    count = len(set(np.asarray(days)[told]))
    return float(np.exp(np.log(max(ratio, 0.1)) * count / (count + BELIEF_DAYS)))


def _offsets(
    known: Issued, columns: list[str], target: str, quantiles: Sequence[float], larger: float
) -> list[list[float]]:
    """By bucket the errors' quantiles; one with few rows has those of all distances, and then those of all rows.

    Their middle is drawn to none, as days go together; not that of small counts, which are lopsided by nature.
    """
    errors = _errors(known, columns, target)
    mine_of = bucket(known.matrix(columns), columns, target)
    told = np.asarray(~np.isnan(errors))
    weight = np.nan_to_num(known.handled) if target == "handle" else np.ones(len(errors))
    found = []
    for place in range(_buckets(target)):
        small = place > len(AHEAD_H)
        size = told & ((mine_of > len(AHEAD_H)) == small)
        mine = next((one for one in (told & (mine_of == place), size) if one.sum() >= FEWEST_ROWS), told)
        seen = _quantiles(errors[mine], weight[mine], quantiles)
        days = len(set(known.day[mine]))
        belief = 0.0 if small else SHIFT_BELIEF
        shift = _quantiles(errors[mine], weight[mine], [0.5])[0] * belief / (days + SHIFT_BELIEF)
        found.append([round(larger * float(one - shift), 6) for one in seen])
    return found


def mean_ratio(model: Any, known: Issued) -> list[float]:
    """By MEAN_LEVELS what came over what the mean of the quantiles says, drawn to one; one at the last."""
    near = known.taken(known.column("ahead_h") <= AHEAD_H[0])
    model.mean_ratio = [1.0] * len(MEAN_LEVELS)
    told = model.mean(model.predict(near.matrix(model.columns))["volume"])
    edges = [(low + high) / 2.0 for low, high in pairwise(MEAN_LEVELS)]
    place = np.digitize(told, edges)
    came, said = (np.bincount(place, weights=one, minlength=len(MEAN_LEVELS)) for one in (near.offered, told))
    found = (came + MEAN_BELIEF) / (said + MEAN_BELIEF)
    return [*(round(float(one), 6) for one in found[:-1]), 1.0]


def _quantiles(values: Floats, weights: Floats, quantiles: Sequence[float]) -> Floats:
    """Of weighted values: where the weight up to the middle of each reaches the level."""
    if not len(values):
        return np.zeros(len(quantiles))
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.asarray(np.interp(quantiles, total / weights.sum(), values[order]), dtype=np.float64)


def day_offsets(model: Any, known: Issued, *, params: ForecastParams) -> list[float]:
    """Quantiles of a day's total less its mean, on the scale of counts, in units of the day's spread, of all queues."""
    from scipy.special import stdtrit  # not scipy.stats: importing that takes half a second

    believed = stdtrit(DAY_FREEDOM, params.quantiles) * np.sqrt(1.0 - 2.0 / DAY_FREEDOM)
    near = known.taken(known.column("ahead_h") <= AHEAD_H[0])
    keys = [f"{queue}|{day}|{origin}" for queue, day, origin in zip(near.queue, near.day, near.origin, strict=True)]
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    mean = model.mean(model.predict(near.matrix(model.columns))["volume"])
    total, told = (np.bincount(place, weights=one).astype(np.float64) for one in (near.offered, mean))
    errors = (scaled(total) - scaled(told)) / near.column("day_spread")[first]
    seen = np.quantile(errors, params.quantiles) if len(errors) else believed
    days = len(set(near.day))
    if len(errors):  # days of all queues move together: what they have in common is known from the days alone
        seen = seen - float(np.median(errors)) * SHIFT_BELIEF / (days + SHIFT_BELIEF)
    share = len(errors) / (len(errors) + DAY_BELIEF)
    return [round(float(one), 6) for one in share * seen + (1.0 - share) * believed]
