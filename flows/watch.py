"""Watch: decide for each family whether to retrain, and record why or why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import watching
from flows.compact import move, say
from flows.compose import Workspace


@flow(name="watch", validate_parameters=False)
def watch(place: Workspace, families: Sequence[str]) -> list[dict[str, Any]]:
    """Take in what is new, decide, and say it. Starting the retraining is the caller's (`parley watch --act`)."""
    say(place, move(place))
    return [decide(place, family) for family in families]


@task(task_run_name="decide {family}", cache_policy=NO_CACHE)
def decide(place: Workspace, family: str) -> dict[str, Any]:
    """One family's decision, told as `watch.decided`."""
    return watching.decide_and_tell(place, family)
