"""The event log in memory: the fake for tests, with the promises of the real one but durability."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from centre.log_events import PAGE, Appended, Stored, closed, conflict, entries, utc
from data_contracts.events import Event


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
        received_at = utc(received_at)
        batch = entries(events)
        with self._lock:
            self._refuse_closed()
            fresh = [(event, data, digest) for event, data, digest in batch if not self._holds(event, digest)]
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
            raise conflict(event.source, event.id)
        return place is not None

    def _refuse_closed(self) -> None:
        if self._closed:
            raise closed()
