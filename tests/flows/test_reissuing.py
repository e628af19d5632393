"""The rest of the day is issued anew at each interval's end, with what came by then; a failure is tried again."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from centre.clock import FixedClock
from data_contracts.arrow import table
from data_contracts.errors import UnavailableError
from flows import issuing, reissuing
from flows.compose import Workspace, workspace
from serving.issued import Issued
from tests.features.centre import START, common

OPEN = range(9, 17)


def counted(days: range, hours: range = OPEN) -> dict[str, pa.Table]:
    """A half hour counted in each open hour."""
    starts = [START + timedelta(days=day, hours=hour) for day in days for hour in hours]
    rows = [
        {"interval_start": at, "interval_s": 1800, "queue": "q", "offered_count": 40.0}
        | common(at, at + timedelta(minutes=30)) for at in starts
    ]  # fmt: skip
    return {"volumes": table("volumes", rows)}


class Arriving:
    """Brings a further hour of the day into the archive each time, until none is left."""

    def __init__(self, hours: list[int]) -> None:
        self._hours = hours
        self._batch = 1

    def __call__(self, place: Workspace) -> None:
        if self._hours:
            hour = self._hours.pop(0)
            self._batch += 1
            tables = counted(range(42, 43), range(hour, hour + 1))
            place.archive.write(self._batch, tables, recorded_on=START.date(), log_upto=0)


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    place = workspace(home, clock=clock)
    place.archive.write(1, counted(range(42)), recorded_on=START.date(), log_upto=0)
    return place


def test_each_interval_what_came_is_issued_and_a_quiet_one_leaves_the_issue_as_it_is(place: Workspace) -> None:
    waits: list[float] = []
    turns = reissuing.every_interval(place, take_in=Arriving([9, 10]), issue=issuing.issue, wait=waits.append)
    first, second, third = islice(turns, 3)

    assert first["as_of"] < second["as_of"]
    assert third == {"unchanged": second["issue_id"]}
    current = Issued(place.settings.issued_dir).current()
    assert current is not None
    assert current.about["issue_id"] == second["issue_id"]
    assert waits == [reissuing.seconds_left(place)] * 2


def test_it_waits_until_the_running_interval_has_ended(place: Workspace, clock: FixedClock) -> None:
    left = reissuing.seconds_left(place)
    clock.advance(timedelta(seconds=left))
    assert clock.now().timestamp() % 1800 == pytest.approx(reissuing.LATER_S)
    assert 0 < left <= 1800 + reissuing.LATER_S


def test_a_failure_is_told_and_the_next_interval_tries_again(place: Workspace) -> None:
    calls: list[str] = []

    def issue(place: Workspace, **asked: Any) -> dict[str, Any]:
        calls.append("issue")
        if len(calls) == 1:
            raise UnavailableError("the disk is full", expected="room", came="none")
        return issuing.issue(place, **asked)

    turns = reissuing.every_interval(place, take_in=Arriving([9]), issue=issue, wait=lambda seconds: None)
    failed, issued = islice(turns, 2)

    assert "the disk is full" in failed["failed"]
    assert issued["issue_id"]
