"""The newest features of customers, agents and topics, in Feast's online store and in the mirror that serving reads."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

from flows import asking
from flows.compose import Workspace
from flows.issuing import running_params

READ = ("contacts", "segments", "decisions", "verdicts", "ratings", "agents", "customers", "intents", "agent_states")


def default_as_of(place: Workspace) -> datetime:
    """The end of what the archive knows of contacts and their outcomes."""
    return asking.end_of_data(place, ("routing",))


def is_current(place: Workspace) -> bool:
    """Whether the mirror already holds all that the archive knows."""
    from features.mirror import Mirror

    folder = place.settings.mirror_dir
    return Mirror.version_in_force(folder) is not None and Mirror.open(folder).as_of >= default_as_of(place)


def refresh(place: Workspace) -> dict[str, Any]:
    """Sources, online store and mirror as of the end of the data."""
    as_of = default_as_of(place)
    return write_online(place, build_sources(place, as_of=as_of), as_of=as_of)


def build_sources(place: Workspace, *, as_of: datetime) -> Path:
    """The views' Parquet files as known at `as_of`. Raises NotEnoughData where no agent took a contact."""
    from features import materializing

    params = running_params(place)
    tables = {name: place.archive.read(name, known_until=as_of) for name in READ}
    return materializing.build_sources(
        tables, params=params.routing, labels=params.labels, as_of=as_of, repo=place.settings.feast_dir
    )


def write_online(place: Workspace, sources: Path, *, as_of: datetime) -> dict[str, Any]:
    """Apply, materialise, mirror; returns {version, as_of}. Written again, the same figures are the same version."""
    from features import materializing

    # Feast draws progress bars on stdout, where `--json` prints one object and nothing else.
    with redirect_stdout(io.StringIO()):
        version = materializing.write_online(
            sources,
            as_of=as_of,
            repo=place.settings.feast_dir,
            to=place.settings.mirror_dir,
            threads=place.settings.threads,
        )
    return {"version": version, "as_of": as_of.isoformat()}
