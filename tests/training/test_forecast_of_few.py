"""A queue to which few contacts come is told right on average, and spoils nothing of a busy one beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.demand import SCHEMA
from tests.training import learned
from training import forecast, forecast_figures, loaders, origins
from training.forecast_figures import Floats
from training.origins import Issued

PARAMS = learned.params().forecast
DAYS, JUDGED = 120, 40
MEANS = {"few": 0.6, "busy": 12.0}


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """120 days from 8 to 20, by half hours: Poisson counts whose mean stays, but for the day's luck of the busy."""
    rng = np.random.default_rng(3)
    rows = []
    for queue, mean in MEANS.items():
        for day in range(DAYS):
            level = mean * np.exp(rng.normal(0.0, 0.08)) if queue == "busy" else mean
            for slot in range(16, 40):
                at = learned.MONDAY + timedelta(days=day, minutes=30 * slot)
                rows.append({"queue": queue, "interval_start": at, "interval_s": 1800, "is_open": True,
                             "offered_count": float(rng.poisson(level)), "handled_count": None, "handle_s": None,
                             "known_at": at + timedelta(minutes=30), "part": "train"})  # fmt: skip
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@pytest.fixture(scope="module")
def said(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> tuple[Issued, Any, Floats]:
    to = tmp_path_factory.mktemp("few")
    days = origins.local_days(table, time_zone="UTC")
    learned_days = days[:-JUDGED]
    before = table.filter(pa.compute.less(table["interval_start"], pa.scalar(
        learned.MONDAY + timedelta(days=DAYS - JUDGED), type=table.schema.field("interval_start").type)))  # fmt: skip
    forecast.fitted(before, train=learned_days[:-16], held=learned_days[-16:], params=PARAMS, seed=1, threads=1, to=to,
                    where="few")  # fmt: skip
    model = loaders.open_payload(to, threads=1)
    asked = origins.issued(table, days=days[-JUDGED:], params=PARAMS)
    return asked, model, model.predict(asked.matrix(model.columns))["volume"]


@pytest.mark.parametrize("queue", sorted(MEANS))
def test_the_mean_is_that_of_what_comes(said: tuple[Issued, Any, Floats], queue: str) -> None:
    asked, model, quantiles = said
    mine = np.asarray(asked.queue) == queue
    assert model.mean(quantiles)[mine].mean() == pytest.approx(MEANS[queue], rel=0.1)


def test_the_intervals_of_the_busy_hold_what_they_say_beside_the_few(
    said: tuple[Issued, Any, Floats],
) -> None:
    asked, model, quantiles = said
    busy = np.asarray(asked.queue) == "busy"
    for level in (0.8, 0.95):
        held = forecast_figures.covered(asked.offered[busy], quantiles[busy], model.quantiles, level=level)
        assert held.mean() == pytest.approx(level, abs=0.03)
