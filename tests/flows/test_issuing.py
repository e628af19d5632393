"""What is issued for serving to read: the champion's table, and the baseline's beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from centre.clock import FixedClock
from data_contracts.arrow import table
from flows import issuing
from flows.compose import Workspace, workspace
from serving.issued import Issued
from tests.features.centre import common
from tests.serving.house import promoted
from training.standing import Standing

START, DAYS = datetime(2026, 3, 2, tzinfo=UTC), 42
OPEN_HOURS = range(9, 17)


@pytest.fixture
def counted(home: Path, clock: FixedClock) -> Workspace:
    """A workspace that knows six weeks of one queue, a half-hour counted in each open hour."""
    place = workspace(home, clock=clock)
    starts = [START + timedelta(days=day, hours=hour) for day in range(DAYS) for hour in OPEN_HOURS]
    volumes = [
        {"interval_start": at, "interval_s": 1800, "queue": "q", "offered_count": at.hour * 5 + at.day}
        | common(at, at + timedelta(minutes=30))
        for at in starts
    ]
    place.archive.write(1, {"volumes": table("volumes", volumes)}, recorded_on=START.date(), log_upto=0)
    return place


def test_beside_a_models_table_the_baselines_is_issued(counted: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    params = issuing.running_params(counted)
    monkeypatch.setattr(counted, "standing", lambda: Standing(champions={"forecast": promoted("forecast")}))
    monkeypatch.setattr(issuing, "params_of", lambda place, version: params)
    usual = issuing._by_baseline
    more = lambda place, design: {name: told + 1000.0 for name, told in usual(design, params).items()}  # noqa: E731
    monkeypatch.setattr(issuing, "_by_model", more)

    issuing.issue(counted, as_of=issuing.default_as_of(counted))

    issue = Issued(counted.settings.issued_dir).current()
    assert issue is not None
    assert (issue.about["source"], issue.by_baseline().about["source"]) == ("model", "baseline")
    assert issue.by_queue["q"]
    for queue, rows in issue.by_baseline().by_queue.items():
        assert [row["offered_q500"] for row in issue.by_queue[queue]] == [row["offered_q500"] + 1000.0 for row in rows]
