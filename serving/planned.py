"""Staffing plans as they were made: reads the tables that `parley staff plan` leaves, anew when they change."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts.errors import NotFound, UnavailableError

Rows = list[dict[str, Any]]
logger = logging.getLogger("parley.serving")


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

    def named(self, plan_id: str) -> Planned:
        """A plan of any time, by its id. NotFound where there is none of that name, UnavailableError as `current`."""
        if self._folder is None or plan_id not in self.names():
            raise NotFound("no such staffing plan", expected=f"one of the {len(self.names())} that were kept",
                           came=plan_id[:80], where="query plan",
                           remedy="Leave it out for the current one.")  # fmt: skip
        return _read(self._folder, (self._folder / plan_id / "plan.json").read_bytes())

    def names(self) -> tuple[str, ...]:
        """The ids of all plans that were kept, oldest first."""
        found = self._folder.glob("*/plan.json") if self._folder is not None else ()
        return tuple(sorted(path.parent.name for path in found))


def _read(folder: Path, told: bytes) -> Planned:
    import pyarrow as pa

    try:
        about = json.loads(told)
        place = (folder / str(about["plan_id"])).resolve()
        if place.parent != folder.resolve():
            raise ValueError(f"plan outside the folder: {about['plan_id']}")
        return Planned(about, _table(place / "intervals.parquet"), _table(place / "roster.parquet"))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        logger.warning("a staffing plan cannot be read", extra={"told": {"why": str(error)[:300]}})
        raise UnavailableError(
            "the staffing plan cannot be read",
            expected="current.json and its tables",
            came=type(error).__name__,
            where="staffing plans",
            remedy="Run parley staff plan again.",
        ) from error


def _table(path: Path) -> Rows:
    import pyarrow.parquet as pq

    rows: Rows = pq.read_table(path).to_pylist()
    return rows
