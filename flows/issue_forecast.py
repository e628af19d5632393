"""Issue a forecast: the champion's, or the baseline's while there is none, into the table that serving reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import issuing
from flows.compose import Workspace
from flows.operating import DOOR_RETRIES, DOOR_RETRY_S
from flows.telling import tell


@flow(name="issue_forecast", validate_parameters=False)
def issue_forecast(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """Predict from what was known at `as_of`, write the table, and say so. Each issue is kept."""
    issue = write(place, as_of=as_of)
    tell(place, "forecast.issued", issue["issue_id"], issue, subject="forecast")
    return issue


@task(retries=DOOR_RETRIES, retry_delay_seconds=DOOR_RETRY_S, cache_policy=NO_CACHE)
def write(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """The issue: parquet, then `current.json` in one step."""
    return issuing.issue(place, as_of=as_of)
