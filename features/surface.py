"""The usual course of a day by its calendar: a regression of each queue's day shape in which old days count less.

A day is a row of slots on the scale of `features.scale`, told by cosines over the slots that are ever open (orders: 0
is the level, low ones the broad shape, high ones its detail). Each order is a ridge regression on the calendar,
discounted by day (West and Harrison 1997, "Bayesian forecasting and dynamic models", section 6.3). Arrays are by queue
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from features.grid import Flags, Floats
from features.scale import counted, steepness

# What a day counts for after another has passed: a year old, half. Errors are flat from .996 to .999 on `bank_calls`
# and `emergency_hourly`; what moves faster is `features.drift`.
MEMORY = 0.998
# Orders of the shape that are told: two an hour of a day of 14 hours at 5 minutes, and all at half hours and longer.
MOST_ORDERS = 84
# How strongly a calendar's effect is drawn to none, in days: on the level, on the shape, and the order from which the
# shape is drawn the more the finer it is. Weekdays differ in everything; the month's cycle moves the level most.
DRAGS: dict[str, tuple[float, float, float]] = {
    "always": (1e-3, 1e-3, np.inf),
    "weekday": (0.1, 0.1, 4.0),
    "month": (0.1, 10.0, 4.0),
    "year": (0.3, 3.0, 4.0),
    "after closed days": (0.1, 1.0, 4.0),
    "holiday": (0.1, 1.0, 4.0),
    "named holiday": (0.3, 3.0, 4.0),
    "event": (0.3, 3.0, 4.0),
}
# ... times this over the square of how far the scale moves with a count (`scale.steepness`), where that is above one: a
# shape by the day of the week is learned from counts of hundreds in a few weeks, and from counts of five it is chance.
# Without it half hours of 4 to 5 contacts (the simulated centre) err by .355 of the counts, with it by .345; the two
# files at hand gain .003.
NOISE = 400.0
# With other queues to learn from a queue is drawn to what they have in common, and that more strongly.
LIKES_DRAG = 5.0
FEWEST_LIKES = 3
# Days that a queue must have been seen before the others learn from it, and a size below which effects say nothing.
LIKES_DAYS = 28.0
LEAST_SIZE = 0.5
# Days of history before a cycle can be told from a trend; until then it is drawn to none by so much.
CYCLE_DAYS = {"month": 60, "year": 548}
UNTOLD = 1e6
# Orders that are drawn alike, so that one factorisation serves them.
_BANDS = (0, 1, 2, 3, 5, 9, 17, 33, MOST_ORDERS)


class Surface:
    """The regression's state after some days. Slots are told only where `told` (queues, slots) is set."""

    def __init__(self, queues: int, slots: int, kinds: Sequence[str]) -> None:
        self.kinds = tuple(kinds)
        width = len(self.kinds)
        self.gram = np.zeros((queues, width, width))
        self.cross = np.zeros((queues, width, slots))
        self.days = np.zeros(queues)
        self.levels = np.zeros(queues)  # sums over these days of a slot's mean
        self.told = np.zeros((queues, slots), dtype=bool)
        self.basis = np.zeros((queues, slots, min(slots, MOST_ORDERS)))
        self.coefficients = np.zeros((queues, width, self.basis.shape[2]))

    def tell(self, told: Flags) -> None:
        """From now on these slots are told. A new one is taken to have been like its nearest neighbour."""
        for queue in np.flatnonzero((told != self.told).any(axis=1)):
            old, new = np.flatnonzero(self.told[queue]), np.flatnonzero(told[queue] & ~self.told[queue])
            if len(old) and len(new):
                nearest = old[np.abs(old[None, :] - new[:, None]).argmin(axis=1)]
                self.cross[queue][:, new] = self.cross[queue][:, nearest]
            self.basis[queue] = _cosines(told[queue], self.basis.shape[2])
        self.told = told.copy()

    def pass_day(self) -> None:
        """Another day has passed: all older ones count less."""
        for one in (self.gram, self.cross, self.days, self.levels):
            one *= MEMORY

    def add(self, row: Floats, course: Floats, *, queues: Flags) -> None:
        """Learn a day. row: (queues, features) of its calendar; course: (queues, slots) on the scale."""
        read = np.where(queues[:, None], row, 0.0)
        self.gram += read[:, :, None] * read[:, None, :]
        self.cross += read[:, :, None] * np.where(queues[:, None], course, 0.0)[:, None, :]
        self.days += queues
        self.levels += np.where(queues, (course * self.told).sum(axis=1) / np.maximum(self.told.sum(axis=1), 1), 0.0)

    def mend(self, row: Floats, change: Floats) -> None:
        """What a learned day's course was wrong by: slots that were filled in by then are known now."""
        self.cross += row[:, :, None] * change[:, None, :]

    def solve(self, *, span_days: int) -> None:
        """The coefficients (queues, features, orders) by all days so far, of which the first is so many days ago."""
        wanted = self.cross @ self.basis
        size = np.maximum(steepness(counted(self.levels / np.maximum(self.days, 1e-9))), LEAST_SIZE)
        likes = self._likes(size, span_days)
        drags = _drags(self.kinds, self.basis.shape[2], span_days)
        pulled = np.asarray([1.0 if likes is None or kind == "always" else LIKES_DRAG for kind in self.kinds])
        noisy = np.where([kind == "always" for kind in self.kinds], 1.0, np.maximum(NOISE / size[:, None] ** 2, 1.0))
        for first, last in pairwise(_BANDS):
            if first < self.basis.shape[2]:
                band = slice(first, last)
                drag = drags[:, band].mean(axis=1) * pulled * (1.0 if first == 0 else noisy)
                drag = np.broadcast_to(drag, (len(size), len(self.kinds)))
                told = wanted[:, :, band] + (0.0 if likes is None else drag[:, :, None] * likes[:, :, band])
                gram = self.gram + drag[:, :, None] * np.eye(len(self.kinds))
                self.coefficients[:, :, band] = np.linalg.solve(gram, told)

    def orders(self, row: Floats) -> Floats:
        """(queues, orders) of a day by its calendar (queues, features)."""
        found: Floats = np.einsum("qp,qpk->qk", row, self.coefficients)
        return found

    def course(self, orders: Floats) -> Floats:
        """(queues, slots) on the scale; 0 where a slot is not told."""
        found: Floats = np.einsum("qsk,qk->qs", self.basis, orders)
        return found

    def told_by(self, course: Floats) -> Floats:
        """(..., queues, orders) of courses (..., queues, slots)."""
        found: Floats = np.einsum("qsk,...qs->...qk", self.basis, course)
        return found

    def _likes(self, size: Floats, span_days: int) -> Floats | None:
        """(queues, features, orders): the calendar's effects that the queues have in common, in each one's own size."""
        size = size[:, None, None]
        weight = np.maximum(self.days - LIKES_DAYS, 0.0)[:, None, None]
        if (weight > 0).sum() < FEWEST_LIKES:
            return None
        common = (weight * self.coefficients / size).sum(axis=0) / float(weight.sum())
        common[[kind == "always" or span_days < CYCLE_DAYS.get(kind, 0) for kind in self.kinds]] = 0.0
        # Weekdays say how they differ from each other; what they share is each queue's own level.
        weekdays = np.asarray([kind == "weekday" for kind in self.kinds])
        weekdays &= common.any(axis=1)
        common[weekdays] -= common[weekdays].mean(axis=0) if weekdays.any() else 0.0
        found: Floats = size * common[None]
        return found


def _cosines(told: Flags, orders: int) -> Floats:
    """(slots, orders): the orthonormal cosines (DCT-II) over the slots that are told, 0 in the others."""
    found, count = np.zeros((len(told), orders)), int(told.sum())
    if count:
        order = np.arange(min(orders, count))
        place = (np.arange(count) + 0.5) / count
        waves = np.cos(np.pi * place[:, None] * order[None, :]) * np.sqrt(2.0 / count)
        waves[:, 0] = np.sqrt(1.0 / count)
        found[np.flatnonzero(told)[:, None], order[None, :]] = waves
    return found


def _drags(kinds: Sequence[str], orders: int, span_days: int) -> Floats:
    """(features, orders)."""
    order = np.arange(orders)
    found = np.empty((len(kinds), orders))
    for place, kind in enumerate(kinds):
        level, shape, fine = DRAGS[kind]
        found[place] = np.where(order == 0, level, shape * (1.0 + (order / fine) ** 2))
        if span_days < CYCLE_DAYS.get(kind, 0):
            found[place] = UNTOLD
    return found
