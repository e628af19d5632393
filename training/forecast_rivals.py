"""What an engineer would reach for first, to be judged beside: MSTL with AutoETS, by statsforecast, refitted each day.

Only the hours and days that are open by habit make the series, so that nights and Sundays are no zeros in it; with
intervals shorter than half an hour it is fitted on half hours, which is faster and errs less, and spread evenly.
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import forecast as features
from features.grid import History
from training.origins import Issued
from training.params import ForecastParams

Floats = npt.NDArray[np.float64]
# A slot of the day is part of the series when this share of the days with data have it.
USUAL_SHARE = 0.5
SHORTEST_S = 1800
# Weeks of history that are fitted: more costs time and changes nothing that a season of a week tells.
MOST_WEEKS = 26


@dataclass(frozen=True)
class Rival:
    """(n,) contacts as the rival would have said them, and the seconds that its fits took."""

    point: Floats
    seconds: float


def mstl_ets(table: pa.Table, asked: Issued, *, days: Sequence[date], params: ForecastParams) -> Rival:
    """MSTL (seasons of a day and a week) with AutoETS for what is left, at the start of each of `days`, by queue."""
    began = clock.perf_counter()
    past = features.history(table, params=params)
    said = np.zeros(past.offered.shape)
    for queue in range(len(past.queues)):
        for day in days:
            place = past.place(day)
            said[queue, place : place + 1] = _next_day(past, queue, place)
    return Rival(_picked(said, past, asked), clock.perf_counter() - began)


def _next_day(past: History, queue: int, place: int) -> Floats:
    """(1, slots) contacts of the day at that place of the grid, from the days before it."""
    first = max(0, place - 7 * MOST_WEEKS)
    counts = past.offered[queue, first:place]
    open_days = ~np.isnan(counts).all(axis=1)
    counts = counts[open_days]
    slots = np.flatnonzero((~np.isnan(counts)).mean(axis=0) >= USUAL_SHARE)
    found = np.zeros((1, counts.shape[1]))
    if len(counts) < 3 or not len(slots):
        return found
    merged = max(1, SHORTEST_S // past.interval_s)
    groups = np.arange(0, len(slots), merged)
    filled = counts[:, slots]
    filled = np.where(np.isnan(filled), np.nanmean(filled, axis=0)[None], filled)
    series = np.add.reduceat(filled, groups, axis=1)
    a_week = round(7 * open_days.mean())
    told = _forecast(series.ravel(), [series.shape[1], series.shape[1] * max(a_week, 2)], steps=series.shape[1])
    width = np.diff([*groups, len(slots)])
    found[0, slots] = np.repeat(np.maximum(told, 0.0) / width, width)
    return found


def _forecast(series: Floats, seasons: list[int], *, steps: int) -> Floats:
    from statsforecast.models import MSTL, AutoETS

    fitting = [season for season in seasons if season > 1 and len(series) >= 2 * season]
    model: Any = MSTL(season_length=fitting, trend_forecaster=AutoETS(model="ZZN")) if fitting else AutoETS(model="ZZN")
    return np.asarray(model.forecast(y=series.astype(np.float64), h=steps)["mean"], dtype=np.float64)


def _picked(said: Floats, past: History, asked: Issued) -> Floats:
    queue = {name: place for place, name in enumerate(past.queues)}
    slot = (60.0 * asked.column("minute_of_day") // past.interval_s).astype(int)
    day = [past.place(date.fromisoformat(one)) for one in asked.day]
    return np.asarray(said[[queue[one] for one in asked.queue], day, slot], dtype=np.float64)
