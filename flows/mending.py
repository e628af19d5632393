"""Rows of the quarantine that somebody mended: checked again as a whole, taken into the log, and no longer waiting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data_contracts.errors import InputError
from flows.compose import Workspace


def replay(place: Workspace, path: Path, mended: Path) -> dict[str, Any]:
    """Take mended rows in. `mended` is JSON lines, each {"line": number in the quarantine's file, column: value, …}.

    All or nothing: a row that still breaks a rule (RowRefused) or an unknown line (InputError) stops them all.
    """
    from data_contracts import quarantine

    file = path if path.is_file() else place.settings.quarantine_dir / path.name
    changes = changes_in(mended)
    events = quarantine.replay(file, changes, as_of=place.clock.now())
    added = place.log.append(events, received_at=place.clock.now())
    quarantine.settle(file, changes)
    still = quarantine.waiting(place.settings.quarantine_dir)
    return {
        "taken": added.taken,
        "repeated": added.repeated,
        "file": str(file),
        "still_waiting": sum(len(rows) for rows in still.values()),
    }


def changes_in(path: Path) -> dict[int, dict[str, Any]]:
    """Line of the quarantine's file to the columns that change. Raises InputError naming an unreadable line."""
    if not path.is_file():
        raise InputError("no such file", expected="JSON lines of mended rows", came="none", where=str(path))
    found: dict[int, dict[str, Any]] = {}
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(text)
            line = int(row.pop("line"))
            found[line] = dict(row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                "a mended row cannot be read",
                expected='{"line": 3, "column": "value"}',
                came=text[:200],
                where=f"{path}, line {number}",
            ) from error
    return found
