"""Intervals of days by past errors: worked by hand on a forecast that is the same every day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from training import forecast_residuals
from training.origins import Issued

QUANTILES = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]


class _Always:
    """A model that says 100 contacts a day, give or take 10 (80%) or 20 (95%)."""

    quantiles = QUANTILES
    columns = ("day_spread",)

    def predict(self, matrix: Any) -> dict[str, Any]:
        return {"volume": np.full((len(matrix), 7), 100.0)}

    def mean(self, quantiles: Any) -> Any:
        return quantiles[:, 3]

    def day_totals(self, means: Any, *, spread: Any) -> Any:
        return means[:, None] + np.asarray([-20.0, -10.0, -5.0, 0.0, 5.0, 10.0, 20.0])


def _days(counts: list[float], queue: str = "billing") -> Issued:
    count = len(counts)
    design = pa.table({"queue": [queue] * count, "day_spread": [1.0] * count})
    days = np.asarray([f"2026-{1 + place // 28:02d}-{1 + place % 28:02d}" for place in range(count)], dtype=object)
    unknown = np.full(count, np.nan)
    return Issued(design, days, np.zeros(count, dtype=np.int64), np.asarray(counts, dtype=np.float64), unknown, unknown)


def test_an_interval_by_past_errors_holds_what_they_held_and_is_as_wide_as_they_spread() -> None:
    past = _days([100.0 + off for off in range(-50, 51)])  # errors from -50 to 50, each once
    told = forecast_residuals.of_days(_Always(), past=past, judged=_days([100.0, 141.0, 148.0]), levels=(0.8, 0.95))

    assert told == {
        "days": 3,
        "coverage": {"80": round(1 / 3, 6), "95": round(2 / 3, 6)},  # the ends are 60 and 140, 52.5 and 147.5
        "mean_width": {"80": 80.0, "95": 95.0},
        "mean_width_of_model": {"80": 20.0, "95": 40.0},
    }


def test_a_queue_with_few_past_days_has_no_interval_by_them() -> None:
    assert forecast_residuals.of_days(_Always(), past=_days([100.0] * 9), judged=_days([100.0]), levels=(0.8,)) is None
