"""Promote: act on an approval. The chain says who is champion; alias, mirror and issued forecast follow."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import promoting
from flows.compose import Workspace
from flows.operating import DOOR_RETRIES, DOOR_RETRY_S


@flow(name="promote", validate_parameters=False)
def promote(place: Workspace, request_id: str) -> dict[str, Any]:
    """Write the promotion into the chain, then let everything that follows from it catch up."""
    promotion = write(place, request_id)
    mirror_alias(place, promotion["family"])
    catch_up(place, promotion["family"])
    return promotion


@task(retries=DOOR_RETRIES, retry_delay_seconds=DOOR_RETRY_S, cache_policy=NO_CACHE)
def write(place: Workspace, request_id: str) -> dict[str, Any]:
    """Check expiry, roles, policy and champion once, and write `promotion.promoted`."""
    return promoting.write(place, request_id)


@task(retries=DOOR_RETRIES, retry_delay_seconds=DOOR_RETRY_S, cache_policy=NO_CACHE)
def mirror_alias(place: Workspace, family: str) -> None:
    """MLflow's alias repeats what the chain says; nobody of ours reads it."""
    promoting.mirror_alias(place, family)


@task(cache_policy=NO_CACHE)
def catch_up(place: Workspace, family: str) -> None:
    """What a new champion of this family makes stale is made anew."""
    promoting.catch_up(place, family)
