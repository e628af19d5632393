"""When contacts come: means by weekday and half hour, and how much days and hours vary around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from centre.queueing.call_log import DAY_S, Floats, Ints

SLOT_S: Final = 1800
SLOTS: Final = DAY_S // SLOT_S
HOURS: Final = 24
WEEK: Final = 7


@dataclass(frozen=True)
class Arrivals:
    """A doubly random Poisson process for each stream.

    The count of a slot is Poisson around `per_slot[stream, weekday, slot]` times a level of the day and one of the
    hour, gamma variables of mean 1 and variances `day_variance` and `hour_variance`. Days are good or bad for all
    streams together as far as `shared_variance` says. `hours[stream, day, hour]`: the counts that were fitted.
    """

    per_slot: Floats
    day_variance: Floats
    hour_variance: Floats
    shared_variance: float
    hours: Floats

    @property
    def per_day(self) -> Floats:
        """Mean count by stream and weekday."""
        return np.asarray(self.per_slot.sum(axis=2))


def fit(stream: Ints, at_s: Floats, *, streams: int, weekdays: Ints) -> Arrivals:
    """Means and variances of the arrivals at `at_s` (local seconds) over the days whose `weekdays` are given.

    By moments: with day and hour levels of variances d and h, the squared excess of hour counts over their means is
    (1 + d)(1 + h) - 1, that of day counts d + r h (1 + d), r the ratio of the summed squares of hour and day means. A
    weekday that was seen once tells its mean and nothing of the variance.
    """
    slots = np.zeros((streams, len(weekdays), SLOTS))
    day, slot = (at_s // DAY_S).astype(np.int64), (at_s % DAY_S // SLOT_S).astype(np.int64)
    np.add.at(slots, (stream, day, slot), 1)
    seen = np.bincount(weekdays, minlength=WEEK)
    totals = np.stack([slots[:, weekdays == weekday].sum(axis=1) for weekday in range(WEEK)], axis=1)
    per_slot = totals / np.maximum(seen, 1)[None, :, None]
    hours, hour_means = _hourly(slots), _hourly(per_slot)[:, weekdays]
    spare = np.where(seen > 1, seen / np.maximum(seen - 1, 1), 0.0)[weekdays]
    day_variance, hour_variance = _variances(hours, hour_means, spare)
    residuals = hours.sum(axis=2) - hour_means.sum(axis=2)
    shared = _shared(residuals, hour_means.sum(axis=2), spare)
    return Arrivals(per_slot, day_variance, hour_variance, shared, hours)


def drawn(
    arrivals: Arrivals, *, first_weekday: int, days: int, seed: int, like: Sequence[int] | None = None
) -> tuple[Floats, Ints]:
    """Times (seconds from the first midnight) and streams of all arrivals of `days` days, in order of time.

    Without `like` the days are new ones. With it day n is the fitted day `like[n]` again, as far as its counts tell its
    levels: these are then drawn given the counts (gamma again: the prior is conjugate to them), so that a roster that
    answered a busy day meets a busy day. Each stream has draws of its own: more of one leaves the others as they were.
    """
    weekdays = (first_weekday + np.arange(days)) % WEEK
    roots = np.random.SeedSequence(seed).spawn(len(arrivals.per_slot) + 1)
    common = np.random.default_rng(roots[0]).uniform(size=days)
    found = []
    for place, root in enumerate(roots[1:]):
        rng = np.random.default_rng(root)
        if like is None:
            levels = _new_levels(arrivals, place, common, rng)
        else:
            levels = _levels_like(arrivals, place, weekdays, np.asarray(like, dtype=np.int64), rng)
        found.append(_stream(arrivals.per_slot[place, weekdays], levels, rng))
    times = np.concatenate(found)
    streams = np.repeat(np.arange(len(found)), [len(own) for own in found])
    order = np.argsort(times, kind="stable")
    return times[order], streams[order]


def _stream(per_slot: Floats, levels: Floats, rng: np.random.Generator) -> Floats:
    """Times of one stream, from means by day and slot and levels by day and hour."""
    counts = rng.poisson(per_slot * np.repeat(levels, SLOTS // HOURS, axis=1))
    starts = np.repeat(np.arange(counts.size) * float(SLOT_S), counts.ravel())
    return np.asarray(starts + rng.uniform(0, SLOT_S, len(starts)))


def _new_levels(arrivals: Arrivals, place: int, common: Floats, rng: np.random.Generator) -> Floats:
    whole = float(arrivals.day_variance[place])
    shared = min(arrivals.shared_variance, whole)
    own = (whole - shared) / (1.0 + shared)  # (1 + shared)(1 + own) = 1 + whole
    day = _gamma_quantile(common, shared) * _gamma(rng, own, np.zeros(len(common)), np.zeros(len(common)))
    none = np.zeros((len(common), HOURS))
    return day[:, None] * _gamma(rng, float(arrivals.hour_variance[place]), none, none)


def _levels_like(arrivals: Arrivals, place: int, weekdays: Ints, like: Ints, rng: np.random.Generator) -> Floats:
    """Levels of fitted days given their counts; the hours' given the day's level too."""
    counts, means = arrivals.hours[place, like], _hourly(arrivals.per_slot[place])[weekdays]
    day = _gamma(rng, float(arrivals.day_variance[place]), counts.sum(axis=1), means.sum(axis=1))
    return day[:, None] * _gamma(rng, float(arrivals.hour_variance[place]), counts, day[:, None] * means)


def _gamma(rng: np.random.Generator, variance: float, counts: Floats, means: Floats) -> Floats:
    """Gamma levels of mean 1 and this variance, given Poisson counts about level x means; ones without variance."""
    if variance <= 0:
        return np.ones(counts.shape)
    return rng.gamma(1 / variance + counts) / (1 / variance + means)


def _gamma_quantile(levels: Floats, variance: float) -> Floats:
    from scipy.special import gammaincinv

    if variance <= 0:
        return np.ones(len(levels))
    return np.asarray(gammaincinv(1 / variance, levels) * variance, dtype=np.float64)


def _hourly(slots: Floats) -> Floats:
    return np.asarray(slots.reshape(*slots.shape[:-1], HOURS, SLOTS // HOURS).sum(axis=-1))


def _variances(hours: Floats, means: Floats, spare: Floats) -> tuple[Floats, Floats]:
    """Variances of the day's and of the hour's level, by stream; `spare` mends what fitting the means took away."""
    used = spare > 0
    hour_squares = (means**2 * used[None, :, None]).sum(axis=(1, 2))
    excess = ((hours - means) ** 2 * spare[None, :, None] - means * used[None, :, None]).sum(axis=(1, 2))
    by_hour = _ratio(excess, hour_squares)
    day_means = means.sum(axis=2)
    day_squares = (day_means**2 * used[None]).sum(axis=1)
    day_excess = ((hours.sum(axis=2) - day_means) ** 2 * spare[None] - day_means * used[None]).sum(axis=1)
    by_day = _ratio(day_excess, day_squares)
    weight = _ratio(hour_squares, day_squares)
    day = np.clip(_ratio(by_day - weight * by_hour, 1.0 - weight), 0.0, None)
    return day, np.clip((by_hour - day) / (1.0 + day), 0.0, None)


def _shared(residuals: Floats, means: Floats, spare: Floats) -> float:
    """The variance of a level that all streams share: their summed covariance over that of their means."""
    together = ((residuals.sum(axis=0) ** 2 - (residuals**2).sum(axis=0)) * spare).sum()
    apart = ((means.sum(axis=0) ** 2 - (means**2).sum(axis=0)) * (spare > 0)).sum()
    return max(0.0, float(together / apart)) if apart > 0 else 0.0


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
