"""What every format of real input shares: an honest first look at the file, then its events one by one.

A file is gone through twice. The first pass finds what is wrong with it (not UTF-8, no rows, a missing column) before
anything is written anywhere, the rows that cannot be taken, and the period; the second hands out the events. Memory
does not grow with the file, and bad input leaves nothing half-written.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from data_contracts.errors import InputError, MissingColumn, NotFound, NotText, StateConflict, TooLarge
from data_contracts.events import Event
from data_contracts.faults import Fault, shown

# One record must fit in memory several times over; no honest record of a contact centre comes near.
LONGEST_RECORD_BYTES = 16 * 1024 * 1024

# How far a source's clock may be ahead of ours; the same as the contracts allow.
SKEW = timedelta(minutes=5)

# How many events of a file are held between the two passes: about 150 MB. A longer file is read twice.
MOST_HELD = 100_000

_CHUNK = 1024 * 1024

Found = Event | Fault


@dataclass(frozen=True)
class Intake:
    """What a file holds: its events, the period they cover, the rule for `known_at`, and the rows that are no events.

    `events` can be gone through once. `period` is the earliest start and the latest end, None without events.
    `notes` are remarks for whoever ingests, such as columns that were not taken.
    """

    events: Iterator[Event]
    period: tuple[datetime, datetime] | None
    known_at_rule: str
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One record of a delimited file: its fields by column, and the line on which it begins."""

    line: int
    fields: Mapping[str, str]


def taken(
    path: Path,
    find: Callable[[], Iterator[Found]],
    *,
    known_at_rule: str,
    clock_now: datetime,
    span: Callable[[Event], tuple[datetime, datetime]] | None = None,
    notes: tuple[str, ...] = (),
) -> Intake:
    """Go through a file's events and faults once, and offer the events for a second time.

    `span` tells from when to when an event reaches (default: the moment at which it happened). Events from the future
    become faults. Raises InputError when the file holds neither an event nor a fault.
    """
    before = _fingerprint(path)
    faults: list[Fault] = []
    kept: list[Event] | None = []
    period: tuple[datetime, datetime] | None = None
    for found in (_not_future(one, clock_now) for one in find()):
        if isinstance(found, Fault):
            faults.append(found)
            continue
        start, end = span(found) if span else (found.time, found.time)
        period = (min(start, period[0]), max(end, period[1])) if period else (start, end)
        kept = _keep(kept, found)
    if not faults and period is None:
        raise empty(path, expected="at least one row")
    events = iter(kept) if kept is not None else _again(path, find, before, clock_now)
    return Intake(events, period, known_at_rule, tuple(faults), notes)


def refuse_not_text(path: Path) -> None:
    """Raises NotFound without the file, InputError when it is empty, NotText with the byte offset when not UTF-8."""
    if not path.is_file():
        raise NotFound("no such file", expected="a file to read", came=str(path), where=str(path))
    if path.stat().st_size == 0:
        raise empty(path, expected="a file with rows in it")
    with path.open("rb") as file:
        offset, rest = 0, b""
        while chunk := file.read(_CHUNK):
            rest = _undecoded(path, rest + chunk, offset, last=False)
            offset = file.tell() - len(rest)
        _undecoded(path, rest, offset, last=True)


def records(
    path: Path, *, required: tuple[str, ...], optional: tuple[str, ...] = (), delimiter: str
) -> Iterator[Record | Fault]:
    """The records of a delimited file with a header, each with the line on which it begins.

    A record with too few or too many fields is a fault. Raises InputError without a header, with a column named twice
    or with a quote that is never closed; MissingColumn; TooLarge.
    """
    with opened(path) as file:
        reader = _delimited(file, delimiter)
        header = _header(path, reader, required)
        line = reader.line_num + 1
        known = frozenset((*required, *optional))
        for fields in _guarded(path, reader):
            if len(fields) == len(header):
                yield Record(line, {name: field for name, field in zip(header, fields, strict=True) if name in known})
            elif fields:
                message = f"a row of {len(header)} fields was expected, one of {len(fields)} came"
                yield fault("", line, rule="fields", column="", value=fields, message=message, row={"fields": fields})
            line = reader.line_num + 1


def unused_columns(path: Path, *, known: tuple[str, ...], delimiter: str) -> tuple[str, ...]:
    """A note for each column of the header that the format does not take; nothing is dropped silently."""
    with opened(path) as file:
        header = _header(path, _delimited(file, delimiter), ())
    return tuple(f"the column {name!r} is not taken" for name in header if name not in known)


def opened(path: Path) -> TextIO:
    """The file as text: UTF-8, with or without a byte order mark, line ends as they are (quoted ones are text)."""
    return path.open(encoding="utf-8-sig", newline="")


def fault(
    dataset: str, line: int, *, rule: str, column: str, value: object, message: str, row: Mapping[str, Any]
) -> Fault:
    """A row that cannot become an event, named by its line."""
    return Fault(
        dataset=dataset,
        row_id=f"line {line}",
        rule=rule,
        column=column,
        value=shown(value),
        message=f"line {line}: {message}",
        row=row,
    )


def history(
    kind: str, *, source: str, row: str, time: datetime, data: dict[str, Any], known_at: datetime | None = None
) -> Event:
    """A backfilled event with an id made of its row's name and its content: the same row again is the same event.

    A row with the same key and other values gets an id of its own, so that the contract's rule on keys judges it
    instead of the whole file being refused. `time` and `known_at` (by default the same) are in UTC.
    """
    known = known_at or time
    told = _canonical([kind, time, known, data])
    id_ = f"{row}:{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    return Event(id=id_, source=source, type=kind, time=time, data=data, known_at=known, backfilled=True)


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not go into an event")


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_iso).encode


def empty(path: Path, *, expected: str) -> InputError:
    """The error of a file with nothing in it."""
    return InputError(
        "the file is empty", expected=expected, came="none", where=str(path), remedy="Check how it was exported."
    )


def _keep(kept: list[Event] | None, event: Event) -> list[Event] | None:
    """The events so far, or None once they are too many to hold: then the file is read again."""
    if kept is None or len(kept) >= MOST_HELD:
        return None
    kept.append(event)
    return kept


def _again(path: Path, find: Callable[[], Iterator[Found]], before: object, clock_now: datetime) -> Iterator[Event]:
    for found in find():
        if _fingerprint(path) != before:
            raise StateConflict(
                "the file changed while it was read",
                expected="a file that stands still",
                where=str(path),
                remedy="Copy it first, then ingest the copy.",
            )
        kept = _not_future(found, clock_now)
        if isinstance(kept, Event):
            yield kept


def _not_future(found: Found, clock_now: datetime) -> Found:
    """An event that is dated after now becomes a fault."""
    if isinstance(found, Fault) or max(found.time, found.known_at or found.time) <= clock_now + SKEW:
        return found
    latest = max(found.time, found.known_at or found.time)
    message = f"dated in the future: it is {clock_now.isoformat()} now"
    return Fault(
        dataset="",
        row_id=found.id,
        rule="not_future",
        column="time",
        value=shown(latest.isoformat()),
        message=message,
        row=found.to_cloudevent(),
    )


def _fingerprint(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_size, told.st_mtime_ns


def _undecoded(path: Path, data: bytes, offset: int, *, last: bool) -> bytes:
    """The bytes at the end of `data` that may be the beginning of a character. Raises NotText."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if not last and error.reason == "unexpected end of data":
            return data[error.start :]
        came = f"byte 0x{data[error.start]:02x} at byte {offset + error.start}"
        raise NotText(
            "the file is not UTF-8 text", expected="UTF-8", came=came, where=str(path), remedy="Save it as UTF-8."
        ) from error
    return b""


def _delimited(file: Iterable[str], delimiter: str) -> Any:
    # The module's limit is one for the whole process: it is raised, never lowered, and records are measured here.
    csv.field_size_limit(max(csv.field_size_limit(), min(LONGEST_RECORD_BYTES, sys.maxsize)))
    return csv.reader(file, delimiter=delimiter, strict=True)


def _guarded(path: Path, reader: Any) -> Iterator[list[str]]:
    """The records of a reader, its errors told as ours."""
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            kind = TooLarge if "field larger" in str(error) else InputError
            raise kind(
                "a record cannot be read",
                expected="fields with their quotes closed",
                came=str(error),
                where=f"{path}, the record that begins on line {line}",
                remedy="Mend or remove it.",
            ) from error
        yield fields


def _header(path: Path, reader: Any, required: tuple[str, ...]) -> list[str]:
    header = [name.strip() for name in next(_guarded(path, reader), [])]
    if not any(header):
        raise empty(path, expected="a header and rows")
    if missing := [name for name in required if name not in header]:
        raise MissingColumn(
            "a column is missing: " + ", ".join(missing),
            expected=", ".join(required),
            came=", ".join(header),
            where=f"{path}, line 1",
            remedy="Name the columns in the first line.",
        )
    if len(set(header)) < len(header):
        raise InputError(
            "a column is named twice", expected="each column once", came=", ".join(header), where=f"{path}, line 1"
        )
    return header
