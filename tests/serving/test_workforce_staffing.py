"""The page of the staffing plan: what is needed and there, how sure it is, what is short, who works when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from centre.clock import FixedClock
from serving.app import create
from serving.phrases import phrase
from tests.serving import plans
from tests.serving.house import House, make
from tests.serving.plans import TODAY
from tests.serving.reviewer import Browser, words


@pytest.fixture
def house(home: Path, clock: FixedClock) -> House:
    return make(home, clock)


@pytest.fixture
def browser(house: House) -> Iterator[Browser]:
    with TestClient(create(house.doors), raise_server_exceptions=False) as http:
        opened = Browser(http, house)
        opened.sign_in("viewer-1")
        yield opened


@pytest.fixture
def issued(house: House) -> Path:
    return house.doors.issued_dir


@pytest.fixture
def planned(house: House) -> Path:
    assert house.doors.staffing_dir is not None
    return house.doors.staffing_dir


def test_the_plan_s_first_worked_day_is_shown_with_what_it_costs(planned: Path, browser: Browser) -> None:
    plans.plan(planned)

    page = browser.http.get("/staffing")

    assert "Staffing: billing, Fri 05-01" in words(page)
    assert "80% within 20 s, with a probability of 90%" in words(page)
    assert "Cost 300" in words(page)
    assert "Missing hours 4" in words(page)
    assert "2 intervals of the plan lack agents" in words(page)
    assert "Fri 05-01 09:00 billing 5 3 2 90.0%" in words(page)
    assert "cannot be drawn" not in page.text


def test_a_queue_with_a_goal_of_its_own_shows_that(planned: Path, browser: Browser) -> None:
    plans.plan(planned)

    assert "70% within 20 s" in words(browser.http.get("/staffing?queue=sales&day=2026-05-02"))


@pytest.mark.parametrize(("name", "sees"), [("viewer-1", False), ("engineer-1", True), ("reviewer-1", True),
                                            ("service-1", True)])  # fmt: skip
def test_who_works_when_is_shown_to_those_who_may_see_it(
    planned: Path, browser: Browser, name: str, sees: bool
) -> None:
    plans.plan(planned)
    browser.http.cookies.clear()
    browser.sign_in(name)

    page = browser.http.get("/staffing")
    roster = browser.http.get("/staffing/rows?view=roster")

    assert ("agent-a1" in page.text) == sees
    assert ("12:00–12:30" in page.text) == sees
    assert (phrase("not_for_viewers", "en") in words(page)) == (not sees)
    assert roster.status_code == (200 if sees else 403)
    assert ("agent-a1" in roster.text) == sees


def test_earlier_plans_are_shown_by_their_id(planned: Path, browser: Browser) -> None:
    then = plans.plan(planned, id_="20260430T060000Z-bb", days=1)
    plans.plan(planned)

    page = browser.http.get(f"/staffing?plan={then}")

    assert f"<code>{then}</code>" in page.text
    assert page.text.count("<option>2026") + page.text.count("<option selected>2026") == 2


def test_a_plan_for_a_forecast_that_was_issued_anew_says_so(issued: Path, planned: Path, browser: Browser) -> None:
    plans.plan(planned)
    plans.issue(issued, as_of=TODAY + timedelta(hours=1))

    assert phrase("planned_for_former_forecast", "en") in words(browser.http.get("/staffing"))


def test_an_interval_that_has_agents_enough_and_is_unsure_is_short(planned: Path, browser: Browser) -> None:
    plans.plan(planned, rules={"service": {"target": 0.8, "within_s": 20.0, "probability": 0.95}, "queues": {}})

    assert "32 intervals of the plan" in words(browser.http.get("/staffing"))
