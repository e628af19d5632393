"""How far off a forecast is, how honest, and what it costs: `make bench-forecast`.

Files at hand are judged on days that nothing was learned from, one day ahead, beside planners and (where it is asked
for) MSTL with AutoETS in the same run; a centre of 200 queues over two years is made up, to be timed. Prints Markdown.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("PARLEY_REAL_DATA", REPOSITORY.parent / "shared" / "data")) / "volume"
THREADS = 2


@dataclass(frozen=True)
class Row:
    """A file, its last days to be judged, the planner to stand beside, and what else is asked."""

    name: str
    path: str
    days: int
    beside: str
    options: tuple[tuple[str, Any], ...] = ()


ROWS = (
    Row("bank_calls, last 40 days", "bank_calls/calls_5min.csv", 40, "median_of_six", (("update_at", "11:00"),)),
    Row("bank_calls, last 60 days", "bank_calls/calls_5min.csv", 60, "median_of_six", (("update_at", "11:00"),)),
    Row("emergency_hourly, last year", "emergency_hourly/arrivals_1h.csv", 365, "mean_of_eight"),
)
RIVAL = Row("bank_calls, last 40 days", "bank_calls/calls_5min.csv", 40, "mstl_auto_ets", (("rivals", True),))
QUEUES, DAYS, SLOTS = 200, 730, 28


def judged(row: Row) -> dict[str, Any]:
    """What `parley evaluate forecast` says of the row."""
    from flows.evaluating_forecast import evaluate_forecast

    asked = {"origin_step_days": 1, "update_at": None, "country": None, "time_zone": None, "rivals": False}
    return evaluate_forecast(
        history=REAL_DATA / row.path,
        test_days=row.days,
        changes=(),
        seed=0,
        threads=THREADS,
        **asked | dict(row.options),
    )


def accuracy() -> None:
    """Errors as ratios to the planner's in the same run, and what the intervals hold."""
    print(
        "| file | beside | interval | 30 min | 60 min | day | rest of day | 80% hold (days) | 95% hold | days' width |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    found = [(row, judged(row)) for row in ROWS]
    for row, told in found:
        theirs = told["baselines"][row.beside]
        shown = [_beside(told["wape"][grain], theirs["wape"][grain]) for grain in ("interval", "30min", "60min", "day")]
        shown.append(_beside(told["rest_of_day_wape"], theirs["rest_of_day_wape"]))
        held = [f"{one['interval']:.1%} ({one['day']:.1%})" for one in told["coverage"].values()]
        print(f"| {row.name} | {row.beside} | {' | '.join((*shown, *held, _width(told['by_residuals'])))} |")

    naive = [told["wape"]["interval"] / told["baselines"]["seasonal_naive"]["wape"]["interval"] for _, told in found]
    print("\nAgainst seasonal naive, by interval: " + ", ".join(f"{one:.3f}" for one in naive))
    _pooled({row.path: told for row, told in reversed(found)}.values())  # of each file its first row


def _pooled(each: Iterable[dict[str, Any]]) -> None:
    """How many days' totals of all files together the intervals hold."""
    parts = [(told["by_residuals"]["days"], told["coverage"]) for told in each]
    days = sum(count for count, _ in parts)
    for level in ("80", "95"):
        inside = sum(count * held[level]["day"] for count, held in parts)
        print(f"Days' totals pooled, {days} origin-days: {level}% intervals hold {inside / days:.1%}")


def _width(told: dict[str, Any]) -> str:
    """How wide the days' intervals are beside those by past errors, 80% and 95%."""
    return ", ".join(f"{told['mean_width_of_model'][level] / told['mean_width'][level]:.2f}" for level in ("80", "95"))


def _beside(ours: float | None, theirs: float | None) -> str:
    return "" if ours is None or not theirs else f"{ours / theirs:.3f} ({ours:.2%} of {theirs:.2%})"


def rival() -> None:
    """Error and time beside MSTL with AutoETS."""
    told = judged(RIVAL)
    theirs, seconds = told["baselines"]["mstl_auto_ets"], told["train_s"] + told["issue_s"]
    print(f"\n{RIVAL.name}: 30 minutes {_beside(told['wape']['30min'], theirs['wape']['30min'])}, time "
          f"{seconds / theirs['seconds']:.2f} ({seconds:.1f} s of {theirs['seconds']:.1f} s)")  # fmt: skip


def made_up() -> pa.Table:
    """Two years of half hours of 200 queues, open 14 hours a day: a week, a season, days and chance of their own."""
    from features.demand import SCHEMA

    rng, day = np.random.default_rng(0), np.arange(DAYS)
    level = np.exp(rng.normal(3.0, 1.0, QUEUES))
    week = np.exp(rng.normal(0, 0.15, (QUEUES, 7))) * np.asarray([1.2, 1.0, 1.0, 1.0, 0.95, 0.6, 0.4])
    shape = np.exp(-(((np.arange(SLOTS) - 8) / 8.0) ** 2)) + 0.6 * np.exp(-(((np.arange(SLOTS) - 18) / 6.0) ** 2))
    of_day = (
        level[:, None]
        * week[:, day % 7]
        * (1 + 0.1 * np.sin(2 * np.pi * day / 365))
        * np.exp(rng.normal(0, 0.06, (QUEUES, DAYS)))
    )
    counts = rng.poisson(of_day[:, :, None] * shape).astype(np.float64).ravel()
    first = int(datetime(2024, 1, 1, 8, tzinfo=UTC).timestamp())
    starts = np.tile((first + 86_400 * day[:, None] + 1800 * np.arange(SLOTS)).ravel() * 1_000_000, QUEUES)
    seconds = 300.0 + 60.0 * rng.normal(size=len(counts)) / np.sqrt(np.maximum(counts, 1.0))
    moment = pa.timestamp("us", tz="UTC")
    columns = {
        "queue": pa.array(np.repeat([f"q{one:03d}" for one in range(QUEUES)], DAYS * SLOTS)),
        "interval_start": pa.array(starts).cast(moment), "interval_s": pa.array(np.full(len(counts), 1800)),
        "offered_count": pa.array(counts), "handled_count": pa.array(counts),
        "handle_s": pa.array(np.where(counts > 0, seconds, np.nan), from_pandas=True),
        "is_open": pa.array(np.ones(len(counts), dtype=bool)),
        "known_at": pa.array(starts + 1_800_000_000).cast(moment), "part": pa.array(["train"] * len(counts)),
    }  # fmt: skip
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def scale() -> None:
    """Seconds to train and to issue two weeks for all queues, and the most memory of the process."""
    from features import forecast as features
    from training import forecast, loaders, origins
    from training.params import ForecastParams

    table, params = made_up(), ForecastParams()
    days = origins.local_days(table, time_zone="UTC")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        forecast.fitted(table, train=days[:-56], held=days[-56:], params=params, seed=0, threads=THREADS,
                        to=Path(folder), where="made up")  # fmt: skip
        trained = time.perf_counter()
        start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=DAYS)
        design = features.design(table, horizon_start=start, horizon_end=start + timedelta(days=14), known_until=start,
                                 params=params)  # fmt: skip
        model = loaders.open_payload(Path(folder), threads=THREADS)
        model.predict(np.column_stack([design[name].to_numpy() for name in model.columns]))
        issued = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{QUEUES} queues, {DAYS} days of {SLOTS} half hours: trained in {trained - began:.0f} s, two weeks issued "
          f"in {issued - trained:.0f} s, {peak:,.0f} MB (with the data made up)")  # fmt: skip


def main() -> None:
    """All of it, or what is named: accuracy, rival, scale."""
    parts = {"scale": scale, "accuracy": accuracy, "rival": rival}
    for name, run in parts.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            run()


if __name__ == "__main__":
    main()
