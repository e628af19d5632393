"""Who may do what; and every refusal is a problem document that helps to mend it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from centre.clock import FixedClock
from serving.metrics import Metrics
from serving.shell import Shell
from tests.serving.house import ROLES, Client, House, IntentModel, slot

# Method, path, body, and the roles that may: everybody else is refused.
MATRIX: list[tuple[str, str, Any, set[str]]] = [
    ("POST", "/v1/intent", {}, {"service"}),
    ("POST", "/v1/route", {}, {"service"}),
    ("POST", "/v1/events", {}, {"service"}),
    ("POST", "/v1/feedback", {}, {"service", "agent"}),
    ("POST", "/v1/retrainings", {}, {"engineer"}),
    ("GET", "/v1/retrainings/run-1", None, {"engineer", "reviewer", "viewer"}),
    ("GET", "/v1/forecast", None, {"service", "planner", "engineer", "reviewer", "viewer"}),
    ("GET", "/v1/staffing", None, {"service", "planner", "engineer", "reviewer", "viewer"}),
    ("GET", "/v1/forecast/adjustments", None, {"planner", "engineer", "reviewer", "viewer"}),
    ("GET", "/v1/forecast/why", None, {"planner", "engineer", "reviewer", "viewer"}),
    ("GET", "/v1/calendar-events", None, {"planner", "engineer", "reviewer", "viewer"}),
    ("POST", "/v1/forecast/adjustments", {}, {"planner", "engineer"}),
    ("POST", "/v1/forecast/adjustments/a-1/withdraw", None, {"planner", "engineer"}),
    ("POST", "/v1/forecast/adjustments/a-1/keep", None, {"planner", "engineer"}),
    ("POST", "/v1/calendar-events", {}, {"planner", "engineer"}),
    ("POST", "/v1/calendar-events/e-1/cancel", None, {"planner", "engineer"}),
    ("POST", "/v1/staffing/what-if", {}, {"planner", "engineer"}),
    ("GET", "/v1/models", None, {"service", "engineer", "reviewer", "viewer"}),
    ("GET", "/v1/models/intent/champion", None, {"service", "engineer", "reviewer", "viewer"}),
    ("GET", "/v1/models/intent/champion/files/payload.json", None, {"service", "engineer"}),
    ("GET", "/v1/predictions/p-1/trace", None, {"engineer", "reviewer", "viewer"}),
]
PROBLEM = {"type", "title", "status", "detail", "instance", "expected", "came", "where", "remedy", "request_id"}


def ask(client: Client, method: str, path: str, body: Any, role: str) -> Any:
    return client.post(path, body, role=role) if method == "POST" else client.get(path, role=role)


@pytest.mark.parametrize(("method", "path", "body", "roles"), MATRIX, ids=[row[1] for row in MATRIX])
def test_only_the_named_roles_get_in(client: Client, method: str, path: str, body: Any, roles: set[str]) -> None:
    statuses = {role: ask(client, method, path, body, role).status_code for role in ROLES}

    assert {role for role, status in statuses.items() if status not in (401, 403)} == roles
    assert {status for role, status in statuses.items() if role not in roles} <= {403}


@pytest.mark.parametrize(("method", "path", "body", "roles"), MATRIX, ids=[row[1] for row in MATRIX])
def test_nobody_gets_in_without_a_token(client: Client, method: str, path: str, body: Any, roles: set[str]) -> None:
    answer = ask(client, method, path, body, "")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json().keys() >= PROBLEM


@pytest.mark.parametrize("sent", ["Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer", "Bearer \u00e9"])
def test_another_credential_does_not_get_in(client: Client, sent: str) -> None:
    answer = client.http.get("/v1/models", headers={"authorization": sent.encode("latin-1")})

    assert answer.status_code == 401


def test_a_disabled_service_is_out_within_moments(house: House, client: Client, clock: FixedClock) -> None:
    before = client.get("/v1/models", role="service").status_code
    house.doors.people.disable("service-1")
    clock.advance(timedelta(seconds=2))

    assert (before, client.get("/v1/models", role="service").status_code) == (200, 401)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/nothing", 404), ("GET", "/v1/intent", 405), ("DELETE", "/v1/models", 405)],
)
def test_the_framework_s_own_refusals_are_problems_too(client: Client, method: str, path: str, status: int) -> None:
    headers = {**client.bearer("service"), "content-type": "application/json"}

    answer = client.http.request(method, path, headers=headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() >= PROBLEM
    assert answer.json()["remedy"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "application/json; charset=utf-16"])
def test_another_media_type_is_refused(client: Client, media_type: str) -> None:
    answer = client.post("/v1/intent", b"{}", headers={"content-type": media_type})

    assert answer.status_code == 415
    assert "application/json" in answer.json()["expected"]


def test_an_invalid_body_names_every_fault_and_repeats_no_text(client: Client) -> None:
    secret = "my card number is 4111 1111 1111 1111 and my name is Wang, please help me now"
    body = {"contact_id": "", "turns": [{"speaker": "ghost", "text": secret}, {"speaker": "customer", "text": 5}]}

    answer = client.post("/v1/intent", {**body, "more": secret})

    assert answer.status_code == 422
    assert secret not in answer.text
    assert {fault["where"] for fault in answer.json()["faults"]} == {
        "body/contact_id", "body/turns/0/speaker", "body/turns/1/text", "body/more"
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 50_000, b'{"contact_id": "\\ud800", "turns": []}'])
def test_a_body_that_is_no_json_is_refused(client: Client, body: bytes) -> None:
    answer = client.post("/v1/intent", body)

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


BODIES = ["/v1/intent", "/v1/route", "/v1/feedback", "/v1/retrainings", "/v1/events"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("body", "where", "came"),
    [
        (b'{"contact_id": "\xff"}', "byte 16", "byte 0xff"),
        (b"[" * 100_000, "body", "nested too deep"),
        (b'{"a": 1,\n "b": }', "body", "line 2 column 7"),
        (b'{"attempt": NaN}', "body", "NaN"),
        (b'{"attempt": ' + b"1" * 5_000 + b"}", "body", "digits"),
        (b'{"contact_id": "a", "contact_id": "b"}', "body", "'contact_id'"),
        (b'{"turns": [{"text": "a", "text": "b"}]}', "body", "'text'"),
    ],
)
def test_a_body_that_cannot_be_read_is_told_where(
    client: Client, path: str, body: bytes, where: str, came: str
) -> None:
    answer = client.post(path, body, role="engineer" if path == "/v1/retrainings" else "service")

    told = answer.json()
    assert (answer.status_code, told["type"]) == (400, "urn:parley:problem:not-json")
    assert told["where"] == where
    assert came in told["came"]


def test_one_key_in_two_objects_is_no_repetition(house: House, client: Client) -> None:
    house.shelf.put(slot("intent", IntentModel()))
    turns = [{"speaker": "customer", "text": "one"}, {"speaker": "customer", "text": "two"}]

    assert client.post("/v1/intent", {"contact_id": "c", "turns": turns}).status_code == 200


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/v1/forecast?queu=billing", "channel, format, from, grain, issue, language, queue"),
        ("/v1/models?family=intent", "no parameters"),
        ("/v1/retrainings/run-1?verbose=1&x=", "no parameters"),
    ],
)
def test_a_parameter_that_nobody_knows_is_refused_with_the_known(client: Client, path: str, known: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 422
    assert known in answer.json()["expected"]
    assert answer.json()["where"] == "query"


@pytest.mark.parametrize("path", ["/v1/intent", "/v1/route"])
def test_an_id_holds_no_nul(client: Client, path: str) -> None:
    answer = client.post(path, {"contact_id": "c\0d"})

    assert answer.status_code == 422
    assert "body/contact_id" in {fault["where"] for fault in answer.json()["faults"]}


def test_a_megabyte_is_too_much_and_the_refusal_arrives(client: Client) -> None:
    body = b'{"contact_id": "c", "turns": [{"speaker": "customer", "text": "' + b"x" * 1_048_576 + b'"}]}'

    answer = client.post("/v1/intent", body)

    assert answer.status_code == 413
    assert answer.json()["expected"] == "at most 1048576 bytes"


def test_a_body_that_never_says_its_length_is_counted(client: Client) -> None:
    def pieces() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    headers = {**client.bearer("service"), "content-type": "application/json"}
    answer = client.http.post("/v1/intent", content=pieces(), headers=headers)

    assert answer.status_code == 413


@pytest.mark.parametrize(("pieces", "came"), [(50, "more than 85 bytes"), (3, "15 bytes")])
def test_of_a_body_that_was_not_read_to_its_end_only_the_least_is_told(pieces: int, came: str) -> None:
    left = [{"type": "http.request", "body": b"x" * 5, "more_body": one > 0} for one in range(pieces)]
    sent: list[Any] = []

    async def receive() -> Any:
        return left.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("a body that is too large reached the application")

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/intent", "headers": headers}
    asyncio.run(Shell(never, max_body_bytes=10, metrics=Metrics())(scope, receive, send))

    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["came"] == came


def test_something_unexpected_is_told_by_its_request_id_only(house: House) -> None:
    class Broken:
        def slot(self, family: str) -> Any:
            raise RuntimeError("a secret of the machine")

        def slots(self) -> tuple[Any, ...]:
            return ()

        def start(self) -> None: ...
        def stop(self) -> None: ...

    with house.open(shelf=Broken()) as client:
        answer = client.post("/v1/intent", {"contact_id": "c", "turns": [{"speaker": "customer", "text": "hi"}]})

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_every_answer_carries_security_headers_and_a_request_id(client: Client) -> None:
    for path in ("/healthz", "/v1/models", "/v1/nothing", "/sign-in"):
        headers = client.get(path, headers={"x-request-id": "caller-7"}).headers
        assert headers["x-request-id"] == "caller-7"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("sent", ["bad id\x01", "x" * 65, "<script>"])
def test_a_request_id_that_could_harm_is_replaced(client: Client, sent: str) -> None:
    assert client.get("/healthz", headers={"x-request-id": sent}).headers["x-request-id"] != sent


def test_only_the_parts_asked_for_are_served(house: House) -> None:
    with house.open(only=frozenset({"intent", "route"})) as client:
        paths = set(client.http.get("/openapi.json").json()["paths"])
        status = client.post("/v1/events", {}).status_code

    assert paths == {"/v1/intent", "/v1/route", "/healthz", "/readyz", "/metrics"}
    assert status == 404


def test_an_unknown_part_names_the_known(house: House) -> None:
    from data_contracts.errors import UnknownParameter
    from serving.app import create

    with pytest.raises(UnknownParameter, match=r"intent.*came intents"):
        create(replace(house.doors, only=frozenset({"intents"})))


def test_openapi_tells_roles_examples_and_refusals(client: Client) -> None:
    told = client.http.get("/openapi.json").json()

    assert told["openapi"].startswith("3.1")
    assert told["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path, method, role in (("/v1/intent", "post", "service"), ("/v1/retrainings", "post", "engineer")):
        operation = told["paths"][path][method]
        assert {"bearer": [role]} in operation["security"]
        assert {"401", "403", "413", "415", "422", "503"} <= operation["responses"].keys()
        assert "application/problem+json" in operation["responses"]["503"]["content"]
    example = told["paths"]["/v1/intent"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert {"answer", "source", "version", "approval", "degraded", "prediction_id"} <= example.keys()
    batch = told["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert batch.keys() == {
        "application/cloudevents+json", "application/cloudevents-batch+json", "application/json"
    }  # fmt: skip


def test_the_examples_of_openapi_are_answered(house: House, client: Client) -> None:
    house.shelf.put(slot("intent", IntentModel()))
    told = client.http.get("/openapi.json").json()
    schemas = told["components"]["schemas"]

    for path, name in (("/v1/intent", "IntentAsked"), ("/v1/route", "RouteAsked")):
        for example in schemas[name]["examples"]:
            assert client.post(path, example).status_code == 200
    body = told["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/cloudevents+json"]["example"]
    assert client.post("/v1/events", {**body, "time": "2026-04-30T09:00:00Z"}).status_code == 201
