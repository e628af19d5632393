"""What makes files safe: one writer at a time, content forced to the disk, and a digest of what is there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_contracts.errors import Overloaded

# Between two tries for a lock that somebody else holds.
RETRY_S = 0.05


class WriterLock:
    """A lock on a file that threads and processes share. It ends with its process, however that ends."""

    def __init__(self, path: Path, *, patience_s: float) -> None:
        """Name the file; it and its folder are made when the lock is first taken."""
        self._path = path
        self._patience_s = patience_s
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; whoever holds it may take it again. Raises Overloaded when the patience is over."""
        if not self._threads.acquire(timeout=self._patience_s):
            raise self._overloaded()
        try:
            if self._depth:
                yield
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                self._wait_for(file.fileno())
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
        finally:
            self._threads.release()

    def _wait_for(self, descriptor: int) -> None:
        until = time.monotonic() + self._patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise self._overloaded() from error
            time.sleep(RETRY_S)

    def _overloaded(self) -> Overloaded:
        return Overloaded(
            "somebody else is writing",
            expected=f"the lock within {self._patience_s:g} s",
            came="no lock",
            where=str(self._path.parent),
            remedy="Try again when they have ended.",
        )


def flush(path: Path) -> None:
    """Force a file's or a folder's content to the disk: a rename is durable once its folder is flushed."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The digest (hex) of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
