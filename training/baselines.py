"""The forecast that answers with no model: issued until the first approval and outside of a scope, and judged against.

The other families' baselines stand where they answer: serving hands intents to a person and contacts to the longest
idle agent; what intent and routing are judged against, their reports say (intent_figures, policy_figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

    from training.aggregates import Added

Floats = npt.NDArray[np.float64]


class Design(Protocol):
    """Rows of a forecast's design, read by column."""

    def column(self, name: str) -> Floats:
        """One column, NaN where unknown."""
        ...


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


def mean(design: Design, *, lags: int = 6) -> Floats:
    """Contacts offered: the mean of the six known same weekdays, 0 where none is."""
    known = np.column_stack([design.column(f"lag_{number}") for number in range(1, lags + 1)])
    usual = np.nan_to_num(design.column("lag_median"))
    return np.asarray(np.where(np.isnan(known), usual[:, None], known).mean(axis=1), dtype=np.float64)


def added(design: pa.Table, *, quantiles: Sequence[float], time_zone: str, lags: int = 6) -> Added:
    """The same for the site by interval, and for queues and site by local day: sums of the same weekdays' counts.

    design: a table as `features.forecast.design` makes it.
    """
    from training import aggregates

    known = np.column_stack([_column(design, f"lag_{number}") for number in range(1, lags + 1)])
    usual = np.nan_to_num(_column(design, "lag_median"))
    known = np.where(np.isnan(known), usual[:, None], known)
    return aggregates.summed(design, known, quantiles=quantiles, time_zone=time_zone)


def _column(design: pa.Table, name: str) -> Floats:
    return np.asarray(design[name].to_numpy(zero_copy_only=False), dtype=np.float64)
