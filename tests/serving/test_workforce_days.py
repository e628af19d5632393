"""The page of the forecast: days without an open interval, and the clock by which it tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
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
        opened.sign_in("planner-1")
        yield opened


@pytest.fixture
def issued(house: House) -> Path:
    return house.doors.issued_dir


def test_a_day_between_others_without_an_open_interval_is_told_to_be_closed(
    house: House, issued: Path, browser: Browser
) -> None:
    id_ = plans.issue(issued)
    for name in ("intervals", "days"):
        rows = pq.read_table(issued / id_ / f"{name}.parquet").to_pylist()
        open_ = [row for row in rows if row["interval_start"].date() != (TODAY + timedelta(days=2)).date()]
        plans.write(open_, issued / id_ / f"{name}.parquet")
    period = "queue=billing&from=2026-05-03T00:00:00Z&to=2026-05-04T00:00:00Z"

    page = words(browser.http.get("/forecast?queue=billing&day=2026-05-03"))
    with house.open() as client:
        told = [client.get(f"/v1/forecast?{period}&grain={grain}").json()["degraded"][-1]["reason"]
                for grain in ("interval", "day")]  # fmt: skip

    assert page.count(phrase("closed", "en")) == 3  # why, the day, and its row among the two weeks
    assert phrase("nothing_told", "en") not in page
    assert told == ["closed", "closed"]


def test_times_are_those_of_the_page_s_clock(issued: Path, browser: Browser) -> None:
    change = {"adjustment_id": "adjustment-7", "queue": "billing", "factor": 1.2, "kind": "campaign",
              "starts_at": "2026-05-03T16:00:00Z", "ends_at": "2026-05-04T16:00:00Z", "reason": "the mailing",
              "by": "ada"}  # fmt: skip
    plans.issue(issued, adjustments=["adjustment-7"], adjusted=[change], time_zone="Asia/Singapore")

    page = words(browser.http.get("/forecast?queue=billing"))

    assert "2026-05-04 00:00 +08 – 2026-05-05 00:00 +08: 1.2 times" in page
    assert " UTC" not in page
