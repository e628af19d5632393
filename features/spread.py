"""How far off the course of a day usually is: by slot, by distance ahead, and for the day's total."""

from __future__ import annotations

import numpy as np

from features.drift import AHEAD
from features.grid import Flags, Floats
from features.scale import scaled

# What an error counts for after another day: half after 14 weeks, so that a queue that became calmer is believed.
MEMORY = 0.993
# How much more the later half of a short past counts than the earlier one.
LEARNING = 4.0
# An error of more than so many usual sizes teaches as one of that size: an outage is not what tomorrow looks like.
MOST_SIZES = 4.0
# Days of the queue's mean in a slot's size, and slots over which sizes are smoothed (standard deviation): a slot's own
# size is known to 10% only after 50 days.
SHRINK_DAYS = 10.0
SMOOTH_SLOTS = 2.0
# A fifth of the errors lie outside of 1.28 sizes where sizes are right; after a day on which more did, the queue's
# sizes grow by this share of the excess (Gibbs and Candes 2021, "Adaptive conformal inference under distribution
# shift"). On `bank_calls` the 80% intervals then hold 81% of the counts and not 84, at no cost.
OUTSIDE, CENTRAL = 0.2, 1.2816
RATE = 0.1
# ... and by this share after a day whose total did, where a fifth are outside of 1.2 sizes: days' errors are between
# normal (1.28) and Student's t of five degrees (1.14). On windows of `emergency_hourly`, `bank_calls` and a help desk's
# tickets (1,640 days) 80 and 95% intervals then hold 78 and 95%, with a rate of .03 against 1.28 sizes 77 and 94.5%.
DAY_RATE, DAY_CENTRAL = 0.05, 1.2
# Days of what all queues show in a queue's own size, and in how sizes grow with distance.
BELIEF_DAYS = 10.0
# Days' totals are off by so much on the scale where nothing was seen: a tenth of some thousands of contacts, which is
# what a planner expects of a queue that is new.
BELIEF_SIZE = 1.8


class Spread:
    """Sums of squared errors so far."""

    def __init__(self, queues: int, slots: int) -> None:
        self._squares = np.zeros((queues, slots))
        self._counts = np.zeros((queues, slots))
        self._days = np.zeros(queues)
        self._logarithm = np.zeros(queues)
        self._ahead_squares = np.zeros(len(AHEAD))
        self._ahead_counts = np.zeros(len(AHEAD))
        # By queue, and of all of them together in the last place.
        self._day_squares = np.zeros((len(AHEAD), queues + 1))
        self._day_counts = np.zeros((len(AHEAD), queues + 1))
        self._days_ahead = np.zeros((len(AHEAD), queues + 1))
        self._day_logarithm = np.zeros((len(AHEAD), queues + 1))

    def add(self, error: Floats, *, sizes: Floats) -> None:
        """A day's errors (queues, slots) a day ahead, NaN where unknown, and the sizes that were expected of them."""
        cut = within_measure(error, sizes=sizes)
        known = ~np.isnan(error)
        outside = (np.abs(np.nan_to_num(error)) > CENTRAL * sizes) & known
        share = outside.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        self._logarithm += np.where(known.any(axis=1), RATE * (share - OUTSIDE), 0.0)
        kept = _kept(self._days)[:, None]
        self._squares = kept * self._squares + np.nan_to_num(cut**2)
        self._counts = kept * self._counts + known
        self._days += known.any(axis=1)

    def add_ahead(
        self, ahead: int, error: Floats, *, sizes: Floats, total: Floats, told: Floats, queues: Flags
    ) -> None:
        """A day's errors at a place of AHEAD, as in `add`; total, told: (queues,) contacts that came and were told."""
        cut = within_measure(error, sizes=sizes) / sizes
        self._ahead_squares[ahead] += float(np.nansum(cut**2))
        self._ahead_counts[ahead] += float((~np.isnan(error)).sum())
        queues = np.append(queues, queues.any())
        total, told = (np.append(one, one.sum()) for one in (total, told))
        expected = self.day_sizes()[ahead]
        off = within_measure(scaled(total) - scaled(told), sizes=expected)
        outside = (np.abs(off) > DAY_CENTRAL * expected) - OUTSIDE
        self._day_logarithm[ahead] += np.where(queues, DAY_RATE * outside, 0.0)
        kept = _kept(self._days_ahead[ahead])
        for sums, new in ((self._day_squares[ahead], off**2), (self._day_counts[ahead], 1.0)):
            sums[:] = np.where(queues, kept * sums + new, sums)
        self._days_ahead[ahead] += queues

    def sizes(self) -> Floats:
        """(queues, slots): the usual size of an error a day ahead, on the scale; 1, what chance makes, where nothing is
        known."""
        squares, counts = _smoothed(self._squares), _smoothed(self._counts)
        mean = (self._squares.sum(axis=1) + 1.0) / (self._counts.sum(axis=1) + 1.0)
        found: Floats = np.sqrt((squares + SHRINK_DAYS * mean[:, None]) / (counts + SHRINK_DAYS))
        return found * np.exp(self._logarithm)[:, None]

    def growth(self) -> Floats:
        """(AHEAD,): how many times larger errors are that far ahead, of all queues; never shrinking."""
        mean = (self._ahead_squares + BELIEF_DAYS) / (self._ahead_counts + BELIEF_DAYS)
        found: Floats = np.sqrt(np.maximum.accumulate(mean / mean[0]))
        return found

    def day_sizes(self) -> Floats:
        """(AHEAD, queues and then the site): the usual size of the error of a day's total, on the scale; not shrinking
        with distance."""
        all_squares, all_counts = self._day_squares[:, :-1].sum(axis=1), self._day_counts[:, :-1].sum(axis=1)
        common = (all_squares + BELIEF_SIZE**2) / (all_counts + 1.0)
        found: Floats = (self._day_squares + BELIEF_DAYS * common[:, None]) / (self._day_counts + BELIEF_DAYS)
        return np.sqrt(np.maximum.accumulate(found, axis=0)) * np.exp(self._day_logarithm)


def _kept(days: Floats) -> Floats:
    """What errors so far count for after another day: little while a queue is still being learned, for then they shrink
    from week to week (polynomial-decay averaging; Shamir and Zhang 2013, section 4), and MEMORY later."""
    return np.minimum((days + 1.0) / (days + 1.0 + LEARNING), MEMORY)


def within_measure(error: Floats, *, sizes: Floats) -> Floats:
    """Errors cut to MOST_SIZES of their usual size, or of what chance alone makes (1) if that is larger: a queue that
    never erred learns from its first error too."""
    most = MOST_SIZES * np.maximum(sizes, 1.0)
    found: Floats = np.clip(error, -most, most)
    return found


def _smoothed(values: Floats) -> Floats:
    """Along the slots, by a Gaussian."""
    reach = int(3 * SMOOTH_SLOTS)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTH_SLOTS) ** 2)
    padded = np.pad(values, ((0, 0), (reach, reach)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis=1)
    found: Floats = windows @ (weights / weights.sum())
    return found
