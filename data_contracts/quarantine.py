"""Where refused rows wait to be mended: kept whole, with every rule that they broke and the value that broke it.

One file of JSON lines for each batch, one line for each row. A mended row comes back as a new event (a correction is
never a change of what was said), goes through the log, and is checked like any other; its id follows from what it
says, so that mending twice is one event. Rows whose parent is late are not here: the archive keeps them (`parked`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from data_contracts.checking import row_faults
from data_contracts.contracts import contract
from data_contracts.errors import InputError, IntegrityError, NotFound, RowRefused
from data_contracts.events import Event, canonical_json, plain, type_of
from data_contracts.faults import Fault
from data_contracts.values import moment

SUFFIX: Final = ".jsonl"
SETTLED: Final = ".settled"


@dataclass(frozen=True)
class Quarantined:
    """One refused row: its place in its file (from 1), what was wrong with it, and the row as it came.

    `given_in` names the file whose reader refused it, before it was an event; empty for a row that was one.
    """

    line: int
    dataset: str
    row_id: str
    faults: tuple[Mapping[str, str], ...]
    row: Mapping[str, Any]
    given_in: str = ""


def store(faults: Iterable[Fault], *, folder: Path, batch: str, given_in: str = "") -> Path:
    """Write the rows of the faults to `<folder>/<batch>.jsonl`, whole or not at all. Returns the file.

    `given_in`: the file whose reader refused them, where they never were events.

    Consecutive faults of one row become one line. A file of that name is not touched: the new one gets a number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [_written(line | ({"given_in": given_in} if given_in else {})) for line in _lines(faults)]
    path = _free_name(folder, batch)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    with staged.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    return path


def read(path: Path) -> list[Quarantined]:
    """The rows of a quarantine file. Raises NotFound without it and IntegrityError for a line that is none."""
    if not path.is_file():
        raise NotFound("no such quarantine file", came=path.name, where=str(path.parent))
    with path.open(encoding="utf-8") as file:
        return [_read_line(text, number, path) for number, text in enumerate(file, start=1)]


def waiting(folder: Path) -> dict[Path, list[Quarantined]]:
    """Every row that nobody has mended and settled yet, by file, in the order of the files' names."""
    found = {path: _unsettled(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
    return {path: rows for path, rows in found.items() if rows}


def replay(path: Path, mended_rows: Mapping[int, Mapping[str, Any]], *, as_of: datetime) -> list[Event]:
    """Events that say the mended rows, to be appended to the log and so checked again as a whole.

    `mended_rows` gives for a line of the file the columns that change; null takes a value away. A live row is known
    from when its mended event is received, for nobody could use it before; history keeps its own `known_at`.
    Raises InputError for a line that the file does not have and for a row that never was an event (its reader alone
    knows its form), RowRefused for a row that still breaks a rule.
    """
    rows = {found.line: found for found in read(path)}
    unknown = sorted(mended_rows.keys() - rows.keys())
    if unknown:
        came = ", ".join(map(str, unknown))
        raise InputError("no such line", expected=f"1 to {len(rows)}", came=came, where=path.name)
    return [_mended(rows[line], changes, path, as_of=as_of) for line, changes in sorted(mended_rows.items())]


def settle(path: Path, lines: Iterable[int]) -> None:
    """Remember that these rows came back, once their events are in the log; they no longer wait. May be repeated."""
    known = _settled_lines(path) | set(lines)
    staged = path.with_suffix(f"{SETTLED}.{os.getpid()}")
    staged.write_text(json.dumps(sorted(known)) + "\n", encoding="utf-8")
    staged.replace(path.with_suffix(SETTLED))


def _mended(found: Quarantined, changes: Mapping[str, Any], path: Path, *, as_of: datetime) -> Event:
    where = f"{path.name}, line {found.line}"
    if found.given_in:
        raise InputError(
            "this row never became an event: the reader of its file refused it",
            expected="a row that a rule of its contract refused",
            came=found.faults[0]["message"],
            where=f"{found.given_in}, {found.row_id}",
            remedy="mend the file and ingest it again: what is held already is not taken twice",
        )
    row = {**found.row, **changes}
    faults = row_faults(found.dataset, row, as_of=as_of)
    if faults:
        first = faults[0]
        raise RowRefused(f"still refused: {first.message}", came=first.value, where=f"{where}, {first.column}")
    shared = {column.name for column in contract(found.dataset).columns if column.common}
    data = {name: value for name, value in row.items() if name not in shared and value is not None}
    if row.get("timeless"):
        data["timeless"] = True
    digest = hashlib.sha256(canonical_json(plain(row)).encode()).hexdigest()[:16]
    return Event(
        id=f"{row['event_id']}/mended/{digest}",
        source=str(row["source"]),
        type=type_of(found.dataset, row),
        time=moment(row["happened_at"]),
        data=data,
        known_at=moment(row["known_at"]) if row["backfilled"] else None,
        backfilled=row["backfilled"],
        simulated=row["simulated"],
    )


def _lines(faults: Iterable[Fault]) -> Iterator[dict[str, Any]]:
    line: dict[str, Any] | None = None
    held: Mapping[str, Any] | None = None
    for fault in faults:
        told = {"rule": fault.rule, "column": fault.column, "value": fault.value, "message": fault.message}
        same = line is not None and line["dataset"] == fault.dataset and line["row_id"] == fault.row_id
        if line is not None and same and held == fault.row:
            line["faults"].append(told)
            continue
        if line is not None:
            yield line
        held = fault.row
        line = {"dataset": fault.dataset, "row_id": fault.row_id, "faults": [told], "row": plain(fault.row)}
    if line is not None:
        yield line


def _written(line: Mapping[str, Any]) -> str:
    """One line of JSON. What UTF-8 cannot hold is escaped, what JSON cannot hold is written as Python shows it."""
    told = json.dumps(line, ensure_ascii=False, default=repr)
    try:
        told.encode("utf-8")
    except UnicodeEncodeError:
        told = json.dumps(line, ensure_ascii=True, default=repr)
    return told + "\n"


def _read_line(text: str, number: int, path: Path) -> Quarantined:
    try:
        told = json.loads(text)
        return Quarantined(
            number, told["dataset"], told["row_id"], tuple(told["faults"]), told["row"], told.get("given_in", "")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError("not a quarantined row", came=str(error), where=f"{path.name}, line {number}") from error


def _free_name(folder: Path, batch: str) -> Path:
    path, number = folder / f"{batch}{SUFFIX}", 1
    while path.exists():
        number += 1
        path = folder / f"{batch}.{number}{SUFFIX}"
    return path


def _unsettled(path: Path) -> list[Quarantined]:
    settled = _settled_lines(path)
    return [found for found in read(path) if found.line not in settled]


def _settled_lines(path: Path) -> set[int]:
    sidecar = path.with_suffix(SETTLED)
    return set(json.loads(sidecar.read_text(encoding="utf-8"))) if sidecar.is_file() else set()
