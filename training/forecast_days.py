"""The best and the worst judged days of a forecast report, drawn: what all queues together were told, and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training import aggregates
from training.forecast_figures import place
from training.origins import Issued
from training.report import Chart

Floats = npt.NDArray[np.float64]
# Days that are drawn of each kind.
EACH = 2
BANDS = (0.95, 0.8, 0.5)


def charts(
    asked: Issued, model: Any, predicted: Floats, point: Floats, *, time_zone: str, seed: int
) -> tuple[Chart, ...]:
    """Up to two days of each kind, a fan each, best first; a day by its WAPE at intervals, over all queues.

    predicted: quantiles of each row (n, levels); point: their median. What is drawn are the site's own quantiles, as an
    issue would tell them (`aggregates.added`), of the intervals that were judged.
    """
    wapes = wape_by_day(asked, point)
    days = sorted(wapes, key=lambda day: (wapes[day], day))
    worst = days[::-1][: min(EACH, len(days) // 2)]
    best = [day for day in days[:EACH] if day not in worst]
    kinds = [("Best", "最好", day) for day in best] + [("Worst", "最差", day) for day in worst]
    return tuple(
        Chart("fan", f"{name} judged day: {day}, WAPE {wapes[day]:.1%}", f"{name_zh}的判定日",
              _fan(asked, model, predicted, day, time_zone=time_zone, seed=seed))
        for name, name_zh, day in kinds
    )  # fmt: skip


def wape_by_day(asked: Issued, point: Floats) -> dict[str, float]:
    """Of each local day the sum of |actual - median| over the sum of actual; days on which nothing came left out."""
    found = {}
    for day in sorted(set(asked.day)):
        mine = asked.day == day
        if asked.offered[mine].sum() > 0:
            found[str(day)] = float(np.abs(asked.offered - point)[mine].sum() / asked.offered[mine].sum())
    return found


def _fan(asked: Issued, model: Any, predicted: Floats, day: str, *, time_zone: str, seed: int) -> dict[str, Any]:
    mine = asked.day == day
    of_day = asked.taken(mine)
    site = aggregates.added(of_day.design, model, predicted[mine], time_zone=time_zone, seed=seed).site["quantiles"]
    starts = of_day.design["interval_start"].cast(pa.int64()).to_numpy()
    _, first, slot = np.unique(starts, return_index=True, return_inverse=True)
    minutes = of_day.column("minute_of_day")[first].astype(int)
    levels = model.quantiles
    return {
        "x": [f"{minute // 60 % 24:02d}:{minute % 60:02d}" for minute in minutes],
        "median": site[:, place(levels, 0.5)].tolist(),
        "actual": np.bincount(slot, weights=of_day.offered).tolist(),
        "bands": [{"level": level, "low": site[:, place(levels, (1 - level) / 2)].tolist(),
                   "high": site[:, place(levels, (1 + level) / 2)].tolist()} for level in BANDS],
    }  # fmt: skip
