"""How long customers are willing to wait, from waits that mostly ended with an answer: those tell a lower bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, log
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_contracts.errors import NotEnoughData

Floats = NDArray[np.float64]

# With fewer still waiting the product-limit estimate jumps by more than it knows: from there on the tail is used.
AT_RISK: Final = 30


@dataclass(frozen=True)
class Survival:
    """Share of customers still willing to wait after `times_s` (steps), with Greenwood's standard error."""

    times_s: Floats
    share: Floats
    standard_error: Floats

    def at(self, after_s: float) -> float:
        """Share still willing after that many seconds; beyond the longest wait it is the last known share."""
        place = int(np.searchsorted(self.times_s, after_s, side="right"))
        return 1.0 if place == 0 else float(self.share[place - 1])

    def quantile_s(self, given_up: float) -> float | None:
        """Seconds after which this share has given up, or None when the log does not reach that far."""
        below = np.flatnonzero(self.share <= 1.0 - given_up)
        return float(self.times_s[below[0]]) if len(below) else None


@dataclass(frozen=True)
class Patience:
    """Patience to draw from: the estimated survival as far as it is known, then exponential with mean `tail_s`.

    Without a single abandonment `tail_s` is infinite and everybody waits.
    """

    survival: Survival
    tail_s: float

    def quantile_s(self, given_up: ArrayLike) -> Floats:
        """Seconds after which these shares (below 1) of the customers have given up: the inverse of the survival."""
        left = 1.0 - np.asarray(given_up, dtype=np.float64)
        if self.tail_s == inf:
            return np.full(left.shape, inf)
        place = np.searchsorted(-self.survival.share, -left, side="left")
        beyond = self._last_s + self.tail_s * np.maximum(0.0, np.log(self._last_share) - np.log(left))
        return np.asarray(np.append(self.survival.times_s, 0.0)[place] + np.where(place < self._steps, 0.0, beyond))

    def one_s(self, given_up: float) -> float:
        """The same of one share."""
        if self.tail_s == inf:
            return inf
        place = int(self._falling.searchsorted(given_up - 1.0))
        if place < self._steps:
            return float(self.survival.times_s[place])
        return self._last_s + self.tail_s * max(0.0, log(self._last_share / (1.0 - given_up)))

    @cached_property
    def _falling(self) -> Floats:
        return -self.survival.share

    @property
    def _steps(self) -> int:
        return len(self.survival.times_s)

    @property
    def _last_s(self) -> float:
        return float(self.survival.times_s[-1]) if self._steps else 0.0

    @property
    def _last_share(self) -> float:
        return max(1e-300, float(self.survival.share[-1])) if self._steps else 1.0


NEVER: Final = Patience(Survival(np.zeros(0), np.zeros(0), np.zeros(0)), inf)


def estimate(waits_s: ArrayLike, *, abandoned: Sequence[bool] | NDArray[np.bool_]) -> Patience:
    """Kaplan-Meier while AT_RISK customers or more still wait, and beyond it the rate at which the later ones left.

    The tail's rate is that after the median time of giving up: abandonments over time waited there (an exponential's
    maximum likelihood); with fewer than AT_RISK waits that of all. Where nobody gave up patience has no end.
    """
    waits, gone = np.asarray(waits_s, dtype=np.float64), np.asarray(abandoned, dtype=np.bool_)
    if not gone.any():
        return NEVER
    whole = kaplan_meier(waits, abandoned=gone)
    at_risk = len(waits) - np.searchsorted(np.sort(waits), whole.times_s, side="left")
    kept = at_risk >= AT_RISK
    after_s = min(float(np.median(waits[gone])), float(whole.times_s[kept].max(initial=0.0)))
    later = waits[waits >= after_s]
    tail_s = max(1.0, float((later - after_s).sum() / gone[waits >= after_s].sum()))
    return Patience(Survival(whole.times_s[kept], whole.share[kept], whole.standard_error[kept]), tail_s)


def kaplan_meier(waits_s: ArrayLike, *, abandoned: Sequence[bool] | NDArray[np.bool_]) -> Survival:
    """Product-limit estimate of patience: an abandonment is an event, an answer censors (Kaplan and Meier 1958).

    One entry a contact. A customer answered at the same second as another gives up was at risk then. Brown et al. 2005
    (section 6) estimate patience so. Raises NotEnoughData without a single abandonment.
    """
    waits, gone = _columns(waits_s, abandoned)
    times, events = np.unique(waits[gone], return_counts=True)
    at_risk = len(waits) - np.searchsorted(np.sort(waits), times, side="left")
    share = np.asarray(np.cumprod(1.0 - events / at_risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (at_risk * (at_risk - events)))
        error = np.asarray(np.where(share > 0, share * np.sqrt(greenwood), 0.0), dtype=np.float64)
    return Survival(times, share, error)


def exponential_patience_s(waits_s: ArrayLike, *, abandoned: Sequence[bool] | NDArray[np.bool_]) -> float:
    """Mean patience in seconds if it is exponential (maximum likelihood): all time waited over abandonments.

    Censoring is in it: answered contacts add to the time, not to the count. Raises NotEnoughData where nobody gave up.
    """
    waits, gone = _columns(waits_s, abandoned)
    return float(waits.sum() / gone.sum())


def _columns(waits_s: ArrayLike, abandoned: Sequence[bool] | NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    waits, gone = np.asarray(waits_s, dtype=np.float64), np.asarray(abandoned, dtype=np.bool_)
    if not gone.any():
        raise NotEnoughData(
            "patience cannot be told", expected="1 abandonment or more", came=f"{len(waits)} waits, none"
        )
    return waits, gone
