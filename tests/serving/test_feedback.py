"""Verdicts: on a prediction by its id, or by contact, capability and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from centre.clock import FixedClock
from data_contracts.checking import row_faults
from data_contracts.events import dataset_row
from tests.serving.house import Client, House, IntentModel, slot

ASKED = {"contact_id": "c-1", "turns": [{"speaker": "customer", "text": "hello there"}]}


@pytest.fixture
def prediction_id(house: House, client: Client) -> str:
    house.shelf.put(slot("intent", IntentModel()))
    return str(client.post("/v1/intent", ASKED).json()["prediction_id"])


def test_an_agent_corrects_a_prediction(house: House, client: Client, prediction_id: str) -> None:
    said = {"prediction_id": prediction_id, "verdict": "wrong", "instead": "card_lost"}

    answer = client.post("/v1/feedback", said, role="agent")

    assert answer.status_code == 201
    assert answer.json()["matched"] is True
    [event] = house.events("verdict.given")
    assert row_faults("verdicts", dataset_row(event), as_of=datetime(2026, 5, 1, tzinfo=UTC)) == []
    assert event.data | {"verdict_id": ""} == {
        "verdict_id": "", "prediction_id": prediction_id, "contact_id": "c-1", "capability": "intent",
        "agent_id": "agent-1", "verdict": "wrong", "instead": "card_lost", "prompted": False, "asked": None,
        "weight": 1.0,
    }  # fmt: skip


def test_a_service_gives_the_agent_and_the_contact(house: House, client: Client, prediction_id: str) -> None:
    said = {"contact_id": "c-1", "capability": "intent", "verdict": "right", "agent_id": "a-7"}

    told = client.post("/v1/feedback", said).json()

    assert told["prediction_id"] == prediction_id
    assert house.events("verdict.given")[0].data["agent_id"] == "a-7"


def test_a_time_means_the_last_prediction_until_then(house: House, client: Client, clock: FixedClock) -> None:
    first = client.post("/v1/intent", ASKED).json()["prediction_id"]
    between = clock.advance(timedelta(minutes=1))
    clock.advance(timedelta(minutes=1))
    second = client.post("/v1/intent", ASKED).json()["prediction_id"]
    said = {"contact_id": "c-1", "capability": "intent", "verdict": "right"}

    by_time = client.post("/v1/feedback", {**said, "at": between.isoformat()}).json()
    without = client.post("/v1/feedback", said).json()

    assert by_time["prediction_id"] == first
    assert without["prediction_id"] == second


def test_a_prediction_from_before_a_restart_is_found(house: House) -> None:
    with house.open() as client:
        prediction_id = client.post("/v1/intent", ASKED).json()["prediction_id"]
    with house.open() as client:
        said = {"contact_id": "c-1", "capability": "intent", "verdict": "right"}
        assert client.post("/v1/feedback", said).json()["prediction_id"] == prediction_id


def test_a_prediction_that_left_the_log_is_looked_for_beyond_it(house: House) -> None:
    row = {"prediction_id": "old", "contact_id": "c-9", "capability": "intent", "verdict_asked": True}
    with house.open(find_record=lambda id_: row if id_ == "old" else None) as client:
        told = client.post("/v1/feedback", {"prediction_id": "old", "verdict": "right"}, role="agent")

    assert told.json()["matched"] is True
    assert house.events("verdict.given")[0].data["prompted"] is True


def test_an_unknown_prediction_is_not_found(house: House, client: Client) -> None:
    answer = client.post("/v1/feedback", {"prediction_id": "nobody's", "verdict": "right"}, role="agent")

    assert answer.status_code == 404
    assert answer.json()["remedy"]
    assert house.log.head() == 0


def test_a_verdict_on_a_contact_without_prediction_is_not_found(client: Client) -> None:
    said = {"contact_id": "c-77", "capability": "intent", "verdict": "wrong", "instead": "x"}

    assert client.post("/v1/feedback", said).status_code == 404


@pytest.mark.parametrize(
    ("taxonomy", "said", "known"),
    [
        ({"card_lost"}, {"verdict": "wrong", "instead": "no_such_intent_at_all"}, False),
        ({"card_lost"}, {"verdict": "wrong", "instead": " card_lost"}, True),
        ({"card_lost"}, {"verdict": "right"}, None),
        (set(), {"verdict": "wrong", "instead": "no_such_intent_at_all"}, None),
    ],
)
def test_a_verdict_is_noted_and_says_whether_the_taxonomy_knows_the_intent(
    house: House, taxonomy: set[str], said: dict[str, Any], known: bool | None
) -> None:
    with house.open(find_intents=lambda: dict.fromkeys(taxonomy)) as client:
        prediction_id = client.post("/v1/intent", ASKED).json()["prediction_id"]
        answer = client.post("/v1/feedback", {"prediction_id": prediction_id, **said}, role="agent")

    assert (answer.status_code, answer.json()["known"]) == (201, known)


def noted(house: House, name: str, **taxonomy: str | None) -> dict[str, Any]:
    """What is said to an agent who corrects an answer by this name."""
    with house.open(find_intents=lambda: taxonomy) as client:
        prediction_id = client.post("/v1/intent", ASKED).json()["prediction_id"]
        said = {"prediction_id": prediction_id, "verdict": "wrong", "instead": name}
        return dict(client.post("/v1/feedback", said, role="agent").json())


def test_an_unknown_name_is_proposed_under_one_id_whatever_its_spelling(house: House) -> None:
    told = noted(house, "Crypto refund", card_lost=None)

    assert told["proposal"].startswith("typed-")
    assert noted(house, "crypto_REFUND", card_lost=None)["proposal"] == told["proposal"]


def test_a_known_name_is_not_proposed(house: House) -> None:
    told = noted(house, "card_lost", card_lost=None)

    assert (told["known"], told["proposal"], told["replaced_by"]) == (True, None, None)


def test_a_replaced_intent_points_to_what_replaced_it(house: House) -> None:
    told = noted(house, "lost", lost="card_lost", card_lost=None)

    assert (told["known"], told["proposal"], told["replaced_by"]) == (True, None, "card_lost")


def test_without_a_taxonomy_nothing_is_proposed(house: House) -> None:
    assert noted(house, "Crypto refund")["proposal"] is None


def test_an_agent_named_instead_is_no_intent(house: House) -> None:
    said = {"contact_id": "c-7", "capability": "route", "verdict": "labelled", "instead": "a-9"}
    with house.open(find_intents=lambda: {"card_lost": None}) as client:
        assert client.post("/v1/feedback", said, role="agent").json()["known"] is None


def test_a_label_needs_no_prediction(house: House, client: Client) -> None:
    said = {"contact_id": "c-77", "capability": "intent", "verdict": "labelled", "instead": "crypto_refund"}

    told = client.post("/v1/feedback", said, role="agent")

    assert (told.status_code, told.json()["matched"]) == (201, False)
    assert house.events("verdict.given")[0].data["contact_id"] == "c-77"


@pytest.mark.parametrize(
    "said",
    [
        {"verdict": "right"},
        {"verdict": "right", "contact_id": "c-1"},
        {"verdict": "labelled", "contact_id": "c-1", "capability": "intent"},
    ],
)
def test_an_incomplete_verdict_is_refused(client: Client, said: dict[str, Any]) -> None:
    assert client.post("/v1/feedback", said).status_code == 400


def test_an_agent_speaks_for_themselves_only(client: Client, prediction_id: str) -> None:
    said = {"prediction_id": prediction_id, "verdict": "right", "agent_id": "somebody-else"}

    assert client.post("/v1/feedback", said, role="agent").status_code == 403


def test_a_contradiction_is_refused(client: Client, prediction_id: str) -> None:
    said = {"prediction_id": prediction_id, "contact_id": "c-2", "verdict": "right"}

    assert client.post("/v1/feedback", said).status_code == 400


def test_the_same_feedback_id_is_one_verdict_and_another_body_under_it_is_refused(
    house: House, client: Client, clock: FixedClock, prediction_id: str
) -> None:
    said = {"prediction_id": prediction_id, "verdict": "right", "feedback_id": "f-1"}
    first = client.post("/v1/feedback", said, role="agent")
    clock.advance(timedelta(minutes=5))
    again = client.post("/v1/feedback", said, role="agent")
    other = client.post("/v1/feedback", {**said, "verdict": "wrong"}, role="agent")

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json()["verdict_id"] == again.json()["verdict_id"]
    assert len(house.events("verdict.given")) == 1
