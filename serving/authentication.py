"""Who is asking: bearer tokens for the API, checked against the people of the workspace, by role."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from centre.clock import Clock
from centre.people import People, Person, require
from data_contracts.errors import NotSignedIn

# A token that was good a moment ago is not looked up again: one file access less for each request of a busy caller.
# It is also how long a disabled person may go on, so it is short.
TRUSTED_S = 2.0
_REMEMBERED = 1_024

BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="A token of `parley people add NAME --role ROLE`. The roles that an operation takes stand beside it.",
)


class Doorkeeper:
    """Knows tokens for a moment, by their hash, so that a busy caller costs no file access for each request."""

    def __init__(self, people: People, *, clock: Clock) -> None:
        self._people = people
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[datetime, Person]] = OrderedDict()

    def person(self, token: str) -> Person:
        """The person whose token this is. Raises NotSignedIn when it is nobody's (any more)."""
        key, now = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest(), self._clock.now()
        known = self._known.get(key)
        if known is not None and now - known[0] < timedelta(seconds=TRUSTED_S):
            return known[1]
        person = self._people.authenticate(token)
        if person is None:
            self._known.pop(key, None)
            raise NotSignedIn(
                "this token is not known",
                expected="the token of an active person",
                came="another",
                where="header authorization",
                remedy="Ask an engineer for a token.",
            )
        self._known[key] = (now, person)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return person


async def _signed_in(
    request: Request,
    roles: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
) -> Person:
    if credentials is None:
        raise NotSignedIn(
            "nobody is signed in",
            expected="header authorization: Bearer TOKEN",
            came="none",
            where="header authorization",
            remedy="Ask an engineer for a token.",
        )
    person: Person = request.app.state.desk.doorkeeper.person(credentials.credentials)
    request.scope["state"]["who"] = person.name
    return require(person, *roles.scopes)


def allowed(*roles: str) -> Any:
    """A dependency: the person signed in by a bearer token, if they hold one of the roles (401 and 403 otherwise)."""
    return Security(_signed_in, scopes=list(roles))
