"""The event log on SQLite: one file in the workspace, durable before it answers."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from centre.log_events import PAGE, Appended, Entry, Stored, closed, conflict, entries, micros, moment, utc
from data_contracts.errors import Overloaded, UnavailableError
from data_contracts.events import Event

# How long a writer waits for another before it says that it is overloaded.
BUSY_S = 30.0

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
        with self._told():
            self._connection().executescript(_TABLES)

    def append(self, events: Sequence[Event], *, received_at: datetime) -> Appended:
        """See `Log.append`. Raises Overloaded when another writer holds the file for longer than 30 s."""
        received_us = micros(utc(received_at))
        batch = entries(events)
        with self._transaction() as connection:
            before = connection.total_changes
            connection.executemany(_INSERT, (_record(*entry, received_us=received_us) for entry in batch))
            taken = connection.total_changes - before
            if taken < len(batch):
                self._refuse_other_bodies(connection, batch)
        return Appended(taken=taken, repeated=len(events) - taken)

    def read(self, after: int = 0, *, limit: int = PAGE, types: Iterable[str] | None = None) -> list[Stored]:
        """See `Log.read`."""
        wanted = [] if types is None else sorted(set(types))
        if types is not None and not wanted:
            return []
        narrowed = f" AND type IN ({', '.join('?' * len(wanted))})" if wanted else ""
        query = f"SELECT {_COLUMNS} FROM events WHERE sequence > ?{narrowed} ORDER BY sequence LIMIT ?"  # noqa: S608
        return [_stored(row) for row in self._rows(query, (max(after, 0), *wanted, max(limit, 0)))]

    def find(self, source: str, id: str) -> Stored | None:
        """See `Log.find`."""
        query = f"SELECT {_COLUMNS} FROM events WHERE source = ? AND id = ?"  # noqa: S608 - a constant
        try:
            rows = self._rows(query, (source, id))
        except UnicodeEncodeError:  # half a surrogate pair: no event has such a key
            return None
        return _stored(rows[0]) if rows else None

    def head(self) -> int:
        """See `Log.head`."""
        return int(self._rows("SELECT max(sequence) FROM events")[0][0] or 0)

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
            raise closed()
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
            raise Overloaded(
                "another writer holds the event log",
                expected=f"the lock within {BUSY_S:.0f} s",
                came=str(error),
                where=str(self._path),
                remedy="Try again.",
            ) from error
        with self._told():
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._told():
            return self._connection().execute(query, values).fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors, told as ours."""
        try:
            yield
        except sqlite3.Error as error:
            if self._closed:
                raise closed() from error
            raise UnavailableError(
                "the event log cannot be used",
                expected="an SQLite database that can be read and written",
                came=str(error),
                where=str(self._path),
                remedy="Check the file, the disk and the rights.",
            ) from error

    def _refuse_other_bodies(self, connection: sqlite3.Connection, batch: list[Entry]) -> None:
        query = "SELECT digest FROM events WHERE source = ? AND id = ?"
        for event, _, digest in batch:
            if connection.execute(query, (event.source, event.id)).fetchone()[0] != digest:
                raise conflict(event.source, event.id)


def _record(event: Event, data: str, digest: str, *, received_us: int) -> tuple[Any, ...]:
    known_us = None if event.known_at is None else micros(event.known_at)
    return (
        event.source,
        event.id,
        event.type,
        micros(event.time),
        received_us,
        known_us,
        event.subject,
        event.backfilled,
        event.simulated,
        data,
        digest,
    )


def _stored(row: tuple[Any, ...]) -> Stored:
    sequence, received_us, source, id_, type_, happened_us, data, subject, known_us, backfilled, simulated = row
    event = Event(
        id=id_,
        source=source,
        type=type_,
        time=moment(happened_us),
        data=json.loads(data),
        subject=subject,
        known_at=None if known_us is None else moment(known_us),
        backfilled=bool(backfilled),
        simulated=bool(simulated),
    )
    return Stored(sequence, moment(received_us), event)
