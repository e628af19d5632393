"""How well demand would have been forecast: learned from a file's first days, and judged on its last, origin by origin.

Measures as DESIGN section 6 has them: WAPE over all queues, the median as the point, a day by its own distribution.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.forecast import Asked
from training import baselines, forecast, forecast_figures, forecast_residuals, loaders, origins, rows
from training.origins import MIDNIGHT, Issued, moment
from training.params import ForecastParams

Floats = npt.NDArray[np.float64]
LEVELS = (0.8, 0.95)
# Minutes at which errors are told beside the file's own interval; the rest of a day is judged at the first that fits.
GRAINS = (30, 60)
# Days held back to make the forecast honest: a fifth of what is learned from, three days at least, eight weeks at most.
HELD_SHARE, HELD_LEAST, HELD_MOST = 0.2, 3, 56


@dataclass(frozen=True)
class Question:
    """What is judged: the last `test_days` local days that hold data, from an origin at every `step_days`-th of them.

    update_at: also the rest of each of these days as told at that time of day, from intervals that had ended by then.
    rivals: also by MSTL with AutoETS, refitted at each day's start, which takes its time.
    """

    test_days: int
    step_days: int = 1
    update_at: time | None = None
    rivals: bool = False


@dataclass(frozen=True)
class Judged:
    """What was asked of the model, what it said of volume (n, quantiles), and the figures."""

    asked: Issued
    model: Any
    said: Floats
    figures: dict[str, Any]


def evaluate(
    table: pa.Table, question: Question, *, params: ForecastParams, seed: int, threads: int, to: Path,
    events: pa.Table | None = None,
) -> Judged:  # fmt: skip
    """Learn, issue and judge. table: intervals as `features.demand` has them; to: an empty folder for the payload.

    events: rows of `calendar_events`; each origin, to learn from or judged, reads those that were known by then.
    The figures are plain data. NotEnoughData where too few days are left to learn from.
    """
    days = origins.local_days(table, time_zone=params.time_zone)
    learned, judged = days[: -question.test_days], days[-question.test_days :]
    rows.enough(len(learned), needed=2 * HELD_LEAST, of="days before the judged ones", where="the history")
    train, held = _parts(learned)
    before = table.filter(_starts_before(table, judged[0], params))
    measured = rows.measured(
        lambda: forecast.fitted(
            before,
            train=train,
            held=held,
            params=params,
            seed=seed,
            threads=threads,
            to=to,
            where="the history",
            events=events,
        )
    )
    model = loaders.open_payload(to, threads=threads)
    begun = clock.perf_counter()
    asked = origins.told(table, asked=_asked(judged, question, params), params=params, events=events)
    said = model.predict(asked.matrix(model.columns))["volume"]
    told = {
        **_errors(asked, model, said), **_honesty(asked, model, said),
        "baselines": {name: _point_errors(asked, point, point) for name, point in planners(asked).items()},
        "issue_s": round(clock.perf_counter() - begun, 3),
        "train_s": measured["fit_s"], "peak_mb": measured["peak_mb"],
        "days": {"train": len(train), "held": len(held), "test": len(judged)}, "rows": len(asked.offered),
        "queues": len(set(asked.queue)), "interval_s": int(table["interval_s"][0].as_py()),
    }  # fmt: skip
    ahead = [str(1 + int(one // 24)) for one in asked.column("ahead_h")]
    told |= {"by_queue": _by(asked.queue, asked, model, said), "by_days_ahead": _by(ahead, asked, model, said)}
    told["by_residuals"] = _by_residuals(table, asked, model, learned, question=question, params=params, events=events)
    if question.rivals:
        told["baselines"]["mstl_auto_ets"] = _rival(table, asked, judged, params)
    rest = _Rest(None, {})
    if question.update_at:
        rest = _rest_of_day(table, model, judged, question.update_at, params, events)
    told["rest_of_day_wape"] = rest.wape
    for name, figures in told["baselines"].items():
        figures["rest_of_day_wape"] = rest.planners.get(name)
    return Judged(asked, model, said, told)


def planners(asked: Issued) -> dict[str, Floats]:
    """What a planner would say by hand, by name: (n,) contacts, 0 where no same weekday is known."""
    lags = np.column_stack([asked.column(f"lag_{place}") for place in range(1, 9)])
    counts = (~np.isnan(lags)).cumsum(axis=1)
    sums = np.nan_to_num(lags).cumsum(axis=1)
    mean = {weeks: sums[:, weeks - 1] / np.maximum(counts[:, weeks - 1], 1) for weeks in (1, 4, 8)}
    return {
        "last_week": mean[1], "mean_of_four": mean[4], "median_of_six": baselines.same_weekdays(asked),
        "mean_of_eight": mean[8], "seasonal_naive": mean[1],
    }  # fmt: skip


def _by_residuals(
    table: pa.Table, asked: Issued, model: Any, learned: Sequence[date], *, question: Question, params: ForecastParams,
    events: pa.Table | None,
) -> dict[str, Any] | None:  # fmt: skip
    """Intervals of the judged days by the errors of the days before them, which were asked for in the same steps."""
    days = learned[forecast_residuals.FEWEST_DAYS :][-forecast_residuals.MOST_DAYS :]
    if not days:
        return None
    past = origins.told(table, asked=_asked(days, question, params), params=params, events=events)
    return forecast_residuals.of_days(model, past=past, judged=asked, levels=LEVELS)


def _rival(table: pa.Table, asked: Issued, judged: Sequence[date], params: ForecastParams) -> dict[str, Any]:
    from training import forecast_rivals

    rival = forecast_rivals.mstl_ets(table, asked, days=judged, params=params)
    return {**_point_errors(asked, rival.point, rival.point), "seconds": round(rival.seconds, 3)}


def _parts(days: Sequence[date]) -> tuple[list[date], list[date]]:
    held = int(np.clip(round(HELD_SHARE * len(days)), HELD_LEAST, HELD_MOST))
    return list(days[:-held]), list(days[-held:])


def _starts_before(table: pa.Table, day: date, params: ForecastParams) -> Any:
    import pyarrow.compute as pc

    first = pa.scalar(moment(day, MIDNIGHT, params.time_zone), pa.timestamp("us", tz="UTC"))
    return pc.less(table["interval_start"], first)


def _asked(judged: Sequence[date], question: Question, params: ForecastParams) -> list[Asked]:
    """An origin at the start of every so many judged days, for all intervals until the next origin."""
    firsts = list(judged[:: question.step_days])
    ends = [*firsts[1:], judged[-1] + timedelta(days=1)]
    return [
        Asked(moment(first, MIDNIGHT, params.time_zone), moment(first, MIDNIGHT, params.time_zone),
              moment(end, MIDNIGHT, params.time_zone))
        for first, end in zip(firsts, ends, strict=True)
    ]  # fmt: skip


def _errors(asked: Issued, model: Any, said: Floats) -> dict[str, Any]:
    middle = forecast_figures.place(model.quantiles, 0.5)
    found = _point_errors(asked, said[:, middle], model.mean(said))
    _, actual, totals = forecast_figures.day_totals(asked, model, said)
    found["wape"]["day"], found["mae"]["day"] = _wape(actual, totals[:, middle]), _mae(actual, totals[:, middle])
    lost = forecast_figures.pinball(asked.offered, said, model.quantiles)
    return {**found, "pinball": _figure(lost.sum() / asked.offered.sum()) if asked.offered.sum() > 0 else None}


def _honesty(asked: Issued, model: Any, said: Floats) -> dict[str, Any]:
    _, actual, totals = forecast_figures.day_totals(asked, model, said)
    found: dict[str, Any] = {"coverage": {}, "mean_width": {}}
    for level in LEVELS:
        inside, width = {}, {}
        for name, came, quantiles in (("interval", asked.offered, said), ("day", actual, totals)):
            inside[name] = _figure(forecast_figures.covered(came, quantiles, model.quantiles, level=level).mean())
            low, high = (forecast_figures.place(model.quantiles, (1 + sign * level) / 2) for sign in (-1, 1))
            width[name] = _figure((quantiles[:, high] - quantiles[:, low]).mean())
        found["coverage"][f"{level:.0%}".rstrip("%")] = inside
        found["mean_width"][f"{level:.0%}".rstrip("%")] = width
    return found


def _by(names: Sequence[str], asked: Issued, model: Any, said: Floats) -> dict[str, dict[str, Any]]:
    """Of the rows of each name (queue, days ahead): contacts, WAPE of the intervals, the median of six's, coverage."""
    middle, beside = said[:, forecast_figures.place(model.quantiles, 0.5)], baselines.same_weekdays(asked)
    held = [forecast_figures.covered(asked.offered, said, model.quantiles, level=level) for level in LEVELS]
    labels, place = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    found: dict[str, dict[str, Any]] = {}
    for number, label in sorted(enumerate(labels), key=lambda one: (len(one[1]), one[1])):
        mine = place == number
        found[str(label)] = {
            "contacts": _figure(asked.offered[mine].sum()), "wape": _wape(asked.offered[mine], middle[mine]),
            "wape_median_of_six": _wape(asked.offered[mine], beside[mine]),
            "coverage": {f"{level:.0%}".rstrip("%"): _figure(inside[mine].mean())
                         for level, inside in zip(LEVELS, held, strict=True)},
        }  # fmt: skip
    return found


def _point_errors(asked: Issued, point: Floats, mean: Floats) -> dict[str, Any]:
    """WAPE and MAE by grain: the point by interval, sums of means beyond it."""
    found: dict[str, Any] = {
        "wape": {"interval": _wape(asked.offered, point)}, "mae": {"interval": _mae(asked.offered, point)}
    }  # fmt: skip
    for minutes in (*GRAINS, 24 * 60):
        name = "day" if minutes == 24 * 60 else f"{minutes}min"
        grouped = _grouped(asked, minutes, asked.offered, mean)
        for measure, of in (("wape", _wape), ("mae", _mae)):
            found[measure][name] = None if grouped is None else of(*grouped)
    return found


def _grouped(asked: Issued, minutes: int, *columns: Floats) -> list[Floats] | None:
    """Sums by queue and so many minutes of the local day; None where intervals are longer or do not fit into them."""
    interval_s = int(asked.design["interval_s"][0].as_py()) if asked.design.num_rows else 60 * minutes
    if 60 * minutes < interval_s or 60 * minutes % interval_s:
        return None
    part = np.floor(asked.column("minute_of_day") / minutes).astype(int)
    keys = [f"{queue}|{day}|{one}" for queue, day, one in zip(asked.queue, asked.day, part, strict=True)]
    _, group = np.unique(keys, return_inverse=True)
    return [np.bincount(group, weights=one).astype(np.float64) for one in columns]


def _rest_of_day(
    table: pa.Table, model: Any, judged: Sequence[date], at: time, params: ForecastParams, events: pa.Table | None
) -> _Rest:
    """The rest of each judged day as told at that time, and as planners tell it: scaled by what has come so far."""
    day = [tuple(moment(one + timedelta(days=step), MIDNIGHT, params.time_zone) for step in (0, 1)) for one in judged]
    update = [moment(one, at, params.time_zone) for one in judged]
    rest = origins.told(table, asked=[Asked(now, now, end) for now, (_, end) in zip(update, day, strict=True)],
                        params=params, events=events)  # fmt: skip
    whole = origins.told(table, asked=[Asked(start, start, end) for start, end in day], params=params, events=events)
    begun = np.asarray([60.0 * at.hour + at.minute]) - whole.column("minute_of_day")
    ended, coming = begun >= float(table["interval_s"][0].as_py()) / 60.0, begun <= 0
    _, group = np.unique(
        [f"{queue}|{one}" for queue, one in zip(whole.queue, whole.day, strict=True)], return_inverse=True
    )
    came = np.bincount(group, weights=whole.offered * ended)
    scaled = {}
    for name, point in planners(whole).items():
        expected = np.bincount(group, weights=point * ended)
        share = np.where(expected > 0, came / np.maximum(expected, 1e-9), 1.0)[group]
        scaled[name] = _by_grain(whole.taken(coming), (point * share)[coming])
    said = model.predict(rest.matrix(model.columns))["volume"]
    return _Rest(_by_grain(rest, model.mean(said)), scaled)


@dataclass(frozen=True)
class _Rest:
    """WAPE of the rest of the judged days: ours, and planners' by name."""

    wape: float | None
    planners: Mapping[str, float | None]


def _by_grain(asked: Issued, point: Floats) -> float | None:
    """WAPE at the first of GRAINS that the intervals fit into, else by interval."""
    grouped = next((found for grain in GRAINS if (found := _grouped(asked, grain, asked.offered, point))), None)
    return _wape(*(grouped or (asked.offered, point)))


def _wape(actual: Floats, point: Floats) -> float | None:
    """None where nobody came: there is nothing to be off by a share of."""
    total = float(actual.sum())
    return _figure(np.abs(actual - point).sum() / total) if total > 0 else None


def _mae(actual: Floats, point: Floats) -> float | None:
    return _figure(np.abs(actual - point).mean()) if len(actual) else None


def _figure(value: Any) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
