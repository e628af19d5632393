"""Nobody hands out a role that they do not hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from centre.people import Person
from data_contracts.errors import NotAllowed
from flows import admitting, answering, diagnosing
from flows.cli.acting import acting, credential
from flows.compose import Workspace, workspace
from serving import main


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


@pytest.mark.parametrize(("first", "lacking"), [("engineer", "reviewer"), ("reviewer", "engineer")])
def test_a_role_that_nobody_holds_is_given_by_whoever_decides(
    home: Path, clock: FixedClock, first: str, lacking: str
) -> None:
    place = workspace(home, clock=clock)
    admitting.add(place, "ada", roles=[first], by=None)

    admitting.add(place, "grace", roles=[lacking], by="ada")

    with pytest.raises(NotAllowed):
        admitting.add(place, "mallory", roles=[lacking], by="ada")
    place.people.disable("grace", even_the_last=True)
    assert admitting.add(place, "kim", roles=[lacking], by="ada").invitation


def test_who_decides_nothing_gives_no_role_even_if_nobody_holds_it(home: Path, clock: FixedClock) -> None:
    place = workspace(home, clock=clock)
    admitting.add(place, "vic", roles=["viewer"], by=None)

    with pytest.raises(NotAllowed):
        admitting.add(place, "mallory", roles=["reviewer"], by="vic")


@pytest.mark.parametrize(
    ("people", "warns"),
    [
        ({}, True),
        ({"ada": ["engineer"]}, True),
        ({"ada": ["engineer", "reviewer"]}, True),
        ({"ada": ["engineer"], "ed": ["engineer"]}, True),
        ({"ada": ["engineer", "reviewer"], "ed": ["engineer"]}, False),
        ({"ada": ["engineer"], "rui": ["reviewer"]}, False),
    ],
)
def test_the_doctor_warns_where_four_eyes_cannot_be_had(
    home: Path, clock: FixedClock, people: dict[str, list[str]], warns: bool
) -> None:
    place = workspace(home, clock=clock)
    for name, roles in people.items():
        admitting.add(place, name, roles=roles, by=None)

    found = next(one for one in diagnosing.examine(place) if one["check"] == "people")

    assert found["ok"]
    assert bool(found.get("warns")) is warns


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


def test_the_command_line_and_a_browser_name_one_token_alike(
    place: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = place.people.add("ed", roles=["engineer"], by="test", clock=clock)
    monkeypatch.setenv("PARLEY_TOKEN", token)
    link = admitting.invite(place, "ed", by=acting(place, "ed", "engineer"))
    _, session = place.people.redeem(link.partition("code=")[2], clock=clock)

    in_the_browser = place.people.session(session, clock=clock)

    assert in_the_browser is not None
    assert credential() == acting(place, "ed").credential == in_the_browser.credential != ""
    monkeypatch.delenv("PARLEY_TOKEN")
    assert credential() == ""


def test_a_link_leads_where_the_application_answers_now(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    links: list[str] = []

    def serve(doors: Any, *, on_ready: Callable[[str], None]) -> None:
        on_ready("http://127.0.0.1:8099")
        links.append(admitting.link_of(place, "x"))
        assert admitting.warning_of(place) == ""

    monkeypatch.setattr(main, "serve", serve)
    answering.serve(place, only=frozenset({"inbox"}), port=0)

    assert links == ["http://127.0.0.1:8099/signin?code=x"]
    assert admitting.link_of(place, "x") == f"http://127.0.0.1:{place.settings.port}/signin?code=x"
    assert "parley serve" in admitting.warning_of(place)


def test_an_address_of_a_process_that_is_gone_or_of_another_file_is_not_believed(place: Workspace) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for text in (json.dumps({"address": "http://127.0.0.1:1", "pid": gone.pid}), "{", ""):
        (place.settings.home / answering.ADDRESS).write_text(text, encoding="utf-8")

        assert answering.address_now(place) == ""
