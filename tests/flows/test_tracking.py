"""What lies beside an issue: what came lately, and how the earlier issues did."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from centre.clock import FixedClock
from data_contracts.arrow import table
from flows import issuing
from flows.compose import Workspace, workspace
from flows.outputs import read_table
from tests.features.centre import common

START, DAYS = datetime(2026, 3, 2, tzinfo=UTC), 42
OPEN_HOURS = range(9, 17)


@pytest.fixture
def counted(home: Path, clock: FixedClock) -> Workspace:
    """Six weeks of two queues: the same count in each open half-hour of a queue, and five more on the last day."""
    place = workspace(home, clock=clock)
    volumes = [
        {"interval_start": at, "interval_s": 1800, "queue": queue, "offered_count": count + (5 if last else 0)}
        | common(at, at + timedelta(minutes=30))
        for day in range(DAYS) for hour in OPEN_HOURS for queue, count in (("a", 20), ("b", 40))
        for at, last in [(START + timedelta(days=day, hours=hour), day == DAYS - 1)]
    ]  # fmt: skip
    place.archive.write(1, {"volumes": table("volumes", volumes)}, recorded_on=START.date(), log_upto=0)
    return place


def beside(place: Workspace, told: dict[str, Any]) -> tuple[Any, Any]:
    folder = place.settings.issued_dir
    return read_table(folder / told["recent_table"]), json.loads((folder / told["track"]).read_text("utf-8"))


def test_an_issue_keeps_what_came_in_the_last_four_weeks_and_the_sum_over_queues(counted: Workspace) -> None:
    as_of = issuing.default_as_of(counted)

    recent, _ = beside(counted, issuing.issue(counted, as_of=as_of))

    assert recent.column_names == ["queue", "interval_start", "interval_s", "offered_count"]
    days = {start.date() for start in recent["interval_start"].to_pylist()}
    assert (min(days), max(days)) == (as_of.date() - timedelta(days=28), as_of.date())
    site = recent.filter(pc.equal(recent["queue"], "*"))
    assert site["offered_count"].to_pylist()[0] == 60.0
    assert site["offered_count"].to_pylist()[-1] == 70.0


def test_a_day_is_judged_by_the_last_issue_before_it_began(counted: Workspace) -> None:
    last = (START + timedelta(days=DAYS - 1)).date()
    midnight = datetime.combine(last, datetime.min.time(), tzinfo=UTC)
    before = issuing.issue(counted, as_of=midnight - timedelta(hours=5))
    at_midnight = issuing.issue(counted, as_of=midnight)
    issuing.issue(counted, as_of=midnight + timedelta(hours=10))  # knows some of the day

    _, track = beside(counted, issuing.issue(counted, as_of=midnight + timedelta(days=1)))

    named = {(one["day"], one["queue"]): one for one in track["by_day"]}
    assert track["days"] == [last.isoformat()]
    assert before["issue_id"] != at_midnight["issue_id"]
    assert named[last.isoformat(), "a"]["issue_id"] == at_midnight["issue_id"]
    # Said 20 an open half-hour, 25 came: 5 of 25.
    assert named[last.isoformat(), "a"]["wape"] == pytest.approx(0.2)
    assert named[last.isoformat(), "*"]["came"] == 8 * 70


def test_what_planners_changed_is_not_judged_here(counted: Workspace) -> None:
    midnight = START + timedelta(days=DAYS - 1)
    told = issuing.issue(counted, as_of=midnight)
    changed = counted.settings.issued_dir / f"{told['issue_id']}~abcd"
    changed.mkdir()
    (changed / "issue.json").write_text(json.dumps({**told, "issue_id": changed.name}), encoding="utf-8")

    _, track = beside(counted, issuing.issue(counted, as_of=midnight + timedelta(days=1)))

    assert {one["issue_id"] for one in track["by_day"]} == {told["issue_id"]}


def test_an_earlier_issue_that_cannot_be_read_is_named_and_stops_nothing(counted: Workspace) -> None:
    midnight = START + timedelta(days=DAYS - 1)
    broken = issuing.issue(counted, as_of=midnight)
    (counted.settings.issued_dir / broken["table"]).write_bytes(b"no parquet")

    _, track = beside(counted, issuing.issue(counted, as_of=midnight + timedelta(days=1)))

    assert (track["unreadable"], track["days"]) == ([broken["issue_id"]], [])
