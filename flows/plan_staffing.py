"""Plan staffing: agents and shifts for the forecast that was issued last, each night behind it."""

from __future__ import annotations

from typing import Any

from flows import staffing
from flows.compose import Workspace
from flows.operating import flow, task


@flow("plan_staffing")
def plan_staffing(place: Workspace) -> dict[str, Any]:
    """Plan by the rules that the workspace's settings name; where they name none, nothing is planned and it says so."""
    return plan(place)


@task("plan")
def plan(place: Workspace) -> dict[str, Any]:
    """The plan, kept and made the current one, then `staffing.planned` and `staffing.roster_published`."""
    return staffing.make_by_settings(place)
