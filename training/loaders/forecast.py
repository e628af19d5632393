"""How a forecast payload answers. This file is copied into every payload as loader.py and needs no other file of ours.

The payload beside it: payload.json (columns, quantiles, offsets) and two LightGBM models a target as text. Flows call
`load` and `Model.predict` to issue a table; MLflow loads the same file from code. Needs numpy and lightgbm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FORMAT = 2
TARGETS = ("volume", "handle")
# Each target has a model of where its errors lie, and one of how large they are.
PARTS = ("centre", "spread")
# Hours ahead up to which errors are alike: a day, the rest of the week, and beyond.
AHEAD_H = (36.0, 192.0)
# Contacts usual in an interval below which chance makes whole numbers of 0 to 3: their errors have a form of their own,
# and trees, which compare errors by their size, are not asked about them. Their quantiles are those of a count spread
# over the half contact to each side, so that the mean of the quantiles lies above that of the counts: by level of that
# mean it is multiplied by `mean_ratio`, which is 1 from the last on.
SMALL = 2.0
# A quantile of less than half a contact is none: so much of the distribution is a count of 0.
NOBODY = 0.5
MEAN_LEVELS = (0.25, 0.75, 1.5, 3.0, 8.0)
# The scale of counts, as `features.scale` says it (tested to be the same).
DISPERSION = 0.003
SHIFT = 0.375
# A contact's handle time varies by .7 of its logarithm, and an hour's mean by so much more than chance makes of it.
HANDLE_SPREAD, HANDLE_COMMON = 0.7, 0.03
# Errors of more than so many usual sizes are one of these to the trees.
MOST_SIZES = 4.0


def scaled(count: Floats) -> Floats:
    """Counts on the scale on which errors are learned."""
    return np.asarray(2.0 / DISPERSION**0.5 * np.arcsinh(DISPERSION**0.5 * np.sqrt(count + SHIFT)), dtype=np.float64)


def counted(value: Floats) -> Floats:
    """Counts of values on that scale."""
    found = np.sinh(np.maximum(value, 0.0) * DISPERSION**0.5 / 2.0) ** 2 / DISPERSION - SHIFT
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def bases(rows: Floats, columns: list[str]) -> dict[str, tuple[Floats, Floats]]:
    """Where each target is expected, on its scale, and how far off that usually is: (centre, unit) by target.

    Volume: what is usual then by calendar and drift. Handle: the logarithm of the usual seconds of that hour.
    """
    told = {name: rows[:, place] for place, name in enumerate(columns)}
    usual, handle = told["usual"], told["handle_usual"]
    chance = HANDLE_SPREAD**2 / np.maximum(usual, 1.0)
    with np.errstate(invalid="ignore"):
        centre = np.log(np.where(handle > 0, handle, np.nan))
    return {"volume": (scaled(usual), told["spread"]), "handle": (centre, np.sqrt(chance + HANDLE_COMMON**2))}


def bucket(rows: Floats, columns: list[str], target: str) -> npt.NDArray[np.int64]:
    """Which of the target's offsets each row has: by distance ahead, and of volume those of SMALL intervals last."""
    found = np.digitize(rows[:, columns.index("ahead_h")], AHEAD_H)
    if target == "volume":
        found = found + (len(AHEAD_H) + 1) * (rows[:, columns.index("usual")] < SMALL)
    return np.asarray(found, dtype=np.int64)


def values(target: str, actual: Floats) -> Floats:
    """What came, on the target's scale."""
    return scaled(actual) if target == "volume" else np.asarray(np.log(np.maximum(actual, 1e-3)), dtype=np.float64)


def amounts(target: str, value: Floats) -> Floats:
    """Contacts or seconds of values on the target's scale."""
    return counted(value) if target == "volume" else np.asarray(np.exp(value), dtype=np.float64)


def features(rows: Floats, columns: list[str]) -> Floats:
    """What the trees read: counts on the scale of errors; the queue's own size is told by that too."""
    found = rows.copy()
    for name in ("usual", "usual_day_total"):
        place = columns.index(name)
        found[:, place] = scaled(rows[:, place])
    return found


class Model:
    """A loaded payload: the distribution of contacts offered and of their mean handle time, by interval."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Read the payload in `folder`. ValueError for another family or format."""
        import lightgbm

        told = json.loads((folder / "payload.json").read_text(encoding="utf-8"))
        if (told.get("family"), told.get("format")) != ("forecast", FORMAT):
            raise ValueError(f"not a forecast payload of format {FORMAT}: {folder}")
        self.columns: list[str] = told["columns"]
        self.quantiles: list[float] = told["quantiles"]
        self.targets: list[str] = told["targets"]
        self.offsets: dict[str, list[list[float]]] = told["offsets"]
        self.trust: dict[str, dict[str, float]] = told["trust"]
        self.day_offsets: list[float] = told["day_offsets"]
        self.mean_ratio: list[float] = told.get("mean_ratio", [1.0] * len(MEAN_LEVELS))
        self._threads = threads
        self._boosters = {
            (target, part): lightgbm.Booster(model_str=(folder / f"{target}_{part}.txt").read_text(encoding="utf-8"))
            for target in self.targets for part in PARTS if self.trust[target][part]
        }  # fmt: skip

    def predict(self, matrix: npt.ArrayLike) -> dict[str, Floats]:
        """Quantiles of each row: {"volume": (n, quantiles) contacts, "handle": (n, quantiles) seconds}.

        matrix: (n, columns) as `features.forecast.design` makes them, in the order of `columns`. Quantiles do not cross
        and are not negative. A target that was never recorded is NaN. Closed intervals are the caller's to leave out.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ValueError(f"expected (intervals, {len(self.columns)}) features, came {rows.shape}")
        located = self.located(rows)
        return {target: self._quantiles(target, rows, located) for target in TARGETS}

    def located(self, matrix: Floats) -> dict[str, tuple[Floats, Floats]]:
        """(centre, unit) of each row by target, on the target's scale, with what the trees say as far as trusted."""
        read, found = features(matrix, self.columns), bases(matrix, self.columns)
        for target in self.targets:
            centre, unit = found[target]
            asked = bucket(matrix, self.columns, target) <= len(AHEAD_H)
            said = {part: asked * self.trust[target][part] * self._said(target, part, read) for part in PARTS}
            found[target] = centre + unit * said["centre"], unit * np.exp(said["spread"])
        return found

    def mean(self, quantiles: Floats) -> Floats:
        """The mean of each row from its quantiles (n, quantiles): each stands for the levels that are nearest to it."""
        levels = np.asarray(self.quantiles)
        edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2.0, [1.0]])
        spread = quantiles @ np.diff(edges)
        return np.asarray(spread * np.interp(spread, MEAN_LEVELS, self.mean_ratio), dtype=np.float64)

    def day_totals(self, means: npt.ArrayLike, *, spread: npt.ArrayLike) -> Floats:
        """Quantiles of days' totals, (days, quantiles) contacts: of their own, as quantiles of intervals do not add up.

        means: (days,) the sums of the intervals' means. spread: (days,) how far off such a total usually is, on the
        scale of counts (`day_spread`).
        """
        off = np.asarray(spread, dtype=np.float64)[:, None] * np.asarray(self.day_offsets)
        return counted(scaled(np.asarray(means, dtype=np.float64))[:, None] + off)

    def _said(self, target: str, part: str, read: Floats) -> Floats:
        if not self.trust[target][part]:
            return np.zeros(len(read))
        said = self._boosters[target, part].predict(read, num_threads=self._threads)
        return np.clip(np.asarray(said, dtype=np.float64), -MOST_SIZES, MOST_SIZES)

    def _quantiles(self, target: str, rows: Floats, located: dict[str, tuple[Floats, Floats]]) -> Floats:
        if target not in self.targets:
            return np.full((len(rows), len(self.quantiles)), np.nan)
        centre, unit = located[target]
        offsets = np.asarray(self.offsets[target])
        place = np.minimum(bucket(rows, self.columns, target), len(offsets) - 1)
        spaced = centre[:, None] + unit[:, None] * offsets[place]
        found = np.sort(amounts(target, spaced), axis=1)
        return np.where(found < NOBODY, 0.0, found) if target == "volume" else found


def load(folder: Path, *, threads: int = 1) -> Model:
    """The model of a payload folder."""
    return Model(Path(folder), threads=threads)


if __name__.startswith("code_model_"):  # the name under which MLflow loads a model from code, and nobody else
    import mlflow
    import pandas

    class ForecastModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, unused-ignore]
        """The payload behind MLflow's pyfunc: a frame of the payload's columns in, quantiles of both targets out."""

        def load_context(self, context: Any) -> None:
            """The payload is the artefact of that name."""
            self.model = load(Path(context.artifacts["payload"]))

        def predict(self, context: Any, model_input: pandas.DataFrame, params: Any = None) -> dict[str, Floats]:
            """Columns such as `volume_0.5`, from `Model.predict`."""
            found = self.model.predict(model_input[self.model.columns].to_numpy(dtype=np.float64))
            names = [f"{quantile:g}" for quantile in self.model.quantiles]
            return {f"{t}_{name}": found[t][:, place] for t in TARGETS for place, name in enumerate(names)}

    mlflow.models.set_model(ForecastModel())
