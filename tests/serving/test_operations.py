"""Alive, ready, counted; traced; retrained; models told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from centre.credentials import fingerprint, hashed
from data_contracts.errors import CannotBeMeant, TamperedHistory
from serving.slots import Slot
from tests.serving.house import Client, House, IntentModel, Office, make, slot
from training.history import MemoryHistory
from training.registry import MemoryRegistry

ASKED = {"contact_id": "c-1", "turns": [{"speaker": "customer", "text": "我的密码忘了"}]}


def test_alive_and_ready_need_no_token(client: Client) -> None:
    assert client.http.get("/healthz").json() == {"status": "alive"}
    assert client.http.get("/readyz").json()["status"] == "ready"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_asks_by_head(client: Client, path: str) -> None:
    answer = client.http.head(path)

    assert (answer.status_code, answer.content) == (200, b"")


def test_ready_says_what_is_wrong_and_still_answers(house: House, client: Client) -> None:
    problem = {"reason": "artefact_refused", "detail": "not the bytes that were approved", "version": "intent/4"}
    house.shelf.put(replace(slot("intent", IntentModel(), version="3"), problems=(problem,)))

    answer = client.http.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["problems"] == [{"family": "intent", **problem}]
    assert answer.json()["families"]["intent"]["version"] == "intent/3"


def test_without_a_log_nothing_is_ready(house: House) -> None:
    class Gone:
        def head(self) -> int:
            raise OSError("disk gone")

    with house.open(log=Gone()) as client:
        answer = client.http.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "unready")


def _metric(client: Client, line: str) -> float:
    found = [row for row in client.http.get("/metrics").text.splitlines() if row.startswith(line + " ")]
    return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


def test_metrics_count_answers_by_source_and_reason(house: House, client: Client) -> None:
    client.post("/v1/intent", ASKED)
    house.shelf.put(slot("intent", IntentModel(), version="3"))
    for _ in range(2):
        client.post("/v1/intent", ASKED)

    assert _metric(client, 'parley_answers_total{capability="intent",source="baseline"}') == 1
    assert _metric(client, 'parley_answers_total{capability="intent",source="model"}') == 2
    assert _metric(client, 'parley_degraded_answers_total{capability="intent",reason="no_approved_model"}') == 1
    assert _metric(client, 'parley_answer_seconds_count{capability="intent"}') == 3
    assert _metric(client, f'parley_model_info{{approval="{"b" * 64}",family="intent",version="intent/3"}}') == 1
    assert _metric(client, 'parley_queue_depth{family="intent"}') == 0
    assert _metric(client, 'parley_http_requests_total{method="POST",route="/v1/intent",status="200"}') == 3


def test_paths_that_nobody_serves_make_no_metric_of_their_own(client: Client) -> None:
    for n in range(5):
        client.get(f"/v1/nothing-{n}")

    assert "nothing-" not in client.http.get("/metrics").text
    assert _metric(client, 'parley_http_requests_total{method="any",route="unknown",status="404"}') == 5


def test_two_applications_count_apart(house: House) -> None:
    with house.open() as one, house.open() as other:
        one.post("/v1/intent", ASKED)
        assert _metric(other, 'parley_answers_total{capability="intent",source="baseline"}') == 0


def test_logs_hold_no_text_and_no_token(
    house: House, client: Client, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"):
        client.post("/v1/intent", ASKED)
        client.post("/v1/intent", ASKED, headers={"authorization": "Bearer sesame-open"})

    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert '"/v1/intent"' in logged or "/v1/intent" in logged
    assert "密码" not in logged
    assert "sesame-open" not in logged
    assert house.tokens["service"] not in logged


# Traces.


@pytest.fixture
def office(tmp_path: Path, clock: FixedClock) -> Office:
    return Office(MemoryHistory(), MemoryRegistry(tmp_path / "registry"), clock, tmp_path)


def test_a_trace_is_there_at_once_and_leads_to_the_approval(office: Office, home: Path, clock: FixedClock) -> None:
    office.promote()
    held = make(home, clock, history=office.history)
    entries = office.history.entries()
    approval = next(entry for entry in entries if entry.kind == "promotion.approved")
    served = slot("intent", IntentModel())
    assert served.promotion is not None
    held.shelf.put(replace(served, promotion=replace(served.promotion, approval=approval.digest)))
    with held.open() as client:
        prediction_id = client.post("/v1/intent", ASKED).json()["prediction_id"]
        told = client.get(f"/v1/predictions/{prediction_id}/trace", role="engineer").json()

    assert told["prediction"]["answer"]["intent"] == "password_reset"
    assert told["features"]["text"] == "我的密码忘了"
    assert (told["approval"]["approved_by"], told["approval"]["requester"]) == ("rita", "erin")
    assert told["version"] == {"name": "intent/1", "commit": "c0ffee", "data": "d" * 64}


def test_a_viewer_s_trace_withholds_the_customer_s_words(house: House, client: Client) -> None:
    prediction_id = client.post("/v1/intent", ASKED).json()["prediction_id"]

    answer = client.get(f"/v1/predictions/{prediction_id}/trace", role="viewer")

    assert "密码" not in answer.text
    assert answer.json()["features"]["channel"] is None


def test_a_trace_survives_a_registry_and_a_history_that_are_gone(house: House) -> None:
    class Tampered(MemoryHistory):
        def entries(self) -> Any:
            raise TamperedHistory("line 2 was changed")

    def gone(family: str, version: str) -> dict[str, Any]:
        raise ConnectionError("registry")

    house.shelf.put(slot("intent", IntentModel()))
    with house.open(history=Tampered(), trace_version=gone) as client:
        prediction_id = client.post("/v1/intent", ASKED).json()["prediction_id"]
        told = client.get(f"/v1/predictions/{prediction_id}/trace", role="engineer").json()

    assert "line 2" in told["approval"]["problem"]
    assert "does not answer" in told["version"]["problem"]


def test_an_unknown_prediction_has_no_trace(client: Client) -> None:
    assert client.get("/v1/predictions/nobody/trace").status_code == 404


# Retrainings.


def test_an_engineer_starts_a_retraining_in_their_own_name(house: House, client: Client) -> None:
    body = {"family": "intent", "reason": "many corrections", "set": ["intent.max_rows=100"], "seed": 7}

    answer = client.post("/v1/retrainings", body, role="engineer")

    assert answer.status_code == 202
    assert answer.headers["location"] == "/v1/retrainings/run-1"
    credential = fingerprint(hashed(house.tokens["engineer"]))
    assert house.launched == [{**body, "requester": "engineer-1", "credential": credential}]
    assert house.tokens["engineer"] not in str(house.launched)
    assert client.get("/v1/retrainings/run-1").json()["status"] == "running"


@pytest.mark.parametrize(
    "told", [{"family": "weather"}, {"reason": ""}, {"requester": "somebody"}, {"set": ["rm -rf"]}, {"seed": -1}]
)
def test_a_retraining_that_makes_no_sense_is_refused(house: House, client: Client, told: dict[str, Any]) -> None:
    answer = client.post("/v1/retrainings", {"family": "intent", "reason": "why", **told}, role="engineer")

    assert answer.status_code == 422
    assert house.launched == []


def test_a_retraining_that_the_run_itself_refuses_is_unprocessable(house: House) -> None:
    def refuses(_asked: dict[str, Any]) -> str:
        raise CannotBeMeant("a parameter has a value that makes no sense", expected="1 or more", came="-5", where="x")

    with house.open(launch_retraining=refuses) as client:
        body = {"family": "intent", "reason": "why", "set": ["intent.max_rows=-5"]}
        answer = client.post("/v1/retrainings", body, role="engineer")

    assert (answer.status_code, answer.json()["expected"], answer.json()["came"]) == (422, "1 or more", "-5")


def test_an_unknown_run_is_not_found(client: Client) -> None:
    assert client.get("/v1/retrainings/run-2").status_code == 404


# Models.


def test_models_tell_champions_and_what_waits(office: Office, home: Path, clock: FixedClock) -> None:
    card = office.promote()
    waiting, _ = office.request(marker="next")
    with make(home, clock, history=office.history).open() as client:
        told = {one["family"]: one for one in client.get("/v1/models").json()}

    assert told["intent"]["champion"]["artefact"] == card.artefact
    assert told["intent"]["waiting"] == [waiting.body["id"]]
    assert told["routing"]["champion"] is None


def test_models_tell_nothing_as_waiting_that_has_expired(office: Office, home: Path, clock: FixedClock) -> None:
    office.request()
    clock.advance(timedelta(days=20))
    with make(home, clock, history=office.history).open() as client:
        told = {one["family"]: one for one in client.get("/v1/models").json()}

    assert told["intent"]["waiting"] == []


def test_a_champion_is_read_with_an_etag_and_its_files(office: Office, home: Path, clock: FixedClock) -> None:
    card = office.promote(marker="first")
    folder = next(office.registry.folder.rglob("payload"))
    held = make(home, clock, history=office.history)
    served = slot("intent", IntentModel())
    assert served.promotion is not None
    held.shelf.put(replace(served, folder=folder, promotion=replace(served.promotion, artefact=card.artefact)))
    with held.open() as client:
        answer = client.get("/v1/models/intent/champion", role="service")
        again = client.get("/v1/models/intent/champion", headers={"if-none-match": answer.headers["etag"]})
        file = client.get("/v1/models/intent/champion/files/weights/head.txt", role="service")
        escapes = client.get("/v1/models/intent/champion/files/..%2F..%2Fpromotions", role="service")

    assert answer.json()["version"] == "intent/1"
    assert again.status_code == 304
    assert file.text == "first" * 100
    assert file.headers["x-content-sha256"] == answer.json()["files"]["weights/head.txt"]
    assert escapes.status_code == 404


def test_no_champion_is_not_found(client: Client) -> None:
    assert client.get("/v1/models/intent/champion").status_code == 404
    assert client.get("/v1/models/weather/champion").status_code == 422


def test_a_family_that_is_not_held_has_no_files(house: House, client: Client) -> None:
    house.shelf.put(Slot("intent"))

    assert client.get("/v1/models/intent/champion/files/x", role="engineer").status_code == 404
