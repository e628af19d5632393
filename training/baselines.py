"""What answers with no model at all: until the first approval, after a rollback to the baseline, and beside the judged.

Serving imports this module: numpy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NO_MODEL = "no approved model: a person decides"


class Design(Protocol):
    """Rows of a forecast's design, read by column."""

    def column(self, name: str) -> Floats:
        """One column, NaN where unknown."""
        ...


# --- intent ---------------------------------------------------------------------------------------------------------


def intent(texts: Sequence[str], *, languages: Sequence[str]) -> list[dict[str, Any]]:
    """One answer a text, in the form of an intent payload's: all of them go to a person, and say so."""
    return [
        {"intent": None, "confidence": 0.0, "abstained": True, "reason": NO_MODEL, "alternatives": [], "language": one}
        for _, one in zip(texts, languages, strict=True)
    ]


# --- routing --------------------------------------------------------------------------------------------------------


def longest_idle(idle_s: Mapping[str, float | None]) -> dict[str, Any]:
    """Who takes a contact: of the eligible agents, the one who has been idle longest.

    idle_s: seconds of idleness by eligible agent, None for an agent whose state is not known (who counts as just now
    busy). Returns scores (the seconds), chosen (None when nobody is eligible) and its propensity: an even share among
    those who have been idle equally long, of whom the first by name is chosen; 1 when there is one.
    """
    scores = {agent: float(seconds or 0.0) for agent, seconds in idle_s.items()}
    if not scores:
        return {"chosen": None, "scores": {}, "propensities": {}, "propensity": None}
    longest = max(scores.values())
    chosen = min(agent for agent, seconds in scores.items() if seconds == longest)
    shares = {agent: 1.0 if agent == chosen else 0.0 for agent in sorted(scores)}
    return {"chosen": chosen, "scores": scores, "propensities": shares, "propensity": 1.0}


# --- forecast -------------------------------------------------------------------------------------------------------


def same_weekdays(design: Design) -> Floats:
    """Contacts offered: the median of the six same weekdays before; 0 where none of them is known."""
    return np.nan_to_num(design.column("lag_median"), nan=0.0)


def usual_handle(design: Design) -> Floats:
    """Mean handle seconds: the median of the six same weekdays, else the queue's last four weeks; NaN if neither."""
    same, usual = design.column("handle_median"), design.column("handle_usual")
    found: Floats = np.where(np.isnan(same), usual, same)
    return found


def forecast(design: Design, *, quantiles: Sequence[float], lags: int = 6) -> dict[str, Floats]:
    """Both targets in the form of a forecast payload's: (n, quantiles), from the spread of the same weekdays.

    Volume: the quantiles of the six known lags, linearly between them; its median is `same_weekdays`. Six days show
    neither tail: the outer quantiles are the extremes of the six. Handle: the usual seconds at every quantile.
    """
    known = np.column_stack([design.column(f"lag_{number}") for number in range(1, lags + 1)])
    empty = np.isnan(known).all(axis=1)
    known[empty] = 0.0
    volume = np.nanquantile(known, list(quantiles), axis=1).T
    handle = np.repeat(usual_handle(design)[:, None], len(quantiles), axis=1)
    return {"volume": np.asarray(volume, dtype=np.float64), "handle": handle}
