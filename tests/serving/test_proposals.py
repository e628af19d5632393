"""Proposed intents over HTTP: an engineer lists, shows and decides them; nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from flows import discovering
from flows.intents import Proposed
from tests.flows import asked
from tests.flows.asked import ADA, COINS
from tests.serving import house as houses

AT = "/v1/intents/proposed"


@pytest.fixture
def client(home: Path, clock: FixedClock) -> Iterator[Any]:
    place = asked.new(home, clock)
    asked.ask(place, COINS)
    discovering.propose(place, since=None, until=None, count=20, least=5, examples=3, person=ADA)
    with houses.make(home, clock, find_proposals=Proposed(place)).open() as client:
        yield client


def one(client: Any) -> str:
    """The path of the proposal that waits."""
    (told,) = client.get(AT, role="engineer").json()["intents"]
    return f"{AT}/{told['id']}"


def test_an_engineer_reads_what_customers_said_and_accepts_it(client: Any) -> None:
    path = one(client)
    shown = client.get(path, role="engineer").json()
    answer = client.post(f"{path}/accept", {"name_en": "Crypto refund", "critical": True}, role="engineer")

    assert {each["text"] for each in shown["examples"]} <= set(COINS)
    assert (answer.status_code, answer.json()["intent_id"], answer.json()["labels"]) == (200, "crypto_refund", 7)
    assert client.get(f"{AT}?state=proposed", role="engineer").json()["intents"] == []
    assert client.post(f"{path}/drop", {"reason": "no"}, role="engineer").status_code == 409


def test_it_is_merged_or_dropped(client: Any) -> None:
    path = one(client)

    assert client.post(f"{path}/merge", {"into": "no_such"}, role="engineer").status_code == 404
    assert client.post(f"{path}/merge", {"into": "loan"}, role="engineer").json()["state"] == "merged"


@pytest.mark.parametrize("role", ["agent", "service", "viewer", "reviewer"])
def test_nobody_else_reads_or_decides(client: Any, role: str) -> None:
    path = one(client)

    assert client.get(AT, role=role).status_code == 403
    assert client.get(path, role=role).status_code == 403
    for act, body in (("accept", {"name_en": "X"}), ("merge", {"into": "loan"}), ("drop", {"reason": "no"})):
        assert client.post(f"{path}/{act}", body, role=role).status_code == 403


@pytest.mark.parametrize(("act", "body"), [("accept", {}), ("merge", {"in": "loan"}), ("drop", {"reason": ""})])
def test_a_decision_of_another_form_is_refused(client: Any, act: str, body: dict[str, str]) -> None:
    assert client.post(f"{one(client)}/{act}", body, role="engineer").status_code == 422


def test_an_unknown_proposal_is_not_found(client: Any) -> None:
    assert client.get(f"{AT}/cluster-0", role="engineer").status_code == 404


def test_where_nobody_may_decide_it_says_so(home: Path, clock: FixedClock) -> None:
    with houses.make(home, clock).open() as client:
        assert client.get(AT, role="engineer").status_code == 503
