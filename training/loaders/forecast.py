"""How a forecast payload answers. This file is copied into every payload as loader.py and needs no other file of ours.

The payload beside it: payload.json (columns, quantiles, widening) and LightGBM models as text, one a quantile. Flows
call `load` and `Model.predict` to issue a table; MLflow loads the same file from code. Needs numpy and lightgbm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FORMAT = 1
TARGETS = ("volume", "handle")
LINE = (
    "lag_mean", "lag_1", "lag_2", "lag_median_before", "lag_median_after",
    "level_1d", "level_3d", "level_7d", "level_28d",
)  # fmt: skip


def read_by_line(rows: Floats, columns: list[str]) -> Floats:
    """What the linear correction of volume reads: how other views of the past differ from the median of the same hours.

    (rows, LINE): the mean, the last two weeks and the neighbouring intervals less the median, and the median times how
    far the last 1, 3, 7 and 28 days stood above usual; all in the unit of `bases`, 0 where unknown.
    """
    told = {name: rows[:, place] for place, name in enumerate(columns)}
    centre = np.nan_to_num(told["lag_median"])
    found = [told[name] - centre for name in LINE[:5]] + [centre * (told[name] - 1.0) for name in LINE[5:]]
    return np.asarray(np.nan_to_num(np.column_stack(found)) / _unit(centre)[:, None], dtype=np.float64)


def bases(rows: Floats, columns: list[str], *, line: list[float] | None = None) -> dict[str, tuple[Floats, Floats]]:
    """Where each target is expected and the unit its error is learned in: (centre, unit) by target, one a row.

    Volume: the median of the same hours before, corrected by the payload's `line`. Handle: the usual mean seconds,
    learned as a share of it. Errors in such units look alike in every queue and hour, so that eight weeks suffice.
    """
    told = {name: rows[:, place] for place, name in enumerate(columns)}
    centre = np.nan_to_num(told["lag_median"])
    unit = _unit(centre)
    usual = np.where(np.isnan(told["handle_median"]), told["handle_usual"], told["handle_median"])
    corrected = centre if line is None else np.maximum(centre + unit * (read_by_line(rows, columns) @ line), 0.0)
    return {"volume": (corrected, unit), "handle": (usual, usual)}


def _unit(centre: Floats) -> Floats:
    """Power 3/4 of the level: between the square root of chance and the proportion of a common cause."""
    return np.asarray((centre + 1.0) ** 0.75, dtype=np.float64)


def features(rows: Floats, columns: list[str]) -> Floats:
    """What the trees read: counts as shares of the expected count, seconds as shares of the usual seconds."""
    found = rows.copy()
    based = bases(rows, columns)
    for place, name in enumerate(columns):
        if name.startswith("lag_") and name != "lag_median":
            found[:, place] = rows[:, place] / (based["volume"][0] + 1.0)
        if name in ("handle_median", "handle_recent"):
            found[:, place] = rows[:, place] / based["handle"][0]
    return found


class Model:
    """A loaded payload: the distribution of contacts offered and of their mean handle time, by interval."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Read the payload in `folder`. ValueError for another family."""
        import lightgbm

        told = json.loads((folder / "payload.json").read_text(encoding="utf-8"))
        if (told.get("family"), told.get("format")) != ("forecast", FORMAT):
            raise ValueError(f"not a forecast payload of format {FORMAT}: {folder}")
        self.columns: list[str] = told["columns"]
        self.quantiles: list[float] = told["quantiles"]
        self.targets: list[str] = told["targets"]
        self.widening: dict[str, list[float]] = told["widening"]
        self.line: list[float] = told["line"]
        self.trust: dict[str, float] = told["trust"]
        self.day_factors: list[float] = told["day_factors"]
        self._threads = threads
        self._boosters = {
            target: [
                lightgbm.Booster(model_str=(folder / f"{target}_{number}.txt").read_text(encoding="utf-8"))
                for number in range(len(self.quantiles))
            ]
            for target in self.targets
        }

    def predict(self, matrix: npt.ArrayLike) -> dict[str, Floats]:
        """Quantiles of each row: {"volume": (n, quantiles) contacts, "handle": (n, quantiles) seconds}.

        matrix: (n, columns) as `features.forecast.design` makes them, in the order of `columns`. Quantiles do not cross
        and are not negative. A target that was never recorded is NaN. Closed intervals are the caller's to leave out.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ValueError(f"expected (intervals, {len(self.columns)}) features, came {rows.shape}")
        based, read = bases(rows, self.columns, line=self.line), features(rows, self.columns)
        return {target: self._quantiles(target, read, based[target]) for target in TARGETS}

    def day_total(self, medians: npt.ArrayLike) -> Floats:
        """Quantiles of a day's total from the medians of its intervals: the day's own error, not a sum of quantiles."""
        return float(np.sum(medians)) * np.asarray(self.day_factors)

    def _quantiles(self, target: str, read: Floats, based: tuple[Floats, Floats]) -> Floats:
        if target not in self.targets:
            return np.full((len(read), len(self.quantiles)), np.nan)
        centre, unit = based
        raw = np.column_stack([one.predict(read, num_threads=self._threads) for one in self._boosters[target]])
        ordered = np.sort(raw, axis=1)
        middle = ordered[:, [self.quantiles.index(0.5)]]
        widened = ordered - (1.0 - self.trust[target]) * middle + np.asarray(self.widening[target])
        found: Floats = np.sort(np.maximum(centre[:, None] + widened * unit[:, None], 0.0), axis=1)
        return found


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
