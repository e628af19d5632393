"""How good earlier issues were, worked by hand: two queues, two days of two intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from training import forecast_track
from training.forecast_track import COLUMNS, Said

START = datetime(2026, 5, 4, tzinfo=UTC)


def quantiles(median: float, *, step: float = 1.0) -> dict[str, float]:
    """Seven quantiles, a step apart: the central 80% is median ± 2 steps, the central 95% ± 3."""
    return {name: median + step * (place - 3) for place, name in enumerate(COLUMNS)}


def said(day: int, intervals: dict[tuple[str, int], float], days: dict[str, float], **told: Any) -> Said:
    """An issue of the day: medians by (queue, hour) and by queue."""
    at = START + timedelta(days=day)
    name = f"{at:%Y-%m-%d}"
    rows = [{"queue": queue, "interval_start": at + timedelta(hours=hour), **quantiles(median)}
            for (queue, hour), median in intervals.items()]  # fmt: skip
    whole = [{"queue": queue, "interval_start": at, **quantiles(median, step=2.0)} for queue, median in days.items()]
    return Said(name, f"issue-{day}", told.pop("source", "baseline"), _table(rows), _table(whole), **told)


def came(counts: dict[tuple[str, int, int], float]) -> pa.Table:
    """What came, by (queue, day, hour)."""
    return pa.table({
        "queue": [queue for queue, _, _ in counts],
        "interval_start": pa.array([START + timedelta(days=day, hours=hour) for _, day, hour in counts],
                                   pa.timestamp("us", tz="UTC")),
        "offered_count": list(counts.values()),
    })  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([("queue", pa.string()), ("interval_start", pa.timestamp("us", tz="UTC")),
                        *((name, pa.float64()) for name in COLUMNS)])  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def of(told: dict[str, Any], queue: str) -> Any:
    return next(one for one in told["queues"] if one["queue"] == queue)


def test_figures_worked_by_hand() -> None:
    issues = [
        said(0, {("a", 9): 10.0, ("a", 10): 20.0}, {"a": 30.0}),
        said(1, {("a", 9): 12.0, ("a", 10): 20.0}, {"a": 32.0}),
    ]
    counts = came({("a", 0, 9): 12.0, ("a", 0, 10): 16.0, ("a", 1, 9): 12.0, ("a", 1, 10): 23.0})

    told = of(forecast_track.track(issues, counts, time_zone="UTC"), "a")

    # Errors 2, 4, 0, 3 of 63 contacts; days 28 against 30 and 35 against 32.
    assert told["wape"] == {"interval": pytest.approx(9 / 63, abs=1e-6), "day": pytest.approx(5 / 63, abs=1e-6)}
    # Within 2 of the median: the first and the third; within 3 also the fourth. Days: within 4, then within 6.
    assert told["inside"]["80"] == {"interval": 0.5, "day": 1.0}
    assert told["inside"]["95"] == {"interval": 0.75, "day": 1.0}
    # 9 o'clock: 2 of 24 contacts; 10 o'clock: 7 of 39.
    assert [(one["hour"], one["wape"]) for one in told["by_hour"]] == [
        (9, pytest.approx(2 / 24, abs=1e-6)), (10, pytest.approx(7 / 39, abs=1e-6)),
    ]  # fmt: skip
    # Below the median: 16 < 20; 12 equals it and counts half. Below the highest quantile (median + 3): 12, 16, 12, and
    # 23 equals it.
    by_level = {one["level"]: one["interval"] for one in told["calibration"]}
    assert (by_level[0.5], by_level[0.975]) == (pytest.approx(1.5 / 4), pytest.approx(3.5 / 4))
    assert (told["intervals"], told["days"], told["baseline"]) == (4, 2, None)


def test_pinball_is_that_of_its_definition() -> None:
    issues = [said(0, {("a", 9): 10.0}, {"a": 10.0})]

    told = of(forecast_track.track(issues, came({("a", 0, 9): 12.0}), time_zone="UTC"), "a")

    levels = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
    losses = [q * (12 - x) if x <= 12 else (1 - q) * (x - 12) for q, x in zip(levels, range(7, 14), strict=True)]
    assert told["pinball"]["interval"] == pytest.approx(np.mean(losses) / 12, abs=1e-6)


def test_queues_are_pooled_without_the_site() -> None:
    issues = [said(0, {("a", 9): 10.0, ("b", 9): 30.0, ("*", 9): 40.0}, {"a": 10.0, "b": 30.0, "*": 40.0})]
    counts = came({("a", 0, 9): 14.0, ("b", 0, 9): 26.0, ("*", 0, 9): 40.0})

    told = forecast_track.track(issues, counts, time_zone="UTC")

    assert told["overall"]["wape"]["interval"] == pytest.approx(8 / 40)
    assert of(told, "*")["wape"]["interval"] == 0.0
    assert [one["queue"] for one in told["queues"]] == ["*", "a", "b"]


def test_what_is_not_known_judges_nothing_and_a_day_that_misses_an_interval_is_not_known() -> None:
    issues = [said(0, {("a", 9): 10.0, ("a", 10): 10.0, ("b", 9): 10.0, ("*", 9): 20.0, ("*", 10): 10.0},
                   {"a": 20.0, "b": 10.0, "*": 30.0})]  # fmt: skip
    counts = came({("a", 0, 9): 10.0, ("b", 0, 9): 10.0, ("*", 0, 9): 20.0})

    told = forecast_track.track(issues, counts, time_zone="UTC")

    assert [(one["queue"], one["intervals"], one["days"]) for one in told["queues"]] == [
        ("*", 1, 0), ("a", 1, 0), ("b", 1, 1),
    ]  # fmt: skip


def test_the_site_s_interval_is_known_where_every_queue_s_is() -> None:
    issues = [said(0, {("a", 9): 10.0, ("b", 9): 10.0, ("*", 9): 20.0}, {"*": 20.0})]

    told = forecast_track.track(issues, came({("a", 0, 9): 10.0, ("*", 0, 9): 10.0}), time_zone="UTC")

    assert [one["queue"] for one in told["queues"]] == ["a"]


def test_contacts_outside_of_the_hours_that_were_told_count_for_the_day() -> None:
    issues = [said(0, {("a", 9): 10.0}, {"a": 10.0})]

    told = forecast_track.track(issues, came({("a", 0, 9): 10.0, ("a", 0, 3): 2.0}), time_zone="UTC")

    assert told["by_day"][0]["came"] == 12.0
    assert of(told, "a")["wape"] == {"interval": 0.0, "day": pytest.approx(2 / 12, abs=1e-6)}


def test_the_baseline_stands_beside_a_model_on_the_same_rows() -> None:
    usual = said(0, {("a", 9): 20.0}, {"a": 20.0})
    kept = {"baseline_intervals": usual.intervals, "baseline_days": usual.days}
    by_model = said(0, {("a", 9): 11.0}, {"a": 11.0}, source="model", **kept)
    counts = came({("a", 0, 9): 10.0, ("a", 1, 9): 10.0})

    told = of(forecast_track.track([by_model], counts, time_zone="UTC"), "a")
    without = said(1, {("a", 9): 11.0}, {"a": 11.0}, source="model")
    lacking = of(forecast_track.track([by_model, without], counts, time_zone="UTC"), "a")

    assert (told["wape"]["interval"], told["baseline"]["wape"]["interval"]) == (0.1, 1.0)
    assert told["by_hour"][0]["baseline_wape"] == 1.0
    assert (lacking["days"], lacking["baseline"]) == (2, None)


def test_hours_are_those_of_the_local_clock() -> None:
    issues = [said(0, {("a", 9): 10.0}, {"a": 10.0})]

    told = of(forecast_track.track(issues, came({("a", 0, 9): 10.0}), time_zone="Asia/Shanghai"), "a")

    assert [one["hour"] for one in told["by_hour"]] == [17]


def test_nothing_to_judge_is_told_as_nothing() -> None:
    told = forecast_track.track([], came({}), time_zone="UTC")

    assert (told["days"], told["queues"], told["by_day"]) == ([], [], [])
    assert told["overall"]["wape"] == {"interval": None, "day": None}
