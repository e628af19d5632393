"""A customer's luck, drawn by who it is and not by when it is asked for: common random numbers.

Two policies, or two rosters, that are compared on the same seed meet the same customers: the same patience, the same
place in the distribution of handle times, the same wish to come back, whatever order things happen in. Their difference
then shows the policy and not the luck (Law 2015, Simulation Modeling and Analysis, section 11.2).

Each number is the n-th of one SplitMix64 sequence (Steele, Lea and Flood 2014), reached directly; n counts customers,
their lives and purposes. Nothing is stored, and no draw depends on how many were made before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

# What a draw is for. The order is part of the seed's meaning: add at the end.
HANDLE: Final = 0
PATIENCE: Final = 1
TRANSFER: Final = 2
TO_QUEUE: Final = 3
RETURN: Final = 4
DELAY: Final = 5
PRIORITY: Final = 6
WRAP_UP: Final = 7
PURPOSES: Final = 8

# Lives of a customer: the first contact, and those that come of it (transfers, repeats). Later ones share the last.
LIVES: Final = 64

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB


def splitmix64(seed: int, place: int) -> int:
    """The number at `place` (from 0) of SplitMix64's sequence from a 64-bit state `seed`."""
    z = (seed + (place + 1) * _STEP) & _MASK
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return z ^ (z >> 31)


class Draws:
    """Uniform numbers in (0, 1) by customer, life and purpose; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        """Any whole number is a seed; neighbouring seeds give unrelated draws."""
        self._state = splitmix64(seed & _MASK, 0)

    def one(self, customer: int, purpose: int, *, life: int = 0) -> float:
        """One draw; about a microsecond."""
        return (splitmix64(self._state, _place(customer, life, purpose)) >> 12) * 2.0**-52 + 2.0**-53

    def of(self, customers: Sequence[int] | NDArray[np.int64], purpose: int) -> NDArray[np.float64]:
        """The same draw of each of many customers in their first life, at once: `one` for each of them."""
        places = (np.asarray(customers, dtype=np.uint64) * np.uint64(LIVES)) * np.uint64(PURPOSES) + np.uint64(purpose)
        z = np.uint64(self._state) + (places + np.uint64(1)) * np.uint64(_STEP)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
        return np.asarray(((z ^ (z >> np.uint64(31))) >> np.uint64(12)) * 2.0**-52 + 2.0**-53, dtype=np.float64)


def _place(customer: int, life: int, purpose: int) -> int:
    return (customer * LIVES + min(life, LIVES - 1)) * PURPOSES + purpose
