"""Nobody hands out a role that they do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from centre.clock import FixedClock
from centre.people import Person
from data_contracts.errors import NotAllowed
from flows import admitting
from flows.compose import Workspace, workspace


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    place = workspace(home, clock=clock)
    admitting.add(place, "ada", roles=["engineer"], by=None)
    admitting.add(place, "rui", roles=["reviewer"], by=None)
    return place


@pytest.mark.parametrize("role", ["service", "agent", "viewer"])
def test_an_engineer_lets_in_those_who_decide_nothing_by_a_token(place: Workspace, role: str) -> None:
    given = admitting.add(place, "new", roles=[role], by="ada")

    assert place.people.authenticate(given.token) == Person("new", frozenset({role}))
    assert not given.invitation


def test_an_engineer_is_invited_and_makes_their_own_token(place: Workspace) -> None:
    given = admitting.add(place, "new", roles=["engineer", "viewer"], by="ada")

    person, token = admitting.accept(place, given.invitation)

    assert place.people.authenticate(token) == person == Person("new", frozenset({"engineer", "viewer"}))
    assert not given.token


@pytest.mark.parametrize(
    ("by", "roles"), [("ada", ["reviewer"]), ("rui", ["engineer"]), ("ada", ["engineer", "reviewer"])]
)
def test_an_engineer_makes_no_reviewer_and_the_reverse(place: Workspace, by: str, roles: list[str]) -> None:
    with pytest.raises(NotAllowed):
        admitting.add(place, "new", roles=roles, by=by)

    assert "new" not in {person.name for person in place.people.list()}


def test_a_credential_is_made_for_oneself_only(place: Workspace) -> None:
    ada = Person("ada", frozenset({"engineer"}))

    with pytest.raises(NotAllowed):
        admitting.rotate(place, "rui", by=ada)
    with pytest.raises(NotAllowed):
        admitting.invite(place, "rui", by=ada)


def test_a_link_signs_in_the_one_who_asked_for_it(place: Workspace, clock: FixedClock) -> None:
    link = admitting.invite(place, "ada", by=Person("ada", frozenset({"engineer"})))

    person, _ = place.people.redeem(link.partition("code=")[2], clock=clock)
    assert person.name == "ada"
