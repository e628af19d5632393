"""The rest of a day from its beginning: how errors hang together within a day, and what the hours so far say.

Errors of the day's course are compared in units of their usual size. How they agree at a distance is estimated from
the days before (`Agreement`), as a sum of a part that the whole day shares, parts that fade over hours, and chance; the
rest of a day is its expectation given what has come (kriging; Cressie 1993, "Statistics for spatial data", chapter 3).
"""

from __future__ import annotations

import numpy as np

from features.grid import Floats

# Hours over which a part of an error fades by e.
FADES_H = (0.5, 1.0, 2.0, 4.0, 8.0)
# Days' worth of errors in which nothing hangs together, believed before anything was seen.
BELIEF_DAYS = 5.0


class Agreement:
    """Sums of products of errors by their distance within a day, over all days and queues so far."""

    def __init__(self, slots: int, *, interval_s: int) -> None:
        self._products = np.zeros(slots)
        self._pairs = np.zeros(slots)
        self._fades = [hours * 3600.0 / interval_s for hours in FADES_H]
        self._days = 0.0

    def add(self, error: Floats) -> None:
        """A day's errors (queues, slots) in units of their usual size, NaN where unknown."""
        known = ~np.isnan(error)
        if known.any():
            self._products += _by_distance(np.where(known, error, 0.0))
            self._pairs += np.rint(_by_distance(known.astype(np.float64)))  # whole numbers, but for the transform
            self._days += 1.0

    def parts(self) -> tuple[Floats, float]:
        """The variances of what the whole day shares and of what fades (as in FADES_H), and that of chance."""
        from scipy.optimize import nnls

        if not self._days:
            return np.zeros(1 + len(FADES_H)), 1.0
        distance = np.arange(len(self._products), dtype=np.float64)
        came = self._products / np.maximum(self._pairs + BELIEF_DAYS * self._pairs / self._days, 1e-9)
        came[0] = self._products[0] / max(self._pairs[0], 1e-9)
        read = np.column_stack([self._shared(distance), distance == 0])
        weight = np.sqrt(np.maximum(self._pairs, 0.0) / max(float(self._pairs.max()), 1e-9))
        found, _ = nnls(read * weight[:, None], came * weight)
        return np.asarray(found[:-1], dtype=np.float64), max(float(found[-1]), 0.05)

    def rest(self, error: Floats) -> tuple[Floats, Floats]:
        """What is expected of a day's errors (queues, slots; NaN where still to come), and the share of their variance
        that is left: 0 and 1 where nothing has come."""
        known = ~np.isnan(error)
        found, left = np.zeros(error.shape), np.ones(error.shape)
        if not known.any():
            return found, left
        parts, chance = self.parts()
        slots, whole = error.shape[1], float(parts.sum()) + chance
        place = np.arange(slots, dtype=np.float64)
        shared = self._shared(np.abs(place[:, None] - place[None, :])) @ parts
        for pattern in np.unique(known, axis=0):
            if pattern.any():
                queues = np.flatnonzero((known == pattern).all(axis=1))
                seen = shared[np.ix_(pattern, pattern)] + chance * np.eye(int(pattern.sum()))
                weights = np.linalg.solve(seen, shared[pattern])
                found[queues] = error[np.ix_(queues, pattern)] @ weights
                left[queues] = 1.0 - (weights * shared[pattern]).sum(axis=0) / whole
        return found, np.maximum(left, 0.0)

    def strangeness(self, error: Floats, *, last: int) -> Floats:
        """(queues,): how strange the last so many known errors of a day are together, in standard deviations of what
        their mean usually is; 0 where none is known. error: (queues, slots), NaN where still to come."""
        found = np.zeros(len(error))
        if np.isnan(error).all():
            return found
        parts, chance = self.parts()
        for queue, row in enumerate(error):
            places = np.flatnonzero(~np.isnan(row))[-last:].astype(np.float64)
            if len(places):
                shared = self._shared(np.abs(places[:, None] - places[None, :])) @ parts
                variance = float((shared + chance * np.eye(len(places))).mean())
                found[queue] = float(row[places.astype(int)].mean()) / np.sqrt(variance)
        return found

    def _shared(self, distance: Floats) -> Floats:
        """(..., parts): how far each part is the same at these distances in slots."""
        return np.stack([np.ones(distance.shape), *(np.exp(-distance / fade) for fade in self._fades)], axis=-1)


def _by_distance(values: Floats) -> Floats:
    """Sums of products of values that lie 0, 1, 2 ... slots apart, within each row."""
    slots = values.shape[1]
    waves = np.fft.rfft(values, n=2 * slots, axis=1)
    found: Floats = np.fft.irfft((waves * waves.conj()).real.sum(axis=0), n=2 * slots)[:slots]
    return found
