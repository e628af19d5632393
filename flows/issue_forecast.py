"""Issue a forecast: the champion's, or the baseline's while there is none, into the table that serving reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flows import issuing
from flows.compose import Workspace
from flows.operating import door, flow


@flow("issue_forecast")
def issue_forecast(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """Predict from what was known at `as_of`, write the table, and say so. Each issue is kept."""
    return write(place, as_of=as_of)


@door("write")
def write(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """The issue: parquet, then `current.json` in one step, then `forecast.issued`."""
    return issuing.issue_and_tell(place, as_of=as_of)
