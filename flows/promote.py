"""Promote: act on an approval. The chain says who is champion; alias, mirror and issued forecast follow."""

from __future__ import annotations

from typing import Any

from flows import promoting
from flows.compose import Workspace
from flows.operating import door, flow, task


@flow("promote")
def promote(place: Workspace, request_id: str) -> dict[str, Any]:
    """Write the promotion into the chain, then let everything that follows from it catch up."""
    promotion = write(place, request_id)
    mirror_alias(place, promotion["family"])
    catch_up(place, promotion["family"])
    return promotion


@door("write")
def write(place: Workspace, request_id: str) -> dict[str, Any]:
    """Check expiry, roles, policy and champion once, and write `promotion.promoted`."""
    return promoting.write(place, request_id)


@door("mirror_alias")
def mirror_alias(place: Workspace, family: str) -> None:
    """MLflow's alias repeats what the chain says; nobody of ours reads it."""
    promoting.mirror_alias(place, family)


@task("catch_up")
def catch_up(place: Workspace, family: str) -> None:
    """What a new champion of this family makes stale is made anew."""
    promoting.catch_up(place, family)
