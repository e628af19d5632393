"""Staffing plans as they were made: reads the tables that `parley staff plan` leaves, anew when they change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts.errors import UnavailableError

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Planned:
    """One plan in memory: what it says of itself, its intervals by queue and time, its shifts by agent and time."""

    about: dict[str, Any]
    intervals: Rows
    roster: Rows


class Plans:
    """The folder of staffing plans; holds the current one."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder there is never a plan."""
        self._folder = folder
        self._held: tuple[bytes, Planned] | None = None

    def current(self) -> Planned | None:
        """The plan that was made last, or None before the first. UnavailableError for an unreadable one."""
        if self._folder is None:
            return None
        try:
            told = (self._folder / "current.json").read_bytes()
        except FileNotFoundError:
            return None
        if self._held is None or self._held[0] != told:
            self._held = (told, _read(self._folder, told))
        return self._held[1]


def _read(folder: Path, told: bytes) -> Planned:
    import pyarrow as pa

    try:
        about = json.loads(told)
        place = (folder / str(about["plan_id"])).resolve()
        if place.parent != folder.resolve():
            raise ValueError(f"plan outside the folder: {about['plan_id']}")
        return Planned(about, _table(place / "intervals.parquet"), _table(place / "roster.parquet"))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise UnavailableError(
            "the staffing plan cannot be read",
            expected="current.json and its tables",
            came=str(error)[:300],
            where="staffing plans",
            remedy="Run parley staff plan again.",
        ) from error


def _table(path: Path) -> Rows:
    import pyarrow.parquet as pq

    rows: Rows = pq.read_table(path).to_pylist()
    return rows
