"""The reviewer's inbox: signed in by a link, shut against other sites, four eyes kept, in two languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from centre.clock import FixedClock
from centre.credentials import fingerprint, hashed
from centre.people import Person
from serving.app import create
from serving.phrases import PHRASES, phrase, preferred
from tests.serving.house import Office
from tests.serving.reviewer import Browser, hidden, reviewing
from training import promotion
from training.history import MemoryHistory
from training.registry import MemoryRegistry

ENGINEER = Person("erin", frozenset({"engineer"}))
TEMPLATES = Path(__file__).resolve().parents[2] / "serving" / "templates"


@pytest.fixture
def office(tmp_path: Path, clock: FixedClock) -> Office:
    return Office(MemoryHistory(), MemoryRegistry(tmp_path / "registry"), clock, tmp_path)


@pytest.fixture
def browser(office: Office, home: Path, clock: FixedClock) -> Iterator[Browser]:
    with reviewing(office, home, clock) as opened:
        yield opened


def test_an_invitation_signs_in_and_shows_one_s_own_token_once(browser: Browser) -> None:
    people, clock = browser.house.doors.people, browser.house.doors.clock
    code = people.admit("grace", roles=["reviewer"], by="reviewer-1", clock=clock)

    page = browser.http.get(f"/signin?code={code}")
    again = browser.http.get(f"/signin?code={code}")

    token = re.search(r"<code>([\w-]{43})</code>", page.text)
    assert token is not None
    assert people.authenticate(token.group(1)) == Person("grace", frozenset({"reviewer"}))
    assert browser.http.get("/inbox").status_code == 200
    assert again.status_code == 401


def test_a_sign_in_link_shows_no_token(browser: Browser) -> None:
    assert "<code>" not in browser.sign_in("reviewer-1").text


@pytest.mark.parametrize("length", [1, 300, 5_000])
def test_a_code_that_is_none_is_refused_alike_whatever_its_length(browser: Browser, length: int) -> None:
    assert browser.http.get(f"/signin?code={'x' * length}").status_code == 401


def test_who_was_let_in_for_it_sees_no_form_and_cannot_approve(browser: Browser, office: Office) -> None:
    people, clock = browser.house.doors.people, browser.house.doors.clock
    people.add("mallory", roles=["reviewer"], by="erin", clock=clock)
    asked = office.request()[0].body
    path = f"/inbox/requests/{asked['id']}"
    browser.sign_in("mallory")

    page = browser.http.get(path).text
    fields = {"token": hidden(page, "token"), "subject": asked["digest"]}
    refused = browser.http.post(f"{path}/approve", data=fields)
    browser.sign_in("reviewer-1")
    done = browser.decide(asked["id"], "approve")

    assert f"{path}/approve" not in page
    assert refused.status_code == 403
    assert "let in for it" in refused.text
    assert done.status_code == 200
    assert browser.house.acted == [asked["id"]]


def test_a_one_time_link_signs_in_once(browser: Browser) -> None:
    code = browser.house.doors.people.invite("reviewer-1", clock=browser.house.doors.clock)

    first = browser.http.get(f"/sign-in?code={code}")
    inbox = browser.http.get("/inbox")
    browser.http.cookies.clear()
    second = browser.http.get(f"/signin?code={code}")

    assert first.status_code == 200
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert inbox.status_code == 200
    assert second.status_code == 401
    assert "set-cookie" not in second.headers


def test_a_browser_that_only_looks_ahead_spends_no_code(browser: Browser) -> None:
    code = browser.house.doors.people.invite("reviewer-1", clock=browser.house.doors.clock)
    browser.http.get(f"/sign-in?code={code}", headers={"sec-purpose": "prefetch;prerender"})

    assert "set-cookie" in browser.http.get(f"/sign-in?code={code}").headers


def test_over_https_the_cookie_is_for_https_only(browser: Browser) -> None:
    code = browser.house.doors.people.invite("reviewer-1", clock=browser.house.doors.clock)

    answer = browser.http.get(f"https://testserver/sign-in?code={code}")

    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("path", ["/inbox", "/inbox/history", "/inbox/requests/x", "/inbox/reports/intent/1"])
def test_without_a_session_there_is_only_the_way_to_sign_in(browser: Browser, path: str) -> None:
    answer = browser.http.get(path)

    assert answer.status_code == 401
    assert 'href="/sign-in"' in answer.text


def test_a_session_ends_by_signing_out_and_by_time(browser: Browser, clock: FixedClock) -> None:
    browser.sign_in("reviewer-1")
    token = hidden(browser.http.get("/inbox").text, "token")
    session = browser.http.cookies["parley_session"]
    browser.http.post("/sign-out", data={"token": token})
    browser.http.cookies.set("parley_session", session)
    after_sign_out = browser.http.get("/inbox").status_code
    browser.http.cookies.clear()
    browser.sign_in("reviewer-1")
    clock.advance(timedelta(hours=13))

    assert after_sign_out == 401
    assert browser.http.get("/inbox").status_code == 401


@pytest.mark.parametrize(("name", "status"), [("viewer-1", 200), ("engineer-1", 200), ("agent-1", 403)])
def test_who_may_read_reads(browser: Browser, name: str, status: int) -> None:
    browser.sign_in(name)

    assert browser.http.get("/inbox").status_code == status


def test_the_evidence_is_shown_as_tables_with_the_report_shut_in(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")

    page = browser.http.get(f"/inbox/requests/{asked.body['id']}")
    report = browser.http.get("/inbox/reports/intent/1")

    assert "beats the baseline" in page.text
    assert "language = zh" in page.text
    assert "measured on one bank" in page.text
    assert asked.body["digest"] in page.text
    assert "<iframe sandbox" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert report.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_reviewer_approves_and_the_promotion_is_set_off(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")

    answer = browser.decide(asked.body["id"], "approve", comment="looks right")

    assert answer.status_code == 200
    entry = office.history.entries()[-1]
    assert (entry.kind, entry.actor, entry.body["comment"]) == ("promotion.approved", "reviewer-1", "looks right")
    token = browser.house.tokens["reviewer"]
    assert entry.body["credential"] == fingerprint(hashed(token))
    assert token not in str(entry.body)
    assert browser.http.cookies["parley_session"] not in str(entry.body)
    assert browser.house.acted == [asked.body["id"]]
    assert phrase("going_live", "en") in answer.text


def test_a_promotion_that_cannot_be_set_off_is_told(browser: Browser, office: Office) -> None:
    asked, _ = office.request()

    def fail(request_id: str) -> None:
        raise OSError("no more processes")

    with TestClient(create(replace(browser.house.doors, act_on_approval=fail))) as http:
        other = Browser(http, browser.house)
        other.sign_in("reviewer-1")
        answer = other.decide(asked.body["id"], "approve")

    assert phrase("act_failed", "en") in answer.text
    assert promotion.standing(office.history).request(asked.body["id"]).state == "approved"


def test_a_reviewer_rejects_with_a_reason_and_never_without(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")

    without = browser.decide(asked.body["id"], "reject", comment="  ")
    with_reason = browser.decide(asked.body["id"], "reject", comment="too few Chinese rows")

    assert without.status_code in (400, 409)
    assert with_reason.status_code == 200
    assert promotion.standing(office.history).request(asked.body["id"]).why == "too few Chinese rows"
    assert browser.house.acted == []


def test_who_asked_may_not_approve_and_sees_no_button(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("erin")
    page = browser.http.get(f"/inbox/requests/{asked.body['id']}").text
    fields = {"token": hidden(page, "token"), "subject": asked.body["digest"]}

    answer = browser.http.post(f"/inbox/requests/{asked.body['id']}/approve", data=fields)

    assert "formaction" not in page
    assert answer.status_code == 403
    assert promotion.standing(office.history).request(asked.body["id"]).state == "requested"


def test_an_engineer_may_not_decide(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("engineer-1")

    assert browser.decide(asked.body["id"], "approve", subject=asked.body["digest"]).status_code == 403


@pytest.mark.parametrize("changes", [{"token": ""}, {"token": "0" * 64}, {"token": "é" * 64}])
def test_a_form_of_another_session_decides_nothing(browser: Browser, office: Office, changes: dict[str, str]) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")

    answer = browser.decide(asked.body["id"], "approve", **changes)

    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert browser.house.acted == []


def test_a_form_from_another_site_decides_nothing(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")
    page = browser.http.get(f"/inbox/requests/{asked.body['id']}").text
    fields = {"token": hidden(page, "token"), "subject": hidden(page, "subject")}

    answer = browser.http.post(
        f"/inbox/requests/{asked.body['id']}/approve", data=fields, headers={"sec-fetch-site": "cross-site"}
    )

    assert answer.status_code == 403


def test_what_is_signed_is_what_was_shown(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")

    assert browser.decide(asked.body["id"], "approve", subject="0" * 64).status_code == 409


def test_another_report_than_was_asked_with_is_not_shown(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    path = office.folder / "made-1" / "report" / "report.json"
    path.write_text(path.read_text().replace("measured on one bank", "measured on ten banks"))
    browser.sign_in("reviewer-1")

    page = browser.http.get(f"/inbox/requests/{asked.body['id']}").text

    assert "ten banks" not in page
    assert phrase("no_report", "en") in page


def test_what_people_wrote_is_shown_as_text(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")
    browser.decide(asked.body["id"], "reject", comment="<script>alert(1)</script>")

    for path in ("/inbox", "/inbox/history", f"/inbox/requests/{asked.body['id']}"):
        assert "<script" not in browser.http.get(path).text


def test_the_history_is_paged_latest_first(browser: Browser, office: Office) -> None:
    for n in range(60):
        promotion.switch(office.history, "intent", n % 2 == 1, person=ENGINEER, reason=f"test {n}", clock=office.clock)
    browser.sign_in("viewer-1")

    page = browser.http.get("/inbox/history").text
    older = browser.http.get("/inbox/history?before=11").text

    assert page.index("test 59") < page.index("test 58")
    assert 'href="/inbox/history?before=11"' in page
    assert "test 0" in older
    assert browser.http.get("/inbox/history?before=x").status_code == 400


@pytest.mark.parametrize("path", ["/inbox/reports/intent/..%2Fx", "/inbox/reports/weather/1", "/inbox/requests/no"])
def test_what_is_not_there_is_not_found(browser: Browser, path: str) -> None:
    browser.sign_in("reviewer-1")

    assert browser.http.get(path).status_code == 404


def test_pages_speak_the_reader_s_language(browser: Browser, office: Office) -> None:
    asked, _ = office.request()
    browser.sign_in("reviewer-1")
    path = f"/inbox/requests/{asked.body['id']}"

    by_header = browser.http.get(path, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"})
    chosen = browser.http.get(path + "?lang=zh")
    kept = browser.http.get(path, headers={"accept-language": "en"})

    for answer in (by_header, chosen, kept):
        assert answer.headers["content-language"] == "zh"
        assert phrase("approve", "zh") in answer.text
        assert phrase("approve", "en") not in re.sub(r"<[^>]+>", "", answer.text)


def test_the_sign_in_code_is_in_no_link(browser: Browser) -> None:
    assert "secret-code" not in browser.http.get("/sign-in?code=secret-code&lang=zh").text


@pytest.mark.parametrize(
    ("accept", "language"),
    [("", "en"), ("zh", "zh"), ("de,zh-TW;q=0.8", "zh"), ("en;q=0.4,zh;q=0.5", "zh"), ("zh;q=0", "en"), ("x;q=", "en")],
)
def test_accept_language_is_read_by_its_weights(accept: str, language: str) -> None:
    assert preferred(accept) == language


def test_every_phrase_of_the_pages_is_there_in_both_languages() -> None:
    said = {name for path in TEMPLATES.glob("*.html") for name in re.findall(r'\bt\("(\w+)"\)', path.read_text())}

    assert said - PHRASES.keys() == set()
    assert [name for name, told in PHRASES.items() if len(told) != 2 or not all(told)] == []
