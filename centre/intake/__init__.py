"""Real input: one module a format, each with `read(path, *, source, time_zone, clock_now) -> Intake`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from centre.intake import anonymous_bank, events, intent_csv, volume_csv
from centre.intake.reading import Intake

__all__ = ["FORMATS", "OWN_REPEAT_WINDOWS_DAYS", "OWN_ZONES", "Format", "Intake"]


class Format(Protocol):
    """How a format is read. `time_zone` None means the format's own (UTC, or the bank's Asia/Jerusalem)."""

    def __call__(self, path: Path, *, source: str, time_zone: str | None, clock_now: datetime) -> Intake:
        """The file's events, period, rule for `known_at` and faults; nothing is written."""
        ...


FORMATS: Mapping[str, Format] = {
    "events": events.read,
    "intent-csv": intent_csv.read,
    "volume-csv": volume_csv.read,
    "anonymous-bank": anonymous_bank.read,
}
"""The formats by the names that the command line takes."""

OWN_ZONES: Mapping[str, str] = {"anonymous-bank": anonymous_bank.HOME_ZONE}
"""Formats of one centre, whose zone is known without being named."""

OWN_REPEAT_WINDOWS_DAYS: Mapping[str, float] = {"anonymous-bank": anonymous_bank.REPEAT_WINDOW_DAYS}
"""Formats of one centre whose customers call too often for the usual window of a repeat contact."""
