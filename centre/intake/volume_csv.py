"""Counts by queue and interval: `interval_start,queue,offered_count`, local wall times or with an offset or Z."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Any

from centre.intake import local_time
from centre.intake.reading import (
    Found,
    Intake,
    Record,
    fault,
    history,
    records,
    refuse_not_text,
    taken,
    unused_columns,
)
from data_contracts.errors import InputError
from data_contracts.events import Event
from data_contracts.faults import Fault

KNOWN_AT_RULE = f"a count is known when its interval ends; {local_time.RULE} (the second of two equal ones)"

REQUIRED = ("interval_start", "queue", "offered_count")
MEASURES = ("offered_count", "handled_count", "abandoned_count", "handle_mean_s")
OPTIONAL = ("interval_s", "channel", "handled_count", "abandoned_count", "handle_mean_s")


def read(path: Path, *, source: str, time_zone: str | None, clock_now: datetime) -> Intake:
    """One `volume.counted` per row. Times without an offset are wall times in `time_zone` (default: UTC).

    The length of the intervals is the column `interval_s`, or else the most frequent step between the starts of one
    queue. In the hour that a change of clocks repeats, a queue's second row of one wall time is the second run's.
    A row that cannot be read is a fault. Raises NotFound, NotText, MissingColumn, and InputError for an empty file, or
    one whose intervals have no length.
    """
    refuse_not_text(path)
    zone = local_time.zone(time_zone or "UTC")
    notes = unused_columns(path, known=(*REQUIRED, *OPTIONAL), delimiter=",")
    interval_s = _usual_step_s(path, zone)
    notes += (f"an interval is {interval_s} s long, as most rows are apart",) if interval_s else ()

    def find() -> Iterator[Found]:
        return _found(path, source, zone, interval_s)

    return taken(path, find, known_at_rule=KNOWN_AT_RULE, clock_now=clock_now, span=_span, notes=notes)


def _span(event: Event) -> tuple[datetime, datetime]:
    return event.data["interval_start"], event.time


def _found(path: Path, source: str, zone: tzinfo, interval_s: int | None) -> Iterator[Found]:
    reader = _Starts(zone)
    for record in records(path, required=REQUIRED, optional=OPTIONAL, delimiter=","):
        yield record if isinstance(record, Fault) else _counted(record, source, reader, interval_s)


class _Starts:
    """Reads the starts of intervals in the order of the file; remembers which repeated wall times it has seen."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._seen: set[tuple[str, datetime]] = set()

    def read(self, text: str, queue: str) -> datetime:
        """The instant of a start in UTC. Raises ValueError for what is no time or was never on the clock."""
        told = datetime.fromisoformat(text)
        if told.tzinfo is not None:
            return told.astimezone(UTC)
        if not local_time.is_repeated(told, zone=self._zone):
            return local_time.to_utc(told, zone=self._zone)
        second = (queue, told) in self._seen
        self._seen.add((queue, told))
        return local_time.to_utc(told, zone=self._zone, second=second)


def _counted(record: Record, source: str, starts: _Starts, interval_s: int | None) -> Found:
    fields = {name: value.strip() for name, value in record.fields.items()}
    for name in REQUIRED:
        if not fields[name]:
            return _faulty(record, name, f"{name} is empty", rule="not_empty")
    name = "interval_start"
    try:
        start = starts.read(fields[name], fields["queue"])
        name = "interval_s"
        length_s = int(fields.get(name) or interval_s or 0)
        data: dict[str, Any] = {"queue": fields["queue"], "interval_start": start, "interval_s": _positive(length_s)}
        for name in MEASURES:
            if fields.get(name):
                data[name] = _measure(fields[name])
    except ValueError as error:
        return _faulty(record, name, str(error), rule="type")
    return _event(source, data | ({"channel": fields["channel"]} if fields.get("channel") else {}))


def _event(source: str, data: dict[str, Any]) -> Event:
    end = data["interval_start"] + timedelta(seconds=data["interval_s"])
    row = f"volume-{data['queue']}-{data['interval_start']:%Y%m%dT%H%M%SZ}"
    return history("volume.counted", source=source, row=row, time=end, data=data)


def _faulty(record: Record, column: str, message: str, *, rule: str) -> Fault:
    return fault(
        "volumes",
        record.line,
        rule=f"{column}.{rule}",
        column=column,
        value=record.fields.get(column, ""),
        message=message,
        row=dict(record.fields),
    )


def _measure(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text} is no count: a number of 0 or more is")
    return value


def _positive(length_s: int) -> int:
    if length_s <= 0:
        raise ValueError(f"an interval of {length_s} s has no length")
    return length_s


def _usual_step_s(path: Path, zone: tzinfo) -> int | None:
    """The most frequent step between the starts of one queue, the shorter of equals; None if the rows state it."""
    starts, stated = _Starts(zone), True
    by_queue: dict[str, list[datetime]] = {}
    for record in records(path, required=REQUIRED, optional=OPTIONAL, delimiter=","):
        if isinstance(record, Record):
            stated = stated and bool(record.fields.get("interval_s"))
            _remember(by_queue, starts, record.fields)
    if stated:
        return None
    steps = Counter(
        int((later - earlier).total_seconds())
        for held in map(sorted, by_queue.values())
        for earlier, later in pairwise(held)
        if later > earlier
    )
    if not steps:
        raise InputError(
            "nothing tells how long an interval is",
            expected="two intervals of a queue, or the column interval_s",
            came="neither",
            where=str(path),
            remedy="Add the column interval_s.",
        )
    return min(steps, key=lambda step: (-steps[step], step))


def _remember(by_queue: dict[str, list[datetime]], starts: _Starts, fields: Mapping[str, str]) -> None:
    queue = fields["queue"].strip()
    try:
        by_queue.setdefault(queue, []).append(starts.read(fields["interval_start"].strip(), queue))
    except ValueError:
        return  # the row becomes a fault when it is read for itself
