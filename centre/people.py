"""Who may do what: people, their roles, hashed tokens, one-time sign-in codes and sessions, in one SQLite file.

Tokens and codes are 256-bit random values shown once and kept only as SHA-256. A slow password hash would add nothing:
it protects guessable secrets, and nobody guesses 2**256; a fast hash keeps authentication cheap on every request.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from centre.admissions import Admission
from centre.clock import Clock
from centre.credentials import fingerprint, fresh_secret, hashed
from data_contracts.errors import InputError, NotAllowed, NotFound, NotSignedIn, StateConflict

ROLES = ("engineer", "reviewer", "planner", "service", "agent", "viewer")

# A name is written into histories, pages and headers; control characters and extremes have no place there.
LONGEST_NAME = 80

# How long an invitation waits for its person: over a weekend.
INVITATION = timedelta(hours=72)


@dataclass(frozen=True)
class Person:
    """Somebody (or a service) that signed in, and what they may do.

    `credential` names the token that they signed in by, or that their session was made by; it is never the secret.
    """

    name: str
    roles: frozenset[str]
    credential: str = field(default="", compare=False)


@dataclass(frozen=True)
class Listed:
    """A person as the list of people shows them; no secret in it."""

    name: str
    roles: frozenset[str]
    added_by: str
    disabled: bool


def require(person: Person | None, *roles: str) -> Person:
    """The person, if they hold one of the roles. Raises NotSignedIn without a person, NotAllowed without the role."""
    if person is None:
        raise NotSignedIn("nobody is signed in", expected="a valid token or session", came="none")
    if not person.roles.intersection(roles):
        raise NotAllowed(
            f"{person.name} may not do this",
            expected="one of the roles " + ", ".join(roles),
            came=", ".join(sorted(person.roles)) or "no role",
            where="people",
            remedy="Ask an engineer for the role, or somebody who holds it to act.",
        )
    return person


_TABLES = """
CREATE TABLE IF NOT EXISTS people (
    name TEXT PRIMARY KEY, roles TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE, added_by TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS admissions (
    name TEXT NOT NULL REFERENCES people (name), admitted_by TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS invitations (
    code_hash TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE REFERENCES people (name), until TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS codes (
    code_hash TEXT PRIMARY KEY, name TEXT NOT NULL REFERENCES people (name), until TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    token_hash TEXT PRIMARY KEY, name TEXT NOT NULL REFERENCES people (name), until TEXT NOT NULL
);
"""


class People:
    """The people of a workspace. Safe across threads and processes: every call is one transaction of its own."""

    def __init__(self, path: Path, *, session_hours: int = 12) -> None:
        """Open or make the file at `path`, readable by its owner only. Sessions last `session_hours`."""
        self._path = path
        self._session = timedelta(hours=session_hours)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        with self._transaction() as connection:
            for statement in _TABLES.split(";"):
                connection.execute(statement)

    def add(self, name: str, *, roles: Iterable[str], by: str, clock: Clock) -> str:
        """Add a person; return their token, shown this once. Raises InputError, or StateConflict if taken."""
        name, held, token = _name(name), _roles(roles), fresh_secret()
        with self._transaction() as connection:
            _write_down(connection, name, held, token=token, by=by, at=clock.now())
        return token

    def admit(self, name: str, *, roles: Iterable[str], by: str, clock: Clock) -> str:
        """Add a person who makes their own token: return the code of their invitation, good once, for `INVITATION`.

        Whoever has not taken up an invitation may be invited again; the code before is then worth nothing.
        Raises InputError, or StateConflict if the name is taken.
        """
        name, held, code, now = _name(name), _roles(roles), fresh_secret(), clock.now()
        with self._transaction() as connection:
            if connection.execute("DELETE FROM invitations WHERE name = ?", (name,)).rowcount:
                connection.execute(
                    "UPDATE people SET roles = ?, added_by = ? WHERE name = ?", (",".join(held), by, name)
                )
                _note_admission(connection, name, by=by, at=now)
            else:  # Nobody knows this first token, so it opens nothing.
                _write_down(connection, name, held, token=fresh_secret(), by=by, at=now)
            connection.execute(
                "INSERT INTO invitations VALUES (?, ?, ?)", (hashed(code), name, _stamp(now + INVITATION))
            )
        return code

    def is_invitation(self, code: str) -> bool:
        """Whether this code invites somebody (be it too late by now), rather than signs in somebody known."""
        with self._transaction(write=False) as connection:
            found = connection.execute("SELECT 1 FROM invitations WHERE code_hash = ?", (hashed(code),)).fetchone()
        return found is not None

    def accept(self, code: str, *, clock: Clock) -> tuple[Person, str]:
        """Take up an invitation: the person and their own token, shown this once. Raises NotSignedIn."""
        token = fresh_secret()
        with self._transaction() as connection:
            row = connection.execute(
                "DELETE FROM invitations WHERE code_hash = ? AND until > ? RETURNING name",
                (hashed(code), _stamp(clock.now())),
            ).fetchone()
            if row is not None:
                connection.execute("UPDATE people SET token_hash = ? WHERE name = ?", (hashed(token), row[0]))
                name, roles, _, _ = _found(connection, row[0])
                return _signed_in(name, roles, hashed(token)), token
        raise NotSignedIn(
            "this invitation does not work",
            expected="the code of an invitation that nobody took up",
            came="an unknown, used or expired one",
            remedy="If you did not use it, somebody else did: have the person disabled. Else ask for a new one.",
        )

    def admissions(self) -> tuple[Admission, ...]:
        """Who let whom in, and when, oldest first."""
        with self._transaction(write=False) as connection:
            rows = connection.execute("SELECT name, admitted_by, at FROM admissions ORDER BY at, rowid").fetchall()
        return tuple(Admission(name, by, datetime.fromisoformat(at)) for name, by, at in rows)

    def authenticate(self, token: str) -> Person | None:
        """The person whose token this is, or None: unknown, rotated away or disabled."""
        with self._transaction(write=False) as connection:
            row = connection.execute(
                "SELECT token_hash, name, roles, disabled, token_hash FROM people WHERE token_hash = ?",
                (hashed(token),),
            ).fetchone()
        return _person(row, token)

    def invite(self, name: str, *, clock: Clock, minutes: int = 15) -> str:
        """A one-time code for signing in within `minutes`. Raises NotFound, or StateConflict if disabled."""
        if minutes <= 0:
            raise InputError("an invitation needs time", expected="minutes above 0", came=str(minutes), where="invite")
        code = fresh_secret()
        with self._transaction() as connection:
            _refuse_disabled(connection, name)
            connection.execute("DELETE FROM codes WHERE until <= ?", (_stamp(clock.now()),))
            connection.execute(
                "INSERT INTO codes VALUES (?, ?, ?)",
                (hashed(code), name, _stamp(clock.now() + timedelta(minutes=minutes))),
            )
        return code

    def redeem(self, code: str, *, clock: Clock) -> tuple[Person, str]:
        """Sign in by a code: the person and a session token. The code is spent by it. Raises NotSignedIn."""
        token, now = fresh_secret(), clock.now()
        with self._transaction() as connection:
            row = connection.execute(
                "DELETE FROM codes WHERE code_hash = ? RETURNING code_hash, name, until", (hashed(code),)
            ).fetchone()
            held = None if row is None else _row(connection, row[1])
            valid = row is not None and _same(row[0], hashed(code)) and row[2] > _stamp(now)
            if valid and held is not None and not held[2]:
                connection.execute("DELETE FROM sessions WHERE until <= ?", (_stamp(now),))
                connection.execute(
                    "INSERT INTO sessions VALUES (?, ?, ?)", (hashed(token), held[0], _stamp(now + self._session))
                )
                return _signed_in(held[0], held[1], held[3]), token
        raise NotSignedIn(
            "this sign-in code does not work",
            expected="a code that is new and unused",
            came="an unknown, used or expired one",
            remedy="Make a new one with your own token: parley people invite NAME.",
        )

    def session(self, token: str, *, clock: Clock) -> Person | None:
        """The person whose session this is, or None: unknown, ended, expired, or the person was disabled."""
        with self._transaction(write=False) as connection:
            row = connection.execute(
                "SELECT s.token_hash, p.name, p.roles, p.disabled, p.token_hash"
                " FROM sessions s JOIN people p USING (name) WHERE s.token_hash = ? AND s.until > ?",
                (hashed(token), _stamp(clock.now())),
            ).fetchone()
        return _person(row, token)

    def sign_out(self, token: str) -> None:
        """End a session; ending one that is not there changes nothing."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM sessions WHERE token_hash = ?", (hashed(token),))

    def list(self) -> tuple[Listed, ...]:
        """Everybody, by name, the disabled too."""
        with self._transaction(write=False) as connection:
            rows = connection.execute("SELECT name, roles, added_by, disabled FROM people ORDER BY name").fetchall()
        return tuple(Listed(name, frozenset(roles.split(",")), by, bool(off)) for name, roles, by, off in rows)

    def disable(self, name: str, *, even_the_last: bool = False) -> None:
        """Take away a person's access at once: token, sessions and codes. Disabling twice changes nothing.

        Raises NotFound, and StateConflict for the last active reviewer or engineer unless `even_the_last`: without a
        reviewer nothing can be promoted, and a role that nobody holds is anybody's to give, so no command offers it.
        """
        with self._transaction() as connection:
            row = _found(connection, name)
            if not row[2] and not even_the_last:
                _refuse_last(connection, name, row[1].split(","))
            connection.execute("UPDATE people SET disabled = 1 WHERE name = ?", (name,))
            _end_access(connection, name)

    def enable(self, name: str, *, by: str, clock: Clock) -> str:
        """Let a disabled person in again, by a new token (the old one stays dead). Raises NotFound."""
        token = fresh_secret()
        with self._transaction() as connection:
            _found(connection, name)
            _note_admission(connection, name, by=by, at=clock.now())
            connection.execute("UPDATE people SET disabled = 0, token_hash = ? WHERE name = ?", (hashed(token), name))
        return token

    def rotate(self, name: str) -> str:
        """A new token for a person; the old one, their sessions and their codes end at once. Raises NotFound."""
        token = fresh_secret()
        with self._transaction() as connection:
            _refuse_disabled(connection, name)
            connection.execute("UPDATE people SET token_hash = ? WHERE name = ?", (hashed(token), name))
            _end_access(connection, name)
        return token

    @contextmanager
    def _transaction(self, *, write: bool = True) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            connection.close()


def _write_down(
    connection: sqlite3.Connection, name: str, roles: list[str], *, token: str, by: str, at: datetime
) -> None:
    if _row(connection, name) is not None:
        raise StateConflict(
            "this name is taken",
            expected="a new name",
            came=name,
            where="people",
            remedy="Choose another name.",
        )
    connection.execute(
        "INSERT INTO people (name, roles, token_hash, added_by) VALUES (?, ?, ?, ?)",
        (name, ",".join(roles), hashed(token), by),
    )
    _note_admission(connection, name, by=by, at=at)


def _note_admission(connection: sqlite3.Connection, name: str, *, by: str, at: datetime) -> None:
    connection.execute("INSERT INTO admissions VALUES (?, ?, ?)", (name, by, _stamp(at)))


def _row(connection: sqlite3.Connection, name: str) -> tuple[str, str, int, str] | None:
    row: tuple[str, str, int, str] | None = connection.execute(
        "SELECT name, roles, disabled, token_hash FROM people WHERE name = ?", (name,)
    ).fetchone()
    return row


def _found(connection: sqlite3.Connection, name: str) -> tuple[str, str, int, str]:
    row = _row(connection, name)
    if row is None:
        raise NotFound("nobody has this name", expected="a name of the list of people", came=name, where="people")
    return row


def _refuse_disabled(connection: sqlite3.Connection, name: str) -> None:
    if _found(connection, name)[2]:
        raise StateConflict(
            "this person is disabled",
            expected="an active person",
            came=name,
            where="people",
            remedy="Enable them first.",
        )


def _refuse_last(connection: sqlite3.Connection, name: str, roles: list[str]) -> None:
    others = connection.execute("SELECT roles FROM people WHERE disabled = 0 AND name != ?", (name,)).fetchall()
    left = {role for (held,) in others for role in held.split(",")}
    for role in ("reviewer", "engineer"):
        if role in roles and role not in left:
            raise StateConflict(
                f"this is the last active {role}",
                expected=f"another active {role} first",
                came=name,
                where="people",
                remedy=f"Add another {role} first: parley people add NAME --role {role}.",
            )


def _end_access(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("DELETE FROM sessions WHERE name = ?", (name,))
    connection.execute("DELETE FROM codes WHERE name = ?", (name,))
    connection.execute("DELETE FROM invitations WHERE name = ?", (name,))


def _person(row: tuple[str, str, str, int, str] | None, secret: str) -> Person | None:
    """The person of a row: hash of the secret, name, roles, disabled, hash of the person's own token."""
    if row is None or row[3] or not _same(row[0], hashed(secret)):
        return None
    return _signed_in(row[1], row[2], row[4])


def _signed_in(name: str, roles: str, token_hash: str) -> Person:
    return Person(name, frozenset(roles.split(",")), fingerprint(token_hash))


def _same(one: str, other: str) -> bool:
    """Equality in constant time. The lookup itself is by hash, so its timing tells nothing of the secret."""
    return hmac.compare_digest(one, other)


def _stamp(moment: datetime) -> str:
    """A time as text that sorts as time: UTC, always with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _name(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise InputError(
            "this name cannot be used",
            expected=f"1 to {LONGEST_NAME} printable characters",
            came=repr(name[: LONGEST_NAME + 1]),
            where="people",
        )
    return cleaned


def _roles(roles: Iterable[str]) -> list[str]:
    held = sorted(set(roles))
    unknown = [role for role in held if role not in ROLES]
    if unknown or not held:
        raise InputError(
            "unknown role" if unknown else "a person needs a role",
            expected="of " + ", ".join(ROLES),
            came=", ".join(unknown) or "none",
            where="people",
        )
    return held
