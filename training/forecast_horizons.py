"""What a forecast report shows of the weeks ahead and of honesty: errors and coverage by distance, queue and hour.

A day ahead is judged by gates; what lies further is shown beside what planners would say, one origin a week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.forecast import Asked
from training import baselines, evidence, forecast_figures, origins
from training.origins import MIDNIGHT, Issued, moment
from training.params import ForecastParams
from training.report import Chart, Metric, Slice

Floats = npt.NDArray[np.float64]
# Days between the origins of the weeks ahead, and the distances that are told apart, in days.
STEP_DAYS = 7
DISTANCES = ((1, "1 day"), (7, "2 to 7 days"), (28, "8 to 28 days"), (56, "29 to 56 days"))


def weeks_ahead(
    table: pa.Table, *, days: Sequence[date], params: ForecastParams, events: pa.Table | None = None
) -> Issued | None:
    """The judged days as told from one origin a week, each for all that is left of them; None for a single week."""
    firsts = days[::STEP_DAYS]
    end = moment(days[-1] + timedelta(days=1), MIDNIGHT, params.time_zone)
    asked = []
    for first in firsts:
        start = moment(first, MIDNIGHT, params.time_zone)
        last = min(end, moment(first + timedelta(days=params.horizon_days), MIDNIGHT, params.time_zone))
        asked.append(Asked(start, start, last))
    if (days[-1] - days[0]).days < STEP_DAYS or params.horizon_days < 2:
        return None
    return origins.told(table, asked=asked, params=params, events=events)


def honesty(near: Issued, far: Issued | None, *, model: Any, seed: int) -> Chart:
    """The share of counts inside the central 80 and 95%, by queue, by hour and by days ahead: a table.

    With the 95% interval of the share, by days, as counts of one day go together.
    """
    hours = [f"{int(minute // 60):02d}" for minute in near.column("minute_of_day")]
    shown = [("queue", near.queue, near), ("hour", hours, near)]
    shown += [] if far is None else [("days ahead", _distances(far), far)]
    rows = [row for name, values, asked in shown for row in _held(name, values, asked, model, seed)]
    columns = ["by 按", "", "rows 行数", "held by 80%", "(95%)", "held by 95%", "(95%)"]
    return Chart("table", "What the intervals hold", "区间覆盖率", {"columns": columns, "rows": rows})


def poisson(asked: Issued, mean: Floats, *, seed: int) -> Metric:
    """The share of counts inside a central 80% Poisson interval around the same mean: of busy queues too few, as their
    counts vary more; of small counts more than 80%, as whole numbers cover more than they are asked to."""
    from scipy.stats import poisson as law

    low, high = (law.ppf(level, np.maximum(mean, 1e-9)) for level in (0.1, 0.9))
    inside = ((low <= asked.offered) & (asked.offered <= high)).astype(np.float64)
    return evidence.metric(
        "coverage_80_poisson", numerators=inside, blocks=list(asked.day), seed=seed,
        says="what a central 80% Poisson interval around the same mean holds: chance alone is not all that varies",
        says_zh="同均值泊松区间的覆盖率",
    )  # fmt: skip


def chart(far: Issued | None, *, models: Mapping[str, Any]) -> tuple[Chart, ...]:
    """WAPE by days ahead, of the models and of the baseline; nothing without weeks."""
    if far is None:
        return ()
    points = {name: _points(far, model) for name, model in models.items()}
    return by_days_ahead(far, {**points, "baseline": baselines.same_weekdays(far)})


def by_days_ahead(asked: Issued, points: Mapping[str, Floats]) -> tuple[Chart, ...]:
    """WAPE by days ahead, of points (n,) by name; nothing where all were asked for a day ahead."""
    ahead = np.floor(asked.column("ahead_h") / 24.0).astype(int)
    shown = [one for one in range(int(ahead.max(initial=0)) + 1) if asked.offered[ahead == one].sum() > 0]
    if len(shown) < 2:
        return ()
    series = [
        {
            "name": name,
            "x": [float(one + 1) for one in shown],
            "y": [_wape(asked, point, ahead == one) for one in shown],
        }
        for name, point in points.items()
    ]
    told = {"series": series, "x_label": "days ahead 提前天数", "y_label": "WAPE"}
    return (Chart("curves", "WAPE by days ahead", "按提前天数的误差", told),)


def _points(asked: Issued, model: Any) -> Floats:
    predicted = model.predict(asked.matrix(model.columns))["volume"]
    return np.asarray(predicted[:, forecast_figures.place(model.quantiles, 0.5)], dtype=np.float64)


def _wape(asked: Issued, point: Floats, mine: npt.NDArray[np.bool_]) -> float:
    return float(np.abs(asked.offered - point)[mine].sum() / asked.offered[mine].sum())


def _held(dimension: str, values: Sequence[str], asked: Issued, model: Any, seed: int) -> list[list[str]]:
    predicted = model.predict(asked.matrix(model.columns))["volume"]
    by_level = [
        evidence.slices(
            dimension, values=values, metric=f"coverage_{level:.0%}", against="absolute", seed=seed,
            candidate=forecast_figures.covered(asked.offered, predicted, model.quantiles, level=level),
            blocks=list(asked.day),
        )
        for level in (0.8, 0.95)
    ]  # fmt: skip
    return [
        [dimension, one.value, f"{one.rows:,}", *_shown(one), *_shown(other)]
        for one, other in zip(*by_level, strict=True)
    ]


def _shown(one: Slice) -> tuple[str, str]:
    between = "" if one.low is None or one.high is None else f"{one.low:.1%} to {one.high:.1%}"
    return ("-" if one.candidate is None else f"{one.candidate:.1%}"), between


def _distances(asked: Issued) -> list[str]:
    places = np.digitize(asked.column("ahead_h") / 24.0, [days for days, _ in DISTANCES[:-1]])
    return [DISTANCES[int(place)][1] for place in places]
