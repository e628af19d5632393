"""How long customers are willing to wait, from waits that mostly ended with an answer: those tell a lower bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_contracts.errors import NotEnoughData

Floats = NDArray[np.float64]


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
