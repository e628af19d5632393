"""What an approval signs, in full: one version, on one ground, within one scope, until one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from data_contracts.errors import InputError
from training import canonical
from training.report import Report

ALL = ("*",)
# The language of a contact of which nobody said it: judged, approved and asked for under this name.
UNKNOWN_LANGUAGE = "unknown"
NO_CHAMPION = "none"


@dataclass(frozen=True)
class Scope:
    """Where an approved version may answer. ("*",) means everywhere; `share` 0 is a shadow, 1 is every contact.

    `until` (ISO time or None) is a condition that the reviewer set: after it the promotion is shown as overdue for
    review. It never ends serving by itself, for no model may stop at three in the morning (DESIGN section 4).
    """

    units: tuple[str, ...] = ALL
    queues: tuple[str, ...] = ALL
    channels: tuple[str, ...] = ALL
    languages: tuple[str, ...] = ALL
    share: float = 1.0
    until: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InputError("a share is a part of the whole", expected="0 to 1", came=str(self.share), where="scope")
        for name in ("units", "queues", "channels", "languages"):
            listed = getattr(self, name)
            if not listed or not all(isinstance(one, str) and one for one in listed):
                raise InputError("a scope names what it covers", expected='names, or "*"', where=f"scope.{name}")
        if self.until is not None and moment(self.until).tzinfo is None:
            raise InputError("a scope ends at an aware time", came=self.until, where="scope.until")

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Scope:
        """From JSON. InputError names the unknown key."""
        known = {one.name for one in fields(cls)}
        if unknown := sorted(set(raw) - known):
            raise InputError("unknown key", expected=", ".join(sorted(known)), came=", ".join(unknown), where="scope")
        told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
        return cls(**told)

    def covers(
        self, *, unit: str | None = None, queue: str | None = None, channel: str | None = None,
        language: str | None = None,
    ) -> bool:  # fmt: skip
        """Whether a contact lies within. What is not known (None) is covered only where everything is."""
        asked = ((self.units, unit), (self.queues, queue), (self.channels, channel), (self.languages, language))
        return all(listed == ALL or value in listed for listed, value in asked)

    def overdue(self, now: datetime) -> bool:
        """Whether the reviewer's date has passed."""
        return self.until is not None and now >= moment(self.until)


def scope_for(report: Report) -> Scope:
    """The widest scope that a report supports: the languages that passed, and a shadow where it allows only a pilot."""
    judged = report.answers_in or report.abstains_in
    return Scope(languages=report.answers_in if judged else ALL, share=0.0 if report.allowed_use == "pilot" else 1.0)


@dataclass(frozen=True)
class Subject:
    """Everything that an approval answers for. Change one letter, and the digest is another and the approval void."""

    family: str
    version: str
    requester: str
    artefact: str  # digest of the payload
    report: str  # digest of the judged report
    champion: str  # artefact of the champion compared against, or "none"
    policy: str  # digest of the gate policy that judged
    scope: Scope
    dvc_lock: str
    contracts: str
    feature_service: str
    commit: str
    expires_at: str  # ISO time until which the promotion may be written, half-open
    conditions: tuple[str, ...] = ()  # what people are to see to while it answers, in words; nothing enforces them

    def __post_init__(self) -> None:
        for one in self.conditions:
            if not isinstance(one, str) or not one.strip() or not one.isprintable():
                raise InputError("a condition is said in words", expected="one line of text", came=repr(one)[:80],
                                 where="conditions")  # fmt: skip

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of all fields: what is signed.

        Without conditions it is the digest from before there were any, so approvals of then hold.
        """
        told = canonical.plain(self)
        if not self.conditions:
            del told["conditions"]
        return canonical.digest(told)

    @property
    def expiry(self) -> datetime:
        """The first moment at which it is too late to approve or promote."""
        return moment(self.expires_at)

    def expired(self, now: datetime) -> bool:
        """Whether it is too late to approve or promote."""
        return now >= self.expiry

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Subject:
        """From JSON, exactly these fields; conditions may be missing. Raises InputError."""
        try:
            conditions = raw.get("conditions", ())
            if not isinstance(conditions, list | tuple):
                raise TypeError(f"conditions are a list, not {type(conditions).__name__}")
            return cls(**{**raw, "scope": Scope.read(raw["scope"]), "conditions": tuple(conditions)})
        except (TypeError, KeyError) as refused:
            raise InputError("not the subject of an approval", came=str(refused)) from refused


def moment(told: str) -> datetime:
    """An ISO time as the history keeps it. Raises InputError."""
    try:
        return datetime.fromisoformat(told)
    except ValueError as refused:
        raise InputError("not a time", expected="ISO 8601 with its zone", came=told) from refused
