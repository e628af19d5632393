"""Watch: decide for each family whether to retrain, and record why or why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows import promoting, watching
from flows.compact import move, say
from flows.compose import Workspace
from flows.operating import door, flow, task


@flow("watch")
def watch(place: Workspace, families: Sequence[str]) -> list[dict[str, Any]]:
    """Take in what is new, decide, and say it. Starting the retraining is the caller's (`parley watch --act`)."""
    say(place, move(place))
    expire(place)
    return [decide(place, family) for family in families]


@door("expire")
def expire(place: Workspace) -> list[str]:
    """Requests that nobody decided in time are written down as expired."""
    return promoting.expire(place)


@task("decide {family}")
def decide(place: Workspace, family: str) -> dict[str, Any]:
    """One family's decision, told as `watch.decided`."""
    return watching.decide_and_tell(place, family)
