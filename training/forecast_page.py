"""An evaluation of the forecast as one page to look at: how far off, beside what planners say, how honest, and when.

The page needs nothing else: its pictures are drawn in it, and no script runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from training import forecast_days, forecast_figures, forecast_horizons, page
from training.forecast_evaluation import Judged, planners
from training.report import Chart

Floats = npt.NDArray[np.float64]
# The planner's forecast that stands beside ours in the pictures: the hardest of them to beat, mostly.
BESIDE = "median_of_six"


def render(judged: Judged, *, name: str, remarks: list[str], time_zone: str, seed: int) -> str:
    """The page as HTML text. name: of the file that was judged; time_zone: of its local days."""
    shown = charts(judged, time_zone=time_zone, seed=seed)
    return page.rendered("forecast_page.html", charts=shown, name=name, told=judged.figures, remarks=remarks)


def charts(judged: Judged, *, time_zone: str, seed: int) -> tuple[Chart, ...]:
    """Errors beside planners', the best and worst days, the last intervals, errors by hour and by days ahead, how many
    counts came below each quantile, and what the intervals hold by queue and hour."""
    asked, model, said = judged.asked, judged.model, judged.said
    middle = said[:, forecast_figures.place(model.quantiles, 0.5)]
    points = {"forecast": middle, BESIDE: planners(asked)[BESIDE]}
    ahead = forecast_horizons.by_days_ahead(asked, points)
    return (
        _errors(judged.figures),
        *forecast_days.charts(asked, model, said, middle, time_zone=time_zone, seed=seed),
        forecast_figures.fan(asked, said, model.quantiles),
        forecast_figures.by_hour(asked, points),
        *ahead,
        _calibration(judged),
        _by_queue(judged.figures),
        forecast_horizons.honesty(asked, asked if ahead else None, model=model, seed=seed),
    )


def _errors(told: Mapping[str, Any]) -> Chart:
    grains = [grain for grain, value in told["wape"].items() if value is not None]
    rows = [
        [name, *(_share(one["wape"][grain]) for grain in grains), _share(one["rest_of_day_wape"])]
        for name, one in (("forecast", told), *told["baselines"].items())
    ]
    return Chart("table", "WAPE by length of interval", "按时段长度的误差",
                 {"columns": ["", *grains, "rest of day 当日余下"], "rows": rows})  # fmt: skip


def _calibration(judged: Judged) -> Chart:
    """The share of counts below each quantile, and of days' totals: on the diagonal where the forecast is honest."""
    asked, levels = judged.asked, list(judged.model.quantiles)
    _, came, totals = forecast_figures.day_totals(asked, judged.model, judged.said)
    series = [
        {"name": name, "x": levels, "y": [float((actual <= told[:, place]).mean()) for place in range(len(levels))]}
        for name, actual, told in (("intervals", asked.offered, judged.said), ("days", came, totals))
    ]
    said = {"name": "honest", "x": levels, "y": levels}
    return Chart("curves", "Share of counts below each quantile", "低于各分位数的比例",
                 {"series": [said, *series], "x_label": "quantile 分位", "y_label": "share 比例"})  # fmt: skip


def _by_queue(told: Mapping[str, Any]) -> Chart:
    """WAPE of each queue beside the planner's, the busiest first."""
    busiest = sorted(told["by_queue"].items(), key=lambda one: (-one[1]["contacts"], one[0]))
    rows = [[queue, f"{one['contacts']:,.0f}", _share(one["wape"]), _share(one[f"wape_{BESIDE}"])]
            for queue, one in busiest]  # fmt: skip
    return Chart("table", "WAPE by queue", "按队列的误差",
                 {"columns": ["queue 队列", "contacts 来量", "forecast", BESIDE], "rows": rows})  # fmt: skip


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
