"""MLflow's SQLite tables, read straight: for those in a hurry, such as a server that swaps models within seconds.

MLflow's client takes 2 to 5 seconds to import and open in a fresh process; these reads take milliseconds. They are
of the version that the lock pins, and a test holds them against what the client says. Nothing is ever written here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts.errors import RegistryUnavailable

# As MLflow marks a version that was deleted; the row stays.
DELETED = "Deleted_Internal"
# How long to wait for a writer; registering holds the database for milliseconds.
WAIT_S = 5.0


@dataclass(frozen=True)
class Kept:
    """A version's row: where its model lies, where its run's files lie, and its tags."""

    version: str
    model: str
    run_files: str
    tags: Mapping[str, str]


def versions(database: Path, family: str) -> list[Kept]:
    """All versions of a family that are not deleted, oldest first. RegistryUnavailable when it cannot be read."""
    with _reading(database) as connection:
        rows = connection.execute(
            "SELECT v.version, v.source, COALESCE(r.artifact_uri, '') FROM model_versions v"
            " LEFT JOIN runs r ON r.run_uuid = v.run_id WHERE v.name = ? AND v.current_stage <> ? ORDER BY v.version",
            (family, DELETED),
        ).fetchall()
        tags = connection.execute(
            "SELECT version, key, value FROM model_version_tags WHERE name = ?", (family,)
        ).fetchall()
    told: dict[Any, dict[str, str]] = {}
    for version, key, value in tags:
        told.setdefault(version, {})[key] = value
    return [Kept(str(version), source, files, told.get(version, {})) for version, source, files in rows]


def alias(database: Path, family: str, *, name: str) -> str | None:
    """The version that an alias of a family names. RegistryUnavailable when the database cannot be read."""
    with _reading(database) as connection:
        row = connection.execute(
            "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?", (family, name)
        ).fetchone()
    return None if row is None else str(row[0])


@contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        place = f"{database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=WAIT_S)) as connection:
            yield connection
    except sqlite3.Error as broken:
        raise RegistryUnavailable("the registry's database cannot be read", came=str(broken), where=str(database),
                                  remedy="What was pulled goes on answering.") from broken  # fmt: skip
