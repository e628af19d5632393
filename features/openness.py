"""When a queue is open: which slots of the week bring anybody, and which days were closed that are open by habit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.grid import Flags, Floats

# What a week counts for after another: hours in which nobody came for ten weeks are closed.
MEMORY = 0.8
# Days without anybody after which a queue has stopped.
STOPPED_DAYS = 28


class Openness:
    """What the days so far say, by queue, weekday and slot."""

    def __init__(self, queues: int, slots: int, *, share: float) -> None:
        self._share = share
        self._busy = np.zeros((queues, 7, slots))
        self._seen = np.zeros((queues, 7, slots))
        self._holidays = np.zeros((2, queues))  # seen, and open
        self._last = np.full(queues, -1)
        self._unexpected = np.zeros(queues, dtype=bool)

    def add(
        self, day: int, counts: Floats, *, weekday: int, holiday: bool, queues: Flags, late: Flags | None = None
    ) -> None:
        """A day's counts (queues, slots), NaN where nothing was counted, of the queues that are known by now.

        late: cells of which nothing is known yet; `amend` takes them in.
        """
        came = np.nan_to_num(counts) > 0
        was_open = came.any(axis=1)
        begun = queues & (was_open | (self._last >= 0))
        usual = self.usual(weekday).any(axis=1)
        if holiday:
            self._holidays += np.stack([begun & usual, begun & usual & was_open])
        self._unexpected = np.where(begun, ~was_open & (self._unexpected | usual), self._unexpected)
        self._last = np.where(queues & was_open, day, self._last)
        told = begun & (was_open | (not holiday))  # a closed holiday says nothing of the weekday
        known = np.ones(came.shape, dtype=bool) if late is None else ~late
        self._busy[told, weekday] = MEMORY * self._busy[told, weekday] + came[told]
        self._seen[told, weekday] = MEMORY * self._seen[told, weekday] + known[told]

    def amend(self, day: int, counts: Floats, *, weekday: int, cells: Flags) -> None:
        """Cells of an added day that are known now."""
        came = cells & (np.nan_to_num(counts) > 0)
        self._busy[:, weekday] += came
        self._seen[:, weekday] += cells
        was_open = came.any(axis=1)
        self._last = np.where(was_open, np.maximum(self._last, day), self._last)
        self._unexpected &= ~(was_open & (self._last == day))

    def usual(self, weekday: int) -> Flags:
        """(queues, slots): whether somebody usually comes then."""
        return np.asarray(self._busy[:, weekday] >= np.maximum(self._share * self._seen[:, weekday], 1e-9))

    def told(self) -> Flags:
        """(queues, slots): whether somebody usually comes then on any day of the week."""
        return np.asarray(np.stack([self.usual(weekday) for weekday in range(7)]).any(axis=0))

    def is_open(self, *, today: int, weekday: int, holiday: bool) -> Flags:
        """(queues, slots): whether somebody is expected on a day to come, as things stand on day `today`."""
        alive = (self._last >= 0) & (today - self._last <= STOPPED_DAYS)
        if holiday:
            alive = alive & (2 * self._holidays[1] >= self._holidays[0])
        return np.asarray(self.usual(weekday) & alive[:, None])

    def usable(self, counts: Floats, *, weekday: int) -> Floats:
        """Counts without those that say nothing of demand: days without anybody, nobody in closed hours."""
        opened = np.asarray((np.nan_to_num(counts) > 0).any(axis=1, keepdims=True))
        closed = ~opened | (~self.usual(weekday) & (counts == 0))
        return np.where(closed, np.nan, counts)

    def after_closed(
        self, day: int, *, today: int, weekday: int, closures: Mapping[int, Flags] | None = None
    ) -> Floats:
        """(queues,): 1 for the first open day after one on which the queue was closed against its habit.

        `weekday`: of `day`. Of the days from `today` to `day` a queue is open on those that are so by habit, without
        the slots (queues, slots) that announced closures take of a day: one without any other is a closed day.
        """
        found, closures = self._unexpected, closures or {}
        for before in range(max(today, day - 7), day):
            usual = self.usual((weekday - (day - before)) % 7)
            left = usual & ~closures[before] if before in closures else usual
            found = np.where(usual.any(axis=1), ~left.any(axis=1), found)
        return np.where(found, 1.0, 0.0)
