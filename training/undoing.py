"""Undoing: one person who may act is enough to go back to what was approved, to the baseline, or to switch off.

Four eyes stand before something new goes live, not before it is taken back: at three in the morning the second pair
sleeps. Each act says who and why, and the history keeps it.
"""

from __future__ import annotations

from datetime import datetime

from centre.clock import Clock
from centre.people import Person, require
from data_contracts.errors import InputError, NotAllowed, StateConflict
from training.chain import Entry
from training.deciding import Decision, decide
from training.four_eyes import REVIEWER, SERVICE
from training.history import History
from training.registry import Registry, mirror
from training.standing import BASELINE, Standing, capability_of

ENGINEER = "engineer"


def roll_back(
    history: History, registry: Registry, family: str, *, to: str, person: Person, reason: str, clock: Clock
) -> Entry:
    """Make an earlier approved version champion again, or `to="baseline"`: none. Engineers and reviewers may.

    Needs no registry: the record names the approved bytes, and pulling verifies them. Raises NotApproved for a version
    that was never promoted or was revoked, StateConflict when it is champion already.
    """
    now = _acting(person, reason, clock)

    def judge(held: Standing) -> Decision:
        champion = held.champion(family)
        if (champion.version if champion else BASELINE) == to:
            raise StateConflict(f"{family} is at {to} already", expected="another version", came=to)
        artefact = None if to == BASELINE else held.approved(family, to).artefact
        body = {"family": family, "to": to, "artefact": artefact, "reason": reason}
        return Decision("promotion.rolled_back", actor=person.name, body=body, at=now)

    entry = decide(history, judge)
    mirror(registry, family, None if to == BASELINE else to)
    return entry


def revoke(
    history: History, registry: Registry, family: str, version: str, *, person: Person, reason: str, clock: Clock
) -> Entry:
    """Take an approval back for good: these bytes are never served again. Reviewers may.

    Where it was champion, the baseline answers from then on. Raises NotApproved when the version holds no approval.
    """
    require(person, REVIEWER)
    now = _acting(person, reason, clock)
    was_champion = False

    def judge(held: Standing) -> Decision:
        nonlocal was_champion
        was_champion = held.champion_digest(family) == held.approved(family, version).artefact
        body = {"family": family, "version": version, "artefact": held.approved(family, version).artefact,
                "reason": reason}  # fmt: skip
        return Decision("promotion.revoked", actor=person.name, body=body, at=now)

    entry = decide(history, judge)
    if was_champion:
        mirror(registry, family, None)
    return entry


def retire(history: History, registry: Registry, family: str, *, person: Person, reason: str, clock: Clock) -> Entry:
    """End the champion's time with no successor; it stays approved. Engineers and reviewers may."""
    now = _acting(person, reason, clock)

    def judge(held: Standing) -> Decision:
        champion = held.champion(family)
        if champion is None:
            raise StateConflict(f"{family} has no champion", expected="a champion to retire", came="the baseline")
        body = {"family": family, "version": champion.version, "artefact": champion.artefact, "reason": reason}
        return Decision("promotion.retired", actor=person.name, body=body, at=now)

    entry = decide(history, judge)
    mirror(registry, family, None)
    return entry


def switch(history: History, capability: str, on: bool, *, person: Person, reason: str, clock: Clock) -> Entry:
    """Switch a capability (or the family that gives it) off or on again. StateConflict when it is so already."""
    now, name = _acting(person, reason, clock), capability_of(capability)

    def judge(held: Standing) -> Decision:
        if held.is_off(name) is not on:
            raise StateConflict(f"{name} is {'on' if on else 'off'} already", expected="a change", came="none")
        body = {"capability": name, "on": on, "reason": reason}
        return Decision("capability.switched", actor=person.name, body=body, at=now)

    return decide(history, judge)


def _acting(person: Person, reason: str, clock: Clock) -> datetime:
    """The time of the act, for a person who may act and says why. A service undoes nothing by itself."""
    require(person, ENGINEER, REVIEWER)
    if SERVICE in person.roles:
        raise NotAllowed(f"{person.name} is a service", expected="a person", came="a service", where="people")
    if not reason.strip():
        raise InputError("an act is kept with its reason", expected="a reason", came="none")
    return clock.now()
