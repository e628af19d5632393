"""The life of a model version: asked for, decided by another person, promoted once, and undone when need be.

    trained -> judged -> requested -> approved -> champion -> retired | revoked
                  |          |  rejected, expired, superseded     ^
                  +- held    +- (nothing else leads on)           +- rolled back to an approved version or the baseline

Every step is one entry of the history, written only if nothing was decided in between. A new request of the same family
and a new champion void what waits; `standing` says so from the entries alone, so no crash can leave a stale approval
behind. What nobody decided in time is written down as expired by the next who acts, and may be asked for again.
Undoing (`roll_back`, `revoke`, `retire`, `switch`) is in `undoing` and offered here too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

from centre.admissions import Admission
from centre.clock import Clock
from centre.people import Person
from data_contracts.errors import InputError, NotApproved, NotSignedIn, StateConflict, TamperedArtefact
from training import payload
from training.chain import Entry, stamped
from training.deciding import Decision, decide
from training.four_eyes import require_another, require_reviewer, require_strangers, same_person
from training.grounds import refusals
from training.history import History
from training.registry import Registry, VersionCard, mirror
from training.report import Report
from training.standing import PLATFORM, TOO_LATE, Promotion, Request, Standing, standing
from training.subject import Scope, Subject, scope_for
from training.undoing import retire, revoke, roll_back, switch

__all__ = [
    "Promotion", "Request", "Scope", "Standing", "Subject", "approve", "expire", "promote", "reject", "request",
    "retire", "revoke", "roll_back", "scope_for", "standing", "supersede", "switch",
]  # fmt: skip

# Evidence that is only simulated counts where nobody real is answered.
SIMULATION_COUNTS_IN = frozenset({"local", "test"})


def request(
    history: History,
    *,
    card: VersionCard,
    report: Report,
    requester: str,
    clock: Clock,
    days: int,
    profile: str,
    scope: Scope | None = None,
    conditions: tuple[str, ...] = (),
    credential: str = "",
) -> Entry:
    """Ask for the promotion of a registered version; `days` until the request expires.

    `scope` is where it may answer (None: the widest that the report supports), `conditions` what people are to see to
    while it does, in words; both are signed by who approves.

    Refused with all reasons (StateConflict): a held report, a run from a dirty tree, a card that does not say what it
    was made of, a scope wider than the report supports, a report judged against another champion than today's,
    simulated evidence in a profile where it does not count. TamperedArtefact when the report is not the registered one.
    """
    if report.digest() != card.report:
        raise TamperedArtefact("this is not the report that was registered", expected=card.report,
                               came=report.digest(), where=f"{card.family}/{card.version}")  # fmt: skip
    wanted = scope or scope_for(report)
    expire(history, clock=clock)
    now = clock.now()
    subject = replace(
        _subject(card, report, requester, wanted, stamped(now + timedelta(days=days))), conditions=conditions
    )
    body = {
        "id": f"{card.family}-{card.version}-{subject.digest()[:8]}", "subject": asdict(subject),
        "digest": subject.digest(), "run_id": _told(card, "run_id"), "trained_by": _told(card, "trained_by"),
        "trained_at": _told(card, "trained_at"),
        "credential": credential, "simulated": report.simulated_only,
    }  # fmt: skip

    def judge(held: Standing) -> Decision:
        reasons = refusals(held, card=card, report=report, scope=wanted, now=now)
        if report.simulated_only and profile not in SIMULATION_COUNTS_IN:
            reasons.append(_only_simulated(profile))
        if reasons:
            raise StateConflict(f"{card.family}/{card.version} cannot be requested: " + "; ".join(reasons))
        return Decision("promotion.requested", actor=requester, body=body, at=now)

    return decide(history, judge)


def approve(
    history: History,
    request_id: str,
    *,
    person: Person,
    comment: str,
    clock: Clock,
    credential: str,
    admissions: Collection[Admission],
    profile: str,
) -> Entry:
    """Sign a request: a reviewer, by a credential of their own, who neither asked for it nor trained it.

    `credential` names the token or session signed in by (never the secret itself). `admissions` is who let whom in: who
    was let in by the one that asked, since the version was trained, is not another person. Raises NotAllowed, FourEyes,
    NotSignedIn, NotFound, and StateConflict when the request no longer waits, has expired, or rests on simulated
    evidence where that does not count.
    """
    require_reviewer(person.name, roles=person.roles)
    if not credential:
        raise NotSignedIn("an approval needs the approver's own credential", expected="a credential", came="none")
    expire(history, clock=clock)
    now = clock.now()

    def judge(held: Standing) -> Decision:
        asked = _in_state(held.at(now).request(request_id), "requested")
        require_another(person.name, credential=credential, asked_by=asked.asked_by, asked_with=asked.credential)
        require_strangers(person.name, asked_by=asked.asked_by, since=asked.trained_at, admissions=admissions)
        _require_real_evidence(asked, profile)
        body = {"request": asked.id, "subject": asked.subject.digest(), "comment": comment,
                "roles": sorted(person.roles), "credential": credential,
                "admitted": _admitted(person.name, admissions)}  # fmt: skip
        return Decision("promotion.approved", actor=person.name, body=body, at=now)

    return decide(history, judge)


def reject(history: History, request_id: str, *, person: Person, comment: str, clock: Clock) -> Entry:
    """Refuse a request, or take back an approval that is not promoted yet. The comment must say why (InputError)."""
    require_reviewer(person.name, roles=person.roles)
    if not comment.strip():
        raise InputError("a rejection says why", expected="a comment", came="none")
    expire(history, clock=clock)
    now = clock.now()

    def judge(held: Standing) -> Decision:
        asked = _in_state(held.at(now).request(request_id), "requested", "approved")
        return Decision("promotion.rejected", actor=person.name, body={"request": asked.id, "reason": comment}, at=now)

    return decide(history, judge)


def promote(
    history: History,
    registry: Registry,
    request_id: str,
    *,
    clock: Clock,
    policy_digest: str,
    roles_of: Callable[[str], Collection[str]],
    profile: str,
) -> Entry:
    """Make an approved version champion; from here on the record is what serving verifies.

    Checked here, once: expiry (a late one is written down as expired), the policy (another one voids the request), the
    champion compared against, the approver's roles as they are now, the profile, and that the registry still holds the
    approved bytes. Raises StateConflict, NotApproved, NotAllowed, TamperedArtefact or RegistryUnavailable, and then
    nobody is champion who was not before. The registry's alias follows as a mirror; that it cannot is no error.
    """
    asked = standing(history).request(request_id)
    if asked.state != "approved":
        came = f"{asked.state} {asked.why}".strip()
        raise NotApproved(f"{request_id} is not approved", expected="approved", came=came)
    _refuse_stale(history, asked, clock=clock, policy_digest=policy_digest)
    require_reviewer(asked.decided_by or "", roles=roles_of(asked.decided_by or ""))
    _require_real_evidence(asked, profile)
    _require_approved_bytes(registry, asked.subject)

    def judge(held: Standing) -> Decision:
        current = _in_state(held.request(request_id), "approved")
        subject = current.subject
        body = {"request": current.id, "approval": current.approval, "family": subject.family,
                "version": subject.version, "artefact": subject.artefact, "replaces": subject.champion}  # fmt: skip
        return Decision("promotion.promoted", actor=PLATFORM, body=body, at=clock.now())

    entry = decide(history, judge)
    mirror(registry, asked.family, asked.version)
    return entry


def expire(history: History, *, clock: Clock) -> list[Entry]:
    """Write down every open request whose time is over; returns the entries written.

    Whoever acts calls it first, so several may at once: what another has closed in between is passed over.
    """
    written = []
    for one in standing(history).late(clock.now()):
        with suppress(StateConflict):
            written.append(_close(history, one, "expired", TOO_LATE[one.state], clock))
    return written


def supersede(history: History, *, family: str, reason: str, clock: Clock) -> list[Entry]:
    """Void what waits for a family, for instance when its gate policy changed; returns the entries written."""
    return [_close(history, one, "superseded", reason, clock) for one in standing(history).open_requests(family)]


def _subject(card: VersionCard, report: Report, requester: str, scope: Scope, expires_at: str) -> Subject:
    return Subject(
        family=card.family, version=card.version, requester=requester, artefact=card.artefact, report=card.report,
        champion=report.champion, policy=report.policy, scope=scope, dvc_lock=_told(card, "dvc_lock"),
        contracts=_told(card, "contracts"), feature_service=_told(card, "feature_service"),
        commit=_told(card, "commit"), expires_at=expires_at,
    )  # fmt: skip


def _admitted(name: str, admissions: Collection[Admission]) -> list[dict[str, str]]:
    """Who let the approver in, and when: kept with the approval, as a year later the list of people is another."""
    return [{"by": one.by, "at": stamped(one.at)} for one in admissions if same_person(one.name, name)]


def _told(card: VersionCard, key: str) -> str:
    """Blank when the card lacks it: `refusals` then names it."""
    return str(card.card.get(key) or "")


def _close(history: History, asked: Request, state: str, reason: str, clock: Clock) -> Entry:
    def judge(held: Standing) -> Decision:
        current = _in_state(held.request(asked.id), "requested", "approved")
        body = {"request": current.id, "reason": reason}
        return Decision(f"promotion.{state}", actor=PLATFORM, body=body, at=clock.now())

    return decide(history, judge)


def _refuse_stale(history: History, asked: Request, *, clock: Clock, policy_digest: str) -> None:
    if asked.subject.expired(clock.now()):
        _close(history, asked, "expired", TOO_LATE[asked.state], clock)
        raise _expired(asked)
    if asked.subject.policy != policy_digest:
        why = f"the gate policy changed from {asked.subject.policy[:12]} to {policy_digest[:12]}"
        _close(history, asked, "superseded", why, clock)
        raise StateConflict(f"{asked.id} is void: {why}", remedy="Judge the version again by today's policy.")


def _require_approved_bytes(registry: Registry, subject: Subject) -> None:
    card = registry.get(subject.family, subject.version)
    if card.report != subject.report:
        raise TamperedArtefact("the registry holds another report than was approved", expected=subject.report,
                               came=card.report, where=f"{subject.family}/{subject.version}")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="parley-promote-") as folder:
        held = registry.fetch(subject.family, subject.version, Path(folder) / "payload")
        payload.verify(held, expected=subject.artefact)


def _in_state(asked: Request, *states: str) -> Request:
    if asked.state == "expired":
        raise _expired(asked)
    if asked.state not in states:
        why = f" ({asked.why})" if asked.why else ""
        raise StateConflict(f"{asked.id} is {asked.state}{why}", expected=" or ".join(states), came=asked.state)
    return asked


def _require_real_evidence(asked: Request, profile: str) -> None:
    if asked.simulated and profile not in SIMULATION_COUNTS_IN:
        raise StateConflict(f"{asked.id} cannot go on: {_only_simulated(profile)}")


def _only_simulated(profile: str) -> str:
    counts = " and ".join(sorted(SIMULATION_COUNTS_IN))
    return f"all its evidence is simulated, which counts in the profiles {counts}, not in {profile}"


def _expired(asked: Request) -> StateConflict:
    return StateConflict(f"{asked.id} has expired", expected=f"a decision before {asked.subject.expires_at}",
                         remedy=f"Request it again: parley review request {asked.family}/{asked.version}.")  # fmt: skip
