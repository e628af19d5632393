from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

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


def test_intent_sends_everybody_to_a_person_and_says_so() -> None:
    found = baselines.intent(["hello", "你好"], languages=["en", "zh"])

    assert [(one["intent"], one["abstained"], one["reason"]) for one in found] == [(None, True, baselines.NO_MODEL)] * 2


def test_the_longest_idle_agent_takes_the_contact() -> None:
    found = baselines.longest_idle({"bo": 30.0, "al": 90.0, "cy": None})

    assert (found["chosen"], found["propensity"]) == ("al", 1.0)
    assert found["propensities"] == {"al": 1.0, "bo": 0.0, "cy": 0.0}


def test_of_equally_idle_agents_the_first_by_name_is_taken() -> None:
    assert baselines.longest_idle({"bo": 90.0, "al": 90.0})["chosen"] == "al"


def test_nobody_eligible_is_nobody_chosen() -> None:
    assert baselines.longest_idle({})["chosen"] is None


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


@pytest.mark.parametrize("heavy", ["pandas", "lightgbm", "sklearn", "pyarrow", "mlflow", "scipy"])
def test_the_baselines_load_nothing_heavy(heavy: str) -> None:
    code = f"import sys, training.baselines; sys.exit({heavy!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
