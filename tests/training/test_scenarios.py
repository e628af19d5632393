"""Futures that add up: against sums worked by hand, and against distributions whose sums are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import forecast as features
from tests.training import learned
from training import aggregates, baselines, forecast, loaders, origins, scenarios
from training.params import ForecastParams
from training.scenarios import Told

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
SCORES = np.asarray([NormalDist().inv_cdf(level) for level in LEVELS])


def normal(mean: float, deviation: float, rows: int) -> Any:
    return np.tile(mean + deviation * SCORES, (rows, 1))


def told(*, day_deviation: float, site_deviation: float) -> Told:
    """Two queues' day of ten intervals each, 100 contacts and a deviation of 10 in each interval."""
    return Told(
        normal(100.0, 10.0, 20), np.repeat([0, 1], 10), np.zeros(2, dtype=np.int64),
        normal(1000.0, day_deviation, 2), normal(2000.0, site_deviation, 1), LEVELS,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "share"), [(np.sqrt(1000.0), 0.0), (100.0, scenarios.MOST_SHARED), (np.sqrt(5500.0), 0.5)]
)
def test_a_day_shares_what_its_total_says_that_it_does(day: float, share: float) -> None:
    assert scenarios.shared_by_day(told(day_deviation=day, site_deviation=2 * day)) == pytest.approx(share, abs=1e-6)


def test_queues_share_what_the_sites_total_says_that_they_do() -> None:
    apart, half = (told(day_deviation=50.0, site_deviation=one) for one in (np.sqrt(5000.0), np.sqrt(7500.0)))
    assert scenarios.shared_by_queues(apart) == pytest.approx(0.0, abs=1e-6)
    assert scenarios.shared_by_queues(half) == pytest.approx(0.5, abs=1e-6)


def test_futures_have_the_intervals_the_days_and_the_sites_distributions() -> None:
    asked = told(day_deviation=60.0, site_deviation=100.0)
    futures = scenarios.drawn(asked, count=4000, seed=1)
    days = scenarios.sums(futures, asked.group, 2)
    assert scenarios.quantiles_of(futures, LEVELS)[0] == pytest.approx(100.0 + 10.0 * SCORES, abs=1.0)
    assert scenarios.quantiles_of(days, LEVELS) == pytest.approx(asked.group_totals, rel=0.001)
    assert days.sum(axis=1).std() == pytest.approx(100.0, rel=0.06)
    assert futures.mean() == pytest.approx(100.0, rel=0.005)


def test_the_same_seed_draws_the_same_futures() -> None:
    asked = told(day_deviation=60.0, site_deviation=100.0)
    one, two, other = (scenarios.drawn(asked, count=10, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_quantiles_are_read_between_and_beyond_their_levels() -> None:
    said = normal(10.0, 4.0, 1)
    found = scenarios.at_scores(said, np.asarray([[-3.0], [0.0], [0.6745], [3.0]]), levels=LEVELS)[:, 0]
    assert found == pytest.approx([0.0, 10.0, 12.698, 22.0], abs=0.01)  # -2 contacts are none


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, ForecastParams]:
    """A design of three days of two queues, and a model that was fitted on the weeks before."""
    data = learned.write_intervals(tmp_path_factory.mktemp("intervals"), days=70, queues=("calls", "mails"))
    table, params = pq.read_table(data / "intervals.parquet"), learned.params().forecast
    params = ForecastParams(rounds=10, interval_s=3600)
    days = origins.local_days(table, time_zone="UTC")
    to = tmp_path_factory.mktemp("model")
    forecast.fitted(table, train=days[:-14], held=days[-14:], params=params, seed=0, threads=1, to=to, where="a test")
    end = datetime.combine(days[-1], datetime.min.time(), tzinfo=UTC) + timedelta(days=1)
    design = features.design(
        table, horizon_start=end, horizon_end=end + timedelta(days=3), known_until=end, params=params
    )
    return design.filter(design["is_open"]), loaders.open_payload(to), params


def test_queues_add_up_to_the_site_and_intervals_to_the_day(issued: tuple[Any, Any, ForecastParams]) -> None:
    design, model, _ = issued
    quantiles = model.predict(np.column_stack([design[name].to_numpy() for name in model.columns]))["volume"]
    added = aggregates.added(design, model, quantiles, time_zone="UTC", seed=3)
    mean = model.mean(quantiles)

    assert added.site["mean"].sum() == pytest.approx(mean.sum())
    by_queue = {
        queue: added.days["mean"][[one == queue for one in added.days["queue"].to_pylist()]].sum()
        for queue in ("calls", "mails", aggregates.SITE)
    }
    assert by_queue["calls"] + by_queue["mails"] == pytest.approx(by_queue[aggregates.SITE])
    assert by_queue[aggregates.SITE] == pytest.approx(mean.sum())
    for table in (added.site, added.days):
        assert (np.diff(table["quantiles"], axis=1) >= 0).all()
        middle = table["quantiles"][:, LEVELS.index(0.5)]
        assert middle == pytest.approx(table["mean"], rel=0.1)
    wide = quantiles[:, -1] - quantiles[:, 0]
    site_wide = added.site["quantiles"][:, -1] - added.site["quantiles"][:, 0]
    both = wide[: len(site_wide)] + wide[len(site_wide) :]
    assert (site_wide <= 1.05 * both).all()  # not wider than if the queues had everything in common
    assert site_wide.mean() > 0.6 * both.mean()  # ... nor narrower than if they had nothing


def test_what_planners_say_is_added_up_week_by_week(issued: tuple[Any, Any, ForecastParams]) -> None:
    design, _, _ = issued
    added = baselines.added(design, quantiles=LEVELS, time_zone="UTC")
    rows = design.to_pylist()
    first = rows[0]["interval_start"].date()
    totals = [
        sum(row[f"lag_{week}"] for row in rows if row["queue"] == "calls" and row["interval_start"].date() == first)
        for week in range(1, 7)
    ]
    place = added.days["queue"].to_pylist().index("calls")
    assert added.days["mean"][place] == pytest.approx(np.mean(totals))
    assert added.days["quantiles"][place] == pytest.approx(np.quantile(totals, LEVELS))


def test_how_far_luck_comes_together_is_read_from_an_issued_forecast() -> None:
    start = datetime(2026, 5, 4, 8, tzinfo=UTC)

    def table(rows: list[tuple[str, datetime, float, float]]) -> pa.Table:
        told = [
            {"queue": queue, "interval_start": at, "interval_s": 3600}
            | {f"offered_q{round(1000 * level):03d}": mean + deviation * score
               for level, score in zip(LEVELS, SCORES, strict=True)}
            for queue, at, mean, deviation in rows
        ]  # fmt: skip
        return pa.Table.from_pylist(told)

    hours = [start + timedelta(hours=hour) for hour in range(10)]
    intervals = table([*((queue, at, 100.0, 10.0) for queue in ("a", "b") for at in hours), ("*", start, 200.0, 14.0)])
    midnight = start.replace(hour=0)
    half = float(np.sqrt(5500.0))  # half of an interval's variance is the day's
    days = table([("a", midnight, 1000.0, half), ("b", midnight, 1000.0, half), ("*", midnight, 2000.0, half * 2**0.5)])

    day, queues = aggregates.hanging(intervals, days, time_zone="UTC")

    assert (day, queues) == (pytest.approx(0.5, abs=1e-6), pytest.approx(0.0, abs=1e-6))
