"""Everything that Parley refuses to do, in one tree.

Each error says what was expected, what came, where, and what to do about it. The command line ends with `exit_code`,
HTTP answers `application/problem+json` with `http_status` and the slug `kind`.

    ParleyError                     exit  HTTP
    +-- InputError                     2   400   what came from outside is not what may be said
    |   +-- MalformedEvent             2   400   not a CloudEvents 1.0 event of a known type
    |   +-- TooLarge                   2   413   more bytes, characters or rows than the stated limit
    |   +-- UnknownDataset             2   400   no contract of that name
    |   +-- UnknownParameter           2   400   a setting, parameter or field that nobody declared
    |   +-- MissingColumn              2   400   a file or row lacks a column that it must have
    |   +-- NotText                    2   400   bytes that are not UTF-8
    |   +-- RowRefused                 2   422   well formed, but breaks a rule of its contract
    |   +-- CannotBeMeant              2   422   well formed, but nobody can have meant it
    +-- ConflictError                  3   409   contradicts what is already there
    |   +-- EventConflict              3   409   the same source and id with another body
    |   +-- StateConflict              3   409   the thing is no longer in the state that the act needs
    +-- AccessError                    4   403   not for this person
    |   +-- NotSignedIn                4   401   no credential, or one that is not known or has expired
    |   +-- NotAllowed                 4   403   the person's roles do not cover the act
    |   +-- FourEyes                   4   403   the requester may not also decide
    +-- NotFound                       5   404   no such thing
    +-- IntegrityError                 6   500   what is stored is not what was written or approved
    |   +-- TamperedHistory            6   500   the hash chain, a signature or the anchored head does not hold
    |   +-- TamperedArtefact           6   500   a payload's digest is not the one that was approved
    |   +-- NotApproved                6   500   no promotion in the chain covers this version
    |   +-- LostRows                   6   500   fewer rows came out than went in
    +-- UnavailableError               7   503   something that is needed does not answer now
    |   +-- RegistryUnavailable        7   503   the model registry or its store
    |   +-- Overloaded                 7   503   too much work at once; try later
    +-- JudgementError                 8   500   a model could not be judged
    |   +-- NotEnoughData              8   422   too few rows for what was asked
    +-- ContractError                  9   500   a contract that cannot be compiled
"""

from __future__ import annotations

from typing import ClassVar


class ParleyError(Exception):
    """What went wrong, and the four things that help: what was expected, what came, where, and the remedy."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, expected: str = "", came: str = "", where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.came = came
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        labelled = (("expected ", self.expected), ("came ", self.came), ("at ", self.where))
        facts = ", ".join(label + value for label, value in labelled if value)
        told = f"{self.message}: {facts}" if facts else self.message
        return f"{told}. {self.remedy}" if self.remedy else told


class InputError(ParleyError):
    """What came from outside is not what may be said."""

    exit_code = 2
    http_status = 400
    kind = "input"


class MalformedEvent(InputError):
    """Not a CloudEvents 1.0 event of a known type."""

    kind = "malformed-event"


class TooLarge(InputError):
    """More bytes, characters or rows than the stated limit."""

    http_status = 413
    kind = "too-large"


class UnknownDataset(InputError):
    """No contract of that name."""

    kind = "unknown-dataset"


class UnknownParameter(InputError):
    """A setting, parameter or field that nobody declared; the message names the known ones."""

    kind = "unknown-parameter"


class MissingColumn(InputError):
    """A file or row lacks a column that it must have."""

    kind = "missing-column"


class NotText(InputError):
    """Bytes that are not UTF-8; the message gives the byte offset."""

    kind = "not-text"


class RowRefused(InputError):
    """Well formed, but breaks a rule of its contract."""

    http_status = 422
    kind = "row-refused"


class CannotBeMeant(InputError):
    """Well formed, but nobody can have meant it: a time to come, a count below none."""

    http_status = 422
    kind = "cannot-be-meant"


class ConflictError(ParleyError):
    """Contradicts what is already there."""

    exit_code = 3
    http_status = 409
    kind = "conflict"


class EventConflict(ConflictError):
    """The same source and id came with another body: a correction is a new event."""

    kind = "event-conflict"


class StateConflict(ConflictError):
    """The thing is no longer in the state that the act needs."""

    kind = "state-conflict"


class AccessError(ParleyError):
    """Not for this person."""

    exit_code = 4
    http_status = 403
    kind = "access"


class NotSignedIn(AccessError):
    """No credential, or one that is not known or has expired."""

    http_status = 401
    kind = "not-signed-in"


class NotAllowed(AccessError):
    """The person's roles do not cover the act."""

    kind = "not-allowed"


class FourEyes(AccessError):
    """The requester may not also decide."""

    kind = "four-eyes"


class NotFound(ParleyError):
    """No such thing."""

    exit_code = 5
    http_status = 404
    kind = "not-found"


class IntegrityError(ParleyError):
    """What is stored is not what was written or approved."""

    exit_code = 6
    http_status = 500
    kind = "integrity"


class TamperedHistory(IntegrityError):
    """The hash chain, a signature or the anchored head does not hold; the message names the line."""

    kind = "tampered-history"


class TamperedArtefact(IntegrityError):
    """A payload's digest is not the one that was approved."""

    kind = "tampered-artefact"


class NotApproved(IntegrityError):
    """No promotion in the chain covers this version."""

    kind = "not-approved"


class LostRows(IntegrityError):
    """Fewer rows came out than went in."""

    kind = "lost-rows"


class UnavailableError(ParleyError):
    """Something that is needed does not answer now."""

    exit_code = 7
    http_status = 503
    kind = "unavailable"


class RegistryUnavailable(UnavailableError):
    """The model registry or its store does not answer."""

    kind = "registry-unavailable"


class Overloaded(UnavailableError):
    """Too much work at once; try later."""

    kind = "overloaded"


class JudgementError(ParleyError):
    """A model could not be judged."""

    exit_code = 8
    kind = "judgement"


class NotEnoughData(JudgementError):
    """Too few rows for what was asked."""

    http_status = 422
    kind = "not-enough-data"


class ContractError(ParleyError):
    """A contract that cannot be compiled: a rule is never skipped."""

    exit_code = 9
    kind = "contract"
