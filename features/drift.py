"""What the calendar does not tell: how far the last days stood from it, and what of that lasts how long.

The errors of the calendar's course are averaged with three memories, and a regression on past errors says how much of
each average the next days keep: more of the level than of the shape's detail, less the further ahead.
"""

from __future__ import annotations

import numpy as np

from features.grid import Flags, Floats

# A day's weight after another has passed: averages of about 2, 5 and 20 days.
MEMORIES = (0.5, 0.8, 0.95)
# Days ahead at which the law is learned; between them it is interpolated, beyond the last it stays.
AHEAD = (0, 6, 27, 55)
# Orders of the shape (`features.surface`) that share a law: the level, its broad shape, and finer and finer detail.
BANDS = ((0, 1), (1, 3), (3, 8), (8, 10_000))
# What is believed before anything was seen, as of so many days: of the level a half lasts, of the shape a third.
BELIEF = ((0.1, 0.2, 0.2), (0.0, 0.1, 0.2))
BELIEF_DAYS = 10.0


class Drift:
    """Averages of past errors by memory: (memories, queues, slots)."""

    def __init__(self, queues: int, slots: int) -> None:
        self._memory = np.asarray(MEMORIES)[:, None, None]
        self._sums = np.zeros((len(MEMORIES), queues, slots))
        self._weights = np.zeros((len(MEMORIES), queues, 1))

    def add(self, error: Floats, *, queues: Flags) -> None:
        """A day's errors (queues, slots) on the scale, of the queues that were open."""
        open_ = queues[None, :, None]
        self._sums = np.where(open_, self._memory * self._sums + (1.0 - self._memory) * error[None], self._sums)
        self._weights = np.where(open_, self._memory * self._weights + (1.0 - self._memory), self._weights)

    def mend(self, change: Floats, *, days_ago: int) -> None:
        """What the errors of a day that was added were wrong by."""
        self._sums = self._sums + (1.0 - self._memory) * self._memory ** (days_ago - 1) * change[None]

    @property
    def averages(self) -> Floats:
        """(memories, queues, slots); 0 where nothing was seen."""
        found: Floats = self._sums / np.maximum(self._weights, 1e-9)
        return found


class Law:
    """How much of each average lasts, by days ahead and band of orders; one law for all queues."""

    def __init__(self) -> None:
        shape = (len(AHEAD), len(BANDS), len(MEMORIES))
        self._gram = np.zeros((*shape, len(MEMORIES)))
        self._cross = np.zeros(shape)
        self._days = np.zeros(len(AHEAD))

    def learn(self, ahead: int, averages: Floats, error: Floats) -> None:
        """One day: averages (memories, queues, orders) as they stood, and the errors (queues, orders) that came."""
        for band, (first, last) in enumerate(BANDS):
            read, came = averages[:, :, first:last], error[:, first:last]
            self._gram[ahead, band] += np.einsum("iqk,jqk->ij", read, read)
            self._cross[ahead, band] += np.einsum("iqk,qk->i", read, came)
        self._days[ahead] += 1.0

    def kept(self, averages: Floats, *, ahead: float) -> Floats:
        """(queues, orders): what is expected of the errors so far ahead, of averages (memories, queues, orders)."""
        shares = self._shares()
        found = np.zeros(averages.shape[1:])
        for band, (first, last) in enumerate(BANDS):
            share = [np.interp(ahead, AHEAD, shares[:, band, memory]) for memory in range(len(MEMORIES))]
            found[:, first:last] = np.einsum("i,iqk->qk", share, averages[:, :, first:last])
        return found

    def _shares(self) -> Floats:
        """(ahead, bands, memories): ridge regression, drawn to the belief; shares of an error, so none below 0, nor all
        together above 1: what never erred must not be carried away by its first error."""
        believed = np.asarray([BELIEF[min(band, 1)] for band in range(len(BANDS))])
        size = np.trace(self._gram, axis1=2, axis2=3) / len(MEMORIES) / np.maximum(self._days, 1.0)[:, None]
        pull = (BELIEF_DAYS * size + 1e-9)[:, :, None]
        gram = self._gram + pull[..., None] * np.eye(len(MEMORIES))
        found = np.maximum(np.linalg.solve(gram, (self._cross + pull * believed)[..., None])[..., 0], 0.0)
        return np.asarray(found / np.maximum(found.sum(axis=-1, keepdims=True), 1.0), dtype=np.float64)
