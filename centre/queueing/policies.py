"""Policies that need no learning: what most centres run, and the randomised form of it that makes a log judgeable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from centre.queueing.engine import Contact


def most_urgent(heads: Sequence[Contact]) -> int:
    """The place of the head with the smallest priority number, the longest waiting among equals."""
    return min(range(len(heads)), key=lambda place: (heads[place].priority, heads[place].stands_since_s, place))


@dataclass(frozen=True, slots=True)
class LongestIdle:
    """The free agent who has been idle longest; the most urgent contact first."""

    def agent_for(self, contact: Contact, eligible: Sequence[int], now_s: float) -> tuple[int, float]:
        """The longest idle, always."""
        return eligible[0], 1.0

    def contact_for(self, agent: int, heads: Sequence[Contact], now_s: float) -> int:
        """The most urgent."""
        return most_urgent(heads)


@dataclass(frozen=True, slots=True)
class MostlyLongestIdle:
    """Longest idle, but with probability `epsilon` one of the eligible at random: the exact propensity is known.

    With n eligible agents the longest idle is chosen with 1 - epsilon + epsilon / n, each other with epsilon / n.
    """

    epsilon: float
    rng: np.random.Generator

    def agent_for(self, contact: Contact, eligible: Sequence[int], now_s: float) -> tuple[int, float]:
        """The agent drawn and the probability of that draw (1 when there is only one)."""
        share = self.epsilon / len(eligible)
        if len(eligible) == 1 or self.rng.random() >= self.epsilon:
            place = 0
        else:
            place = int(self.rng.integers(len(eligible)))
        return eligible[place], (1.0 - self.epsilon + share) if place == 0 else share

    def contact_for(self, agent: int, heads: Sequence[Contact], now_s: float) -> int:
        """The most urgent."""
        return most_urgent(heads)
