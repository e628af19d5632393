"""Who lets whom in: nobody hands out a role that they do not hold, and everybody's credential is their own.

Whoever decides makes their own token from an invitation. That whoever invites them sees it too cannot be helped, so who
let whom in, and when, is kept, and asked when an approval is signed (`training.four_eyes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from centre.people import Person
from data_contracts.errors import NotAllowed
from flows import answering
from flows.compose import Workspace

# Roles that decide. The others (planner, service, agent, viewer) are handed out by whoever holds one of these.
DECIDING = frozenset({"engineer", "reviewer"})
# Who let in the first person of a workspace.
NOBODY = "the workspace's first user"


@dataclass(frozen=True)
class Admitted:
    """What a new person is given: their token, or the code of an invitation by which they make it themselves."""

    token: str = ""
    invitation: str = ""


def add(place: Workspace, name: str, *, roles: Sequence[str], by: str | None) -> Admitted:
    """Add a person. `by` None is the first person of a workspace, who may hold any role and is let in by nobody.

    Engineers and reviewers that somebody adds are invited; planners, services, agents and viewers get a token
    at once.
    """
    if by is None:
        return Admitted(token=place.people.add(name, roles=roles, by=NOBODY, clock=place.clock))
    _refuse_roles(place, roles, by=by)
    if DECIDING.intersection(roles):
        return Admitted(invitation=place.people.admit(name, roles=roles, by=by, clock=place.clock))
    return Admitted(token=place.people.add(name, roles=roles, by=by, clock=place.clock))


def accept(place: Workspace, code: str) -> tuple[Person, str]:
    """Take up an invitation: the person, and their own token."""
    return place.people.accept(code, clock=place.clock)


def _refuse_roles(place: Workspace, roles: Sequence[str], *, by: str) -> None:
    """NotAllowed for a deciding role that others hold and `by` does not; what nobody holds, any who decide may give."""
    active = [person for person in place.people.list() if not person.disabled]
    held = next((person.roles for person in active if person.name == by), frozenset())
    kept = {role for person in active for role in person.roles if role in DECIDING}
    refused = sorted(role for role in roles if not (role in held or (role not in kept and held & DECIDING)))
    if refused:
        raise NotAllowed(
            "nobody hands out a role that they do not hold",
            expected=", ".join(sorted(held)) or "a role",
            came=", ".join(refused),
            where=by,
            remedy="ask somebody who holds it",
        )


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
    return link_of(place, place.people.invite(name, clock=place.clock), address=address)


def link_of(place: Workspace, code: str, *, address: str = "") -> str:
    """Where a code is taken up in a browser: at `address`, where the application answers now, or where it would."""
    usual = f"http://{place.settings.host}:{place.settings.port}"
    return f"{address or answering.address_now(place) or usual}/signin?code={code}"


def warning_of(place: Workspace) -> str:
    """What is to be said beside a link that leads nowhere yet; "" where the application answers."""
    return "" if answering.address_now(place) else "nothing answers there now: run parley serve, then open the link"


def _refuse_other(name: str, by: Person) -> None:
    if name != by.name:
        raise NotAllowed(
            "a credential is made for its own person only",
            expected=by.name,
            came=name,
            remedy=f"{name} does this with their own token",
        )
