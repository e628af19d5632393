"""What the commands about proposed intents print, and who may run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from centre.clock import SystemClock
from flows.cli.app import run
from flows.compose import Workspace
from tests.flows import asked
from tests.flows.asked import COINS, UNALIKE


@pytest.fixture
def place(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    place = asked.new(home, SystemClock())
    token = place.people.add("ada", roles=["engineer"], by="ada", clock=place.clock)
    monkeypatch.setenv("PARLEY_TOKEN", token)
    monkeypatch.setenv("COLUMNS", "200")
    return place


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints."""
    assert run(["intents", *arguments]) == code
    return "".join(capsys.readouterr())


def test_from_refusals_to_an_accepted_intent(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    asked.ask(place, [*COINS, *UNALIKE])

    said = told(capsys, "propose")
    assert "14 of 14 contacts refused, in 14 wordings" in said
    assert "7 wordings belong to no group" in said
    (one,) = json.loads(told(capsys, "list", "--json"))["intents"]
    assert one["id"] in said
    assert "crypto" in one["name"]
    assert any(text in told(capsys, "show", one["id"]) for text in COINS)

    accepted = told(capsys, "accept", one["id"], "--name-en", "Crypto refund", "--automatable")
    assert "crypto_refund" in accepted
    assert "accepted as crypto_refund by ada" in told(capsys, "list")
    assert f"{one['id']} {one['name']}: accepted as crypto_refund before" in told(capsys, "propose")


def test_nothing_refused_is_said(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing was refused in this window" in told(capsys, "propose")
    assert "nothing was proposed" in told(capsys, "list")


def test_a_typed_name_is_listed_with_how_many_typed_it(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    asked.ask(place, COINS)
    asked.type_in(place, "Card Lost")

    assert "typed by 1 agents, looks like card_lost" in told(capsys, "list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("propose",),
        ("accept", "x", "--name-en", "X"),
        ("merge", "x", "--into", "loan"),
        ("drop", "x", "--reason", "no"),
    ],
)
def test_only_an_engineer_proposes_and_decides(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    token = place.people.add("kim", roles=["agent", "service"], by="ada", clock=place.clock)
    monkeypatch.setenv("PARLEY_TOKEN", token)

    assert "kim may not do this" in told(capsys, *arguments, code=4)


def test_a_window_that_is_no_time_is_refused(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert "not a time" in told(capsys, "propose", "--since", "yesterday", code=2)


def test_an_unknown_id_says_where_ids_are(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert "an id of parley intents list" in told(capsys, "show", "cluster-1", code=5)
