"""Gradient-boosted trees (LightGBM) that come out the same in every run: one way to fit them, one way to write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Rounds without a better loss on held-out rows before growing stops, and the fewest such rows that may say so.
PATIENCE, FEWEST_HELD_OUT = 30, 100
# The text of a model holds every parameter, the number of threads too: the file must not know the machine.
_THREADS = re.compile(r"\[num_threads: \d+\]")


@dataclass(frozen=True)
class Growth:
    """How trees grow."""

    rounds: int
    leaves: int
    learning_rate: float
    min_leaf_rows: int
    feature_share: float


@dataclass(frozen=True)
class Sample:
    """Rows to fit on or to stop on: features (n, columns), target (n,), weights (n,) or none."""

    features: Floats
    target: Floats
    weights: Floats | None = None


def fitted(
    train: Sample,
    *,
    held: Sample | None = None,
    objective: Mapping[str, Any],
    growth: Growth,
    columns: Sequence[str],
    categorical: Sequence[str] = (),
    seed: int,
    threads: int,
) -> Any:
    """A booster; with enough held-out rows it stops when they get no better.

    `deterministic` and `force_row_wise` make it the same for any number of threads (LightGBM's documentation).
    """
    import lightgbm

    known = [name for name in categorical if name in columns]
    data = lightgbm.Dataset(
        train.features, train.target, weight=train.weights, feature_name=list(columns), categorical_feature=known,
        free_raw_data=False, params={"verbose": -1, "min_data_in_bin": 3},
    )  # fmt: skip
    stopping: dict[str, Any] = {}
    if held is not None and len(held.target) >= FEWEST_HELD_OUT:
        stopping["valid_sets"] = [lightgbm.Dataset(held.features, held.target, weight=held.weights, reference=data)]
        stopping["callbacks"] = [lightgbm.early_stopping(PATIENCE, verbose=False)]
    return lightgbm.train(_told(objective, growth, seed, threads), data, num_boost_round=growth.rounds, **stopping)


def write(booster: Any, to: Path) -> None:
    """The model as LightGBM's text, with the number of threads set to one."""
    to.write_text(_THREADS.sub("[num_threads: 1]", booster.model_to_string()), encoding="utf-8")


def _told(objective: Mapping[str, Any], growth: Growth, seed: int, threads: int) -> dict[str, Any]:
    return {
        **objective, "learning_rate": growth.learning_rate, "num_leaves": growth.leaves,
        "min_data_in_leaf": growth.min_leaf_rows, "feature_fraction": growth.feature_share, "seed": seed,
        "num_threads": threads, "deterministic": True, "force_row_wise": True, "verbose": -1,
        "min_data_in_bin": 3, "cat_smooth": 20.0,
    }  # fmt: skip
