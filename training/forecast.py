"""Forecast: how many contacts each queue gets in each interval of the days to come, and how long they take.

One LightGBM model a quantile over all queues, on errors in units of the usual level, widened on held-back days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import forecast as features
from training import boosting, forecast_figures, gates, loaders, origins, payload, rows, widening
from training.boosting import Growth, Sample
from training.loaders.forecast import FORMAT, TARGETS, bases, read_by_line
from training.loaders.forecast import features as read_by_trees
from training.origins import Issued
from training.params import ForecastParams, Params
from training.report import Report
from training.widening import Widened

Floats = npt.NDArray[np.float64]
COLUMNS = ("queue", "interval_start", "interval_s", "offered_count", "handled_count", "handle_s", "known_at", "part")
# Days of history that the first origin needs: two same weekdays behind it.
FIRST_ORIGIN_DAY = 14
# Rows with a known handle time below which it is not learned.
FEWEST_ROWS = 200


def fit(
    data: Path, *, params: ForecastParams, seed: int, threads: int, to: Path, encoder_cache: Path | None = None
) -> dict[str, Any]:
    """Learn from origins on the `train` days, widen on the `calibrate` days, write the payload into folder `to`.

    data: the folder with intervals.parquet. encoder_cache: not used, no texts here. Returns what was measured (`fit_s`,
    `peak_mb`, origins, rows). NotEnoughData when the history is shorter than three weeks.
    """
    return rows.measured(lambda: _fit(data, params=params, seed=seed, threads=threads, to=to))


def judge(data: Path, *, candidate: Path, champion: Path | None, params: Params, seed: int, threads: int) -> Report:
    """Judge a payload day by day on the frozen `judge` days, each forecast as it would have been issued at its start.

    Beside it: the median of six same weekdays (the baseline), the same interval a week ago, and the champion. data: as
    in `fit`; params: all of them, for the gates.
    """
    table, mine = _intervals(data), params.forecast
    days = origins.local_days(rows.part(table, rows.JUDGE), time_zone=mine.time_zone)
    rows.enough(len(days), needed=2, of="days to judge on", where=str(data))
    models = {"candidate": loaders.open_payload(candidate, threads=threads)}
    if champion is not None:
        models["champion"] = loaders.open_payload(champion, threads=threads)
    figures = forecast_figures.figures(origins.issued(table, days=days, params=mine), models=models, seed=seed)
    return gates.report(
        params.policy("forecast"),
        champion="none" if champion is None else payload.digest(champion),
        artefact=payload.digest(candidate),
        rows=rows.described(table, id_of=_ids, time_column="interval_start"),
        data=rows.provenance(data, family="forecast"),
        metrics=figures.metrics,
        comparisons=figures.comparisons,
        slices=figures.slices,
        charts=figures.charts,
        limits=figures.limits,
    )


def _fit(data: Path, *, params: ForecastParams, seed: int, threads: int, to: Path) -> dict[str, Any]:
    table = _intervals(data)
    train, held = (
        origins.local_days(rows.part(table, name), time_zone=params.time_zone) for name in (rows.TRAIN, rows.CALIBRATE)
    )
    start = [day for day in train if (day - train[0]).days >= FIRST_ORIGIN_DAY][-params.max_origins :] if train else []
    rows.enough(len(start), needed=7, of="days to learn from, after two weeks of history", where=str(data))
    rows.enough(len(held), needed=1, of="days to calibrate on", where=str(data))
    known = origins.issued(_until(table, rows.TRAIN), days=start, params=params, far=True)
    columns = learnable(start)
    line = corrected_line(known, columns, params=params)
    samples = {name: _sample(name, known, columns, line) for name in TARGETS}
    leaf_rows = max(params.min_leaf_rows, round(params.min_leaf_days * len(known.offered) / len(set(known.day))))
    boosters = {
        name: _quantile_trees(sample, columns, leaf_rows, params, seed, threads)
        for name, sample in samples.items() if len(sample.target) >= FEWEST_ROWS
    }  # fmt: skip
    to.mkdir(parents=True, exist_ok=True)
    for name, models in boosters.items():
        for number, booster in enumerate(models):
            boosting.write(booster, to / f"{name}_{number}.txt")
    loaders.place("forecast", to=to)
    _write(to, params=params, columns=columns, line=line, targets=sorted(boosters), made=widening.untouched(params))
    asked = origins.issued(table, days=held, params=params)
    made = widening.widened(loaders.open_payload(to, threads=threads), asked, params=params)
    _write(to, params=params, columns=columns, line=line, targets=sorted(boosters), made=made)
    return {"origins": len(start), "rows": len(known.offered), "calibrated_on_days": len(held)}


def learnable(days: Sequence[date]) -> list[str]:
    """The design columns that this history can teach: a season that was seen once is told from nothing else that year.

    The month and the week need two years, the day of the month ten weeks; with less they only name single days.
    """
    span = (days[-1] - days[0]).days
    unseen = {"month", "week_of_year"} if span < 2 * 365 else set()
    unseen |= {"day_of_month"} if span < 70 else set()
    return [name for name in features.DESIGN_COLUMNS if name not in unseen]


def _until(table: pa.Table, part: str) -> pa.Table:
    """Only this part's rows: what is learned from never sees a later day, not even as an actual count."""
    return rows.part(table, part)


def corrected_line(known: Issued, columns: list[str], *, params: ForecastParams) -> list[float]:
    """The coefficients of the loader's linear correction of volume: ridge regression in its units, weighted by them.

    Nine numbers say more than trees can learn of level and neighbours in eight weeks. Rounded, so that the last bits of
    a linear solver are not part of a payload.
    """
    raw = known.matrix(columns)
    centre, unit = bases(raw, columns)["volume"]
    weights = np.sqrt(unit / unit.mean())[:, None]
    read, target = read_by_line(raw, columns) * weights, ((known.offered - centre) / unit)[:, None] * weights
    drawn = params.line_rows * np.diag((read**2).mean(axis=0) + 1e-9)
    found = np.linalg.solve(read.T @ read + drawn, read.T @ target)
    return [round(float(one), 6) for one in found[:, 0]]


def _quantile_trees(
    sample: Sample, columns: list[str], leaf_rows: int, params: ForecastParams, seed: int, threads: int
) -> list[Any]:
    """A booster a quantile."""
    growth = Growth(params.rounds, params.leaves, params.learning_rate, leaf_rows, params.feature_share)
    return [
        boosting.fitted(
            sample, objective={"objective": "quantile", "alpha": quantile}, growth=growth,
            columns=columns, categorical=features.CATEGORICAL, seed=seed, threads=threads,
        )
        for quantile in params.quantiles
    ]  # fmt: skip


def _sample(name: str, known: Issued, columns: list[str], line: list[float]) -> Sample:
    """Errors in the loader's units, weighted by the unit, so that what is minimised is contacts (or seconds)."""
    raw = known.matrix(columns)
    centre, unit = bases(raw, columns, line=line)[name]
    actual = known.offered if name == "volume" else known.handle_s
    weights = unit if name == "volume" else np.nan_to_num(known.handled)
    told = ~np.isnan(actual) & ~np.isnan(centre) & (unit > 0) & (weights > 0)
    target = (actual - centre) / np.where(unit > 0, unit, 1.0)
    read = read_by_trees(raw, columns)
    return Sample(read[told], target[told], weights[told] / weights[told].mean() if told.any() else None)


def _write(
    to: Path, *, params: ForecastParams, columns: list[str], line: list[float], targets: list[str], made: Widened
) -> None:
    rows.write_json(to / "payload.json", {
        "family": "forecast", "format": FORMAT, "columns": columns,
        "quantiles": list(params.quantiles), "targets": targets, "line": line,
        "trust": {name: made.trust[name] for name in targets},
        "widening": {name: made.by_target[name] for name in targets}, "day_factors": made.day_factors,
        "requirements": ["lightgbm", "numpy"],
        "signature": {"inputs": [[name, "double"] for name in columns]},
    })  # fmt: skip


def _ids(table: pa.Table) -> list[str]:
    starts = table["interval_start"].cast(pa.int64()).to_pylist()
    return [f"{queue}|{start}" for queue, start in zip(table["queue"].to_pylist(), starts, strict=True)]


def _intervals(data: Path) -> pa.Table:
    return rows.read(data / "intervals.parquet", columns=COLUMNS)
