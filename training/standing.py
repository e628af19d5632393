"""What holds now, as the history tells it: who is champion, what waits, what is switched off.

`standing` is a pure function of entries. It does not only count them, it holds each against the rules of DESIGN section
4: a promotion that nobody approved is refused here even if the key that wrote it is the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from data_contracts.errors import InputError, NotApproved, NotFound
from training.chain import Entry
from training.four_eyes import REVIEWER, same_person
from training.history import History
from training.subject import NO_CHAMPION, Scope, Subject, moment

State = Literal["requested", "approved", "rejected", "expired", "superseded", "promoted"]
OPEN: tuple[State, ...] = ("requested", "approved")
BASELINE = "baseline"
# Who acts when the platform itself writes an entry: promotion after approval, expiry.
PLATFORM = "parley"
# Why an open request is over, by the state in which its time ran out.
TOO_LATE: Mapping[State, str] = {
    "requested": "nobody decided in time",
    "approved": "approved, but not promoted in time",
}
# A family of models, and the capability that it gives: one is trained, the other is switched.
CAPABILITIES = {"intent": "intent", "routing": "route", "forecast": "forecast"}


@dataclass(frozen=True)
class Request:
    """A request for promotion and what became of it. `approval` is the digest of the approval entry."""

    id: str
    subject: Subject
    requested_at: datetime
    sequence: int
    run_id: str
    trained_by: str
    credential: str
    simulated: bool
    # When its training was asked for; None when the card does not say.
    trained_at: datetime | None = None
    state: State = "requested"
    why: str = ""
    approval: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    comment: str = ""

    @property
    def family(self) -> str:
        """The family of the version asked for."""
        return self.subject.family

    @property
    def version(self) -> str:
        """The version asked for."""
        return self.subject.version

    @property
    def asked_by(self) -> tuple[str, str]:
        """Who may not approve it: the requester, and who had it trained."""
        return self.subject.requester, self.trained_by

    def expired(self, at: datetime) -> Request:
        """The request as one whose time is over since `at`."""
        return replace(self, state="expired", why=TOO_LATE[self.state], decided_by=PLATFORM, decided_at=at)


@dataclass(frozen=True)
class Promotion:
    """A version that was approved and promoted: what serving verifies. `sequence`: the entry that made it champion."""

    family: str
    version: str
    artefact: str
    approval: str
    request_id: str
    scope: Scope
    at: datetime
    sequence: int
    report: str
    approved_by: str


@dataclass(frozen=True)
class Standing:
    """What holds after `sequence` entries."""

    sequence: int = 0
    requests: Mapping[str, Request] = field(default_factory=dict)
    champions: Mapping[str, Promotion] = field(default_factory=dict)
    promotions: tuple[Promotion, ...] = ()
    revoked: frozenset[tuple[str, str]] = frozenset()  # (family, artefact)
    off: frozenset[str] = frozenset()

    def champion(self, family: str) -> Promotion | None:
        """Who answers for a family; None: the baseline does."""
        return self.champions.get(family)

    def champion_digest(self, family: str) -> str:
        """The champion's artefact, or "none"."""
        champion = self.champion(family)
        return champion.artefact if champion else NO_CHAMPION

    def waiting(self) -> list[Request]:
        """Requests that wait for a reviewer, oldest first."""
        return [one for one in self.requests.values() if one.state == "requested"]

    def open_requests(self, family: str) -> list[Request]:
        """Requests of a family that wait for a reviewer, or are approved and not yet promoted."""
        return [one for one in self.requests.values() if one.family == family and one.state in OPEN]

    def late(self, now: datetime) -> list[Request]:
        """Open requests whose time is over: what is to be written down as expired."""
        return [one for one in self.requests.values() if one.state in OPEN and one.subject.expired(now)]

    def at(self, now: datetime) -> Standing:
        """What holds when the clock shows `now`: what is late is told as expired, whether or not it is written down."""
        late = {one.id: one.expired(one.subject.expiry) for one in self.late(now)}
        return replace(self, requests={**self.requests, **late})

    def request(self, request_id: str) -> Request:
        """One request. NotFound names those that wait."""
        if request_id not in self.requests:
            waits = ", ".join(one.id for one in self.waiting()) or "none"
            raise NotFound("no such request", came=request_id, remedy=f"Waiting now: {waits}.")
        return self.requests[request_id]

    def is_off(self, capability: str) -> bool:
        """Whether a capability (or the family that gives it) is switched off."""
        return capability_of(capability) in self.off

    def approved_versions(self, family: str) -> tuple[Promotion, ...]:
        """Versions that were once promoted and are not revoked, latest promotion last: where one can roll back to."""
        latest = {one.version: one for one in self.promotions if one.family == family}
        allowed = (one for one in latest.values() if (family, one.artefact) not in self.revoked)
        return tuple(sorted(allowed, key=lambda one: one.sequence))

    def approved(self, family: str, version: str) -> Promotion:
        """One of `approved_versions`. NotApproved names them."""
        for one in self.approved_versions(family):
            if one.version == version:
                return one
        known = ", ".join(one.version for one in self.approved_versions(family)) or "none"
        raise NotApproved(f"{family}/{version} holds no approval", expected=f"one of the approved versions ({known})",
                          came=version, remedy='Roll back to one of them, or to "baseline".')  # fmt: skip


def capability_of(name: str) -> str:
    """The capability that a capability's or a family's name means. InputError names the known ones."""
    found = CAPABILITIES.get(name, name)
    if found not in CAPABILITIES.values():
        raise InputError("no such capability", expected=", ".join(CAPABILITIES.values()), came=name)
    return found


def standing(history: History, *, at: datetime | None = None) -> Standing:
    """What the history says now; with `at`, what is late by then is told as expired.

    Raises TamperedHistory, or NotApproved for an entry that breaks the rules.
    """
    told = standing_of(history.entries())
    return told if at is None else told.at(at)


def standing_of(entries: Iterable[Entry]) -> Standing:
    """What these entries say, one after the other, from nothing. NotApproved names the entry that breaks a rule."""
    now = Standing()
    for entry in entries:
        step = STEPS.get(entry.kind)
        if step is None and entry.kind.startswith("promotion."):
            raise _refused(entry, "nobody knows this kind of decision")
        try:
            after = step(now, entry) if step else now
        except (KeyError, TypeError, AttributeError, InputError) as missing:
            raise _refused(entry, f"its body is not complete ({missing})") from missing
        now = replace(after, sequence=entry.sequence)
    return now


def _requested(now: Standing, entry: Entry) -> Standing:
    body, subject = entry.body, Subject.read(entry.body["subject"])
    _hold(entry, subject.digest() == body["digest"], "its digest is not that of its subject")
    _hold(entry, body["id"] not in now.requests, "its id was used before")
    asked = Request(
        id=body["id"], subject=subject, requested_at=entry.at, sequence=entry.sequence, run_id=body["run_id"],
        trained_by=body["trained_by"], credential=body["credential"], simulated=body["simulated"],
        trained_at=moment(body["trained_at"]) if body.get("trained_at") else None,
    )  # fmt: skip
    void = _void(now, subject.family, f"{asked.id} was requested after it", at=entry.at)
    return replace(void, requests={**void.requests, asked.id: asked})


def _approved(now: Standing, entry: Entry) -> Standing:
    asked = _asked(now, entry, ("requested",))
    _hold(entry, entry.body["subject"] == asked.subject.digest(), "what was signed is not what was asked for")
    _hold(entry, REVIEWER in entry.body["roles"], "who approved it was no reviewer")
    _hold(entry, not any(same_person(entry.actor, one) for one in asked.asked_by), "who asked for it approved it")
    _hold(entry, not asked.subject.expired(entry.at), "it had expired")
    told: dict[str, Any] = {"approval": entry.digest, "decided_by": entry.actor, "decided_at": entry.at}
    return _became(now, replace(asked, state="approved", comment=entry.body["comment"], **told))


def _closed(state: State) -> Callable[[Standing, Entry], Standing]:
    def step(now: Standing, entry: Entry) -> Standing:
        asked = _asked(now, entry, OPEN)
        told: dict[str, Any] = {"decided_by": entry.actor, "decided_at": entry.at, "why": entry.body["reason"]}
        return _became(now, replace(asked, state=state, **told))

    return step


def _promoted(now: Standing, entry: Entry) -> Standing:
    asked, body = _asked(now, entry, ("approved",)), entry.body
    subject = asked.subject
    _hold(entry, body["approval"] == asked.approval, "it names another approval")
    named = (body["family"], body["version"], body["artefact"])
    _hold(entry, named == (subject.family, subject.version, subject.artefact), "it names another version or artefact")
    _hold(entry, not subject.expired(entry.at), "its approval had expired")
    _hold(entry, (subject.family, subject.artefact) not in now.revoked, "its artefact was revoked")
    _hold(entry, subject.champion == now.champion_digest(subject.family), "it was judged against another champion")
    made = Promotion(
        family=subject.family, version=subject.version, artefact=subject.artefact, approval=body["approval"],
        request_id=asked.id, scope=subject.scope, at=entry.at, sequence=entry.sequence, report=subject.report,
        approved_by=asked.decided_by or "",
    )  # fmt: skip
    after = _became(now, replace(asked, state="promoted"))
    return _crowned(replace(after, promotions=(*after.promotions, made)), subject.family, made, at=entry.at)


def _rolled_back(now: Standing, entry: Entry) -> Standing:
    family, to = entry.body["family"], entry.body["to"]
    if to == BASELINE:
        return _crowned(now, family, None, at=entry.at)
    again = now.approved(family, to)
    _hold(entry, entry.body["artefact"] == again.artefact, "it names another artefact than was approved")
    return _crowned(now, family, replace(again, at=entry.at, sequence=entry.sequence), at=entry.at)


def _revoked(now: Standing, entry: Entry) -> Standing:
    family, artefact = entry.body["family"], entry.body["artefact"]
    now = replace(now, revoked=now.revoked | {(family, artefact)})
    return _crowned(now, family, None, at=entry.at) if now.champion_digest(family) == artefact else now


def _retired(now: Standing, entry: Entry) -> Standing:
    return _crowned(now, entry.body["family"], None, at=entry.at)


def _switched(now: Standing, entry: Entry) -> Standing:
    capability = capability_of(entry.body["capability"])
    return replace(now, off=now.off - {capability} if entry.body["on"] else now.off | {capability})


STEPS: Mapping[str, Callable[[Standing, Entry], Standing]] = {
    "promotion.requested": _requested,
    "promotion.approved": _approved,
    "promotion.rejected": _closed("rejected"),
    "promotion.expired": _closed("expired"),
    "promotion.superseded": _closed("superseded"),
    "promotion.promoted": _promoted,
    "promotion.rolled_back": _rolled_back,
    "promotion.revoked": _revoked,
    "promotion.retired": _retired,
    "capability.switched": _switched,
}


def _crowned(now: Standing, family: str, champion: Promotion | None, *, at: datetime) -> Standing:
    """Another champion, or none; what waits was judged against the one before and is void."""
    others = {name: one for name, one in now.champions.items() if name != family}
    now = replace(now, champions={**others, family: champion} if champion else others)
    return _void(now, family, f"{family} has another champion now", at=at)


def _void(now: Standing, family: str, why: str, *, at: datetime) -> Standing:
    """What a family has open ends: what was late by then as expired though nobody wrote it down, the rest as void."""
    ended = (
        one.expired(one.subject.expiry) if one.subject.expired(at) else replace(one, state="superseded", why=why)
        for one in now.open_requests(family)
    )
    return replace(now, requests={**now.requests, **{one.id: one for one in ended}})


def _became(now: Standing, request: Request) -> Standing:
    return replace(now, requests={**now.requests, request.id: request})


def _asked(now: Standing, entry: Entry, states: tuple[State, ...]) -> Request:
    asked = now.requests.get(entry.body["request"])
    if asked is None:
        raise _refused(entry, "nobody had asked for it")
    _hold(entry, asked.state in states, f"the request was {asked.state}")
    return asked


def _hold(entry: Entry, rule: bool, why: str) -> None:
    if not rule:
        raise _refused(entry, why)


def _refused(entry: Entry, why: str) -> NotApproved:
    return NotApproved(
        f"entry {entry.sequence} of the history ({entry.kind}) breaks a rule: {why}",
        where=f"line {entry.sequence}",
        remedy="`promotion` did not write it: find out who did.",
    )
