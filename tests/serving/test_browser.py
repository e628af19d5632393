"""A reviewer's way in a real browser: link, evidence, approve; the cookie, the headers and the sandbox hold there."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from centre.clock import FixedClock
from serving import main
from serving.phrases import phrase
from tests.serving import browsing, plans
from tests.serving.house import House, Office, make
from training import promotion
from training.history import MemoryHistory
from training.registry import MemoryRegistry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not browsing.is_there(), reason="no browser: install chromium and chromium-driver"),
]


@pytest.fixture
def office(tmp_path: Path, clock: FixedClock) -> Office:
    return Office(MemoryHistory(), MemoryRegistry(tmp_path / "registry"), clock, tmp_path)


@pytest.fixture
def house(office: Office, home: Path, clock: FixedClock) -> House:
    def find(family: str, version: str) -> Path | None:
        return office.folder / f"made-{version}" / "report"

    return make(home, clock, history=office.history, find_report=find)


@pytest.fixture
def address(house: House) -> Iterator[str]:
    told: list[str] = []
    server = main.server(replace(house.doors), on_ready=told.append)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    until = time.monotonic() + 10
    while not told and time.monotonic() < until:
        time.sleep(0.02)
    yield told[0]
    server.should_exit = True
    thread.join(15)


def test_a_reviewer_signs_in_reads_and_approves(house: House, office: Office, address: str, tmp_path: Path) -> None:
    asked, _ = office.request()
    link = f"{address}/sign-in?code={house.doors.people.invite('reviewer-1', clock=house.doors.clock)}"
    with browsing.window(tmp_path) as browser:
        browser.open(link)
        browser.wait_for("intent/1")
        scripts_see = browser.run("return document.cookie")
        browser.click(".card a.button")
        browser.wait_for("beats the baseline")
        browser.click("details.report summary")
        framed = browser.run(
            "const f = document.querySelector('iframe'); try { return f.contentDocument ? 'open' : 'shut' }"
            " catch (error) { return 'shut' }"
        )
        browser.write("#comment", "measured well")
        browser.click("button.good")
        browser.wait_for(phrase("approved", "en"))
        url = browser.url

    assert "parley_session" not in scripts_see
    assert framed == "shut"
    assert url.startswith(address)
    assert house.acted == [asked.body["id"]]
    told = promotion.standing(office.history).request(asked.body["id"])
    assert (told.state, told.decided_by, told.comment) == ("approved", "reviewer-1", "measured well")


def test_a_reviewer_who_reads_chinese_rejects_in_chinese(
    house: House, office: Office, address: str, tmp_path: Path
) -> None:
    asked, _ = office.request()
    code = house.doors.people.invite("reviewer-1", clock=house.doors.clock)
    with browsing.window(tmp_path, language="zh-CN") as browser:
        browser.open(f"{address}/inbox/requests/{asked.body['id']}")
        browser.wait_for(phrase("sign_in", "zh"))
        browser.click("main a.button")
        browser.write("#code", code)
        browser.click("main button")
        browser.wait_for("intent/1")
        browser.open(f"{address}/inbox/requests/{asked.body['id']}")
        browser.write("#comment", "中文样本太少")
        browser.click("button.bad")
        browser.wait_for(phrase("is_rejected", "zh"))

    assert promotion.standing(office.history).request(asked.body["id"]).why == "中文样本太少"


def test_a_manager_reads_tomorrow_on_a_phone_and_finds_the_queue(house: House, address: str, tmp_path: Path) -> None:
    plans.look_back(house.doors.issued_dir, plans.issue(house.doors.issued_dir))
    assert house.doors.staffing_dir is not None
    plans.plan(house.doors.staffing_dir)
    code = house.doors.people.invite("viewer-1", clock=house.doors.clock)
    fits = "return document.documentElement.scrollWidth <= window.innerWidth"
    with browsing.window(tmp_path) as browser:
        browser.picture(tmp_path / "phone.png", width=420)
        browser.open(f"{address}/sign-in?code={code}")
        browser.wait_for(phrase("answering", "en"))
        browser.click("nav a[href='/forecast']")
        browser.wait_for("all queues (site), Sat 05-02")
        browser.click("select[name=queue] option[value=billing]")
        browser.click("form.choose button")
        browser.wait_for("Forecast: billing, Sat 05-02")
        drawn = browser.run("return document.querySelectorAll('.chart svg path').length")
        fitting = [browser.run(fits)]
        browser.click("nav a[href='/staffing']")
        browser.wait_for(phrase("not_for_viewers", "en"))
        fitting.append(browser.run(fits))

    assert drawn > 10
    assert fitting == [True, True]
