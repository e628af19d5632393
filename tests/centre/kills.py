"""A process that forks compactions and kills each at another point, by SIGKILL: no handler, no `finally`, no goodbye.

    python -m tests.centre.kills FOLDER EVERY

prepares a log, compacts a copy of it undisturbed, counting every operation on files that makes something lasting
(flush, rename, removal, new folder), and then, before each of them (or every third, say), kills a compaction of a
fresh copy there. The copies are left for the test to go on with; printed is how many operations there were.

Flushes are counted, not done: what a killed process has written stays in the kernel, only a power cut would take it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from centre.archive import Archive
from centre.clock import FixedClock
from centre.compaction import Compacted, compact
from centre.log import SqliteLog
from data_contracts.events import Event
from tests.centre.rows import contact, platform, rating, utterance

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)

# Small enough that one compaction makes two batches.
SLICE = 10


def told() -> list[Event]:
    """A log with everything in it: rows, a child before its parent, orphans, faults, repeats, platform notices."""
    return [
        *(contact(number) for number in range(5)),
        utterance(20),  # its chat comes in the next batch
        rating(0),
        platform(1),
        contact(20),
        utterance(99),  # its chat never comes
        contact(6, channel="pigeon"),
        utterance(1),
        utterance(2, text="  "),
        rating(1, score=9),
        platform(2),
        contact(7),
        utterance(7),
        rating(20),
    ]


def run(folder: Path) -> Compacted:
    """One compaction of the workspace in a folder."""
    log = SqliteLog(folder / "log.sqlite")
    clock = FixedClock(NOW)
    done = compact(log, Archive(folder / "archive"), clock=clock, quarantine=folder / "quarantine", slice_events=SLICE)
    log.close()
    return done


def watch(strike: Callable[[], None]) -> None:
    """Call `strike` before every operation that makes something lasting."""
    os.fsync = lambda descriptor: None  # type: ignore[assignment]
    for name in ("fsync", "replace", "rename", "unlink", "remove", "rmdir", "mkdir"):
        setattr(os, name, _watched(getattr(os, name), strike))


def _watched(operation: Callable[..., Any], strike: Callable[[], None]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        strike()
        return operation(*args, **kwargs)

    return watched


def _counted(folder: Path, *, kill_at: int | None) -> int:
    """Compact in a fork, killed at the given strike; returns how many there were (0 when it was killed)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(folder, kill_at=kill_at, writing=writing)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(pid, 0)
    if kill_at is None and not text:
        raise RuntimeError(f"the undisturbed compaction failed: {status}")
    if kill_at is not None and os.WTERMSIG(status) != signal.SIGKILL:
        raise RuntimeError(f"the compaction was not killed at {kill_at}: {status}")
    return int(text or 0)


def _child(folder: Path, *, kill_at: int | None, writing: int) -> None:
    status = 1
    try:
        count = 0

        def strike() -> None:
            nonlocal count
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        watch(strike)
        run(folder)
        os.write(writing, str(count).encode())
        status = 0
    finally:
        os._exit(status)


def main(folder: Path, every: int) -> None:
    """Prepare, count, and kill at every point."""
    template = folder / "template"
    log = SqliteLog(template / "log.sqlite")
    log.append(told(), received_at=NOW)
    log.close()
    shutil.copytree(template, folder / "warm")
    run(folder / "warm")  # what is compiled and imported on first use is then there before the forks
    shutil.copytree(template, folder / "twin")
    strikes = _counted(folder / "twin", kill_at=None)
    for number in range(1, strikes + 1, every):
        shutil.copytree(template, folder / f"killed-{number}")
        _counted(folder / f"killed-{number}", kill_at=number)
    sys.stdout.write(f"{strikes}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
