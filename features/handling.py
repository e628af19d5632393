"""How long a contact takes: by the hour of the day, drawn to the queue's own mean where few were handled."""

from __future__ import annotations

import numpy as np

from features.grid import Flags, Floats

# What a contact's handle time counts for after another day: the level of a week and that of a quarter.
RECENT_MEMORY = 0.85
USUAL_MEMORY = 0.99
# Contacts of the queue's mean in an hour's own, and of the quarter's mean in the week's.
SHRINK_CONTACTS = 50.0


class Handling:
    """Discounted sums of seconds and of contacts handled, by queue and slot."""

    def __init__(self, queues: int, slots: int) -> None:
        self._usual = np.zeros((2, queues, slots))
        self._recent = np.zeros((2, queues))

    def pass_day(self) -> None:
        """Another day has passed."""
        self._usual *= USUAL_MEMORY
        self._recent *= RECENT_MEMORY

    def add(self, handled: Floats, handle_s: Floats, *, cells: Flags) -> None:
        """What is newly known: contacts handled and their mean seconds, both (queues, slots), in these cells."""
        told = cells & ~np.isnan(handle_s) & (np.nan_to_num(handled) > 0)
        count = np.where(told, handled, 0.0)
        sums = np.stack([count * np.where(told, handle_s, 0.0), count])
        self._usual += sums
        self._recent += sums.sum(axis=2)

    def usual(self) -> Floats:
        """(queues, slots): seconds a contact takes at that hour, by the quarter; NaN where none was handled."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (self._usual[0].sum(axis=1) / self._usual[1].sum(axis=1))[:, None]
            found: Floats = (self._usual[0] + SHRINK_CONTACTS * mean) / (self._usual[1] + SHRINK_CONTACTS)
        return found

    def level(self) -> Floats:
        """(queues,): the last week's seconds over what its hours usually take, 1 where nothing is known."""
        total = self._usual.sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total[0] / total[1]
            found: Floats = (self._recent[0] + SHRINK_CONTACTS * mean) / (self._recent[1] + SHRINK_CONTACTS) / mean
        return np.nan_to_num(found, nan=1.0)
