"""Forecast: how many contacts each queue gets in each interval of the days to come, and how long they take.

What is usual then (`features.walk`) is corrected by LightGBM over all queues, as far as held-back days bear that out;
its errors on days that were told before they came give the quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.errors import StateConflict
from features import forecast as features
from training import boosting, forecast_figures, forecast_horizons, gates, loaders, origins, payload, rows, widening
from training.boosting import Growth, Sample
from training.loaders.forecast import AHEAD_H, FORMAT, MOST_SIZES, PARTS, TARGETS, bases, bucket, values
from training.loaders.forecast import features as read_by_trees
from training.origins import Issued
from training.params import ForecastParams, Params
from training.report import Report
from training.widening import Widened

Floats = npt.NDArray[np.float64]
COLUMNS = ("queue", "interval_start", "interval_s", "offered_count", "handled_count", "handle_s", "known_at", "part")
EVENTS = "calendar_events.parquet"
EVENT_COLUMNS = ("calendar_event_id", "revision", "kind", "starts_at", "ends_at", "queues", "cancelled", "known_at")
# Days of history that the first origin needs: two same weekdays behind it, or one where there are few weeks in all.
FIRST_ORIGIN_DAY, FIRST_OF_FEW, FEW_DAYS = 14, 7, 42
# Days to learn from: an origin each.
FEWEST_ORIGINS = 4
# Rows with a known handle time below which it is not learned.
FEWEST_ROWS = 200


def fit(
    data: Path, *, params: ForecastParams, seed: int, threads: int, to: Path, encoder_cache: Path | None = None
) -> dict[str, Any]:
    """Learn from origins on the `train` days, widen on the `calibrate` days, write the payload into folder `to`.

    data: the folder with intervals.parquet. encoder_cache: not used, no texts here. Returns what was measured (`fit_s`,
    `peak_mb`, origins, rows). NotEnoughData when the history is shorter than two weeks.
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
    _refuse_forgotten(models)
    events = _events(data)
    near = origins.issued(table, days=days, params=mine, events=events)
    far = forecast_horizons.weeks_ahead(table, days=days, params=mine, events=events)
    figures = forecast_figures.figures(near, far, models=models, seed=seed, time_zone=mine.time_zone)
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


def _refuse_forgotten(models: Mapping[str, Any]) -> None:
    """A model that reads what is no longer built would answer nonsense: it is no champion to be compared with."""
    for name, model in models.items():
        if missing := sorted(set(model.columns) - set(features.DESIGN_COLUMNS)):
            raise StateConflict(f"the {name} reads columns that are no longer built", came=", ".join(missing)[:200],
                                expected="columns of features.forecast", where="forecast",
                                remedy="Roll the forecast back to the baseline, and retrain.")  # fmt: skip


def _fit(data: Path, *, params: ForecastParams, seed: int, threads: int, to: Path) -> dict[str, Any]:
    table = _intervals(data)
    learned = table.filter(pc.not_equal(table["part"], rows.JUDGE))
    train, held = (
        origins.local_days(rows.part(table, name), time_zone=params.time_zone) for name in (rows.TRAIN, rows.CALIBRATE)
    )
    return fitted(learned, train=train, held=held, params=params, seed=seed, threads=threads, to=to, where=str(data),
                  events=_events(data))  # fmt: skip


def fitted(
    table: pa.Table, *, train: Sequence[date], held: Sequence[date], params: ForecastParams, seed: int, threads: int,
    to: Path, where: str, events: pa.Table | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Learn from intervals as they stand, from origins on the days `train` and made honest on the days `held`."""
    first = FIRST_OF_FEW if not train or (train[-1] - train[0]).days < FEW_DAYS else FIRST_ORIGIN_DAY
    start = [day for day in train if (day - train[0]).days >= first][-params.max_origins :]
    rows.enough(len(start), needed=FEWEST_ORIGINS, of=f"days to learn from, after {first} days of history", where=where)
    rows.enough(len(held), needed=1, of="days to calibrate on", where=where)
    days = _spread_out(start, table, params=params) + list(held)
    asked = origins.issued(table, days=days, params=params, far=True, events=events)
    of_held = np.isin(asked.day, [day.isoformat() for day in held])
    before = np.asarray([day < held[0].isoformat() for day in asked.day], dtype=bool)
    known, kept = asked.taken(before), asked.taken(of_held & (asked.column("ahead_h") <= 36.0))
    rows.enough(len(known.offered), needed=FEWEST_ORIGINS, of="known counts in open hours to learn from", where=where)
    columns = learnable(start)
    leaf_rows = max(params.min_leaf_rows, round(params.min_leaf_days * len(known.offered) / len(set(known.day))))
    to.mkdir(parents=True, exist_ok=True)
    grown = [
        name for name in TARGETS
        if _grown(name, known, columns, leaf_rows=leaf_rows, params=params, seed=seed, threads=threads, to=to)
    ]  # fmt: skip
    targets = sorted({"volume", *grown}, key=TARGETS.index)
    loaders.place("forecast", to=to)
    _write(to, params=params, columns=columns, targets=targets, made=widening.untouched(params, grown=grown))
    made = widening.widened(loaders.open_payload(to, threads=threads), known=asked, held=kept, params=params)
    _write(to, params=params, columns=columns, targets=targets, made=made)
    for name in grown:
        for part in PARTS:
            if not made.trust[name][part]:
                (to / f"{name}_{part}.txt").unlink()  # nothing reads what is not believed
    return {"origins": len(start), "rows": len(known.offered), "calibrated_on_days": len(held)}


def _spread_out(days: list[date], table: pa.Table, *, params: ForecastParams) -> list[date]:
    """As many of the days, evenly, as hold `max_origin_rows` rows: two target days an origin, of all queues."""
    a_day = table.num_rows / max(len(set(origins.local_days(table, time_zone=params.time_zone))), 1)
    step = max(1, int(np.ceil(2.0 * a_day * len(days) / params.max_origin_rows)))
    return days[::-1][::step][::-1]


def learnable(days: Sequence[date]) -> list[str]:
    """The design columns that this history can teach: a season that was seen once is told from nothing else that year.

    The month and the week need two years, the day of the month ten weeks; with less they only name single days.
    """
    span = (days[-1] - days[0]).days
    unseen = {"month", "week_of_year"} if span < 2 * 365 else set()
    unseen |= {"day_of_month"} if span < 70 else set()
    return [name for name in features.DESIGN_COLUMNS if name not in unseen]


def _grown(
    target: str, known: Issued, columns: list[str], *, leaf_rows: int, params: ForecastParams, seed: int, threads: int,
    to: Path,
) -> bool:  # fmt: skip
    """Both parts' trees, written; False where the target was hardly ever recorded.

    centre: errors in units of their usual size. spread: the logarithm of what is left, less its mean.
    """
    sample = _sample(target, known, columns)
    if len(sample.target) < FEWEST_ROWS:
        return False
    growth = Growth(params.rounds, params.leaves, params.learning_rate, leaf_rows, params.feature_share)
    told: dict[str, Any] = {"growth": growth, "columns": columns, "categorical": features.CATEGORICAL, "seed": seed,
                            "threads": threads, "objective": {"objective": "regression"}}  # fmt: skip
    centre = boosting.fitted(sample, **told)
    left = np.log(np.abs(sample.target - centre.predict(sample.features, num_threads=threads)) + 0.1)
    spread = boosting.fitted(Sample(sample.features, left - left.mean(), sample.weights), **told)
    for part, booster in zip(PARTS, (centre, spread), strict=True):
        boosting.write(booster, to / f"{target}_{part}.txt")
    return True


def _sample(target: str, known: Issued, columns: list[str]) -> Sample:
    """Errors in the loader's units, weighted so that what is minimised is contacts (or contacts' seconds)."""
    raw = known.matrix(columns)
    centre, unit = bases(raw, columns)[target]
    actual, weights = known.offered, unit * np.sqrt(known.column("usual") + 1.0)
    if target == "handle":
        actual, weights = known.handle_s, np.nan_to_num(known.handled)
    weights = np.where(bucket(raw, columns, target) > len(AHEAD_H), 0.0, weights)  # nothing is learned from SMALL ones
    told = ~np.isnan(actual) & ~np.isnan(centre) & (weights > 0)
    error = np.clip((values(target, actual) - centre) / unit, -MOST_SIZES, MOST_SIZES)
    mean = float(weights[told].sum()) / max(int(told.sum()), 1)
    return Sample(read_by_trees(raw, columns)[told], error[told], weights[told] / max(mean, 1e-9))


def _write(to: Path, *, params: ForecastParams, columns: list[str], targets: list[str], made: Widened) -> None:
    rows.write_json(to / "payload.json", {
        "family": "forecast", "format": FORMAT, "columns": columns,
        "quantiles": list(params.quantiles), "targets": targets,
        "trust": {name: made.trust[name] for name in targets},
        "offsets": {name: made.offsets[name] for name in targets}, "day_offsets": made.day_offsets,
        "mean_ratio": made.mean_ratio,
        "requirements": ["lightgbm", "numpy"],
        "signature": {"inputs": [[name, "double"] for name in columns]},
    })  # fmt: skip


def _ids(table: pa.Table) -> list[str]:
    starts = table["interval_start"].cast(pa.int64()).to_pylist()
    return [f"{queue}|{start}" for queue, start in zip(table["queue"].to_pylist(), starts, strict=True)]


def _intervals(data: Path) -> pa.Table:
    return rows.read(data / "intervals.parquet", columns=COLUMNS)


def _events(data: Path) -> pa.Table | None:
    """The events that planners know of, where the build found any."""
    path = data / EVENTS
    return rows.read(path, columns=EVENT_COLUMNS) if path.is_file() else None
