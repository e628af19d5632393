"""How the tests of the intake read a file that they have just written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from centre.intake import FORMATS, Intake
from data_contracts.events import Event

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def written(folder: Path, content: str | bytes, *, name: str = "file.csv") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(form: str, path: Path, *, time_zone: str | None = None, now: datetime = NOW) -> tuple[list[Event], Intake]:
    """The events of a file, and what else its intake says."""
    intake = FORMATS[form](path, source="export", time_zone=time_zone, clock_now=now)
    return list(intake.events), intake


def rules(intake: Intake) -> list[tuple[str, str]]:
    """Each fault's line and rule."""
    return [(fault.row_id, fault.rule) for fault in intake.faults]
