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
    hour: gamma variables of mean 1 and variances `day_variance` and `hour_variance` by stream. Of these the variances
    `shared_day` and `shared_hour` are of levels that all streams share: a busy hour is busy for all of them.
    `hours[stream, day, hour]`: the counts that were fitted.
    """

    per_slot: Floats
    day_variance: Floats
    hour_variance: Floats
    shared_day: float
    shared_hour: float
    hours: Floats

    @property
    def per_day(self) -> Floats:
        """Mean count by stream and weekday."""
        return np.asarray(self.per_slot.sum(axis=2))

    def own(self, stream: int) -> tuple[float, float]:
        """Variances of a stream's own levels of day and hour: with the shared ones they make its whole variances."""
        day, hour = float(self.day_variance[stream]), float(self.hour_variance[stream])
        return _rest(day, self.shared_day), _rest(hour, self.shared_hour)


def fit(stream: Ints, at_s: Floats, *, streams: int, weekdays: Ints) -> Arrivals:
    """Means and variances of the arrivals at `at_s` (local seconds) over the days whose `weekdays` are given.

    A weekday that was seen once tells its mean and nothing of the variances.
    """
    slots = np.zeros((streams, len(weekdays), SLOTS))
    day, slot = (at_s // DAY_S).astype(np.int64), (at_s % DAY_S // SLOT_S).astype(np.int64)
    np.add.at(slots, (stream, day, slot), 1)
    seen = np.bincount(weekdays, minlength=WEEK)
    totals = np.stack([slots[:, weekdays == weekday].sum(axis=1) for weekday in range(WEEK)], axis=1)
    per_slot = totals / np.maximum(seen, 1)[None, :, None]
    hours, means = _hourly(slots), _hourly(per_slot)[:, weekdays]
    # The means were taken from these very counts: what that took away from their variance is given back by weekday.
    spare = np.where(seen > 1, seen / np.maximum(seen - 1, 1), 0.0)[weekdays]
    whole_day, whole_hour = _alone(hours, means, spare)
    shared_day, shared_hour = _together(hours - means, means, spare) if streams > 1 else (0.0, 0.0)
    return Arrivals(
        per_slot, np.maximum(whole_day, shared_day), np.maximum(whole_hour, shared_hour), shared_day, shared_hour, hours
    )


def drawn(
    arrivals: Arrivals, *, first_weekday: int, days: int, seed: int, like: Sequence[int] | None = None
) -> tuple[Floats, Ints]:
    """Times (seconds from the first midnight) and streams of all arrivals of `days` days, in order of time.

    Without `like` the days are new ones. With it day n is the fitted day `like[n]` again, as far as its counts tell its
    levels: these are then drawn given the counts (gamma again: the prior is conjugate to them), so that a roster that
    answered a busy day meets a busy day. Each stream has draws of its own: on new days one more changes no other.
    """
    weekdays = (first_weekday + np.arange(days)) % WEEK
    means = _hourly(arrivals.per_slot)[:, weekdays]
    counts = np.zeros_like(means) if like is None else arrivals.hours[:, np.asarray(like, dtype=np.int64)]
    told = np.zeros_like(means) if like is None else means
    roots = [np.random.default_rng(root) for root in np.random.SeedSequence(seed).spawn(len(means) + 1)]
    shared = _levels((arrivals.shared_day, arrivals.shared_hour), counts.sum(axis=0), told.sum(axis=0), roots[0])
    found = []
    for place, rng in enumerate(roots[1:]):
        own = _levels(arrivals.own(place), counts[place], told[place] * shared, rng)
        found.append(_times(arrivals.per_slot[place, weekdays], shared * own, rng))
    times = np.concatenate(found)
    streams = np.repeat(np.arange(len(found)), [len(own) for own in found])
    order = np.argsort(times, kind="stable")
    return times[order], streams[order]


def _times(per_slot: Floats, levels: Floats, rng: np.random.Generator) -> Floats:
    """Times of one stream, from means by day and slot and levels by day and hour."""
    counts = rng.poisson(per_slot * np.repeat(levels, SLOTS // HOURS, axis=1))
    starts = np.repeat(np.arange(counts.size) * float(SLOT_S), counts.ravel())
    return np.asarray(starts + rng.uniform(0, SLOT_S, len(starts)))


def _levels(variances: tuple[float, float], counts: Floats, means: Floats, rng: np.random.Generator) -> Floats:
    """Levels by day and hour, given counts about level x means; the hours' given the day's level too."""
    day = _gamma(rng, variances[0], counts.sum(axis=1), means.sum(axis=1))
    return day[:, None] * _gamma(rng, variances[1], counts, day[:, None] * means)


def _gamma(rng: np.random.Generator, variance: float, counts: Floats, means: Floats) -> Floats:
    """Gamma levels of mean 1 and this variance, given Poisson counts about level x means; ones without variance."""
    if variance <= 0:
        return np.ones(counts.shape)
    return rng.gamma(1 / variance + counts) / (1 / variance + means)


def _hourly(slots: Floats) -> Floats:
    return np.asarray(slots.reshape(*slots.shape[:-1], HOURS, SLOTS // HOURS).sum(axis=-1))


def _alone(hours: Floats, means: Floats, spare: Floats) -> tuple[Floats, Floats]:
    """Variances of day and hour levels of each stream: its squared residuals beyond what Poisson counts have."""
    used = spare > 0
    by_hour = (hours - means) ** 2 * spare[:, None] - means * used[:, None]
    day_means = means.sum(axis=2)
    by_day = (hours.sum(axis=2) - day_means) ** 2 * spare - day_means * used
    squares = ((means**2 * used[:, None]).sum(axis=(1, 2)), (day_means**2 * used).sum(axis=1))
    return _two_levels(by_hour.sum(axis=(1, 2)), by_day.sum(axis=1), squares)


def _together(residuals: Floats, means: Floats, spare: Floats) -> tuple[float, float]:
    """Variances of levels that all streams share, from products of different streams' residuals."""
    used = (spare > 0).astype(np.float64)
    excess = [_crossed(one, spare) for one in (residuals, residuals.sum(axis=2))]
    squares = [_crossed(one, used) for one in (means, means.sum(axis=2))]
    day, hour = _two_levels(excess[0], excess[1], (squares[0], squares[1]))
    return float(day[0]), float(hour[0])


def _crossed(values: Floats, weights: Floats) -> Floats:
    """Weighted sum over days (and hours) of the products of each two different streams, as an array of one."""
    products = values.sum(axis=0) ** 2 - (values**2).sum(axis=0)
    return np.array([(products * weights.reshape(-1, *[1] * (products.ndim - 1))).sum()])


def _two_levels(by_hour: Floats, by_day: Floats, squares: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Variances d of the day's and h of the hour's level from the excess of hour and of day counts, by moments.

    Over the squared means the excess of hours is (1 + d)(1 + h) - 1, that of days d + r h (1 + d), with r the ratio of
    the summed squares of hour and day means.
    """
    hour, day, weight = _ratio(by_hour, squares[0]), _ratio(by_day, squares[1]), _ratio(squares[0], squares[1])
    of_day = np.clip(_ratio(day - weight * hour, 1.0 - weight), 0.0, None)
    return of_day, np.clip((hour - of_day) / (1.0 + of_day), 0.0, None)


def _rest(whole: float, shared: float) -> float:
    """What is left of a variance beside a shared part: (1 + shared)(1 + rest) = 1 + whole."""
    return max(0.0, (whole - shared) / (1.0 + shared))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
