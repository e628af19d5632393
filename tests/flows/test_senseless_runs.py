"""A run that nobody can have meant is refused at the door, and nothing of it is written down."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from data_contracts.errors import CannotBeMeant
from flows import asking, launching, receiving, runs
from flows.compose import Workspace, workspace

ASKED = {"family": "forecast", "reason": "why not", "requester": "ada"}


@pytest.fixture
def place(home: Path, clock: FixedClock, tmp_path: Path) -> Workspace:
    """A workspace that knows of two half hours of 1999: of the first from 09:30 on."""
    from centre.compaction import compact

    place = workspace(home, clock=clock)
    path = tmp_path / "counts.csv"
    path.write_text("interval_start,queue,offered_count\n1999-03-02T09:00:00Z,q,3\n1999-03-02T09:30:00Z,q,4\n")
    (opened,) = receiving.open_files(place, "volume-csv", [path], source=None, time_zone=None)
    receiving.take(place, opened)
    compact(place.log, place.archive, clock=clock, quarantine=place.settings.quarantine_dir)
    return place


@pytest.mark.parametrize(
    "told",
    [
        {"as_of": "yesterday"},
        {"as_of": "1999-03-02T09:29:59Z"},
        {"as_of": "2026-05-01T00:00:01Z"},
        {"as_of": "0001-01-01T00:00:00+05:00"},
        {"set": ("nope",)},
        {"set": ("intent.nope=1",)},
        {"set": ("intent.max_rows=abc",)},
        {"set": ("intent.max_rows=-5",)},
        {"set": ("intent.max_rows=[",)},
        {"set": ("gates.nope=1",)},
        {"set": ("gates.intent.nope=1",)},
        {"seed": -1},
        {"seed": 2**31},
    ],
    ids=str,
)
def test_what_nobody_can_have_meant_is_refused_before_a_run_is_written_down(
    place: Workspace, told: dict[str, Any]
) -> None:
    with pytest.raises(CannotBeMeant) as refused:
        launching.asked_run(place, {**ASKED, **told})

    assert refused.value.expected
    assert (refused.value.exit_code, refused.value.http_status) == (2, 422)
    assert runs.all_runs(place.settings) == []
    assert not place.settings.runs_dir.exists()


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"as_of": "1999-03-02T09:30:00Z"},
        {"as_of": "2026-05-01T00:00:00Z"},
        {"set": ("intent.max_rows=1",)},
        {"set": ("gates.intent.slice_rows=50",)},
        {"seed": 0},
        {"seed": 2**31 - 1},
    ],
    ids=str,
)
def test_what_lies_just_within_is_written_down(place: Workspace, told: dict[str, Any]) -> None:
    run = launching.asked_run(place, {**ASKED, **told})

    assert runs.load(place.settings, run.run_id).state == "queued"


def test_a_time_of_an_empty_workspace_is_judged_by_the_clock_alone(home: Path, clock: FixedClock) -> None:
    place = workspace(home, clock=clock)

    assert asking.as_of_given(place, "1980-01-01", ["intent"]) == datetime(1980, 1, 1, tzinfo=UTC)
    with pytest.raises(CannotBeMeant, match="to come"):
        launching.asked_run(place, {**ASKED, "as_of": "2027-01-01"})
