"""The hot end of the records: an append-only event log that is durable before it answers.

    Log (protocol) --- SqliteLog   one file in the workspace, safe across threads and processes
                  \\--- MemoryLog   the fake for tests, with the same promises but durability

An event is known by `source` and `id`: the same event twice is one event, the same key with another body is refused
and nothing of that batch is written. Sequence numbers grow in the order of commits, so reading `after` the last one
seen never misses an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from centre.log_events import PAGE, Appended, Stored
from centre.memory_log import MemoryLog
from centre.sqlite_log import SqliteLog
from data_contracts.errors import InputError, UnavailableError
from data_contracts.events import Event

__all__ = ["PAGE", "Appended", "Log", "MemoryLog", "SqliteLog", "Stored", "open_log"]


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
            "a log on PostgreSQL is not built yet",
            expected="sqlite:///PATH",
            came=f"{scheme}:…",
            where="log_url",
            remedy="Leave PARLEY_LOG_URL empty to use SQLite in the workspace.",
        )
    raise InputError("unknown kind of log", expected="sqlite:///PATH", came=scheme or url, where="log_url")
