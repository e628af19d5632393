"""Who may be rostered: agents of a file, or those of the archive who are active and not away."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from data_contracts.errors import InputError, MissingColumn, UnknownParameter
from flows.compose import Workspace

COLUMNS = ("agent_id", "skills", "cost_hour", "min_hours_week", "max_hours_week", "templates", "away")

Row = Mapping[str, Any]


def of_file(path: Path) -> list[dict[str, Any]]:
    """Agents of a CSV file: agent_id and skills (queues, with ; between), and where given the other COLUMNS.

    away: days or periods of days, 2026-05-04 or 2026-05-04/2026-05-06, with ; between. Raises InputError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            header, read = rows.fieldnames or (), list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("the agents cannot be read", expected="CSV, UTF-8", came=str(error)[:300],
                         where=str(path)) from error  # fmt: skip
    named = set(header)
    if missing := {"agent_id", "skills"} - named:
        raise MissingColumn("a column is missing", expected="agent_id, skills",
                            came="without " + ", ".join(sorted(missing)), where=str(path))  # fmt: skip
    if len(named) < len(header):
        raise InputError("a column is named twice", expected="each column once", came=", ".join(header)[:300],
                         where=str(path))  # fmt: skip
    if unknown := sorted(str(name) for name in named - set(COLUMNS)):
        raise UnknownParameter("unknown column", expected=", ".join(COLUMNS), came=", ".join(unknown), where=str(path))
    found = []
    for number, row in enumerate(read, start=2):
        where = f"{path}, line {number}"
        if None in row:
            raise InputError("a row has too many fields", expected=f"{len(named)}, as the header has", came="more",
                             where=where, remedy="Put several skills into one field, with ; between.")  # fmt: skip
        found.append(_agent(row, where=where))
    return found


def of_archive(place: Workspace) -> list[dict[str, Any]]:
    """Active agents with their last revision's skills, away while the roster has them on leave or in training."""
    latest: dict[str, Row] = {}
    for row in place.archive.read("agents").to_pylist():
        if row["agent_id"] not in latest or row["revision"] > latest[row["agent_id"]]["revision"]:
            latest[row["agent_id"]] = row
    away: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in place.archive.read("roster").to_pylist():
        if row["activity"] in ("leave", "training"):
            away.setdefault(row["agent_id"], []).append((row["starts_at"], row["ends_at"]))
    return [
        {"agent_id": name, "skills": sorted(row["skills"]), "away": away.get(name, [])}
        for name, row in sorted(latest.items())
        if row["status"] == "active"
    ]


def _agent(row: Mapping[str, str | None], *, where: str) -> dict[str, Any]:
    told: dict[str, Any] = {"agent_id": (row["agent_id"] or "").strip()}
    if not told["agent_id"]:
        raise InputError("an agent without a name", expected="agent_id", came="nothing", where=where)
    for name in ("skills", "templates", "away"):
        told[name] = [part.strip() for part in (row.get(name) or "").split(";") if part.strip()]
    for name in ("cost_hour", "min_hours_week", "max_hours_week"):
        if text := (row.get(name) or "").strip():
            told[name] = _number(text, where=f"{where}, {name}")
    return told


def _number(text: str, *, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise InputError("no such figure", expected="a number, 0 or more", came=text[:40], where=where)
    return value
