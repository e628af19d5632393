"""Planners are heard over HTTP by what the command line calls: in this process here, in a child where it is told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from centre.people import Person
from data_contracts.errors import InputError, NotFound, StateConflict, UnavailableError
from flows import compose, planners, staffing
from flows.compose import Workspace, workspace
from tests.flows import test_staffing
from tests.flows.test_adjusting import END, answered, place  # noqa: F401 - a fixture
from tests.serving import house as houses
from tests.serving.house import Client

PAUL = Person("paul", frozenset({"planner"}))
DAY = {"from": END.isoformat(), "to": (END + timedelta(days=1)).isoformat()}
ADJUSTMENT = {"queue": "billing", **DAY, "change": "+20%", "kind": "campaign", "reason": "the mailing goes out"}


@pytest.fixture
def client(place: Workspace, home: Path, clock: FixedClock) -> Iterator[Client]:  # noqa: F811
    def hear(act: str, told: dict[str, Any], person: Person, /) -> dict[str, Any]:
        return planners.do(place, act, told, person)

    with houses.make(home / "house", clock, issued_dir=place.settings.issued_dir, hear_planner=hear).open() as client:
        yield client


def forecast(client: Client) -> tuple[list[float], list[str]]:
    """What `GET /v1/forecast` expects of the day, and the adjustments that it names."""
    period = {"queue": "billing", "from": DAY["from"], "to": DAY["to"]}
    told = client.get("/v1/forecast", params=period, role="planner").json()["answer"]
    return [row["offered_mean"] for row in told["intervals"]], told["adjustments"]


def test_an_adjustment_is_in_the_next_answer_and_gone_when_it_is_withdrawn(client: Client) -> None:
    plain, _ = forecast(client)

    made = client.post("/v1/forecast/adjustments", ADJUSTMENT, role="planner")
    again = client.post("/v1/forecast/adjustments", ADJUSTMENT, role="engineer")
    adjusted, named = forecast(client)

    id_ = made.json()["adjustment_id"]
    assert (made.status_code, made.json()["by"], again.status_code) == (201, "planner-1", 409)
    assert (adjusted, named) == (pytest.approx([1.2 * one for one in plain]), [id_])
    listed = client.get("/v1/forecast/adjustments").json()
    assert [(one["adjustment_id"], one["intervals"], one["saved"]) for one in listed["adjustments"]] == [(id_, 0, 0.0)]
    assert [one["kind"] for one in listed["kinds"]] == ["campaign"]
    assert client.post(f"/v1/forecast/adjustments/{id_}/withdraw", b"", role="planner").status_code == 200
    assert forecast(client) == (pytest.approx(plain), [])
    assert client.post(f"/v1/forecast/adjustments/{id_}/withdraw", b"", role="planner").status_code == 404


def test_a_kept_reason_and_an_announced_event_are_in_the_calendar(client: Client) -> None:
    id_ = client.post("/v1/forecast/adjustments", ADJUSTMENT, role="planner").json()["adjustment_id"]
    kept = client.post(f"/v1/forecast/adjustments/{id_}/keep", b"", role="planner").json()
    event = {"kind": "outage", "name": "停电", "starts_at": DAY["from"], "ends_at": DAY["to"], "queues": ["sales"]}
    made = client.post("/v1/calendar-events", event, role="planner")
    gone = client.post(f"/v1/calendar-events/{made.json()['calendar_event_id']}/cancel", b"", role="planner")

    told = client.get("/v1/calendar-events").json()["calendar_events"]

    assert (made.status_code, gone.status_code, gone.json()["cancelled"]) == (201, 200, True)
    assert {one["calendar_event_id"]: one["cancelled"] for one in told} == {
        kept["calendar_event_id"]: False, gone.json()["calendar_event_id"]: True
    }  # fmt: skip
    backwards = {**event, "starts_at": DAY["to"], "ends_at": DAY["from"]}
    assert client.post("/v1/calendar-events", backwards, role="planner").status_code == 422


def test_an_event_of_a_queue_that_nobody_forecasts_is_refused_unless_it_is_to_open(client: Client) -> None:
    event = {"kind": "mailing", "name": "spring", "starts_at": DAY["from"], "ends_at": DAY["to"], "queues": ["biling"]}

    refused = client.post("/v1/calendar-events", event, role="planner")
    opening = client.post("/v1/calendar-events", {**event, "kind": "opening"}, role="planner")

    assert (refused.status_code, refused.json()["expected"]) == (404, "one of billing, sales")
    assert opening.status_code == 201


def test_why_is_answered_and_a_day_or_queue_of_none_refused(client: Client) -> None:
    day = END.date().isoformat()

    told = client.get(f"/v1/forecast/why?queue=billing&day={day}").json()

    assert (told["day"], round(told["expected"])) == (day, sum(20 + hour for hour in range(9, 17)))
    assert client.get(f"/v1/forecast/why?queue=nobody&day={day}").status_code == 404
    assert client.get("/v1/forecast/why?queue=billing&day=friday").status_code == 422


def test_a_change_that_says_nothing_is_refused(client: Client) -> None:
    for change, status in (("more", 400), ("+0%", 400), ("-200%", 400)):
        assert client.post(
            "/v1/forecast/adjustments", {**ADJUSTMENT, "change": change}, role="planner"
        ).status_code == (status)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_utc_cannot_tell_is_no_request(client: Client, moment: str) -> None:
    event = {"kind": "outage", "name": "down", "starts_at": moment, "ends_at": moment}
    for path, body in (("/v1/forecast/adjustments", {**ADJUSTMENT, "from": moment}), ("/v1/calendar-events", event)):
        refused = client.post(path, body, role="planner")
        assert (refused.status_code, "in UTC" in refused.json()["expected"]) == (422, True)
    period = {"queue": "billing", "from": moment, "to": DAY["to"]}
    assert client.get("/v1/forecast", params=period, role="planner").status_code == 422
    assert client.get("/v1/staffing", params={"since": moment}, role="planner").status_code == 422


def test_a_day_of_another_age_is_not_told(client: Client) -> None:
    for day in ("9999-12-31", "2100-01-01"):
        assert client.get(f"/v1/forecast/why?queue=billing&day={day}").status_code == 400
        assert client.get(f"/v1/forecast/why?queue=billing&day={DAY['from'][:10]}&against={day}").status_code == 400


def test_a_reason_holds_no_zero_byte(client: Client) -> None:
    body = {**ADJUSTMENT, "reason": "a\0reason"}
    assert client.post("/v1/forecast/adjustments", body, role="planner").status_code == 422


@pytest.fixture
def planned(home: Path, clock: FixedClock, tmp_path: Path) -> Workspace:
    made = workspace(home, clock=clock)
    test_staffing.issue(made, test_staffing.forecast())
    (tmp_path / "rules.yaml").write_text(test_staffing.RULES, encoding="utf-8")
    crew = test_staffing.crew(tmp_path, test_staffing.AGENTS)
    staffing.make(made, staffing.Asked(tmp_path / "rules.yaml", crew))
    return made


WHAT_IF = {"volume": "+20%", "aht": "+30s", "sick": 3, "plan_id": None, "intervals": False}


def test_a_child_process_answers_what_if_as_the_command_does(planned: Workspace) -> None:
    hear = compose.doors(planned).hear_planner
    assert hear is not None

    told = hear("what_if", WHAT_IF, PAUL)

    here = planners.do(planned, "what_if", WHAT_IF, PAUL)
    assert told == json.loads(json.dumps(here))
    assert told["after"]["share_expected_to_meet"] < told["before"]["share_expected_to_meet"] - 0.05
    assert "intervals" not in told
    assert len(planners.do(planned, "what_if", {**WHAT_IF, "intervals": True}, PAUL)["intervals"]) == 80


def test_an_error_of_the_child_is_raised_here_as_it_was_there(planned: Workspace) -> None:
    with pytest.raises(InputError, match="0 to 20") as refused:
        planners.hear(planned, "what_if", {**WHAT_IF, "volume": "-120%"}, PAUL)
    with pytest.raises(NotFound, match="no such staffing plan"):
        planners.hear(planned, "what_if", {**WHAT_IF, "plan_id": "../../etc"}, PAUL)

    assert refused.value.http_status == 400


def test_a_child_writes_what_this_process_answers_next(place: Workspace) -> None:  # noqa: F811
    before = answered(place, "billing")

    told = planners.hear(place, "adjust", ADJUSTMENT, PAUL)

    assert answered(place, "billing") == pytest.approx([1.2 * one for one in before])
    with pytest.raises(StateConflict, match=told["adjustment_id"]):
        planners.hear(place, "adjust", ADJUSTMENT, PAUL)


def test_what_takes_too_long_is_ended_and_said(planned: Workspace) -> None:
    with pytest.raises(UnavailableError, match="parley staff what-if"):
        planners.hear(planned, "what_if", WHAT_IF, PAUL, limit_s=0.05)


def test_a_defect_of_the_child_is_told_by_its_last_word(planned: Workspace) -> None:
    with pytest.raises(UnavailableError, match="KeyError: 'volume'"):
        planners.hear(planned, "what_if", {}, PAUL)


def test_hearing_a_planner_loads_nothing_heavy_here(planned: Workspace) -> None:
    """What serving must not import is imported by the child, if at all."""
    probe = (
        "import sys; from flows.compose import doors, workspace; from centre.people import Person; "
        "told = doors(workspace()).hear_planner('calendar_events', {}, Person('paul', frozenset({'planner'}))); "
        "print(told, sorted({'torch', 'feast', 'mlflow', 'pandas', 'prefect', 'lightgbm'} & set(sys.modules)))"
    )

    done = subprocess.run([planners.sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert done.stdout == "{'calendar_events': []} []\n", done.stderr
