"""Materialize: the newest features into Feast's online store, and from there into the mirror that serving reads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from flows import materializing
from flows.compose import Workspace
from flows.operating import door, flow, task
from flows.telling import tell


@flow("materialize")
def materialize(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """Features as known at `as_of` into store and mirror; serving finds the new mirror by itself."""
    sources = build(place, as_of=as_of)
    version = write(place, sources, as_of=as_of)
    tell(place, "features.materialized", str(version["version"]), version)
    return version


@task("build")
def build(place: Workspace, *, as_of: datetime) -> Path:
    """The feature store's sources from the archive."""
    return materializing.build_sources(place, as_of=as_of)


@door("write")
def write(place: Workspace, sources: Path, *, as_of: datetime) -> dict[str, Any]:
    """Online store, then mirror."""
    return materializing.write_online(place, sources, as_of=as_of)
