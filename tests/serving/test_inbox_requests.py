"""What the inbox shows of a request and of its end: what is late waits no longer and may be asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from centre.clock import FixedClock
from centre.people import Person
from serving.phrases import phrase
from tests.serving.house import Office
from tests.serving.reviewer import Browser, hidden, reviewing
from tests.training.reports import passed_report
from training import promotion
from training.history import MemoryHistory
from training.registry import MemoryRegistry
from training.subject import Scope


@pytest.fixture
def office(tmp_path: Path, clock: FixedClock) -> Office:
    return Office(MemoryHistory(), MemoryRegistry(tmp_path / "registry"), clock, tmp_path)


@pytest.fixture
def browser(office: Office, home: Path, clock: FixedClock) -> Iterator[Browser]:
    with reviewing(office, home, clock) as opened:
        yield opened


def test_what_nobody_decided_in_time_waits_no_longer_and_is_shown_as_expired(
    browser: Browser, office: Office, clock: FixedClock
) -> None:
    asked, card = office.request()
    request_id = asked.body["id"]
    clock.advance(timedelta(days=14) - timedelta(seconds=1))
    browser.sign_in("reviewer-1")
    in_time = browser.http.get("/inbox").text
    open_page = browser.http.get(f"/inbox/requests/{request_id}").text
    clock.advance(timedelta(seconds=1))

    late = browser.http.get("/inbox").text
    page = browser.http.get(f"/inbox/requests/{request_id}").text
    fields = {"token": hidden(open_page, "token"), "subject": asked.body["digest"], "comment": "late"}
    answer = browser.http.post(f"/inbox/requests/{request_id}/approve", data=fields)

    assert phrase("none_waiting", "en") not in in_time
    assert "formaction" in open_page
    assert phrase("none_waiting", "en") in late
    assert f'<span class="badge warn">{phrase("expired", "en")}</span>' in late
    assert phrase("expired", "en") in page
    assert "nobody decided in time" in page
    assert "formaction" not in page
    assert answer.status_code == 409
    assert f"parley review request intent/{card.version}" in answer.text
    assert office.history.entries()[-1].kind == "promotion.expired"
    assert browser.house.acted == []


def test_a_version_that_is_asked_for_again_after_expiry_is_approved(
    browser: Browser, office: Office, clock: FixedClock
) -> None:
    _, card = office.request()
    clock.advance(timedelta(days=20))
    again = promotion.request(office.history, card=card, report=passed_report(), requester="erin", clock=clock,
                              days=14, profile="test")  # fmt: skip
    browser.sign_in("reviewer-1")

    browser.decide(again.body["id"], "approve")

    assert browser.house.acted == [again.body["id"]]
    assert promotion.standing(office.history).request(again.body["id"]).state == "approved"


def test_scope_and_conditions_are_shown_to_who_signs_them(browser: Browser, office: Office) -> None:
    scope = Scope(queues=("cards",), languages=("en",), share=0.2, until="2026-06-01T00:00:00+00:00")
    limited, _ = office.request(scope=scope, conditions=("read twenty answers a day", "not on <b>holidays</b>"))
    free, _ = office.request("forecast")
    browser.sign_in("reviewer-1")

    page = browser.http.get(f"/inbox/requests/{limited.body['id']}").text
    other = browser.http.get(f"/inbox/requests/{free.body['id']}").text

    for told in ("cards", "20%", "2026-06-01", "<li>read twenty answers a day</li>", "&lt;b&gt;holidays&lt;/b&gt;"):
        assert told in page
    assert phrase("no_conditions", "en") not in page
    assert phrase("no_conditions", "en") in other


@pytest.mark.parametrize(("signed_in_as", "status", "state"), [("sam", 403, "requested"), ("ruth", 200, "approved")])
def test_what_a_credential_asked_for_over_http_it_does_not_approve_in_a_browser_under_any_name(
    browser: Browser, office: Office, signed_in_as: str, status: int, state: str
) -> None:
    people, clock = browser.house.doors.people, browser.house.doors.clock
    token = people.add("sam", roles=["engineer", "reviewer"], by="test", clock=clock)
    people.add("ruth", roles=["engineer", "reviewer"], by="test", clock=clock)
    browser.http.post("/v1/retrainings", json={"family": "intent", "reason": "many corrections"},
                      headers={"authorization": f"Bearer {token}"})  # fmt: skip
    (launched,) = browser.house.launched
    asked, _ = office.request(requester="a name before", credential=launched["credential"])
    browser.sign_in(signed_in_as)

    page = browser.http.get(f"/inbox/requests/{asked.body['id']}").text
    answer = browser.decide(asked.body["id"], "approve", token=hidden(browser.http.get("/inbox").text, "token"),
                            subject=asked.body["digest"])  # fmt: skip

    assert ("formaction" in page) is (state == "approved")
    assert answer.status_code == status
    assert promotion.standing(office.history).request(asked.body["id"]).state == state


def test_how_a_request_ended_is_shown_and_not_what_was_said_when_it_was_approved(
    browser: Browser, office: Office, clock: FixedClock
) -> None:
    rui = Person("reviewer-1", frozenset({"reviewer"}))
    browser.sign_in("reviewer-1")
    taken_back, late, void = (office.request(family)[0].body["id"] for family in ("intent", "routing", "forecast"))
    for request_id in (taken_back, late, void):
        browser.decide(request_id, "approve", comment="looks right")
    approved = browser.http.get(f"/inbox/requests/{taken_back}").text

    promotion.reject(office.history, taken_back, person=rui, comment="zh is weak", clock=clock)
    promotion.supersede(office.history, family="forecast", reason="the gates changed", clock=clock)
    clock.advance(timedelta(days=14))
    browser.sign_in("reviewer-1")

    assert "reviewer-1: looks right" in approved
    told = {taken_back: "reviewer-1: zh is weak", late: "parley: approved, but not promoted in time",
            void: ">the gates changed"}  # fmt: skip
    for request_id, why in told.items():
        page = browser.http.get(f"/inbox/requests/{request_id}").text
        assert why in page
        assert "looks right" not in page
    assert "looks right" not in browser.http.get("/inbox").text


def test_an_intent_that_goes_while_somebody_reads_it_is_a_warning_on_the_page(
    office: Office, home: Path, clock: FixedClock
) -> None:
    who = [{"name": "self-service-refunds", "owner": "Mei", "contact": ""}]
    names = {"name_en": "Refund", "name_zh": "退款"}
    changes = {
        "against": "intent/1", "added": [{"intent_id": "refund", **names, "read_by": []}],
        "renamed": [{"intent_id": "loan", **names, "was": {"name_en": "Loans", "name_zh": None}, "read_by": []}],
        "dropped": [{"intent_id": "refund_old", **names, "replaced_by": "refund", "read_by": who}],
        "warnings": ["drops refund_old"],
    }  # fmt: skip
    asked, _ = office.request()
    with reviewing(office, home, clock, find_intent_changes=lambda version, champion: changes) as browser:
        browser.sign_in("reviewer-1")
        page = browser.http.get(f"/inbox/requests/{asked.body['id']}").text
        chinese = browser.http.get(f"/inbox/requests/{asked.body['id']}?lang=zh").text

    assert phrase("drops_read", "en") in page
    assert "self-service-refunds (Mei)" in page
    assert "(was Loans)" in page
    assert phrase("drops_read", "zh") in chinese


def test_without_readers_of_what_goes_there_is_no_warning(office: Office, home: Path, clock: FixedClock) -> None:
    changes = {"against": "intent/1", "added": [], "renamed": [], "dropped": [], "warnings": []}
    asked, _ = office.request()
    with reviewing(office, home, clock, find_intent_changes=lambda version, champion: changes) as browser:
        browser.sign_in("reviewer-1")
        page = browser.http.get(f"/inbox/requests/{asked.body['id']}").text

    assert phrase("no_intent_changes", "en") in page
    assert phrase("drops_read", "en") not in page
