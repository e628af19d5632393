"""Who acts at the command line: a person by their own credential, never by a claimed name alone."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from centre.credentials import fingerprint, hashed
from centre.people import Person, require
from data_contracts.errors import NotAllowed, NotSignedIn
from flows.compose import Workspace

As = Annotated[str, typer.Option("--as", help="Who acts; must be the person whose PARLEY_TOKEN this is.")]
VARIABLE = "PARLEY_TOKEN"


def acting(place: Workspace, name: str, *roles: str) -> Person:
    """The person whose token is in PARLEY_TOKEN, if they are who `--as` says and hold one of the roles.

    Raises NotSignedIn without a valid token, NotAllowed for another name or a missing role.
    """
    token = os.environ.get(VARIABLE, "")
    if not token:
        raise NotSignedIn(
            "this needs a person",
            expected=f"a token in {VARIABLE}",
            came="none",
            remedy="`parley people add NAME --role ROLE` prints one",
        )
    person = place.people.authenticate(token)
    if person is None:
        raise NotSignedIn(
            "this token is nobody's",
            expected="a token that `parley people add`, `accept` or `rotate` printed",
            came="another, or that of a disabled person",
            where=VARIABLE,
        )
    if name and person.name != name:
        raise NotAllowed("a token speaks for its own person only", expected=name, came=person.name, where=VARIABLE)
    return require(person, *roles) if roles else person


def credential() -> str:
    """The fingerprint of the token in use, the same as over HTTP: four eyes also means two credentials."""
    token = os.environ.get(VARIABLE, "")
    return fingerprint(hashed(token)) if token else ""
