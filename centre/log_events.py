"""What every event log shares: an event as it is held, and the encoding by which bodies are told apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from data_contracts.errors import EventConflict, InputError, MalformedEvent, StateConflict
from data_contracts.events import Event, stamp

# How many events one read hands out unless told otherwise: about 5 MB of bodies, 0.1 s.
PAGE = 10_000


@dataclass(frozen=True)
class Appended:
    """How many events of a batch were new, and how many the log held already (or came twice in the batch)."""

    taken: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as the log holds it: its place in the order of receipt, and when it was received."""

    sequence: int
    received_at: datetime
    event: Event

    @property
    def known_at(self) -> datetime:
        """When the centre knew: the receipt of a live event; of history, what its source states."""
        stated = self.event.known_at if self.event.backfilled else None
        return stated or self.received_at


class Entry(NamedTuple):
    """An event ready to be written: itself, its data as canonical JSON, and a digest of its body."""

    event: Event
    data: str
    digest: str


def entries(events: Iterable[Event]) -> list[Entry]:
    """The events of a batch ready to be written, each once. Raises MalformedEvent, or EventConflict for two bodies."""
    seen: dict[tuple[str, str], Entry] = {}
    for event in events:
        entry = Entry(event, *encoded(event))
        if seen.setdefault((event.source, event.id), entry).digest != entry.digest:
            raise conflict(event.source, event.id)
    return list(seen.values())


def encoded(event: Event) -> tuple[str, str]:
    """The event's data as canonical JSON, and a digest that differs exactly where `Event.body_digest` does.

    The digest is made here from the text that is stored anyway: encoding once instead of twice halves an append.
    Raises MalformedEvent on what JSON or UTF-8 cannot hold, and on a time without a zone.
    """
    try:
        data = _encode(event.data)
        f"{event.source}{event.id}{event.type}{event.subject}".encode()  # half a surrogate pair is no text
        known_us = None if event.known_at is None else micros(event.known_at)
        rest = (event.type, micros(event.time), event.subject, known_us, event.backfilled, event.simulated)
        return data, hashlib.sha256(f"{rest!r} {data}".encode()).hexdigest()
    except (TypeError, ValueError) as error:
        raise MalformedEvent(
            "an event cannot be written as JSON",
            expected="finite numbers, text, lists, mappings",
            came=str(error),
            where=f"{event.source} {event.id}",
        ) from error


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    raise TypeError(f"{type(value).__name__} does not go into an event")


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
).encode


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The moment that so many microseconds since 1970 make."""
    return _EPOCH + timedelta(microseconds=micros)


def utc(moment: datetime) -> datetime:
    """The moment in UTC. Raises InputError when it has no zone."""
    if moment.tzinfo is None:
        raise InputError("a time without a zone", expected="an aware time", came=moment.isoformat(), where="receipt")
    return moment.astimezone(UTC)


def conflict(source: str, id_: str) -> EventConflict:
    """The error of a key that is held with another body."""
    return EventConflict(
        "an event's key is taken by another body",
        expected="one body for one source and id",
        came="a different body",
        where=f"source {source}, id {id_}",
        remedy="A correction is a new event with an id of its own.",
    )


def closed() -> StateConflict:
    """The error of any call on a closed log."""
    return StateConflict("the event log is closed", expected="an open log", came="a closed one", where="the log")
