"""What else intervals could be drawn by: what the same forecast was off by on the days before.

Whoever has no distribution keeps a list of past errors and draws its quantiles around each day's total. This is the
rival of a day's interval: as honest, ours must not be wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training import forecast_figures
from training.origins import Issued

Floats = npt.NDArray[np.float64]
# Days of the past whose errors are kept, and fewest of a queue that say anything.
MOST_DAYS, FEWEST_DAYS = 100, 10


def of_days(model: Any, *, past: Issued, judged: Issued, levels: Sequence[float]) -> dict[str, Any] | None:
    """Intervals of the judged days' totals by the past days' errors (contacts), beside the model's own.

    past, judged: what the model was asked of days before the judged ones, and of these; each queue by its own errors.
    Returns `days` (of queues with FEWEST_DAYS past ones) and by level `coverage`, `mean_width` and, on the same days,
    the model's `mean_width_of_model`; None where no queue has enough.
    """
    before, now = _totals(model, past), _totals(model, judged)
    kept = [queue for queue, (came, _) in before.items() if len(came) >= FEWEST_DAYS and queue in now]
    if not kept:
        return None
    found: dict[str, Any] = {"days": 0, "coverage": {}, "mean_width": {}, "mean_width_of_model": {}}
    for level in levels:
        parts = [_interval(before[queue], now[queue], model.quantiles, level) for queue in kept]
        inside, width, own = (np.concatenate(one) for one in zip(*parts, strict=True))
        name = f"{level:.0%}".rstrip("%")
        for key, values in (("coverage", inside), ("mean_width", width), ("mean_width_of_model", own)):
            found[key][name] = round(float(values.mean()), 6)
        found["days"] = len(inside)
    return found


def _totals(model: Any, asked: Issued) -> dict[str, tuple[Floats, Floats]]:
    """By queue: what came on its days, and the quantiles of these totals (days, quantiles)."""
    said = model.predict(asked.matrix(model.columns))["volume"]
    queues = np.asarray(asked.queue)
    found = {}
    for queue in np.unique(queues):
        rows = queues == queue
        _, came, totals = forecast_figures.day_totals(asked.taken(rows), model, said[rows])
        found[str(queue)] = (came, totals)
    return found


def _interval(
    before: tuple[Floats, Floats], now: tuple[Floats, Floats], quantiles: Sequence[float], level: float
) -> tuple[Floats, Floats, Floats]:
    """Of each judged day: whether the interval by past errors holds it, that interval's width, and the model's."""
    middle, low, high = (forecast_figures.place(quantiles, q) for q in (0.5, (1 - level) / 2, (1 + level) / 2))
    (past, told), (came, said) = before, now
    off = np.quantile(past - told[:, middle], [(1 - level) / 2, (1 + level) / 2])
    ends = [np.maximum(said[:, middle] + one, 0.0) for one in off]
    inside = ((ends[0] <= came) & (came <= ends[1])).astype(np.float64)
    return inside, ends[1] - ends[0], said[:, high] - said[:, low]
