"""One retraining at a time in a workspace: two would share its cores and memory, and ask against one champion."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from centre.settings import Settings
from data_contracts.errors import NotFound, StateConflict
from flows import runs

LOCK = "retraining.lock"
# A run that has said its last word still closes its doors: so long the next one waits instead of being refused.
ENDING_S = 15.0
LOOK_S = 0.1


@contextmanager
def turn(settings: Settings) -> Iterator[IO[str]]:
    """Hold the workspace's turn, as an open file; a child that inherits it holds it on, until its end, however it ends.

    Write the run's name into it by `name`. Raises StateConflict that names the run whose turn it is.
    """
    settings.runs_dir.mkdir(parents=True, exist_ok=True)
    with (settings.runs_dir / LOCK).open("a+", encoding="utf-8") as held:
        until = time.monotonic() + ENDING_S
        while not _taken(held):
            holder = _name_in(held)
            if _is_under_way(settings, holder) or time.monotonic() >= until:
                raise StateConflict(
                    "a retraining is under way in this workspace",
                    expected="one at a time",
                    came=f"another while {holder or 'one that just started'} runs",
                    where="runs",
                    remedy="Ask again when it has ended; parley runs list shows how far it is.",
                )
            time.sleep(LOOK_S)
        name(held, "")
        yield held


def name(held: IO[str], run_id: str) -> None:
    """Say whose turn it is."""
    held.truncate(0)
    held.write(run_id)
    held.flush()


def _taken(held: IO[str]) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _name_in(held: IO[str]) -> str:
    held.seek(0)
    return held.read().strip()


def _is_under_way(settings: Settings, run_id: str) -> bool:
    """Whether the run named in the lock goes on; one that is not written down yet is about to."""
    try:
        return runs.load(settings, run_id).state in ("queued", "running")
    except NotFound:
        return True
