"""The weeks ahead in a report, and how honest the intervals are by distance, queue and hour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_contracts.errors import StateConflict
from tests.training import learned
from training import forecast
from training.report import Report

PARAMS = learned.params(forecast={"horizon_days": 56})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    data = learned.write_intervals(tmp_path_factory.mktemp("intervals"), days=100, queues=("calls", "mails"))
    to = tmp_path_factory.mktemp("model")
    forecast.fit(data, params=PARAMS.forecast, seed=learned.SEED, threads=1, to=to)
    return forecast.judge(data, candidate=to, champion=None, params=PARAMS, seed=learned.SEED, threads=1)


def _table(report: Report, dimension: str) -> dict[str, list[str]]:
    rows = next(one for one in report.charts if one.title == "What the intervals hold").data["rows"]
    return {row[1]: row[2:] for row in rows if row[0] == dimension}


def test_the_weeks_ahead_stand_beside_what_planners_would_say(report: Report) -> None:
    chart = next(one for one in report.charts if one.title == "WAPE by days ahead")
    ours, theirs = (one["y"] for one in chart.data["series"])
    assert len(ours) == 10  # so many days were judged
    # The level rises, and a median of six weeks is late for it.
    assert np.mean(ours) < np.mean(theirs)


def test_coverage_is_told_by_distance_queue_and_hour(report: Report) -> None:
    assert set(_table(report, "queue")) == {"calls", "mails"}
    assert set(_table(report, "hour")) == {f"{hour:02d}" for hour in range(8, 18)}
    ahead = _table(report, "days ahead")
    assert {name: row[0] for name, row in ahead.items()} == {"1 day": "40", "2 to 7 days": "160", "8 to 28 days": "60"}
    by_hour = [float(row[1].rstrip("%")) for row in _table(report, "hour").values()]
    assert np.mean(by_hour) == pytest.approx(80.0, abs=10.0)


def test_a_poisson_interval_is_shown_to_hold_too_little(report: Report) -> None:
    found = {one.name: one.value for one in report.metrics}
    assert found["coverage_80_poisson"] < found["coverage_80"]


def test_errors_by_days_ahead_are_drawn(report: Report) -> None:
    chart = next(one for one in report.charts if one.title == "WAPE by days ahead")
    assert [one["name"] for one in chart.data["series"]] == ["candidate", "baseline"]
    assert chart.data["series"][0]["x"][0] == 1.0


def test_a_model_that_reads_what_is_no_longer_built_is_no_champion(tmp_path: Path) -> None:
    data = learned.write_intervals(tmp_path / "data", days=84)
    to = tmp_path / "model"
    forecast.fit(data, params=PARAMS.forecast, seed=learned.SEED, threads=1, to=to)
    old = tmp_path / "old"
    old.mkdir()
    for path in to.iterdir():
        (old / path.name).write_bytes(path.read_bytes().replace(b"drift_20d", b"level_28d"))
    with pytest.raises(StateConflict, match="level_28d"):
        forecast.judge(data, candidate=to, champion=old, params=PARAMS, seed=learned.SEED, threads=1)
