from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import NotEnoughData
from tests.training import learned
from training import forecast, forecast_figures, loaders, origins, payload, widening
from training.loaders.forecast import scaled
from training.report import Report

PARAMS = learned.params()


def _fit(data: Path, to: Path, *, threads: int = 1) -> Path:
    forecast.fit(data, params=PARAMS.forecast, seed=learned.SEED, threads=threads, to=to)
    return to


def _judge(data: Path, candidate: Path, champion: Path | None = None) -> Report:
    return forecast.judge(data, candidate=candidate, champion=champion, params=PARAMS, seed=learned.SEED, threads=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learned.write_intervals(tmp_path_factory.mktemp("intervals"), days=84, queues=("calls", "mails"))


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fit(data, tmp_path_factory.mktemp("fitted"))


def _figure(report: Report, name: str) -> Any:
    return next((one for one in report.metrics if one.name == name), None)


def _against(report: Report, metric: str, other: str) -> Any:
    return next(one for one in report.comparisons if (one.metric, one.against) == (metric, other))


def _issued(data: Path) -> origins.Issued:
    table = pq.read_table(data / "intervals.parquet")
    days = origins.local_days(table.filter(pc.equal(table["part"], "judge")), time_zone="UTC")
    return origins.issued(table, days=days, params=PARAMS.forecast)


def test_the_same_data_and_seed_give_the_same_bytes_on_any_number_of_threads(
    data: Path, fitted: Path, tmp_path: Path
) -> None:
    assert payload.digest(_fit(data, tmp_path / "again", threads=2)) == payload.digest(fitted)


def test_it_sees_a_trend_that_the_median_of_six_weeks_is_late_for(data: Path, fitted: Path) -> None:
    report = _judge(data, fitted)

    assert (report.verdict, report.reasons) == ("passed", ())
    assert _against(report, "wape", "baseline").low > 0
    assert _against(report, "wape_day", "baseline").low > 0


def test_the_judged_days_teach_nothing(data: Path, fitted: Path, tmp_path: Path) -> None:
    table = pq.read_table(data / "intervals.parquet")
    judged = pc.equal(table["part"], "judge")
    place = table.column_names.index("offered_count")
    other = table.set_column(place, "offered_count", pc.if_else(judged, 9999.0, table["offered_count"]))
    pq.write_table(other, tmp_path / "intervals.parquet")

    assert payload.digest(_fit(tmp_path, tmp_path / "m")) == payload.digest(fitted)


def test_a_day_is_forecast_from_what_was_known_at_its_start(data: Path) -> None:
    table = pq.read_table(data / "intervals.parquet")
    day = date(2026, 3, 20)
    later = pc.greater_equal(
        table["interval_start"], pa.scalar(datetime(2026, 3, 20, tzinfo=UTC), pa.timestamp("us", "UTC"))
    )
    place = table.column_names.index("offered_count")
    other = table.set_column(place, "offered_count", pc.if_else(later, 9999.0, table["offered_count"]))

    before, after = (origins.issued(one, days=[day], params=PARAMS.forecast) for one in (table, other))

    columns = before.design.column_names[4:]
    np.testing.assert_array_equal(before.matrix(columns), after.matrix(columns))
    assert before.offered.tolist() != after.offered.tolist()


def test_quantiles_neither_cross_nor_go_below_nothing(data: Path, fitted: Path) -> None:
    model, asked = loaders.open_payload(fitted), _issued(data)

    found = model.predict(asked.matrix(model.columns))

    for target in ("volume", "handle"):
        assert (np.diff(found[target], axis=1) >= 0).all()
        assert (found[target] >= 0).all()


def test_wape_and_coverage_are_those_of_counting(data: Path, fitted: Path) -> None:
    model, asked = loaders.open_payload(fitted), _issued(data)
    found = model.predict(asked.matrix(model.columns))["volume"]
    report = _judge(data, fitted)

    assert _figure(report, "wape").value == pytest.approx(
        np.abs(asked.offered - found[:, 3]).sum() / asked.offered.sum()
    )
    inside = (asked.offered >= found[:, 1]) & (asked.offered <= found[:, 5])
    assert _figure(report, "coverage_80").value == pytest.approx(inside.mean())


def test_the_intervals_cover_about_what_they_say(data: Path, fitted: Path) -> None:
    assert _figure(_judge(data, fitted), "coverage_80").value == pytest.approx(0.8, abs=0.12)


def test_the_baseline_is_the_median_of_the_six_same_weekdays(data: Path, fitted: Path) -> None:
    counts: dict[tuple[str, datetime], float] = {}
    for row in pq.read_table(data / "intervals.parquet").to_pylist():
        counts[row["queue"], row["interval_start"]] = row["offered_count"]
    asked, lost = _issued(data), 0.0
    for row, actual in zip(asked.design.to_pylist(), asked.offered, strict=True):
        before = [counts[row["queue"], row["interval_start"] - timedelta(weeks=week)] for week in range(1, 7)]
        lost += abs(actual - float(np.median(before)))

    assert _against(_judge(data, fitted), "wape", "baseline").other == pytest.approx(lost / asked.offered.sum())


def test_a_candidate_is_no_worse_than_itself_as_champion(data: Path, fitted: Path) -> None:
    report = _judge(data, fitted, champion=fitted)

    assert _against(report, "wape", "champion").difference == 0.0
    assert report.verdict == "passed"


def test_volumes_without_handle_times_are_forecast_all_the_same(data: Path, tmp_path: Path) -> None:
    table = pq.read_table(data / "intervals.parquet")
    for name in ("handle_s", "handled_count"):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.nulls(table.num_rows, pa.float64()))
    pq.write_table(table, tmp_path / "intervals.parquet")

    report = _judge(tmp_path, _fit(tmp_path, tmp_path / "m"))

    assert report.verdict == "passed"
    assert _figure(report, "handle_wape") is None
    asked, model = _issued(tmp_path), loaders.open_payload(tmp_path / "m")
    assert np.isnan(model.predict(asked.matrix(model.columns))["handle"]).all()


def test_two_weeks_are_not_enough(tmp_path: Path) -> None:
    data = learned.write_intervals(tmp_path, days=14)

    with pytest.raises(NotEnoughData, match="after 7 days of history"):
        _fit(data, tmp_path / "m")


def test_a_season_that_was_seen_once_is_not_learned() -> None:
    short, long = ([date(2026, 1, 1), date(2026, 1 + months, 1)] for months in (2, 4))

    assert {"month", "week_of_year", "day_of_month"}.isdisjoint(forecast.learnable(short))
    assert "day_of_month" in forecast.learnable(long)
    assert {"month", "week_of_year"} <= set(forecast.learnable([date(2023, 1, 1), date(2026, 1, 1)]))


def test_pinball_worked_by_hand() -> None:
    found = forecast_figures.pinball(np.asarray([10.0]), np.asarray([[8.0, 12.0]]), [0.1, 0.9])

    # 0.1 x (10 - 8) above the low one, 0.1 x (12 - 10) below the high one, their mean
    assert found.tolist() == pytest.approx([0.2])


def test_coverage_counts_the_ends_of_the_interval() -> None:
    found = forecast_figures.covered(
        np.asarray([8.0, 12.1]), np.asarray([[8.0, 9.0, 12.0]] * 2), [0.1, 0.5, 0.9], level=0.8
    )

    assert found.tolist() == [1.0, 0.0]


def test_the_trees_are_trusted_where_many_held_back_days_bear_them_out() -> None:
    rng = np.random.default_rng(0)
    days = np.repeat([f"day {number:02d}" for number in range(20)], 10)
    said, chance = rng.normal(size=200), rng.normal(size=200)

    def trust(errors: Any, places: Any) -> float:
        return widening.trusted(errors, {"centre": said, "spread": np.zeros(200)}, days=places)["centre"]

    assert trust(said + 0.1 * chance, days) == 1.0
    assert trust(0.5 * said + 0.1 * chance, days) == 0.5
    assert trust(chance, days) == 0.0
    assert trust(said + 0.1 * chance, np.repeat(["one", "two"], 100)) == 0.0  # two days know nothing


def test_a_days_total_has_its_own_distribution(data: Path, fitted: Path) -> None:
    model = loaders.open_payload(fitted)

    narrow, wide = model.day_totals([60.0, 60.0], spread=[0.3, 1.2])

    assert (np.diff(narrow) > 0).all()
    assert narrow[3] == pytest.approx(60.0, rel=0.05)
    assert _off(wide) == pytest.approx(4.0 * _off(narrow))


def _off(totals: Any) -> Any:
    return scaled(totals) - scaled(np.asarray(60.0))


def test_the_mean_lies_where_the_quantiles_say(fitted: Path) -> None:
    model = loaders.open_payload(fitted)

    # Halfway between the levels .025 .1 .25 .5 .75 .9 .975 lie .0625 .175 .375 .625 .825 .9375: a weight is the way
    # from one to the next.
    weights = [0.0625, 0.1125, 0.2, 0.25, 0.2, 0.1125, 0.0625]
    values = [2.0, 5.0, 8.0, 10.0, 13.0, 17.0, 30.0]
    expected = sum(weight * value for weight, value in zip(weights, values, strict=True))
    assert model.mean(np.asarray([values])) == pytest.approx(expected)


def test_far_origins_look_at_every_distance_by_turns(data: Path) -> None:
    table = pq.read_table(data / "intervals.parquet")
    params = learned.params(forecast={"horizon_days": 4}).forecast
    days = [date(2026, 2, day) for day in (2, 3, 4)]

    found = origins.issued(table, days=days, params=params, far=True)

    ahead = sorted({int(hours // 24) for hours in found.column("ahead_h")})
    assert ahead == [0, 1, 2, 3]
