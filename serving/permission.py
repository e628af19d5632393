"""What may answer this request: the approved model within its approved scope, else the baseline, else nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from serving.envelope import Reason
from serving.slots import Slot
from training.subject import ALL, Scope


@dataclass(frozen=True)
class Asked:
    """What an approval's scope may limit. None: the caller did not say."""

    unit: str | None = None
    queue: str | None = None
    channel: str | None = None
    language: str | None = None
    # What the approved share is drawn over: the contact (of a forecast, the queue), so that all answers of one contact
    # come from one source.
    contact_id: str | None = None


@dataclass(frozen=True)
class Permission:
    """Who answers, and what is to be told beside."""

    source: Literal["model", "baseline", "off"]
    degraded: tuple[Reason, ...] = ()


def reasons(slot: Slot) -> tuple[Reason, ...]:
    """What is wrong with the slot, as callers may read it: details name folders and hosts, and stay with `/readyz`."""
    return tuple({name: told[name] for name in ("reason", "version") if name in told} for told in slot.problems)


def permitted(slot: Slot, asked: Asked, *, at: datetime) -> Permission:
    """Who may answer `asked` now. A scope that names queues does not cover a request that names none (fail closed)."""
    problems: tuple[Reason, ...] = reasons(slot)
    if slot.off is not None:
        return switched_off(slot)
    if slot.promotion is None or slot.model is None:
        told: Reason = {"reason": "no_approved_model", "detail": f"no version of {slot.family} is approved and loaded"}
        return Permission("baseline", (*problems, told))
    scope = slot.promotion.scope
    outside = outside_scope(scope, asked)
    if outside is not None:
        return Permission("baseline", (*problems, outside))
    if scope.overdue(at):
        # Shown, never acted on: no model may stop at three in the morning because of a date (DESIGN section 4).
        return Permission("model", (*problems, {"reason": "approval_overdue", "detail": f"to review by {scope.until}"}))
    return Permission("model", problems)


def switched_off(slot: Slot) -> Permission:
    """Nobody answers."""
    return Permission("off", (*reasons(slot), {"reason": "switched_off", "detail": "an engineer switched this off"}))


def outside_scope(scope: Scope, asked: Asked) -> Reason | None:
    """Why the scope does not cover the request, as it is told; None when it covers all of it."""
    detail = _uncovered(scope, asked)
    return None if detail is None else {"reason": "outside_approved_scope", "detail": detail}


def _uncovered(scope: Scope, asked: Asked) -> str | None:
    """What of the request the scope does not cover, in words; None when it covers all of it."""
    limits = (
        ("units", scope.units, asked.unit),
        ("queues", scope.queues, asked.queue),
        ("channels", scope.channels, asked.channel),
        ("languages", scope.languages, asked.language),
    )
    for name, listed, value in limits:
        if listed != ALL and value not in listed:
            return f"{name}: approved for {', '.join(listed)}; asked for {value or 'none named'}"
    if not in_share(asked.contact_id or "", share=scope.share):
        return f"share: approved for a share of {scope.share:g} of all; this one is not in it"
    return None


def in_share(contact_id: str, *, share: float) -> bool:
    """Whether a contact belongs to the approved share: by a hash of its id, so the same contact always does."""
    drawn = hashlib.sha256(f"share|{contact_id}".encode("utf-8", "surrogatepass")).digest()[:8]
    return int.from_bytes(drawn) < share * 2**64
