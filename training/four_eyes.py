"""Who may decide: a named reviewer, who is not the one that asked, nor they by another name or credential."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from datetime import datetime

from centre.admissions import Admission, admitted_by
from data_contracts.errors import FourEyes, NotAllowed

REVIEWER = "reviewer"
SERVICE = "service"


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: case, width, and spaces do not make another person."""
    return _folded(one) == _folded(other)


def require_reviewer(name: str, *, roles: Collection[str]) -> None:
    """NotAllowed unless the roles are those of a person who reviews; a service never is one, whatever it may do."""
    if REVIEWER not in roles or SERVICE in roles:
        raise NotAllowed(f"{name} may not decide on promotions", expected="the role reviewer, of a person",
                         came=", ".join(sorted(roles)) or "no role")  # fmt: skip


def require_another(name: str, *, credential: str, asked_by: Collection[str], asked_with: str) -> None:
    """FourEyes when the approver is who asked or trained, or signed in by the credential that asked."""
    if any(same_person(name, one) for one in asked_by):
        raise FourEyes("the one who asked may not approve", expected="another person", came=name,
                       remedy="Ask another reviewer.")  # fmt: skip
    if asked_with and credential == asked_with:
        raise FourEyes("this credential asked for the promotion", expected="a credential of another person",
                       came=f"the same credential, under the name {name}", remedy="Ask another reviewer.")  # fmt: skip


def are_strangers(
    name: str, *, asked_by: Collection[str], since: datetime | None, admissions: Collection[Admission]
) -> bool:
    """Whether neither let the other in, directly or through others, since the version was trained (None: ever).

    Who asks could else make the second pair of eyes at the moment that one is needed, or ask by a name made for it.
    """
    lines = [(one, admitted_by(name, admissions, since=since, same=same_person)) for one in asked_by]
    lines += [(name, admitted_by(one, admissions, since=since, same=same_person)) for one in asked_by]
    return not any(same_person(one, above) for one, line in lines for above in line)


def require_strangers(
    name: str, *, asked_by: Collection[str], since: datetime | None, admissions: Collection[Admission]
) -> None:
    """FourEyes when approver and asker are not `are_strangers`."""
    if not are_strangers(name, asked_by=asked_by, since=since, admissions=admissions):
        when = f"before {since:%Y-%m-%d %H:%M} UTC, when the version was trained" if since else "by somebody else"
        raise FourEyes("who was let in for it may not approve", expected=f"a reviewer who was admitted {when}",
                       came=f"{name}, admitted since by who asked, or who admitted them",
                       remedy="Ask another reviewer, or train again now that they are here.")  # fmt: skip


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
