"""Materialize: the newest features into Feast's online store, and from there into the mirror that serving reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import materializing
from flows.compose import Workspace
from flows.operating import DOOR_RETRIES, DOOR_RETRY_S
from flows.telling import tell


@flow(name="materialize", validate_parameters=False)
def materialize(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """Features as known at `as_of` into store and mirror; serving finds the new mirror by itself."""
    sources = build(place, as_of=as_of)
    version = write(place, sources, as_of=as_of)
    tell(place, "features.materialized", str(version["version"]), version)
    return version


@task(cache_policy=NO_CACHE)
def build(place: Workspace, *, as_of: datetime) -> Any:
    """The feature store's sources from the archive."""
    return materializing.build_sources(place, as_of=as_of)


@task(retries=DOOR_RETRIES, retry_delay_seconds=DOOR_RETRY_S, cache_policy=NO_CACHE)
def write(place: Workspace, sources: Any, *, as_of: datetime) -> dict[str, Any]:
    """Online store, then mirror."""
    return materializing.write_online(place, sources, as_of=as_of)
