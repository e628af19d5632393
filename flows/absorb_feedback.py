"""Absorb feedback: what agents and customers said since the last time becomes labels, and is counted."""

from __future__ import annotations

from typing import Any

from flows import watching
from flows.compact import move, say
from flows.compose import Workspace
from flows.operating import flow, task


@flow("absorb_feedback")
def absorb_feedback(place: Workspace) -> dict[str, Any]:
    """Move the log to the archive and count verdicts by family, as labels would take them."""
    say(place, move(place))
    return count(place)


@task("count")
def count(place: Workspace) -> dict[str, Any]:
    """Verdicts by family: all, mature, and from how many agents."""
    return {family: watching.feedback(place, family).to_json() for family in watching.FAMILIES}
