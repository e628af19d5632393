"""Events from outside: each checked at the door, all of a batch or nothing, durable before the answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.serving.house import Client, House


def rating(id_: str = "e-1", **told: Any) -> dict[str, Any]:
    data = {"rating_id": f"r-{id_}", "contact_id": "c-1", "score": 5}
    event = {"specversion": "1.0", "id": id_, "source": "crm", "type": "customer.rated", "time": "2026-04-30T09:00:00Z"}
    return {**event, "data": data, **told}


@pytest.fixture
def routed(house: House, client: Client) -> str:
    """The id of a decision that this house made."""
    asked = {"contact_id": "c-1", "attempt": 0, "queue": "cards", "channel": "voice",
             "agents": [{"agent_id": "a-1", "state": "available", "idle_s": 60}]}  # fmt: skip
    return str(client.post("/v1/route", asked).json()["answer"]["decision_id"])


def test_an_event_is_taken_once_and_known_the_second_time(house: House, client: Client) -> None:
    first, second = client.post("/v1/events", rating()), client.post("/v1/events", rating())

    assert (first.status_code, first.json()) == (201, {"taken": 1, "repeated": 0})
    assert (second.status_code, second.json()) == (200, {"taken": 0, "repeated": 1})
    assert len(house.events("customer.rated")) == 1


def test_the_same_key_with_another_body_is_refused(house: House, client: Client) -> None:
    client.post("/v1/events", rating())
    changed = rating()
    changed["data"] = {**changed["data"], "score": 1}

    answer = client.post("/v1/events", changed)

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:parley:problem:event-conflict"
    assert house.events("customer.rated")[0].data["score"] == 5


@pytest.mark.parametrize("media_type", ["application/cloudevents-batch+json", "application/json"])
def test_a_batch_is_taken_as_one(house: House, client: Client, media_type: str) -> None:
    batch = [rating(f"e-{n}") for n in range(10)]

    answer = client.post("/v1/events", batch, headers={"content-type": media_type})

    assert answer.json() == {"taken": 10, "repeated": 0}


def test_one_bad_event_refuses_the_batch_and_names_every_fault(house: House, client: Client) -> None:
    bad_type, bad_score = rating("e-2", type="customer.applauded"), rating("e-4")
    bad_score["data"]["score"] = 9
    batch = [rating("e-1"), bad_type, rating("e-3"), bad_score]

    answer = client.post("/v1/events", batch)

    assert answer.status_code == 400
    faults = answer.json()["faults"]
    assert {fault["event"] for fault in faults} == {1, 3}
    assert any("score" in fault["where"] for fault in faults)
    assert "Nothing of the 4 events was taken in" in answer.json()["remedy"]
    assert house.log.head() == 0


def test_a_row_that_breaks_its_contract_is_unprocessable(client: Client) -> None:
    bad = rating()
    bad["data"]["score"] = 6

    answer = client.post("/v1/events", bad)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:parley:problem:row-refused"
    assert answer.json()["came"] == "6"


def test_the_best_score_is_no_fault(client: Client) -> None:
    assert client.post("/v1/events", rating()).status_code == 201


def test_an_event_from_the_future_is_refused(client: Client) -> None:
    answer = client.post("/v1/events", rating(time="2027-01-01T00:00:00Z"))

    assert answer.status_code == 422
    assert "happened_at" in answer.json()["where"]


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        (b"", 400, "body"),
        (b"[]", 422, "body"),
        (b"{", 400, "body"),
        (b'{"id": NaN}', 400, "body"),
        (b'{"id": "\xff"}', 400, "byte 8"),
        (b"[1]", 400, "event 0"),
        (b'"hello"', 400, "event"),
        (b"[" * 100_000, 400, "body"),
        (b'{"id": ' + b"1" * 5000 + b"}", 400, "body"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(client: Client, body: bytes, status: int, where: str) -> None:
    answer = client.post("/v1/events", body)

    assert answer.status_code == status
    assert answer.json()["where"] == where
    assert answer.json()["expected"]


@pytest.mark.parametrize("name", ["id", "source", "contact_id"])
def test_nul_in_an_id_is_refused(house: House, client: Client, name: str) -> None:
    body = rating()
    (body if name in body else body["data"])[name] = "a\0b"

    answer = client.post("/v1/events", body)

    assert answer.status_code == 400
    assert answer.json()["faults"][0]["expected"] == "text without U+0000"
    assert house.log.head() == 0


@pytest.mark.parametrize("text", [r"\ud800", r"a\udfffb"])
def test_half_a_character_is_refused(house: House, client: Client, text: str) -> None:
    body = json.dumps(rating()).replace("e-1", text).encode()

    assert client.post("/v1/events", body).status_code == 400
    assert house.log.head() == 0


def test_a_number_beyond_all_numbers_is_refused(client: Client) -> None:
    assert client.post("/v1/events", json.dumps(rating()).replace("5", "1e999", 1).encode()).status_code == 400


def test_an_event_that_is_too_large_is_refused(client: Client) -> None:
    data = {"rating_id": "r", "contact_id": "c", "score": 1, "comment": "x" * 70_000}

    answer = client.post("/v1/events", rating(data=data))

    assert answer.status_code == 413
    assert answer.json()["expected"] == "at most 65536 bytes"


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"source": "parley/serving"}, "belongs to the platform"),
        ({"type": "watch.decided", "data": {}}, "only the platform"),
        ({"type": "prediction.served", "data": {"prediction_id": "p-1", "version": "intent/1"}}, "only the platform"),
        ({"type": "decision.made", "data": {"decision_id": f"decision-{'0a' * 16}", "revision": 0}}, "the platform's"),
        (
            {"type": "decision.made", "data": {"decision_id": f" decision-{'0a' * 16}\n", "revision": 0}},
            "the platform's",
        ),
        ({"type": "verdict.given", "data": {"verdict_id": f"verdict-{'0a' * 16}"}}, "the platform's"),
        ({"type": "intent.corrected", "data": {"verdict_id": f"verdict-{'0a' * 20}"}}, "the platform's"),
        ({"type": "decision.followed", "data": {"decision_id": f"decision-{'0a' * 16}", "revision": 0}}, "revision 0"),
        ({"type": "decision.overridden", "data": {"decision_id": "d-1", "revision": 0.0}}, "revision 0"),
        ({"type": "decision.followed", "data": {"decision_id": "d-1", "followed": False}}, "says otherwise"),
        ({"type": "decision.overridden", "data": {"decision_id": "d-1", "followed": True}}, "says otherwise"),
    ],
)
def test_nobody_outside_speaks_for_the_platform(house: House, client: Client, told: dict[str, Any], word: str) -> None:
    answer = client.post("/v1/events", rating(**told))

    assert answer.status_code == 400
    assert word in answer.json()["detail"]


def test_a_decision_that_was_answered_cannot_be_said_again_by_others(house: House, client: Client, routed: str) -> None:
    [genuine] = house.events("decision.made")

    answer = client.post("/v1/events", rating("x-1", source="switch", type="decision.made", data=genuine.data))

    assert answer.status_code == 400, answer.text
    assert answer.json()["came"] == routed
    assert house.events("decision.made") == [genuine]


@pytest.mark.parametrize("verdict_id", ["verdict-7", f"verdict-{'0a' * 15}", f"our-verdict-{'0a' * 16}"])
def test_another_systems_own_verdict_is_taken(client: Client, verdict_id: str) -> None:
    data = {"verdict_id": verdict_id, "contact_id": "c-1", "capability": "intent", "verdict": "labelled",
            "instead": "card_lost", "prompted": False}  # fmt: skip

    assert client.post("/v1/events", rating("v-1", type="verdict.given", data=data)).status_code == 201


@pytest.mark.parametrize(
    ("media_type", "body"),
    [("application/cloudevents+json", [rating()]), ("application/cloudevents-batch+json", rating())],
)
def test_a_body_must_be_what_its_media_type_says(client: Client, media_type: str, body: Any) -> None:
    assert client.post("/v1/events", body, headers={"content-type": media_type}).status_code == 400


SWITCHS_OWN = {"decision_id": "switch-7", "revision": 0, "contact_id": "c-1", "attempt": 1, "queue": "cards",
               "eligible": '["a-1"]', "chosen_agent_id": "a-1", "policy": "longest idle"}  # fmt: skip


def became(decision_id: str, *, type_: str = "decision.followed", id_: str = "f-1") -> dict[str, Any]:
    """What became of a decision, as the switch says it."""
    return rating(id_, type=type_, data={"decision_id": decision_id, "revision": 1, "actual_agent_id": "a-2"})


@pytest.mark.parametrize(("type_", "followed"), [("decision.followed", True), ("decision.overridden", False)])
def test_what_became_of_a_decision_is_told_by_the_type(
    house: House, client: Client, routed: str, type_: str, followed: bool
) -> None:
    answer = client.post("/v1/events", became(routed, type_=type_))

    assert answer.status_code == 201, answer.text
    assert [event.data["followed"] for event in house.events(type_)] == [followed]


@pytest.mark.parametrize("unknown", [f"decision-{'0a' * 16}", "switch-7"])
def test_what_became_of_a_decision_that_nobody_made_is_not_found(house: House, client: Client, unknown: str) -> None:
    answer = client.post("/v1/events", [rating(), became(unknown)])

    assert answer.status_code == 404
    assert (answer.json()["came"], answer.json()["where"]) == (unknown, "event 1/data/decision_id")
    assert [fault["event"] for fault in answer.json()["faults"]] == [1]
    assert house.log.head() == 0


def test_a_decision_may_come_in_one_batch_with_what_became_of_it(client: Client) -> None:
    made = rating("d-1", type="decision.made", data=SWITCHS_OWN)

    assert client.post("/v1/events", [became("switch-7"), made]).status_code == 201


def test_a_decision_beyond_the_log_is_looked_for_there(house: House) -> None:
    with house.open(find_decisions=lambda ids: ids & {"switch-7"}) as client:
        known, unknown = (client.post("/v1/events", became(name, id_=name)) for name in ("switch-7", "switch-8"))

    assert (known.status_code, unknown.status_code) == (201, 404)


def test_a_prediction_is_no_decision(house: House, client: Client, routed: str) -> None:
    [prediction] = house.events("prediction.served")

    assert client.post("/v1/events", became(prediction.id)).status_code == 404


def test_another_systems_own_decision_is_taken(client: Client) -> None:
    assert client.post("/v1/events", rating("d-1", type="decision.made", data=SWITCHS_OWN)).status_code == 201


def test_what_is_refused_by_the_disk_is_said_and_not_kept(house: House) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(house.doors.log, name)

        def append(self, events: Any, *, received_at: Any) -> Any:
            raise OSError("no space left on device")

    with house.open(log=Full()) as client:
        answer = client.post("/v1/events", rating())

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert house.log.head() == 0


@pytest.mark.parametrize(("mixed", "status"), [(False, 400), (True, 201)])
def test_simulated_and_real_history_share_no_workspace_unless_a_setting_says_so(
    house: House, mixed: bool, status: int
) -> None:
    with house.open(settings=replace(house.doors.settings, mix_simulated=mixed)) as client:
        client.post("/v1/events", rating("e-1", simulated=True, backfilled=True, knownat="2026-04-30T10:00:00Z"))
        real = client.post("/v1/events", rating("e-2", backfilled=True, knownat="2026-04-30T10:00:00Z"))
        live = client.post("/v1/events", rating("e-3"))

    assert (real.status_code, live.status_code) == (status, 201)
