"""Who lets whom in: nobody hands out a role that they do not hold, and everybody's credential is their own."""

from __future__ import annotations

from collections.abc import Sequence

from centre.people import Person
from data_contracts.errors import NotAllowed
from flows.compose import Workspace

# Roles that decide. The others (service, agent, viewer) are handed out by whoever holds one of these.
DECIDING = frozenset({"engineer", "reviewer"})


def add(place: Workspace, name: str, *, roles: Sequence[str], by: str | None) -> str:
    """Add a person and return their token. `by` None is the first person of a workspace, who may hold any role."""
    if by is not None:
        held = next((person.roles for person in place.people.list() if person.name == by), frozenset())
        refused = sorted(role for role in roles if not (role in held or (role not in DECIDING and held & DECIDING)))
        if refused:
            raise NotAllowed(
                "nobody hands out a role that they do not hold",
                expected=", ".join(sorted(held)) or "a role",
                came=", ".join(refused),
                where=by,
                remedy="ask somebody who holds it",
            )
    return place.people.add(name, roles=roles, by=by or "the workspace's first user")


def rotate(place: Workspace, name: str, *, by: Person) -> str:
    """A new token for oneself: a token handed to another would let two people act as one."""
    _refuse_other(name, by)
    return place.people.rotate(name)


def invite(place: Workspace, name: str, *, by: Person) -> str:
    """A link that signs oneself in, once."""
    _refuse_other(name, by)
    return sign_in_link(place, name)


def sign_in_link(place: Workspace, name: str, *, address: str = "") -> str:
    """The link of a one-time code."""
    code = place.people.invite(name, clock=place.clock)
    return f"{address or f'http://{place.settings.host}:{place.settings.port}'}/signin?code={code}"


def _refuse_other(name: str, by: Person) -> None:
    if name != by.name:
        raise NotAllowed(
            "a credential is made for its own person only",
            expected=by.name,
            came=name,
            remedy=f"{name} does this with their own token",
        )
