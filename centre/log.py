"""The hot end of the records: an append-only event log that is durable before it answers.

    Log (protocol) --- SqliteLog   one file in the workspace, safe across threads and processes
                  \\--- MemoryLog   the fake for tests, with the same promises but durability

An event is known by `source` and `id`: the same event twice is one event, the same key with another body is refused
and nothing of that batch is written. Sequence numbers grow in the order of commits, so reading `after` the last one
seen never misses an event.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from data_contracts.errors import EventConflict, InputError, MalformedEvent, Overloaded, StateConflict, UnavailableError
from data_contracts.events import Event, stamp

# How many events one read hands out unless told otherwise: about 5 MB of bodies, 0.1 s.
PAGE = 10_000

# How long a writer waits for another before it says that it is overloaded.
BUSY_S = 30.0


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


class Log(Protocol):
    """What every event log promises; `tests/centre/test_log.py` holds each of them to it."""

    def append(self, events: Sequence[Event], *, received_at: datetime) -> Appended:
        """Write all events or none, durably. Raises EventConflict when a key is held with another body."""
        ...

    def read(self, after: int = 0, *, limit: int = PAGE, types: Iterable[str] | None = None) -> list[Stored]:
        """At most `limit` events with a sequence greater than `after`, in order; of the given types where named."""
        ...

    def find(self, source: str, id: str) -> Stored | None:
        """The event with this key, or None."""
        ...

    def head(self) -> int:
        """The sequence of the last event, 0 in an empty log."""
        ...

    def close(self) -> None:
        """Let go of files; a closed log refuses every call with StateConflict."""
        ...


def open_log(url: str) -> Log:
    """The log that a URL names: `sqlite:///PATH` or `memory:`.

    Raises UnavailableError on `postgresql:` (named in the design, not built yet) and InputError on anything else.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest.startswith("///") and rest != "///":
        return SqliteLog(Path(rest.removeprefix("///")))
    if scheme == "memory":
        return MemoryLog()
    if scheme.startswith("postgres"):
        raise UnavailableError(
            "a log on PostgreSQL is not built yet", expected="sqlite:///PATH", came=f"{scheme}:…", where="log_url",
            remedy="Leave PARLEY_LOG_URL empty to use SQLite in the workspace.",
        )
    raise InputError("unknown kind of log", expected="sqlite:///PATH", came=scheme or url, where="log_url")


class MemoryLog:
    """A log in memory, for tests."""

    def __init__(self) -> None:
        """Start empty."""
        self._stored: list[Stored] = []
        self._by_key: dict[tuple[str, str], int] = {}
        self._digests: list[str] = []
        self._lock = threading.Lock()
        self._closed = False

    def append(self, events: Sequence[Event], *, received_at: datetime) -> Appended:
        """See `Log.append`."""
        received_at = _utc(received_at)
        unique = _unique([(event, *_encoded(event)) for event in events])
        with self._lock:
            self._refuse_closed()
            fresh = [(event, data, digest) for event, data, digest in unique if not self._holds(event, digest)]
            for event, data, digest in fresh:
                self._by_key[event.source, event.id] = len(self._stored)
                self._digests.append(digest)
                as_read = replace(event, data=json.loads(data))
                self._stored.append(Stored(len(self._stored) + 1, received_at, as_read))
        return Appended(taken=len(fresh), repeated=len(events) - len(fresh))

    def read(self, after: int = 0, *, limit: int = PAGE, types: Iterable[str] | None = None) -> list[Stored]:
        """See `Log.read`."""
        self._refuse_closed()
        wanted = None if types is None else frozenset(types)
        rest = self._stored[max(after, 0) :]
        return [stored for stored in rest if wanted is None or stored.event.type in wanted][: max(limit, 0)]

    def find(self, source: str, id: str) -> Stored | None:
        """See `Log.find`."""
        self._refuse_closed()
        place = self._by_key.get((source, id))
        return None if place is None else self._stored[place]

    def head(self) -> int:
        """See `Log.head`."""
        self._refuse_closed()
        return len(self._stored)

    def close(self) -> None:
        """See `Log.close`."""
        self._closed = True

    def _holds(self, event: Event, digest: str) -> bool:
        place = self._by_key.get((event.source, event.id))
        if place is not None and self._digests[place] != digest:
            raise _conflict(event.source, event.id)
        return place is not None

    def _refuse_closed(self) -> None:
        if self._closed:
            raise _closed()


_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    happened_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    known_us INTEGER,
    subject TEXT,
    backfilled INTEGER NOT NULL,
    simulated INTEGER NOT NULL,
    data TEXT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (source, id)
);
CREATE INDEX IF NOT EXISTS events_by_type ON events (type);
"""
_COLUMNS = "sequence, received_us, source, id, type, happened_us, data, subject, known_us, backfilled, simulated"
_INSERT = """
INSERT INTO events (source, id, type, happened_us, received_us, known_us, subject, backfilled, simulated, data, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source, id) DO NOTHING
"""


class SqliteLog:
    """The log in one SQLite file: write-ahead log, synchronous FULL, one connection for each thread and process."""

    def __init__(self, path: Path) -> None:
        """Open or make the file at `path` (and its folder). Raises UnavailableError when it is no database of ours."""
        self._path = path
        self._here = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection().executescript(_TABLES)
        except sqlite3.Error as error:
            raise UnavailableError("the event log cannot be opened", expected="an SQLite database", came=str(error),
                                   where=str(path), remedy="Check the file, the disk and the rights.") from error

    def append(self, events: Sequence[Event], *, received_at: datetime) -> Appended:
        """See `Log.append`. Raises Overloaded when another writer holds the file for longer than 30 s."""
        received_us = _micros(_utc(received_at))
        unique = _unique([(event, *_encoded(event)) for event in events])
        with self._transaction() as connection:
            before = connection.total_changes
            connection.executemany(_INSERT, (_record(*entry, received_us=received_us) for entry in unique))
            taken = connection.total_changes - before
            if taken < len(unique):
                self._refuse_other_bodies(connection, unique)
        return Appended(taken=taken, repeated=len(events) - taken)

    def read(self, after: int = 0, *, limit: int = PAGE, types: Iterable[str] | None = None) -> list[Stored]:
        """See `Log.read`."""
        wanted = [] if types is None else sorted(set(types))
        if types is not None and not wanted:
            return []
        narrowed = f" AND type IN ({', '.join('?' * len(wanted))})" if wanted else ""
        query = f"SELECT {_COLUMNS} FROM events WHERE sequence > ?{narrowed} ORDER BY sequence LIMIT ?"  # noqa: S608
        rows = self._connection().execute(query, (max(after, 0), *wanted, max(limit, 0)))
        return [_stored(row) for row in rows]

    def find(self, source: str, id: str) -> Stored | None:
        """See `Log.find`."""
        query = f"SELECT {_COLUMNS} FROM events WHERE source = ? AND id = ?"  # noqa: S608 - a constant
        row = self._connection().execute(query, (source, id)).fetchone()
        return None if row is None else _stored(row)

    def head(self) -> int:
        """See `Log.head`."""
        row = self._connection().execute("SELECT max(sequence) FROM events").fetchone()
        return int(row[0] or 0)

    def close(self) -> None:
        """See `Log.close`. Closes the connections of all threads."""
        with self._lock:
            self._closed = True
            for connection in self._all:
                connection.close()
            self._all.clear()

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; a forked child never uses its parent's."""
        if self._closed:
            raise _closed()
        held: tuple[int, sqlite3.Connection] | None = getattr(self._here, "held", None)
        if held is None or held[0] != os.getpid():
            self._here.held = held = (os.getpid(), self._connect())
        return held[1]

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with self._lock:
            self._all.append(connection)
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Overloaded("another writer holds the event log", expected=f"the lock within {BUSY_S:.0f} s",
                             came=str(error), where=str(self._path), remedy="Try again.") from error
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _refuse_other_bodies(self, connection: sqlite3.Connection, unique: list[tuple[Event, str, str]]) -> None:
        query = "SELECT digest FROM events WHERE source = ? AND id = ?"
        for event, _, digest in unique:
            if connection.execute(query, (event.source, event.id)).fetchone()[0] != digest:
                raise _conflict(event.source, event.id)


def _unique(entries: list[tuple[Event, str, str]]) -> list[tuple[Event, str, str]]:
    """The entries with repeats inside the batch dropped; one key with two bodies is refused here already."""
    seen: dict[tuple[str, str], tuple[Event, str, str]] = {}
    for entry in entries:
        event, _, digest = entry
        if seen.setdefault((event.source, event.id), entry)[2] != digest:
            raise _conflict(event.source, event.id)
    return list(seen.values())


def _encoded(event: Event) -> tuple[str, str]:
    """The event's data as canonical JSON, and a digest that differs exactly where `Event.body_digest` does.

    The digest is made here from the text that is stored anyway: encoding once instead of twice halves an append.
    Raises MalformedEvent on what JSON or UTF-8 cannot hold, and on a time without a zone.
    """
    try:
        data = _encode(event.data)
        known_us = None if event.known_at is None else _micros(event.known_at)
        rest = (event.type, _micros(event.time), event.subject, known_us, event.backfilled, event.simulated)
        return data, hashlib.sha256(f"{rest!r} {data}".encode()).hexdigest()
    except (TypeError, ValueError) as error:
        raise MalformedEvent("an event cannot be written as JSON", expected="finite numbers, text, lists, mappings",
                             came=str(error), where=f"{event.source} {event.id}") from error


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    raise TypeError(f"{type(value).__name__} does not go into an event")


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
).encode


def _record(event: Event, data: str, digest: str, *, received_us: int) -> tuple[Any, ...]:
    known_us = None if event.known_at is None else _micros(event.known_at)
    return (event.source, event.id, event.type, _micros(event.time), received_us, known_us, event.subject,
            event.backfilled, event.simulated, data, digest)


def _stored(row: tuple[Any, ...]) -> Stored:
    sequence, received_us, source, id_, type_, happened_us, data, subject, known_us, backfilled, simulated = row
    event = Event(
        id=id_, source=source, type=type_, time=_moment(happened_us), data=json.loads(data), subject=subject,
        known_at=None if known_us is None else _moment(known_us), backfilled=bool(backfilled),
        simulated=bool(simulated),
    )
    return Stored(sequence, _moment(received_us), event)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InputError("a time without a zone", expected="an aware time", came=moment.isoformat(), where="receipt")
    return moment.astimezone(UTC)


def _conflict(source: str, id_: str) -> EventConflict:
    return EventConflict(
        "an event's key is taken by another body", expected="one body for one source and id", came="a different body",
        where=f"source {source}, id {id_}", remedy="A correction is a new event with an id of its own.",
    )


def _closed() -> StateConflict:
    return StateConflict("the event log is closed", expected="an open log", came="a closed one", where="the log")
