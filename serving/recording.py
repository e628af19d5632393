"""Writes what was served to the event log: many events in one transaction, by one thread.

Predictions are handed over and written within milliseconds (a trace finds them at once, in memory until then);
decisions and events from outside are waited for: their answer comes after the disk has them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from centre.clock import Clock
from centre.log import Appended, Log
from data_contracts.errors import Overloaded, ParleyError, UnavailableError
from data_contracts.events import Event

logger = logging.getLogger("parley.serving")

# The largest group of one transaction: some tens of milliseconds, so that nobody waits long behind it.
GROUP = 500

# How long events that nobody waits for are gathered: fewer, larger transactions leave the cores to the models. They are
# in memory meanwhile; a loss of power loses the answers of this last moment, never a decision or an event from outside.
LINGER_S = 0.02

# Pauses between attempts while the disk refuses, in seconds, until it works or the process ends.
PAUSES_S = (0.05, 0.2, 0.5, 1.0)

_REFUSED_BY_DISK = (UnavailableError, sqlite3.Error, OSError)


@dataclass
class _Unit:
    """Events that are written all or none, and who waits for them."""

    events: Sequence[Event]
    since: float
    waited_for: Future[Appended] | None = None
    alone: bool = False
    tries: int = field(default=0)


class Recorder:
    """The one writer of a serving process."""

    def __init__(self, log: Log, *, clock: Clock, bound: int, behind_s: float) -> None:
        self._log = log
        self._clock = clock
        self._bound = bound
        self._behind_s = behind_s
        self._waiting: deque[_Unit] = deque()
        self._unwritten = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._urgent = False
        self.refusal = ""

    def start(self) -> None:
        """Start the writer thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._write_for_ever, name="parley-recorder", daemon=True)
        self._thread.start()

    def stop(self, *, within_s: float = 10.0) -> None:
        """Write what waits, then end; what cannot be written within the time is counted in the log output."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(within_s)
        if self._unwritten:
            logger.error("events were not written before the end", extra={"told": {"unwritten": self._unwritten}})

    @property
    def unwritten(self) -> int:
        """How many events wait to be written."""
        return self._unwritten

    @property
    def lag_s(self) -> float:
        """The age of the oldest event that waits, in seconds."""
        try:
            return time.monotonic() - self._waiting[0].since
        except IndexError:
            return 0.0

    @property
    def is_behind(self) -> bool:
        """Whether the log is being written later than it should be; answers say so."""
        return self.lag_s > self._behind_s

    def hand_over(self, events: Sequence[Event]) -> None:
        """Have events written soon. Raises Overloaded when too many wait: what cannot be traced is not answered."""
        self._add(_Unit(events, time.monotonic()))

    async def write(self, events: Sequence[Event], *, alone: bool = False) -> Appended:
        """Have events written, all or none; return when they are durable.

        `alone`: in a transaction of their own, so that the counts taken and repeated are theirs. Otherwise the counts
        are those of the group that they were written with. Raises EventConflict, UnavailableError, Overloaded.
        """
        waited_for: Future[Appended] = Future()
        self._add(_Unit(events, time.monotonic(), waited_for, alone))
        return await asyncio.wrap_future(waited_for)

    def _add(self, unit: _Unit) -> None:
        with self._wake:
            if self._unwritten + len(unit.events) > self._bound or self._stopping:
                raise Overloaded(
                    "the event log does not keep up",
                    expected=f"at most {self._bound} unwritten events",
                    came=f"{self._unwritten}",
                    where="recorder",
                    remedy=self.refusal or "Try again.",
                )
            self._unwritten += len(unit.events)
            self._waiting.append(unit)
            self._urgent = self._urgent or unit.waited_for is not None
            if self._urgent or len(self._waiting) == 1:
                self._wake.notify()

    def _write_for_ever(self) -> None:
        while group := self._next_group():
            try:
                self._write_group(group)
            except Exception:
                logger.exception("the recorder met something unexpected")
                self._settle(group, UnavailableError("the event could not be written", where="recorder"))

    def _next_group(self) -> list[_Unit]:
        """The next units to write together; they stay in line until they are settled. Empty: it is time to end."""
        with self._wake:
            while not self._waiting and not self._stopping:
                self._wake.wait()
            self._urgent = any(unit.waited_for is not None for unit in self._waiting)
            self._wake.wait_for(lambda: self._urgent or self._stopping, timeout=LINGER_S)
            group: list[_Unit] = []
            for unit in self._waiting:
                if group and (unit.alone or sum(len(one.events) for one in group) >= GROUP):
                    break
                group.append(unit)
                if unit.alone:
                    break
            return group

    def _write_group(self, group: list[_Unit]) -> None:
        together = [event for unit in group for event in unit.events]
        try:
            self._settle(group, self._log.append(together, received_at=self._clock.now()))
            self.refusal = ""
        except _REFUSED_BY_DISK as error:
            self._wait_for_disk(group, error)
        except ParleyError as error:
            if len(group) == 1:
                self._settle(group, error)
                return
            for unit in group:
                self._write_group([unit])

    def _wait_for_disk(self, group: list[_Unit], error: Exception) -> None:
        """Tell those who wait; keep what nobody waits for, and try again after a pause."""
        self.refusal = f"The log refuses: {error}"
        waited = [unit for unit in group if unit.waited_for is not None]
        kept = [unit for unit in group if unit.waited_for is None]
        told = (
            error
            if isinstance(error, ParleyError)
            else UnavailableError(
                "the event log cannot be written",
                expected="a durable write",
                came=type(error).__name__,
                where="log",
                remedy="Try again; an engineer should look at the disk.",
            )
        )
        self._settle(waited, told)
        if not kept:
            return
        for unit in kept:
            unit.tries += 1
        with self._wake:
            if self._stopping and kept[0].tries > len(PAUSES_S):
                self._waiting.clear()
                return
            self._wake.wait(PAUSES_S[min(kept[0].tries, len(PAUSES_S)) - 1])

    def _settle(self, group: list[_Unit], outcome: Appended | ParleyError) -> None:
        done = {id(unit) for unit in group}
        with self._wake:
            self._waiting = deque(unit for unit in self._waiting if id(unit) not in done)
            self._unwritten = sum(len(unit.events) for unit in self._waiting)
        for unit in group:
            if unit.waited_for is None:
                if isinstance(outcome, ParleyError):
                    logger.error("an event was refused by the log", extra={"told": {"error": str(outcome)}})
            elif not unit.waited_for.set_running_or_notify_cancel():
                continue  # who waited has gone; what was written stays written
            elif isinstance(outcome, ParleyError):
                unit.waited_for.set_exception(outcome)
            else:
                unit.waited_for.set_result(outcome)
