"""Who may decide: a named reviewer, who is not the one that asked, nor they by another name or credential."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

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


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
