"""Planners over HTTP: heard in their turn, refused in words, and never at the cost of whoever else asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from centre.people import Person
from data_contracts.errors import StateConflict, UnavailableError
from features.calendar_events import KINDS
from serving.doors import Limits
from serving.planners import Kind
from tests.serving.house import Client, House

ADJUSTMENT = {"queue": "billing", "from": "2026-05-04T00:00:00+02:00", "to": "2026-05-05T00:00:00+02:00",
              "change": "+20%", "kind": "campaign", "reason": "the mailing goes out"}  # fmt: skip
EVENT = {"kind": "mailing", "name": "Spring mailing", "starts_at": "2026-05-04T00:00:00Z",
         "ends_at": "2026-05-06T00:00:00Z"}  # fmt: skip


class Elsewhere:
    """Answers with what it heard; a gate lets a test hold it back."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any], str]] = []
        self.asked, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, act: str, told: dict[str, Any], person: Person, /) -> dict[str, Any]:
        self.heard.append((act, told, person.name))
        self.asked.set()
        self.gate.wait(10)
        return {"act": act}


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def client(house: House, elsewhere: Elsewhere) -> Iterator[Client]:
    with house.open(hear_planner=elsewhere) as opened:
        yield opened


def test_what_is_sent_is_heard_with_who_said_it(client: Client, elsewhere: Elsewhere) -> None:
    answer = client.post("/v1/forecast/adjustments", ADJUSTMENT, role="planner")

    assert (answer.status_code, answer.json()) == (201, {"act": "adjust"})
    utc = {"from": "2026-05-03T22:00:00Z", "to": "2026-05-04T22:00:00Z"}
    assert elsewhere.heard == [("adjust", {**ADJUSTMENT, **utc}, "planner-1")]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "heard"),
    [
        ("get", "/v1/forecast/adjustments", None, 200, ("adjustments", {})),
        ("post", "/v1/forecast/adjustments/a-1/withdraw", None, 200, ("withdraw", {"adjustment_id": "a-1"})),
        ("post", "/v1/forecast/adjustments/a-1/keep", None, 200, ("keep", {"adjustment_id": "a-1"})),
        ("get", "/v1/forecast/why?queue=q&day=2026-05-08", None, 200,
         ("why", {"queue": "q", "day": "2026-05-08", "against": None})),
        ("get", "/v1/calendar-events", None, 200, ("calendar_events", {})),
        ("post", "/v1/calendar-events", EVENT, 201,
         ("announce", {**EVENT, "queues": [], "into": None, "reason": "", "corrects": None})),
        ("post", "/v1/calendar-events/m%20a/cancel", None, 200, ("cancel", {"calendar_event_id": "m a"})),
        ("post", "/v1/staffing/what-if", {"sick": 3}, 200,
         ("what_if", {"volume": "+0%", "aht": "+0s", "sick": 3, "plan_id": None, "intervals": False})),
    ],
)  # fmt: skip
def test_each_operation_is_one_act(
    client: Client, elsewhere: Elsewhere, method: str, path: str, body: Any, status: int, heard: tuple[str, Any]
) -> None:
    asked: Callable[..., Any] = (
        client.get if method == "get" else lambda at, role: client.post(at, b"" if body is None else body, role=role)
    )

    answer = asked(path, role="planner")

    assert answer.status_code == status
    assert elsewhere.heard == [(*heard, "planner-1")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/forecast/adjustments", {**ADJUSTMENT, "kind": "party"}),
        ("/v1/forecast/adjustments", {**ADJUSTMENT, "from": "2026-05-04T00:00:00"}),
        ("/v1/forecast/adjustments", {**ADJUSTMENT, "reason": "?"}),
        ("/v1/forecast/adjustments", {**ADJUSTMENT, "factor": 2}),
        ("/v1/calendar-events", {**EVENT, "starts_at": "Monday"}),
        ("/v1/calendar-events", {**EVENT, "queues": "billing"}),
        ("/v1/staffing/what-if", {"sick": -1}),
        ("/v1/staffing/what-if", {"weather": "bad"}),
    ],
)
def test_what_has_another_form_is_refused_and_not_heard(
    client: Client, elsewhere: Elsewhere, path: str, body: Any
) -> None:
    assert client.post(path, body, role="planner").status_code == 422
    assert elsewhere.heard == []


def test_a_form_of_a_browser_s_is_refused(client: Client, elsewhere: Elsewhere) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    assert client.post("/v1/forecast/adjustments", b"kind=other", role="planner", headers=form).status_code == 415
    assert elsewhere.heard == []


def test_what_was_refused_elsewhere_is_a_problem_here(house: House) -> None:
    def hear(act: str, told: dict[str, Any], person: Person, /) -> dict[str, Any]:
        raise StateConflict("this adjustment stands already", came="adjustment-1")

    with house.open(hear_planner=hear) as client:
        answer = client.post("/v1/forecast/adjustments", ADJUSTMENT, role="planner")

    assert (answer.status_code, answer.json()["came"]) == (409, "adjustment-1")


def test_one_what_if_at_a_time_and_nobody_else_waits_for_it(client: Client, elsewhere: Elsewhere) -> None:
    elsewhere.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/staffing/what-if", {"sick": 1}, role="planner")
        assert elsewhere.asked.wait(10)
        second = client.post("/v1/staffing/what-if", {"sick": 2}, role="engineer")
        alive = client.http.get("/healthz").status_code
        elsewhere.gate.set()

    assert (second.status_code, second.json()["expected"], alive) == (503, "at most 1 at once", 200)
    assert first.result().status_code == 200
    assert [told["sick"] for _, told, _ in elsewhere.heard] == [1]


def test_who_waits_too_long_is_told(house: House, elsewhere: Elsewhere) -> None:
    elsewhere.gate.clear()
    with house.open(hear_planner=elsewhere, limits=Limits(planning_s=0.1, what_if_s=0.1)) as client:
        told = [client.get("/v1/calendar-events"), client.post("/v1/staffing/what-if", {}, role="planner")]
        elsewhere.gate.set()

    assert [answer.status_code for answer in told] == [503, 503]
    assert all("a wait of more than 0.1 s" in answer.json()["came"] for answer in told)


def test_where_planners_are_not_heard_it_says_so(house: House) -> None:
    with house.open() as client:
        answer = client.get("/v1/calendar-events", role="planner")

    assert (answer.status_code, answer.json()["type"]) == (503, f"urn:parley:problem:{UnavailableError.kind}")


def test_kinds_are_those_that_forecasts_learn() -> None:
    assert set(Kind.__args__) == set(KINDS)  # type: ignore[attr-defined]
