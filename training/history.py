"""The history of promotions: an append-only, hash-chained, signed file that says who decided what, and when.

Each entry is one line, sealed to the one before it and signed. The order of an append is: line and fsync, then the
anchored head and fsync, then the answer. So a process that is killed leaves at most one line that nobody was told of:
whole and signed, it counts; torn, it is set aside by the next append. Everything up to the anchor was acknowledged and
may never be missing.

Reading checks as it goes. A process that has read before hashes the part that it knows (a few milliseconds for some
megabytes, and unlike file times it cannot be forged) and checks signatures only of what was added.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from data_contracts.errors import NotAllowed, NotFound, StateConflict, TamperedHistory
from training import chain
from training.anchor import Anchor, sync_folder
from training.chain import START, Entry, Head
from training.signing import Signer, Verifier

__all__ = ["Entry", "FileHistory", "Head", "History", "MemoryHistory"]


class History(Protocol):
    """What decided things are written to, and read from."""

    def append(
        self, kind: str, *, actor: str, body: Mapping[str, Any], at: datetime, after: int | None = None
    ) -> Entry:
        """Write one entry, durably. With `after`, only if the last entry still has that sequence: StateConflict."""
        ...

    def entries(self) -> tuple[Entry, ...]:
        """All entries, checked, oldest first. Raises TamperedHistory naming the line."""
        ...

    def verify(self) -> Head:
        """Check everything from the first line on; where it ends. Raises TamperedHistory naming the line and why."""
        ...


class MemoryHistory:
    """A history that lives as long as the process: what tests use."""

    def __init__(self, signer: Signer | None = None) -> None:
        self._signer = signer or Signer.fresh()
        self._lines: list[str] = []
        self._lock = threading.Lock()

    @property
    def verifier(self) -> Verifier:
        """Checks what this history signs."""
        return self._signer.verifier

    def append(
        self, kind: str, *, actor: str, body: Mapping[str, Any], at: datetime, after: int | None = None
    ) -> Entry:
        """Write one entry; see `History.append`."""
        with self._lock:
            head = self.verify()
            _expect(after, head)
            entry = chain.seal(kind, actor=actor, body=body, at=at, after=head, signer=self._signer)
            self._lines.append(entry.line())
            return entry

    def entries(self) -> tuple[Entry, ...]:
        """All entries, checked."""
        return _read(self._lines, after=START, verifier=self.verifier)

    def verify(self) -> Head:
        """Check everything; see `History.verify`."""
        return _head(self.entries())


@dataclass
class _Known:
    """What this process has already checked: the entries, and the size and SHA-256 of their bytes."""

    entries: tuple[Entry, ...] = ()
    size: int = 0
    sum: str = hashlib.sha256(b"").hexdigest()


class FileHistory:
    """A history in one file, safe across threads and processes. Without a signer it can only be read."""

    def __init__(self, path: Path, *, anchor: Anchor, verifier: Verifier, signer: Signer | None = None) -> None:
        """Touches nothing; the file comes with the first append."""
        self.path = path
        self.verifier = verifier
        self._anchor = anchor
        self._signer = signer
        self._known = _Known()
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path, *, keys_dir: Path) -> FileHistory:
        """For those who decide: with the workspace's signing key, made on first use."""
        signer = Signer.open(keys_dir)
        return cls(path, anchor=Anchor(keys_dir), verifier=signer.verifier, signer=signer)

    @classmethod
    def watch(cls, path: Path, *, keys_dir: Path, pinned: str | None = None) -> FileHistory:
        """For those who only read: by the pinned public key, else by `public.pem`. NotFound before any history."""
        try:
            verifier = Verifier.open(keys_dir, pinned=pinned)
        except NotFound as missing:
            if path.exists():  # only a history that never began may lack its key
                raise TamperedHistory("the history has lost its public key", where=str(keys_dir)) from missing
            raise
        return cls(path, anchor=Anchor(keys_dir), verifier=verifier)

    def append(
        self, kind: str, *, actor: str, body: Mapping[str, Any], at: datetime, after: int | None = None
    ) -> Entry:
        """Write one entry, durably; see `History.append`. NotAllowed without the signing key."""
        if self._signer is None:
            raise NotAllowed("this process may only read the history", expected="the signing key", where=str(self.path))
        with self._alone():
            head = _head(self.entries())
            _expect(after, head)
            entry = chain.seal(kind, actor=actor, body=body, at=at, after=head, signer=self._signer)
            if head == START:
                self._anchor.advance(START, signer=self._signer)
            self._set_torn_end_aside()
            self._write(entry.line())
            self._anchor.advance(Head(entry.sequence, entry.digest), signer=self._signer)
            return entry

    def entries(self) -> tuple[Entry, ...]:
        """All entries, checked; see `History.entries`."""
        with self._lock:
            # The anchor first: read the other way round, an append in between would look like a cut-off end.
            anchored = self._anchor.read(verifier=self.verifier)
            whole = _whole_lines(self._bytes())
            self._refuse_changed_past(whole)
            added = _lines(whole[self._known.size :])
            if added:
                checked = _read(added, after=_head(self._known.entries), verifier=self.verifier)
                self._known = _Known(self._known.entries + checked, len(whole), _sum(whole))
            self._refuse_cut_off(anchored)
            return self._known.entries

    def verify(self) -> Head:
        """Check everything from the first byte on; see `History.verify`."""
        anew = FileHistory(self.path, anchor=self._anchor, verifier=self.verifier)
        return _head(anew.entries())

    def _bytes(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def _refuse_changed_past(self, whole: bytes) -> None:
        known = self._known
        if len(whole) >= known.size and _sum(whole[: known.size]) == known.sum:
            return
        lines = _lines(whole)
        for entry, line in zip(known.entries, lines, strict=False):
            if entry.line() != line:
                raise _changed(entry.sequence, "it is not what this process read before")
        raise _changed(len(lines) + 1, "it is gone, and everything after it")

    def _refuse_cut_off(self, anchored: Head | None) -> None:
        entries = self._known.entries
        if anchored is None and entries:
            raise TamperedHistory("the anchored head is missing", expected="a signed head beside the key",
                                  came=f"{len(entries)} entries without one", where=str(self._anchor.path),
                                  remedy="Restore it from a copy: only it tells a cut-off end.")  # fmt: skip
        if anchored is None or anchored == START:
            return
        if len(entries) < anchored.sequence:
            raise _changed(len(entries) + 1, f"it is gone; the history is known to reach line {anchored.sequence}")
        if entries[anchored.sequence - 1].digest != anchored.digest:
            raise _changed(anchored.sequence, "it is not the one that the anchored head names")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The only writer, among threads and among processes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _set_torn_end_aside(self) -> None:
        """Move half a line that a killed writer left behind the last whole one; nobody was ever told of it.

        That it lies behind the anchor is certain here: `entries` has refused a file in which an anchored line is torn.
        """
        torn = self._bytes()[self._known.size :]
        if torn:
            with self.path.with_suffix(".torn").open("ab") as aside:
                aside.write(torn + b"\n")
            os.truncate(self.path, self._known.size)

    def _write(self, line: str) -> None:
        new = not self.path.exists()
        with self.path.open("ab") as stream:
            stream.write(line.encode("utf-8") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            sync_folder(self.path.parent)


def _read(lines: list[str], *, after: Head, verifier: Verifier) -> tuple[Entry, ...]:
    read: list[Entry] = []
    for line in lines:
        entry = chain.read(line, after=after, verifier=verifier)
        read.append(entry)
        after = Head(entry.sequence, entry.digest)
    return tuple(read)


def _head(entries: tuple[Entry, ...]) -> Head:
    return Head(entries[-1].sequence, entries[-1].digest) if entries else START


def _expect(after: int | None, head: Head) -> None:
    if after is not None and after != head.sequence:
        raise StateConflict("something was decided in between", expected=f"the history to end at {after}",
                            came=f"it ends at {head.sequence}", remedy="Look again, then decide.")  # fmt: skip


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _lines(whole: bytes) -> list[str]:
    """Split at newlines alone: JSON text may hold other characters that `splitlines` takes for line ends."""
    return whole.decode("utf-8", "surrogateescape").split("\n")[:-1]


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _changed(number: int, why: str) -> TamperedHistory:
    return TamperedHistory(f"line {number} of the history was changed: {why}", where=f"line {number}",
                           remedy="Restore the file from a copy, and find out who wrote to it.")  # fmt: skip
