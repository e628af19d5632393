"""How a routing payload scores agents. This file is copied into every payload as loader.py and needs no other of ours.

The payload beside it: payload.json (columns, utility, policy) and up to three LightGBM models as text. Serving calls
`load`, `Model.score` and `Model.propensities`; MLflow loads the same file from code. Needs numpy and lightgbm.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FORMAT = 1
# Each outcome and the file that predicts it; where a file is missing, payload.json holds the outcome's mean.
OUTCOMES = ("resolution", "handle", "rating")


class Model:
    """A loaded payload: the value of each agent for one contact."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Read the payload in `folder`. ValueError for another family."""
        told = json.loads((folder / "payload.json").read_text(encoding="utf-8"))
        if (told.get("family"), told.get("format")) != ("routing", FORMAT):
            raise ValueError(f"not a routing payload of format {FORMAT}: {folder}")
        self.columns: list[str] = told["columns"]
        self._learned = [self.columns.index(name) for name in told["learned"]]
        self._usual = [self.columns.index(name) for name in told["usual_handle"]]
        self._usual_otherwise: float = told["usual_handle_otherwise"]
        self.utility: dict[str, float] = told["utility"]
        self.temperature_min: float = told["policy"]["temperature_min"]
        self.explore_share: float = told["policy"]["explore_share"]
        self.handle_factor: float = told["handle_factor"]
        self._predict = {name: _predictor(folder, name, told["constants"], threads) for name in OUTCOMES}

    def score(self, matrix: npt.ArrayLike) -> dict[str, Floats]:
        """What to expect of each row, one agent a row (rows, columns), NaN for unknown.

        resolution: chance that the contact does not come back (0 to 1). handle_s: expected handle time, seconds.
        rating: expected stars (1 to 5). score: the utility in minutes of an agent's time; higher is better.
        """
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ValueError(f"expected (agents, {len(self.columns)}) features, came {rows.shape}")
        read = np.ascontiguousarray(rows[:, self._learned])
        resolution, rating = self._predict["resolution"](read), self._predict["rating"](read)
        usual = first_known(rows[:, self._usual], otherwise=self._usual_otherwise)
        handle_s = np.exp(usual + self._predict["handle"](read)) * self.handle_factor
        score = (
            self.utility["resolution_value_min"] * resolution
            - self.utility["handle_value_min"] * handle_s / 60.0
            + self.utility["rating_value_min"] * (rating - 3.0)
        )
        return {"resolution": resolution, "handle_s": handle_s, "rating": rating, "score": score}

    def propensities(self, score: npt.ArrayLike) -> Floats:
        """The exact chance of each agent of one decision under this version's policy; sums to 1.

        A softmax of the score, mixed with a small share of uniform choice: the next version can only be judged on what
        this one left to chance.
        """
        value = np.asarray(score, dtype=np.float64)
        raised = np.exp((value - value.max()) / self.temperature_min)
        shares: Floats = (1.0 - self.explore_share) * raised / raised.sum() + self.explore_share / len(value)
        return shares


def load(folder: Path, *, threads: int = 1) -> Model:
    """The model of a payload folder."""
    return Model(Path(folder), threads=threads)


def first_known(values: Floats, *, otherwise: float) -> Floats:
    """The first value of each row that is not NaN, or `otherwise`: the usual log handle time, from near to far."""
    filled = np.column_stack([values, np.full(len(values), otherwise)])
    found: Floats = filled[np.arange(len(filled)), np.argmax(~np.isnan(filled), axis=1)]
    return found


def _predictor(folder: Path, outcome: str, constants: dict[str, float], threads: int) -> Callable[[Floats], Floats]:
    path = folder / f"{outcome}.txt"
    if not path.is_file():
        value = float(constants[outcome])
        return lambda rows: np.full(len(rows), value)
    import lightgbm

    booster = lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))

    def predict(rows: Floats) -> Floats:
        predicted: Floats = booster.predict(rows, num_threads=threads, validate_features=False)
        return predicted

    return predict


if __name__.startswith("code_model_"):  # the name under which MLflow loads a model from code, and nobody else
    import mlflow
    import pandas

    class RoutingModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, unused-ignore]
        """The payload behind MLflow's pyfunc: a frame of the payload's columns in, one row an agent out."""

        def load_context(self, context: Any) -> None:
            """The payload is the artefact of that name."""
            self.model = load(Path(context.artifacts["payload"]))

        def predict(self, context: Any, model_input: pandas.DataFrame, params: Any = None) -> dict[str, Floats]:
            """Scores as `Model.score` gives them."""
            return self.model.score(model_input[self.model.columns].to_numpy(dtype=np.float64))

    mlflow.models.set_model(RoutingModel())
