"""One line of the history: how it is sealed to the line before it, and how a line is told from a changed one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from data_contracts.errors import InputError, TamperedHistory
from training import canonical
from training.signing import Signer, Verifier

# What the first line is sealed to.
GENESIS = "0" * 64
# A signature is over these words and the digest, so that none made for another purpose can be passed off as an entry.
PURPOSE = b"parley history entry 1\n"


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `sequence` counts from 1, `at` is aware UTC, `digest` covers all but the signature."""

    sequence: int
    at: datetime
    kind: str
    actor: str
    body: Mapping[str, Any]
    previous: str
    digest: str
    signature: str

    def line(self) -> str:
        """The entry as it stands in the file: canonical JSON, one line, with no newline."""
        return canonical.text({**self._told(), "digest": self.digest, "signature": self.signature})

    def sealed(self) -> str:
        """SHA-256 of what the entry tells and of the digest before it: what `digest` must be."""
        return hashlib.sha256(canonical.text(self._told()).encode("utf-8")).hexdigest()

    def _told(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence, "at": stamped(self.at), "kind": self.kind, "actor": self.actor,
            "body": dict(self.body), "previous": self.previous,
        }  # fmt: skip


@dataclass(frozen=True)
class Head:
    """Where the chain ends: the last sequence and its digest."""

    sequence: int
    digest: str


START = Head(0, GENESIS)


def seal(kind: str, *, actor: str, body: Mapping[str, Any], at: datetime, after: Head, signer: Signer) -> Entry:
    """The next entry, sealed and signed. InputError for a naive time, a blank actor or a body that JSON cannot hold."""
    if at.tzinfo is None:
        raise InputError("an entry needs an aware time", expected="a time with its zone", came=at.isoformat())
    if not actor.strip() or not kind.strip():
        raise InputError("an entry says who did what", expected="a kind and an actor", came=f"{kind!r}, {actor!r}")
    try:
        content = canonical.text(dict(body))
        content.encode("utf-8")  # half a surrogate pair is a string, but no text
        told: dict[str, Any] = json.loads(content)
    except (TypeError, ValueError) as refused:
        raise InputError("a body must be JSON", came=str(refused), where=kind) from refused
    bare = Entry(after.sequence + 1, at.astimezone(UTC), kind, actor, told, after.digest, "", "")
    digest = bare.sealed()
    return Entry(**{**vars(bare), "digest": digest, "signature": signer.sign(_signed(digest))})


def read(line: str, *, after: Head, verifier: Verifier) -> Entry:
    """The entry that `line` holds, if it is the one that follows `after`. TamperedHistory names the line and why."""
    number = after.sequence + 1
    try:
        raw = json.loads(line)
        entry = Entry(**{**raw, "at": datetime.fromisoformat(raw["at"])})
        exact, sealed = entry.line() == line, entry.sealed()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as refused:
        raise _tampered(number, f"it is not an entry ({refused})") from refused
    if not exact:
        raise _tampered(number, "it is not written as an entry is")
    if entry.sequence != number:
        raise _tampered(number, f"it calls itself number {entry.sequence}: a line was taken out, added or moved")
    if entry.previous != after.digest:
        raise _tampered(number, "it is not sealed to the line before it")
    if entry.digest != sealed:
        raise _tampered(number, "its content is not what its digest says")
    if not verifier.holds(entry.signature, over=_signed(entry.digest)):
        raise _tampered(number, "its signature was not made by the key of this history")
    return entry


def check(entries: Iterable[Entry], *, verifier: Verifier) -> Head:
    """Check entries from the first on, whoever read them; where they end. Raises TamperedHistory naming the line."""
    head = START
    for entry in entries:
        held = read(entry.line(), after=head, verifier=verifier)
        head = Head(held.sequence, held.digest)
    return head


def stamped(at: datetime) -> str:
    """A time as entries write it: UTC with microseconds, for example 2026-05-01T00:00:00.000000+00:00."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _signed(digest: str) -> bytes:
    return PURPOSE + digest.encode("ascii", "replace")


def _tampered(number: int, why: str) -> TamperedHistory:
    return TamperedHistory(
        f"line {number} of the history was changed: {why}",
        where=f"line {number}",
        remedy="Nothing after it can be trusted. Restore the file from a copy, and find out who wrote to it.",
    )
