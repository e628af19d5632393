"""The best and the worst judged days of a report are those of their errors, drawn as the site was told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from training import forecast_days
from training.aggregates import LEVELS
from training.origins import Issued

START = datetime(2026, 5, 4, tzinfo=UTC)


class Model:
    """Told as it stands: the mean is the median, a day's quantiles are its mean."""

    quantiles = LEVELS

    def mean(self, predicted: Any) -> Any:
        return predicted[:, 3]

    def day_totals(self, mean: Any, *, spread: Any) -> Any:
        return np.repeat(mean[:, None], len(LEVELS), axis=1)


def judged(errors: list[float]) -> tuple[Issued, Any, Any]:
    """Two queues, two hours a day, 10 contacts each told; of each day all came short by its error."""
    keys = [(day, hour, queue) for day in range(len(errors)) for hour in (9, 10) for queue in ("a", "b")]
    design = pa.table({
        "queue": [queue for _, _, queue in keys],
        "interval_start": pa.array([START + timedelta(days=day, hours=hour) for day, hour, _ in keys],
                                   pa.timestamp("us", tz="UTC")),
        "interval_s": [3600] * len(keys), "minute_of_day": [60.0 * hour for _, hour, _ in keys],
        "day_spread": [0.1] * len(keys), "site_spread": [0.1] * len(keys),
    })  # fmt: skip
    days = np.asarray([f"{START + timedelta(days=day):%Y-%m-%d}" for day, _, _ in keys], dtype=object)
    offered = np.asarray([10.0 - errors[day] for day, _, _ in keys])
    nothing = np.full(len(keys), np.nan)
    asked = Issued(design, days, np.zeros(len(keys), dtype=np.int64), offered, nothing, nothing)
    predicted = np.tile(10.0, (len(keys), len(LEVELS)))
    return asked, predicted, predicted[:, 3]


def titles(errors: list[float]) -> list[str]:
    asked, predicted, point = judged(errors)
    made = forecast_days.charts(asked, Model(), predicted, point, time_zone="UTC", seed=1)
    return [chart.title for chart in made]


def test_a_day_is_judged_by_its_wape_over_all_queues() -> None:
    asked, _, point = judged([2.0, 0.0])

    # 2 short of 10 in each of four intervals: 8 of the 32 that came.
    assert forecast_days.wape_by_day(asked, point) == {"2026-05-04": pytest.approx(0.25), "2026-05-05": 0.0}


def test_two_best_and_two_worst_days_are_drawn() -> None:
    assert titles([3.0, 1.0, 5.0, 2.0, 4.0]) == [
        "Best judged day: 2026-05-05, WAPE 11.1%", "Best judged day: 2026-05-07, WAPE 25.0%",
        "Worst judged day: 2026-05-06, WAPE 100.0%", "Worst judged day: 2026-05-08, WAPE 66.7%",
    ]  # fmt: skip


@pytest.mark.parametrize(("errors", "best", "worst"), [([1.0], 1, 0), ([1.0, 2.0, 3.0], 2, 1)])
def test_no_day_is_drawn_twice_where_there_are_few(errors: list[float], best: int, worst: int) -> None:
    told = titles(errors)

    assert len(set(told)) == best + worst
    assert [one.startswith("Best") for one in told] == [True] * best + [False] * worst


def test_a_day_on_which_nothing_came_is_neither() -> None:
    assert titles([10.0, 1.0]) == ["Best judged day: 2026-05-05, WAPE 11.1%"]


def test_what_is_drawn_is_the_site_beside_what_came_of_it() -> None:
    asked, predicted, point = judged([3.0])
    (chart,) = forecast_days.charts(asked, Model(), predicted, point, time_zone="UTC", seed=1)

    assert chart.data["x"] == ["09:00", "10:00"]
    assert chart.data["actual"] == [14.0, 14.0]
    assert chart.data["median"] == pytest.approx([20.0, 20.0])
    assert [band["level"] for band in chart.data["bands"]] == [0.95, 0.8, 0.5]
