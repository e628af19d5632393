"""The page of the forecast, of what of a queue comes by a channel and in a language."""

from __future__ import annotations

import csv
import io
import re
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

CHOICES = ('<select name="channel">', '<select name="language">')


@pytest.fixture
def house(home: Path, clock: FixedClock) -> House:
    return make(home, clock)


@pytest.fixture
def issued(house: House) -> Path:
    """An issue that tells billing apart, and what came before it."""
    folder = house.doors.issued_dir
    id_ = plans.issue(folder)
    plans.look_back(folder, id_)
    plans.tell_apart(folder, id_)
    return folder


@pytest.fixture
def browser(house: House, issued: Path) -> Iterator[Browser]:
    with TestClient(create(house.doors), raise_server_exceptions=False) as http:
        opened = Browser(http, house)
        opened.sign_in("viewer-1")
        yield opened


def links(page: str, path: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(rf'href="({path}\?[^"]+)"', page)]


def test_a_channel_of_a_queue_is_chosen_beside_it(browser: Browser) -> None:
    page = browser.http.get("/forecast?queue=billing&channel=voice")

    assert "Forecast: billing, voice, Sat 05-02" in words(page)
    assert "Expected contacts 120 " in words(page)  # three quarters of 160
    assert '<option value="voice" selected>voice</option>' in page.text
    assert '<option value="und">untold</option>' in page.text
    assert "cannot be drawn" not in page.text


def test_what_was_chosen_is_kept_by_every_link_and_download(browser: Browser) -> None:
    page = browser.http.get("/forecast?queue=billing&channel=voice&language=zh")

    kept = [*links(page.text, "/forecast"), *links(page.text, "/forecast/rows")]
    assert len(kept) > 10
    assert all("channel=voice&language=zh" in link for link in kept)
    for link in links(page.text, "/forecast/rows"):
        assert browser.http.get(link).status_code == 200


def test_rows_that_are_taken_along_say_which_part_they_are(browser: Browser) -> None:
    tail = "/forecast/rows?queue=billing&day=2026-05-02&grain=day"

    part, whole = (
        list(csv.DictReader(io.StringIO(browser.http.get(tail + more).text))) for more in ("&channel=chat", "")
    )

    assert (part[0]["queue"], part[0]["channel"], part[0]["offered_mean"]) == ("billing", "chat", "40.0")
    assert "language" not in part[0]
    assert "channel" not in whole[0]


def test_what_came_is_not_shown_beside_a_part_as_it_is_counted_by_queue(issued: Path, browser: Browser) -> None:
    plans.tell_apart(issued, plans.issue(issued, as_of=TODAY - timedelta(days=2), current=False))

    whole, part = (
        words(browser.http.get(f"/forecast?queue=billing&day=2026-04-30{more}")) for more in ("", "&language=zh")
    )

    assert "Came 200" in whole
    assert "Expected contacts 120 " in part
    assert "Came 200" not in part
    assert phrase("came_by_queue", "en") in part
    assert phrase("came_by_queue", "en") not in whole


def test_where_an_issue_tells_no_parts_there_is_nothing_to_choose(issued: Path, browser: Browser) -> None:
    told = {queue: browser.http.get(f"/forecast?queue={queue}").text for queue in ("billing", "*", "sales")}
    plans.issue(issued, suffix="~without")
    without = browser.http.get("/forecast?queue=billing").text

    for choice in CHOICES:
        assert {queue: choice in page for queue, page in told.items()} == {"billing": True, "*": True, "sales": False}
        assert choice not in without


def test_a_part_that_a_queue_lacks_is_refused_with_those_it_has(browser: Browser) -> None:
    page = browser.http.get("/forecast?queue=billing&channel=voice&language=und")

    assert page.status_code == 404
    assert "chat/und, voice/zh" in words(page)


def test_channels_are_named_in_chinese(browser: Browser) -> None:
    page = words(browser.http.get("/forecast?queue=billing&channel=voice&lang=zh"))

    assert "billing, 语音" in page
    assert phrase("came_by_queue", "zh") in page
