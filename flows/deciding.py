"""What people decide at the command line: the same acts as in the inbox, written into the same chain."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from centre.people import Person
from data_contracts.errors import InputError, NotFound, StateConflict
from flows import promoting
from flows.compose import Workspace, intent_changes_of
from flows.request import FAMILIES
from flows.tracing import named


def waiting(place: Workspace) -> list[dict[str, Any]]:
    """Requests that wait, oldest first; those that are late are written down as expired and wait no longer."""
    promoting.expire(place)
    return [_plain(request) for request in place.standing().waiting()]


def shown(place: Workspace, request_id: str) -> dict[str, Any]:
    """All that an approval of this request signs; of intent, what changes for those who read intents (or None)."""
    from flows.outputs import plain

    request = place.standing().request(request_id)
    told = {**_plain(request), "signs": plain(request.subject)}
    if request.family == "intent":
        told["intents"] = intent_changes_of(place, request.version, request.subject.champion)
    return told


def approve(place: Workspace, request_id: str, *, person: Person, comment: str, credential: str) -> dict[str, Any]:
    """Write the approval. Raises FourEyes for the requester and whom they let in for it, StateConflict else."""
    from training import promotion

    entry = promotion.approve(
        place.history,
        request_id,
        person=person,
        comment=comment,
        clock=place.clock,
        credential=credential,
        admissions=place.people.admissions(),
        profile=place.settings.profile,
    )
    return {"request_id": request_id, "approved_by": person.name, "approval": entry.digest}


def reject(place: Workspace, request_id: str, *, person: Person, comment: str) -> dict[str, Any]:
    """Write the rejection."""
    from training import promotion

    promotion.reject(place.history, request_id, person=person, comment=comment, clock=place.clock)
    return {"request_id": request_id, "rejected_by": person.name, "comment": comment}


def request(
    place: Workspace,
    version: str,
    *,
    person: Person,
    credential: str,
    scope: Mapping[str, Any] | None = None,
    conditions: Sequence[str] = (),
) -> dict[str, Any]:
    """Ask for the promotion of a registered version whose report passed, under conditions in the requester's words.

    `scope` names the fields of `training.subject.Scope` that are asked for; what it leaves out is as wide as the report
    supports. Raises StateConflict for more than that, InputError for a scope that makes no sense.
    """
    from training import promotion
    from training.report import Report

    family, number = named(version)
    card = place.registry.get(family, number)
    with tempfile.TemporaryDirectory() as folder:
        kept = place.registry.fetch_report(family, number, Path(folder) / "report")
        report = Report.from_json((kept / "report.json").read_text(encoding="utf-8"))
    if report.verdict != "passed":
        raise StateConflict(
            "a held version is not put before a reviewer",
            expected="verdict passed",
            came=report.verdict,
            where=version,
            remedy="; ".join(report.reasons),
        )
    promotion.request(
        place.history,
        card=card,
        report=report,
        requester=person.name,
        clock=place.clock,
        days=place.settings.request_days,
        profile=place.settings.profile,
        scope=replace(promotion.scope_for(report), **(scope or {})),
        conditions=tuple(conditions),
        credential=credential,
    )
    asked = [one for one in place.standing().waiting() if (one.family, one.version) == (family, number)]
    return _plain(asked[-1])


def roll_back(place: Workspace, family: str, *, to: str, person: Person, reason: str) -> dict[str, Any]:
    """Return to an approved version, to the baseline, or (unnamed) to the version before the champion."""
    from training import promotion

    if family not in FAMILIES:
        raise InputError("unknown family", expected=", ".join(FAMILIES), came=family, where="FAMILY")
    target = to or version_before(place, family)
    number = named(target)[1] if "/" in target else target
    promotion.roll_back(
        place.history, place.registry, family, to=number, person=person, reason=reason, clock=place.clock
    )
    promoting.mirror_alias(place, family)
    promoting.catch_up(place, family)
    champion = place.standing().champion(family)
    return {"family": family, "answers": f"{family}/{champion.version}" if champion else "baseline", "by": person.name}


def version_before(place: Workspace, family: str) -> str:
    """The approved version promoted before the champion, or the baseline if there is none."""
    standing = place.standing()
    champion = standing.champion(family)
    if champion is None:
        raise NotFound("there is no champion to roll back from", came="the baseline answers", where=family)
    earlier = [one for one in standing.approved_versions(family) if one.version != champion.version]
    return earlier[-1].version if earlier else "baseline"


def switch(place: Workspace, state: str, capability: str, *, person: Person, reason: str) -> dict[str, Any]:
    """Switch a capability off or on. Raises InputError without a reason."""
    from training import promotion

    if state not in ("off", "on"):
        raise InputError("a capability is switched off or on", expected="off or on", came=state, where="STATE")
    promotion.switch(place.history, capability, state == "on", person=person, reason=reason, clock=place.clock)
    return {"capability": capability, "state": state, "by": person.name}


def _plain(request: Any) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "family": request.family,
        "version": request.version,
        "requester": request.subject.requester,
        "state": request.state,
        "requested_at": request.requested_at.isoformat(),
        "expires_at": str(request.subject.expires_at),
        "simulated": request.simulated,
    }
