"""The writer: groups what nobody waits for, keeps what is waited for apart, loses nothing while the disk refuses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from centre.clock import FixedClock
from centre.log import Appended, MemoryLog
from data_contracts.errors import EventConflict, Overloaded, UnavailableError
from data_contracts.events import Event
from serving.recording import Recorder

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Disk(MemoryLog):
    """A log that counts its transactions, and refuses or waits when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.refuses = 0
        self.may_write = threading.Event()
        self.may_write.set()

    def append(self, events: Sequence[Event], *, received_at: datetime) -> Appended:
        self.may_write.wait(10)
        if self.refuses:
            self.refuses -= 1
            raise OSError("no space left on device")
        self.sizes.append(len(events))
        return super().append(events, received_at=received_at)


def event(id_: str, value: int = 0) -> Event:
    return Event(id=id_, source="s", type="customer.rated", time=NOW, data={"score": value})


@contextmanager
def recorder(disk: Disk, *, bound: int = 1_000, behind_s: float = 9.0) -> Iterator[Recorder]:
    made = Recorder(disk, clock=FixedClock(NOW), bound=bound, behind_s=behind_s)
    made.start()
    yield made
    disk.may_write.set()
    made.stop()


def until(holds: Callable[[], Any]) -> bool:
    for _ in range(500):
        if holds():
            return True
        threading.Event().wait(0.01)
    return False


def test_what_nobody_waits_for_is_written_in_few_transactions() -> None:
    disk = Disk()
    with recorder(disk) as writer:
        for n in range(200):
            writer.hand_over([event(f"e-{n}")])

    assert disk.head() == 200
    assert len(disk.sizes) <= 20


def test_what_is_waited_for_is_durable_when_it_returns() -> None:
    disk = Disk()
    with recorder(disk) as writer:
        appended = asyncio.run(writer.write([event("a"), event("b")], alone=True))
        head = disk.head()

    assert (appended, head) == (Appended(taken=2, repeated=0), 2)


def test_a_conflict_hurts_only_who_made_it() -> None:
    disk = Disk()

    async def all_at_once(writer: Recorder) -> list[Any]:
        disk.may_write.clear()
        writes = [writer.write([event("a", value)]) for value in (1, 2)] + [writer.write([event("b")])]
        gathered = asyncio.gather(*writes, return_exceptions=True)
        await asyncio.sleep(0.05)
        disk.may_write.set()
        return list(await gathered)

    with recorder(disk) as writer:
        told = asyncio.run(all_at_once(writer))

    assert isinstance(told[0], Appended)
    assert isinstance(told[1], EventConflict)
    assert isinstance(told[2], Appended)


def test_while_the_disk_refuses_predictions_wait_and_are_written_later() -> None:
    disk = Disk()
    disk.refuses = 2
    with recorder(disk) as writer:
        writer.hand_over([event("a")])
        assert until(lambda: disk.head() == 1)

    assert disk.refuses == 0


def test_while_the_disk_refuses_who_waits_is_told() -> None:
    disk = Disk()
    disk.refuses = 1
    with recorder(disk) as writer, pytest.raises(UnavailableError):
        asyncio.run(writer.write([event("a")]))


def test_a_writer_that_is_behind_says_so_and_at_last_takes_no_more() -> None:
    disk = Disk()
    disk.may_write.clear()
    with recorder(disk, bound=5, behind_s=0.05) as writer:
        for n in range(5):
            writer.hand_over([event(f"e-{n}")])
        behind = until(lambda: writer.is_behind)
        with pytest.raises(Overloaded):
            writer.hand_over([event("one too many")])
        unwritten = writer.unwritten

    assert (behind, unwritten) == (True, 5)
    assert disk.head() == 5


def test_who_goes_away_while_waiting_does_not_stop_the_writer() -> None:
    disk = Disk()

    async def gone(writer: Recorder) -> None:
        disk.may_write.clear()
        waiting = asyncio.create_task(writer.write([event("a")]))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.sleep(0)
        disk.may_write.set()
        await writer.write([event("b")])

    with recorder(disk) as writer:
        asyncio.run(gone(writer))

    assert disk.head() == 2
