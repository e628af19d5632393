"""What the customer wants: asked over HTTP, answered by model or baseline, and written down."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from data_contracts.checking import row_faults
from data_contracts.events import dataset_row
from serving.doors import Limits
from serving.slots import Slot
from tests.serving.house import Client, House, IntentModel, slot
from training.subject import Scope

ASKED = {"contact_id": "c-1", "turns": [{"speaker": "customer", "text": "I cannot log in, my password is gone"}]}


def test_before_the_first_approval_the_baseline_abstains_and_says_so(client: Client) -> None:
    told = client.post("/v1/intent", ASKED).json()

    assert told["source"] == "baseline"
    assert told["answer"]["intent"] is None
    assert told["answer"]["abstained"] is True
    assert [one["reason"] for one in told["degraded"]] == ["no_approved_model"]
    assert (told["version"], told["approval"]) == (None, None)


def test_an_approved_model_answers_under_its_version_and_approval(house: House, client: Client) -> None:
    house.shelf.put(slot("intent", IntentModel(), version="3"))

    told = client.post("/v1/intent", ASKED).json()

    assert (told["source"], told["version"], told["approval"]) == ("model", "intent/3", "b" * 64)
    assert told["answer"]["intent"] == "password_reset"
    assert told["answer"]["language"] == "en"
    assert told["degraded"] == []


def test_only_what_the_customer_said_reaches_the_model(house: House, client: Client) -> None:
    model = IntentModel()
    house.shelf.put(slot("intent", model))
    turns = [{"speaker": "bot", "text": "Hello!"}, {"speaker": "customer", "text": "我的密码忘了"}]

    told = client.post("/v1/intent", {"contact_id": "c", "turns": turns}).json()

    assert model.asked == ["我的密码忘了"]
    assert told["answer"]["language"] == "zh"


@pytest.mark.parametrize(("tag", "language"), [("zh-CN", "zh"), ("en_US", "en"), ("EN", "en"), ("fr", "other")])
def test_a_language_tag_means_its_language(house: House, client: Client, tag: str, language: str) -> None:
    house.shelf.put(slot("intent", IntentModel()))

    assert client.post("/v1/intent", {**ASKED, "language": tag}).json()["answer"]["language"] == language


@pytest.mark.parametrize(
    ("scope", "asked", "reason"),
    [
        (Scope(channels=("chat",)), {"channel": "voice"}, "channels"),
        (Scope(channels=("chat",)), {}, "channels"),
        (Scope(languages=("zh",)), {}, "languages"),
        (Scope(queues=("billing",)), {"queue": "sales"}, "queues"),
        (Scope(units=("retail",)), {}, "units"),
        (Scope(share=0.0), {}, "share"),
    ],
)
def test_outside_the_approved_scope_the_baseline_answers(
    house: House, client: Client, scope: Scope, asked: dict[str, str], reason: str
) -> None:
    house.shelf.put(slot("intent", IntentModel(), scope=scope))

    told = client.post("/v1/intent", {**ASKED, **asked}).json()

    assert told["source"] == "baseline"
    assert told["degraded"][-1]["reason"] == "outside_approved_scope"
    assert told["degraded"][-1]["detail"].startswith(reason)


@pytest.mark.parametrize(
    ("scope", "asked"),
    [(Scope(channels=("chat",)), {"channel": "chat"}), (Scope(languages=("en",)), {}), (Scope(share=1.0), {})],
)
def test_inside_the_approved_scope_the_model_answers(
    house: House, client: Client, scope: Scope, asked: dict[str, str]
) -> None:
    house.shelf.put(slot("intent", IntentModel(), scope=scope))

    assert client.post("/v1/intent", {**ASKED, **asked}).json()["source"] == "model"


def test_a_review_date_that_has_passed_is_told_and_stops_nothing(house: House, client: Client) -> None:
    house.shelf.put(slot("intent", IntentModel(), scope=Scope(until="2026-04-30T00:00:00+00:00")))

    told = client.post("/v1/intent", ASKED).json()

    assert told["source"] == "model"
    assert [one["reason"] for one in told["degraded"]] == ["approval_overdue"]


def test_a_share_of_contacts_always_holds_the_same_contacts(house: House, client: Client) -> None:
    house.shelf.put(slot("intent", IntentModel(), scope=Scope(share=0.5)))
    asked = [{**ASKED, "contact_id": f"c-{n}"} for n in range(40)]

    first = [client.post("/v1/intent", one).json()["source"] for one in asked]
    second = [client.post("/v1/intent", one).json()["source"] for one in asked]

    assert first == second
    assert 8 <= first.count("model") <= 32


def test_switched_off_answers_nothing_and_says_so(house: House, client: Client) -> None:
    house.shelf.put(replace(slot("intent", IntentModel()), off={"capability": "intent"}))

    told = client.post("/v1/intent", ASKED).json()

    assert (told["answer"], told["source"], told["version"]) == (None, "off", None)


def test_a_model_that_fails_is_replaced_by_the_baseline(house: House, client: Client) -> None:
    house.shelf.put(slot("intent", object()))

    answer = client.post("/v1/intent", ASKED)

    assert answer.status_code == 200
    assert answer.json()["source"] == "baseline"
    assert answer.json()["degraded"][-1]["reason"] == "model_failed"


def test_a_prediction_is_written_with_what_it_saw_and_keeps_its_contract(house: House, client: Client) -> None:
    house.shelf.put(slot("intent", IntentModel()))

    told = client.post("/v1/intent", {**ASKED, "channel": "chat"}).json()
    client.http.__exit__()

    [event] = house.events("prediction.served")
    assert row_faults("predictions", dataset_row(event), as_of=datetime(2026, 5, 1, tzinfo=UTC)) == []
    assert event.data["prediction_id"] == told["prediction_id"]
    seen = json.loads(event.data["features"])
    assert (seen["turns"], seen["channel"]) == (ASKED["turns"], "chat")
    assert json.loads(event.data["answer"]) == told["answer"]


def test_a_stated_share_of_predictions_asks_for_a_verdict(house: House) -> None:
    settings = replace(house.doors.settings, verdict_share=0.3)
    with house.open(settings=settings) as client:
        told = [client.post("/v1/intent", ASKED).json() for _ in range(100)]

    asked = {one["prediction_id"] for one in told if one["verdict_asked"]}
    written = house.events("prediction.served")
    assert 15 <= len(asked) <= 45  # 30 expected, standard deviation 4.6
    assert {event.id for event in written if event.data["verdict_asked"]} == asked
    assert {event.data["verdict_probability"] for event in written} == {0.3}


def test_a_turn_that_is_too_long_is_refused_by_its_place(client: Client) -> None:
    turns = [{"speaker": "bot", "text": "hi"}, {"speaker": "customer", "text": "x" * 4001}]

    answer = client.post("/v1/intent", {"contact_id": "c", "turns": turns})

    assert answer.status_code == 413
    assert answer.json()["where"] == "turns/1/text"
    assert answer.json()["came"] == "4001 characters"


def test_a_turn_just_short_enough_is_answered(client: Client) -> None:
    turns = [{"speaker": "customer", "text": "x" * 4000}]

    assert client.post("/v1/intent", {"contact_id": "c", "turns": turns}).status_code == 200


SILENCES: list[list[dict[str, str]]] = [
    [{"speaker": "bot", "text": "Hello"}],
    [{"speaker": "agent", "text": "Are you there?"}, {"speaker": "customer", "text": ""}],
    [{"speaker": "customer", "text": " \n\t"}, {"speaker": "customer", "text": "\u3000"}],
]


@pytest.mark.parametrize("turns", SILENCES)
@pytest.mark.parametrize("scope", [Scope(), Scope(languages=("en", "zh"))])
def test_silence_so_far_goes_to_a_person_and_is_called_silence(
    house: House, client: Client, turns: list[dict[str, str]], scope: Scope
) -> None:
    model = IntentModel()
    house.shelf.put(slot("intent", model, scope=scope))

    told = client.post("/v1/intent", {"contact_id": "c", "turns": turns}).json()

    assert (told["answer"]["abstained"], told["answer"]["reason"]) == (True, "the customer has said nothing yet")
    assert [one["reason"] for one in told["degraded"]] == ["nothing_said"]
    assert (told["source"], told["version"]) == ("baseline", None)
    assert model.asked == []


def test_silence_is_answered_by_nobody_where_intent_is_switched_off(house: House, client: Client) -> None:
    house.shelf.put(replace(slot("intent", IntentModel()), off={"capability": "intent"}))

    told = client.post("/v1/intent", {"contact_id": "c", "turns": SILENCES[0]}).json()

    assert (told["answer"], told["source"]) == (None, "off")


def test_a_full_queue_turns_away_with_retry_after_and_lets_the_others_through(house: House) -> None:
    model = IntentModel()
    model.gate.clear()
    house.shelf.put(slot("intent", model))
    answers = []
    with house.open(limits=Limits(waiting=1)) as client:
        ask = threading.Thread
        threads = [ask(target=lambda: answers.append(client.post("/v1/intent", ASKED))) for _ in range(8)]
        for thread in threads:
            thread.start()
        while len(answers) < 5:  # two run, one waits, five are turned away
            threading.Event().wait(0.01)
        model.gate.set()
        for thread in threads:
            thread.join()

    turned_away = [answer for answer in answers if answer.status_code == 503]
    assert len(turned_away) == 5
    assert {answer.headers["retry-after"] for answer in turned_away} == {"1"}
    assert sum(answer.status_code == 200 for answer in answers) == 3


def test_a_request_that_waits_too_long_is_turned_away(house: House) -> None:
    model = IntentModel()
    model.gate.clear()
    house.shelf.put(slot("intent", model))
    with house.open(limits=Limits(wait_s=0.1)) as client:
        answer = client.post("/v1/intent", ASKED)
        model.gate.set()

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:parley:problem:overloaded"


def test_a_problem_of_the_shelf_is_told_in_every_answer(house: House, client: Client) -> None:
    problem = {"reason": "history_tampered", "detail": "line 4"}
    house.shelf.put(replace(slot("intent", IntentModel()), problems=(problem,)))

    told = client.post("/v1/intent", ASKED).json()

    assert told["source"] == "model"
    assert told["degraded"] == [{"reason": "history_tampered"}]


def test_a_promotion_without_a_loaded_model_is_no_model(house: House, client: Client) -> None:
    house.shelf.put(Slot("intent", promotion=slot("intent", None).promotion))

    assert client.post("/v1/intent", ASKED).json()["source"] == "baseline"
