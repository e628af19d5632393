from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training import baselines

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    told: dict[str, list[float]]

    def column(self, name: str) -> Floats:
        return np.asarray(self.told[name], dtype=np.float64)


def _design(lags: list[float], *, handle: float = np.nan, usual: float = np.nan) -> Columns:
    told = {f"lag_{place}": [value] for place, value in enumerate(lags, start=1)}
    return Columns(
        {**told, "lag_median": [float(np.nanmedian(lags))], "handle_median": [handle], "handle_usual": [usual]}
    )


def test_demand_is_the_median_of_the_same_weekdays() -> None:
    assert baselines.same_weekdays(_design([10, 12, 50, 11, 9, 13])).tolist() == [11.5]


def test_a_forecast_without_a_model_has_the_spread_of_those_weekdays() -> None:
    found = baselines.forecast(_design([10, 20, 30, 40, 50, np.nan], handle=300.0), quantiles=[0.0, 0.5, 1.0])

    assert found["volume"].tolist() == [[10.0, 30.0, 50.0]]
    assert found["handle"].tolist() == [[300.0, 300.0, 300.0]]


def test_an_interval_without_any_past_is_forecast_as_nothing() -> None:
    names = [*(f"lag_{number}" for number in range(1, 7)), "lag_median", "handle_median", "handle_usual"]
    design = Columns({name: [np.nan] for name in names})

    assert baselines.same_weekdays(design).tolist() == [0.0]
    assert baselines.forecast(design, quantiles=[0.1, 0.5])["volume"].tolist() == [[0.0, 0.0]]


def test_the_usual_handle_time_of_the_queue_stands_in() -> None:
    assert baselines.usual_handle(_design([1.0] * 6, usual=280.0)).tolist() == [280.0]
