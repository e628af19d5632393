"""What a forecast report shows: how far off, how honest its intervals, beside what a planner would have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data_contracts.errors import NotEnoughData
from training import baselines, evidence
from training.origins import Issued
from training.report import Chart, Comparison, Metric, Slice

Floats = npt.NDArray[np.float64]
# Intervals of the fan chart: one queue's day at half hours, two days at most.
FAN_POINTS = 96


@dataclass(frozen=True)
class Figures:
    """The parts of a report that are measured."""

    metrics: tuple[Metric, ...]
    comparisons: tuple[Comparison, ...]
    slices: tuple[Slice, ...]
    charts: tuple[Chart, ...]
    limits: tuple[str, ...]


def figures(asked: Issued, far: Issued | None, *, models: Mapping[str, Any], seed: int, time_zone: str) -> Figures:
    """All figures. asked: the judged days, a day ahead; far: the same from an origin a week, if there are weeks.

    models: candidate and, if there is one, champion; time_zone: the one whose days these are.
    """
    from training import forecast_days, forecast_horizons

    said = {name: model.predict(asked.matrix(model.columns)) for name, model in models.items()}
    points = {name: _median(models[name], one["volume"]) for name, one in said.items()}
    points |= {"baseline": baselines.same_weekdays(asked), "week_ago": _filled(asked.column("lag_1"))}
    quantiles = tuple(models["candidate"].quantiles)
    ours = said["candidate"]
    return Figures(
        metrics=(*_volume_metrics(asked, ours["volume"], points["candidate"], quantiles, seed),
                 forecast_horizons.poisson(asked, models["candidate"].mean(ours["volume"]), seed=seed),
                 *_day_metrics(asked, models["candidate"], ours["volume"], seed),
                 *_handle_metrics(asked, ours["handle"], quantiles, seed)),
        comparisons=(*_comparisons(asked, points, seed), *_handle_comparisons(asked, said, models, seed)),
        slices=tuple(_slices(asked, points, seed)),
        charts=(fan(asked, ours["volume"], quantiles),
                by_hour(asked, {name: points[name] for name in ("candidate", "baseline")}),
                *forecast_days.charts(asked, models["candidate"], ours["volume"], points["candidate"],
                                     time_zone=time_zone, seed=seed),
                *forecast_horizons.chart(far, models=models),
                forecast_horizons.honesty(asked, far, model=models["candidate"], seed=seed)),
        limits=("gates judge each day from its own start; the weeks ahead are told from one origin a week",
                "baseline: the median of the six same weekdays before"),
    )  # fmt: skip


def pinball(actual: Floats, predicted: Floats, quantiles: Sequence[float]) -> Floats:
    """Mean over the quantiles of max(q (y - x), (q - 1) (y - x)), one a row, in the unit of `actual`."""
    gap = actual[:, None] - predicted
    levels = np.asarray(quantiles)[None, :]
    lost: Floats = np.maximum(levels * gap, (levels - 1.0) * gap).mean(axis=1)
    return lost


def covered(actual: Floats, predicted: Floats, quantiles: Sequence[float], *, level: float) -> Floats:
    """1 where the truth lies in the central interval of that level, its ends included."""
    low, high = (place(quantiles, (1 + sign * level) / 2) for sign in (-1, 1))
    return ((predicted[:, low] <= actual) & (actual <= predicted[:, high])).astype(np.float64)


def place(quantiles: Sequence[float], wanted: float) -> int:
    """Where the quantile nearest to the wanted level stands."""
    return int(np.argmin(np.abs(np.asarray(quantiles) - wanted)))


def _median(model: Any, predicted: Floats) -> Floats:
    return _filled(predicted[:, place(model.quantiles, 0.5)])


def _filled(values: Floats) -> Floats:
    return np.nan_to_num(values, nan=0.0)


def _volume_metrics(
    asked: Issued, predicted: Floats, point: Floats, quantiles: Sequence[float], seed: int
) -> list[Metric]:
    told: dict[str, Any] = {"blocks": list(asked.day), "seed": seed}
    made = [
        evidence.metric("wape", numerators=np.abs(asked.offered - point), denominators=asked.offered, better="lower",
                        says="sum of |actual - median| over sum of actual, by interval, a day ahead",
                        says_zh="加权绝对百分比误差（按时段，提前一天）", **told),
        evidence.metric("pinball", numerators=pinball(asked.offered, predicted, quantiles), denominators=asked.offered,
                        better="lower", says="mean pinball loss over the quantiles, over mean actual",
                        says_zh="分位损失", **told),
    ]  # fmt: skip
    for level in (0.8, 0.95):
        inside = covered(asked.offered, predicted, quantiles, level=level)
        made.append(evidence.metric(f"coverage_{level:.0%}".rstrip("%"), numerators=inside, **told,
                                    says=f"share of intervals inside the central {level:.0%}"))  # fmt: skip
    return made


def _days(asked: Issued, *columns: Floats) -> tuple[list[str], list[Floats]]:
    """Sums by queue and day: the day of each sum, and each column's sums."""
    keys = [f"{day}|{queue}" for day, queue in zip(asked.day, asked.queue, strict=True)]
    names, group = np.unique(keys, return_inverse=True)
    sums = [np.bincount(group, weights=one).astype(np.float64) for one in columns]
    return [str(name).split("|", 1)[0] for name in names], sums


def day_totals(asked: Issued, model: Any, predicted: Floats) -> tuple[list[str], Floats, Floats]:
    """By queue and day: the day, the contacts that came, and the quantiles of their forecast (days, quantiles)."""
    ones = np.ones(len(predicted))
    days, (actual, mean, spread, count) = _days(
        asked, asked.offered, model.mean(predicted), asked.column("day_spread"), ones
    )
    return days, actual, model.day_totals(mean, spread=spread / count)


def _day_metrics(asked: Issued, model: Any, predicted: Floats, seed: int) -> list[Metric]:
    days, actual, totals = day_totals(asked, model, predicted)
    told: dict[str, Any] = {"blocks": days, "seed": seed}
    lost = np.abs(actual - totals[:, place(model.quantiles, 0.5)])
    return [
        evidence.metric("wape_day", numerators=lost, denominators=actual, better="lower", **told,
                        says="the same for totals of queue and day"),
        *(
            evidence.metric(f"coverage_{level:.0%}".rstrip("%") + "_day", **told,
                            numerators=covered(actual, totals, model.quantiles, level=level),
                            says=f"share of day totals inside the central {level:.0%} of their forecast")
            for level in (0.8, 0.95)
        ),
    ]  # fmt: skip


def _handle_metrics(asked: Issued, predicted: Floats, quantiles: Sequence[float], seed: int) -> list[Metric]:
    known = _timed(asked, predicted)
    if known.sum() < 2 or len(set(asked.day[known])) < 2:
        return []
    weight, point = asked.handled[known], predicted[known, place(quantiles, 0.5)]
    told: dict[str, Any] = {"blocks": list(asked.day[known]), "seed": seed}
    load = weight * asked.handle_s[known]
    return [
        evidence.metric("handle_wape", numerators=weight * np.abs(asked.handle_s[known] - point), denominators=load,
                        better="lower", says="error of mean handle seconds by interval, weighted by contacts handled",
                        **told),
        evidence.metric("handle_coverage_80", says="share of intervals whose mean handle time lies in the central 80%",
                        numerators=covered(asked.handle_s[known], predicted[known], quantiles, level=0.8), **told),
    ]  # fmt: skip


def _timed(asked: Issued, predicted: Floats) -> npt.NDArray[np.bool_]:
    return ~np.isnan(asked.handle_s) & (np.nan_to_num(asked.handled) > 0) & ~np.isnan(predicted).any(axis=1)


def _comparisons(asked: Issued, points: Mapping[str, Floats], seed: int) -> list[Comparison]:
    days, sums = _days(asked, asked.offered, *points.values())
    by_day = dict(zip(points, sums[1:], strict=True))
    others = sorted(name for name in points if name != "candidate")
    return [
        *(_closer("wape", name, asked.offered, points["candidate"], points[name], asked.day, seed) for name in others),
        *(_closer("wape_day", name, sums[0], by_day["candidate"], by_day[name], days, seed) for name in others),
    ]


def _closer(metric: str, name: str, actual: Floats, ours: Floats, theirs: Floats, days: Any, seed: int) -> Comparison:
    return evidence.comparison(
        metric, against=name, candidate=np.abs(actual - ours), other=np.abs(actual - theirs), denominators=actual,
        better="lower", blocks=list(days), seed=seed,
    )  # fmt: skip


def _handle_comparisons(
    asked: Issued, said: Mapping[str, Mapping[str, Floats]], models: Mapping[str, Any], seed: int
) -> list[Comparison]:
    points = {name: one["handle"][:, place(models[name].quantiles, 0.5)] for name, one in said.items()}
    points["baseline"] = baselines.usual_handle(asked)
    known = _timed(asked, np.column_stack(list(points.values())))
    weight = asked.handled[known]
    try:
        return [
            evidence.comparison("handle_wape", against=name, better="lower", seed=seed, blocks=list(asked.day[known]),
                                candidate=weight * np.abs(asked.handle_s[known] - points["candidate"][known]),
                                other=weight * np.abs(asked.handle_s[known] - point[known]),
                                denominators=weight * asked.handle_s[known])
            for name, point in sorted(points.items()) if name != "candidate"
        ]  # fmt: skip
    except NotEnoughData:  # no handle times were recorded: nothing to compare, and no gate asks for it
        return []


def _slices(asked: Issued, points: Mapping[str, Floats], seed: int) -> list[Slice]:
    error = {name: np.abs(asked.offered - one) for name, one in points.items()}
    return [
        one
        for name in sorted(set(points) & {"baseline", "champion"})
        for one in evidence.slices(
            "queue", values=asked.queue, metric="wape", against=name, candidate=error["candidate"], other=error[name],
            better="lower", seed=seed, denominators=asked.offered, blocks=list(asked.day),
        )
    ]  # fmt: skip


def fan(asked: Issued, predicted: Floats, quantiles: Sequence[float]) -> Chart:
    """The last judged intervals of the busiest queue, at its local times."""
    queues = np.asarray(asked.queue, dtype=object)
    busiest = max(sorted(set(queues)), key=lambda one: float(asked.offered[queues == one].sum()))
    shown = np.flatnonzero(queues == busiest)[-FAN_POINTS:]
    minutes = asked.column("minute_of_day").astype(int)
    bands = [
        {"level": level, "low": predicted[shown, place(quantiles, (1 - level) / 2)].tolist(),
         "high": predicted[shown, place(quantiles, (1 + level) / 2)].tolist()}
        for level in (0.95, 0.8, 0.5)
    ]  # fmt: skip
    return Chart("fan", f"The last judged intervals of {busiest}", f"{busiest}：最后的判定时段", {
        "x": [f"{asked.day[one][5:]} {minutes[one] // 60:02d}:{minutes[one] % 60:02d}" for one in shown],
        "bands": bands,
        "median": predicted[shown, place(quantiles, 0.5)].tolist(), "actual": asked.offered[shown].tolist(),
    })  # fmt: skip


def by_hour(asked: Issued, points: Mapping[str, Floats]) -> Chart:
    """WAPE by hour of the local day, of points (n,) by name."""
    hour = np.floor(asked.column("minute_of_day") / 60.0).astype(int)
    shown = [one for one in sorted(set(hour)) if asked.offered[hour == one].sum() > 0]

    def wape(point: Floats, one: int) -> float:
        mine = hour == one
        return float(np.abs(asked.offered - point)[mine].sum() / asked.offered[mine].sum())

    series = [
        {"name": name, "x": [float(one) for one in shown], "y": [wape(point, one) for one in shown]}
        for name, point in points.items()
    ]
    return Chart("curves", "WAPE by hour of the day", "各小时误差",
                 {"series": series, "x_label": "hour 小时", "y_label": "WAPE"})  # fmt: skip
