"""The pages of those who plan: what is expected, what was said before, what is staffed; in two languages."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from centre.clock import FixedClock
from serving.app import create
from serving.phrases import phrase
from serving.slots import Slot
from tests.serving import plans
from tests.serving.house import House, make, promoted
from tests.serving.plans import TODAY
from tests.serving.reviewer import Browser, words
from training.subject import Scope

HOSTILE = ["<script>alert(1)</script>", "../../etc/passwd", "\x00", "x" * 5_000, "'; drop table", "%2e%2e%2f", "名"]


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


def test_tomorrow_of_the_site_is_what_a_manager_sees_first(issued: Path, browser: Browser) -> None:
    plans.look_back(issued, plans.issue(issued))

    page = browser.http.get("/forecast")

    assert page.status_code == 200
    assert "Forecast: all queues (site), Sat 05-02" in words(page)
    assert "Expected contacts 160 80% interval 128 – 192 95% interval 112 – 208 Busiest interval 16:00 · 20" in words(
        page
    )
    assert page.text.count("<svg") == 5  # the day, two weeks, said and came, error by hour, calibration
    assert "cannot be drawn" not in page.text
    assert phrase("no_handle", "en") in words(page)


def test_a_queue_has_its_handle_time(issued: Path, browser: Browser) -> None:
    plans.issue(issued)

    page = browser.http.get("/forecast?queue=billing")

    assert "Handle time 300 s" in words(page)
    assert page.text.count("<svg") == 3  # the day, its handle time, two weeks
    assert phrase("no_track", "en") in words(page)


def test_why_it_is_less_than_it_could_be_is_what_the_interface_says(house: House, issued: Path) -> None:
    champion = promoted("forecast", version="2", scope=Scope())
    house.shelf.put(Slot("forecast", promotion=champion, approved={"a" * 64: champion.scope}))
    anomalies = [{"queue": "sales", "says": "busier", "deviations": 5.2}]
    plans.issue(issued, source="model", version="2", artefact="a" * 64, adjustments=["adjustment-7"],
                anomalies=anomalies)  # fmt: skip
    with house.open() as client:
        path = "/v1/forecast?from=2026-05-02T00:00:00Z&to=2026-05-03T00:00:00Z&queue="
        told = {queue: client.get(f"{path}{queue}").json()["degraded"] for queue in ("sales", "billing")}
    with TestClient(create(house.doors)) as http:
        browser = Browser(http, house)
        browser.sign_in("engineer-1")
        pages = {queue: words(browser.http.get(f"/forecast?queue={queue}&day=2026-05-02")) for queue in told}

    assert [one["reason"] for one in told["sales"]] == ["adjusted", "strange_today"]
    assert [one["reason"] for one in told["billing"]] == ["adjusted"]
    for queue, reasons in told.items():
        for one in reasons:
            assert f"{phrase(one['reason'], 'en')} ({one['detail']})" in pages[queue]
    assert phrase("strange_today", "en") not in pages["billing"]


def test_what_planners_changed_is_told_with_its_reason_to_the_queue_it_is_about(issued: Path, browser: Browser) -> None:
    change = {"adjustment_id": "adjustment-7", "queue": "billing", "factor": 1.2, "kind": "campaign",
              "starts_at": "2026-05-04T00:00:00Z", "ends_at": "2026-05-05T00:00:00Z", "reason": "the <b>mailing",
              "by": "ada"}  # fmt: skip
    plans.issue(issued, adjustments=["adjustment-7"], adjusted=[change])

    pages = {queue: browser.http.get(f"/forecast?queue={queue}") for queue in ("billing", "sales", "*")}

    for queue, page in pages.items():
        assert ("1.2 times, campaign, the &lt;b&gt;mailing (ada)" in page.text) == (queue != "sales")


def test_a_former_model_s_issue_is_not_shown_and_says_why(issued: Path, browser: Browser) -> None:
    plans.issue(issued, source="model", version="2", artefact="a" * 64)

    page = browser.http.get("/forecast")

    assert page.status_code == 503
    assert "may not answer any more" in page.text


def test_switched_off_there_is_nothing_to_see(house: House, issued: Path, browser: Browser) -> None:
    house.shelf.put(Slot("forecast", off={"reason": "test"}))
    plans.look_back(issued, plans.issue(issued))

    page = browser.http.get("/forecast")

    assert page.status_code == 200
    assert phrase("nothing_answers", "en") in words(page)
    assert phrase("two_weeks", "en") not in words(page)
    assert "median 160" not in words(page)


def test_what_was_said_of_a_day_is_shown_newest_first_beside_what_came(issued: Path, browser: Browser) -> None:
    for ago, level in ((3, 10.0), (2, 11.0), (1, 12.0)):
        plans.issue(issued, as_of=TODAY - timedelta(days=ago, hours=6), level=level)
    plans.issue(issued, as_of=TODAY - timedelta(days=2, hours=6), level=13.0, suffix="~ab", adjustments=["one"])
    plans.look_back(issued, plans.issue(issued))

    page = words(browser.http.get("/forecast?queue=billing&day=2026-04-30"))

    rows = re.findall(r"(20260\d+T\S+) (adjusted)? ?\S+ \S+ UTC \S+ \S+ UTC baseline (\S+) \S+ – \S+ (\S+)", page)
    assert rows == [("20260429T180000Z-baseline-0", "", "96", "200"),
                    ("20260428T180000Z-baseline-0~ab", "adjusted", "104", "200"),
                    ("20260427T180000Z-baseline-0", "", "80", "200")]  # fmt: skip
    assert "Came 200" in page


def test_of_two_issues_of_one_moment_the_one_that_was_made_last_is_meant(issued: Path, browser: Browser) -> None:
    then = plans.issue(issued, as_of=TODAY - timedelta(days=2), level=10.0, suffix="~later")
    plans.issue(issued, as_of=TODAY - timedelta(days=2), level=11.0, suffix="~again")
    os.utime(issued / then / "issue.json", ns=(2**62, 2**62))
    plans.look_back(issued, plans.issue(issued))

    page = browser.http.get("/forecast?queue=billing&day=2026-04-30")

    assert f"<code>{then}</code>" in page.text


def test_an_earlier_issue_is_shown_by_its_name(issued: Path, browser: Browser) -> None:
    then = plans.issue(issued, as_of=TODAY - timedelta(days=2), level=10.0)
    plans.issue(issued)

    page = words(browser.http.get(f"/forecast?queue=billing&day=2026-05-02&issue={then}"))

    assert "Expected contacts 80 " in page
    assert then in page


def test_a_past_day_is_shown_as_the_last_issue_before_it_told_it(issued: Path, browser: Browser) -> None:
    then = plans.issue(issued, as_of=TODAY - timedelta(days=2), level=10.0)
    plans.look_back(issued, plans.issue(issued))

    page = browser.http.get("/forecast?queue=billing&day=2026-04-29")

    assert f"<code>{then}</code>" in page.text
    assert "Expected contacts 80 " in words(page)
    assert "Came 200" in words(page)


def test_today_is_the_rest_of_it_beside_what_came_so_far(issued: Path, browser: Browser) -> None:
    noon = TODAY + timedelta(hours=12)
    id_ = plans.issue(issued, as_of=noon)
    plans.look_back(issued, id_)
    table = pq.read_table(issued / id_ / "recent.parquet").to_pylist()
    today = [{**table[0], "queue": queue, "interval_start": TODAY + timedelta(hours=hour), "offered_count": 30.0}
             for queue in plans.QUEUES for hour in (9, 10, 11)]  # fmt: skip
    plans.write(table + today, issued / id_ / "recent.parquet")

    page = browser.http.get("/forecast?queue=billing&day=2026-05-01")

    assert "Rest of the day: Fri 05-01" in words(page)
    assert "Came so far 90" in words(page)
    assert "cannot be drawn" not in page.text


def test_how_good_earlier_issues_were_stands_in_a_table(issued: Path, browser: Browser) -> None:
    plans.look_back(issued, plans.issue(issued))

    page = words(browser.http.get("/forecast?queue=billing"))

    # 25 an hour came, 20 were said, by queue: a fifth; the 80% interval ends at 24, the 95% one at 26.
    assert "billing 20.0% – 20.0% – 0.0%, 0.0% 100.0%, 100.0%" in page
    assert "3 days judged" in page


@pytest.mark.parametrize(("tail", "columns"), [("grain=interval", 8), ("grain=day", 14)])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_rows_of_the_page_can_be_taken_along(
    house: House, issued: Path, browser: Browser, form: str, tail: str, columns: int
) -> None:
    plans.issue(issued)

    answer = browser.http.get(f"/forecast/rows?queue=billing&day=2026-05-02&{tail}&form={form}")

    rows: list[Any] = (
        list(csv.DictReader(io.StringIO(answer.text))) if form == "csv"
        else pq.read_table(io.BytesIO(answer.content)).to_pylist()
    )  # fmt: skip
    assert len(rows) == columns
    assert {row["queue"] for row in rows} == {"billing"}
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    links = re.findall(r'href="(/forecast/rows[^"]+)"', browser.http.get("/forecast?queue=billing").text)
    assert [browser.http.get(link.replace("&amp;", "&")).status_code for link in links] == [200] * 4


@pytest.mark.parametrize("path", ["/forecast", "/forecast/rows", "/staffing", "/staffing/rows"])
def test_before_there_is_any_it_is_said_what_to_do(browser: Browser, path: str) -> None:
    page = browser.http.get(path)

    assert page.status_code == 404
    assert ("parley issue-forecast" if "forecast" in path else "parley staff plan") in page.text


@pytest.mark.parametrize("path", ["/forecast", "/forecast/rows", "/staffing", "/staffing/rows"])
def test_without_a_session_or_a_role_nothing_is_shown(issued: Path, planned: Path, browser: Browser, path: str) -> None:
    plans.issue(issued)
    plans.plan(planned)
    browser.http.cookies.clear()
    stranger = browser.http.get(path)
    browser.sign_in("agent-1")
    agent = browser.http.get(path)

    assert (stranger.status_code, agent.status_code) == (401, 403)
    assert 'href="/sign-in"' in stranger.text


@pytest.mark.parametrize("told", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", ["queue", "day", "issue", "plan", "grain", "form", "view", "channel", "language"])
@pytest.mark.parametrize("path", ["/forecast", "/forecast/rows", "/staffing", "/staffing/rows"])
def test_hostile_words_are_refused_as_words(
    house: House, issued: Path, planned: Path, browser: Browser, path: str, name: str, told: str
) -> None:
    plans.issue(issued)
    plans.plan(planned)

    answer = browser.http.get(path, params={name: told})

    assert answer.status_code in (200, 400, 404)
    assert "<script>alert" not in answer.text
    assert str(house.doors.settings.home) not in answer.text


@pytest.mark.parametrize("day", ["2026-13-01", "0001-01-01", "9999-12-31", "tomorrow", "2026-05-01T00:00:00"])
def test_a_day_that_is_none_is_refused_with_an_example(issued: Path, browser: Browser, day: str) -> None:
    plans.issue(issued)

    page = browser.http.get(f"/forecast?day={day}")

    assert page.status_code == 400
    assert "2026-05-08" in page.text


def test_a_day_that_nobody_forecast_is_told_to_be_beyond(issued: Path, planned: Path, browser: Browser) -> None:
    plans.issue(issued)
    plans.plan(planned)

    page, plan = browser.http.get("/forecast?day=2027-01-01"), browser.http.get("/staffing?day=2027-01-01")

    assert page.status_code == 200
    assert phrase("outside_horizon", "en") in words(page)
    assert plan.status_code == 404


def test_what_lies_broken_beside_an_issue_hides_itself_alone(issued: Path, browser: Browser) -> None:
    id_ = plans.issue(issued)
    plans.look_back(issued, id_)
    (issued / id_ / "recent.parquet").write_bytes(b"no parquet")
    (issued / id_ / "track.json").write_text("{")

    page = browser.http.get("/forecast")

    assert page.status_code == 200
    assert phrase("no_track", "en") in words(page)


def test_a_table_that_is_gone_is_told_without_its_place(house: House, issued: Path, browser: Browser) -> None:
    id_ = plans.issue(issued)
    (issued / id_ / "days.parquet").unlink()

    page = browser.http.get("/forecast")

    assert page.status_code == 503
    assert str(house.doors.settings.home) not in page.text


@pytest.mark.parametrize("path", ["/forecast?queue=billing", "/staffing"])
def test_the_pages_speak_chinese_in_their_charts_too(issued: Path, planned: Path, browser: Browser, path: str) -> None:
    plans.look_back(issued, plans.issue(issued))
    plans.plan(planned)
    tail = "&lang=zh" if "?" in path else "?lang=zh"

    page = browser.http.get(path + tail)

    assert page.headers["content-language"] == "zh"
    assert phrase("forecast", "zh") in words(page)
    assert "周" in words(page)
    said = re.sub(r"\([a-z][^)]*\)", "", words(page))  # details of reasons are told in the interface's words
    for word in ("median", "came", "required", "rostered", "Queue", "probability", "share below"):
        assert word not in said, said[max(0, said.index(word) - 300) : said.index(word) + 100]


def test_pages_load_and_run_nothing(issued: Path, planned: Path, browser: Browser) -> None:
    plans.look_back(issued, plans.issue(issued))
    plans.plan(planned)

    for path in ("/forecast?queue=billing", "/staffing"):
        page = browser.http.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert not re.search(r"<script|\sstyle=|\son\w+=|https?://", page.text)


def test_the_inbox_leads_to_the_pages_and_back(issued: Path, browser: Browser) -> None:
    plans.issue(issued)

    inbox, forecast = browser.http.get("/inbox").text, browser.http.get("/forecast").text

    assert 'href="/forecast"' in inbox
    assert 'href="/staffing"' in inbox
    assert 'href="/inbox"' in forecast
    assert 'href="/forecast" aria-current="page"' in forecast


def test_where_the_pages_are_not_served_nothing_leads_to_them(house: House) -> None:
    with house.open(only=frozenset({"inbox"})) as client:
        browser = Browser(client.http, house)
        browser.sign_in("viewer-1")

        assert 'href="/forecast"' not in browser.http.get("/inbox").text
        assert browser.http.get("/forecast").status_code == 404


def test_a_planner_s_first_page_is_the_forecast_and_nothing_leads_to_the_inbox(
    issued: Path, house: House, browser: Browser
) -> None:
    plans.issue(issued)
    browser.sign_in("planner-1")

    page = browser.http.get("/")

    assert page.url.path == "/forecast"
    assert page.status_code == 200
    assert 'href="/inbox' not in page.text
    assert browser.http.get("/inbox").status_code == 403


def test_who_reads_the_inbox_begins_there(browser: Browser) -> None:
    assert browser.http.get("/").url.path == "/inbox"
