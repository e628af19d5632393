"""The one place that knows what time it is; everybody else is handed a `Clock`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time as an aware UTC datetime."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock: what a running workspace uses."""

    def now(self) -> datetime:
        """The machine's time, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is told to move: what tests and replays use."""

    def __init__(self, at: datetime) -> None:
        """Stand at `at`, which must be aware (ValueError otherwise: a naive time has no meaning here)."""
        if at.tzinfo is None:
            raise ValueError(f"a clock needs an aware time, with a zone; came {at.isoformat()} with none")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The time at which this clock stands."""
        return self._at

    def advance(self, by: timedelta) -> datetime:
        """Move by a span (backwards too, as real clocks do when corrected) and return the new time."""
        self._at += by
        return self._at
