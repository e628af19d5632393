"""Which contacts of a log were held side by side, and how many of them at once."""

from __future__ import annotations

from typing import Final

import numpy as np

from centre.queueing.call_log import NOBODY, Bools, CallLog, Ints

# Two clocks that differ make contacts one after another overlap by so much.
CLOCKS_S: Final = 30.0
# A stream is held side by side when this share of its contacts was begun beside another.
BESIDE: Final = 0.1
# Agents hold as many as they had in hand in all but this share of the contacts held side by side.
RARELY: Final = 0.02


def fit(log: CallLog) -> tuple[tuple[bool, ...], int]:
    """For each stream whether its contacts share an agent, and the places of an agent (1 where none do)."""
    beside = held_beside(log)
    known = log.agent != NOBODY
    count = np.bincount(log.stream[known], minlength=len(log.streams))
    overlapping = np.bincount(log.stream[known & (beside > 0)], minlength=len(log.streams))
    shares: Bools = overlapping > BESIDE * np.maximum(count, 1)
    if not shares.any():
        return (False,) * len(log.streams), 1
    in_hand = beside[known & shares[log.stream]] + 1
    return tuple(shares.tolist()), max(2, int(np.quantile(in_hand, 1.0 - RARELY, method="higher")))


def held_beside(log: CallLog) -> Ints:
    """How many other contacts each leg's agent had in hand when it was answered."""
    beside = np.zeros(len(log), dtype=np.int64)
    for agent in range(len(log.agents)):
        own = np.flatnonzero(log.agent == agent)
        own = own[np.argsort(log.answered_s[own], kind="stable")]
        begun = log.answered_s[own]
        over = np.searchsorted(np.sort(log.ended_s[own] - CLOCKS_S), begun, side="right")
        beside[own] = np.maximum(0, np.arange(len(own)) - over)
    return beside
