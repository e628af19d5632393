"""Routing: what a contact would come to with each agent, and a policy that follows it and keeps exploring.

LightGBM predicts the chance of resolution, the handle time and the rating of contact x agent; their utility in minutes
is the score; the policy is a softmax of the score with exact propensities. Judged off-policy on logged decisions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features import routing as features
from training import boosting, gates, loaders, payload, routing_figures, rows
from training.boosting import Growth, Sample
from training.loaders.routing import FORMAT, OUTCOMES, first_known
from training.outcomes import matrix_of, target_of
from training.params import Params, RoutingParams
from training.report import Report

Floats = npt.NDArray[np.float64]
COLUMNS = ("segment_id", "agent_id", "happened_at", "part", "resolved", "handle_s", "rating", *features.COLUMNS)
CANDIDATE_COLUMNS = ("decision_id", "agent_id", "chosen", "propensity", "idle_s", "queue", "language", "channel",
                     *features.COLUMNS)  # fmt: skip
# An outcome with fewer training rows than this is predicted by its mean: trees would learn the noise of a few.
FEWEST_ROWS = 200
# What is said of an outcome that nobody recorded: even odds, the middle of the stars. It is the same for every agent.
UNKNOWN = {"resolution": 0.5, "handle": 0.0, "rating": 3.0}
# Not learned from: they only grow, so that later rows have values that no earlier row had, and trees take them for the
# calendar. Without them R2 of log handle time rises from .115 to .130 on the bank's calls.
GROWING = ("agent_handled_count", "agent_topic_handled_count", "topic_handled_count", "agent_tenure_days")
# Log handle time is learned as the error of the nearest of these that is known (shrunk means); alone they reach an R2
# of .131 on the bank's calls, trees without such a start .115, trees on their error .133.
USUAL_HANDLE = ("agent_topic_log_handle_mean", "topic_log_handle_mean")
OTHERWISE_LOG_S = float(np.log(300.0))


def fit(
    data: Path, *, params: RoutingParams, seed: int, threads: int, to: Path, encoder_cache: Path | None = None
) -> dict[str, Any]:
    """Learn from the `train` offers, stop on the `calibrate` offers, write the payload into folder `to`.

    data: the folder with offers.parquet. encoder_cache: not used, texts play no part here. Returns what was measured
    (`fit_s`, `peak_mb`, rows by outcome). NotEnoughData when neither handle times nor outcomes suffice.
    """
    return rows.measured(
        lambda: fit_on(features.COLUMNS, _offers(data), params=params, seed=seed, threads=threads, to=to)
    )


def judge(data: Path, *, candidate: Path, champion: Path | None, params: Params, seed: int, threads: int) -> Report:
    """Judge a payload on the frozen `judge` offers and decisions.

    Off-policy against the longest idle agent (what the centre did, where idle times were not logged), the same model
    without agent features, and the champion; by queue, language and channel. Without propensities the value of the
    policy is not measured, and the report is held: it says that the model may go only to shadow or a randomised pilot.
    data, params: as in `fit`, and candidates.parquet.
    """
    offers, mine = _offers(data), params.routing
    rows.enough(rows.part(offers, rows.JUDGE).num_rows, needed=2, of="offers to judge on", where=str(data))
    models = {"candidate": loaders.open_payload(candidate, threads=threads)}
    if champion is not None:
        models["champion"] = loaders.open_payload(champion, threads=threads)
    with tempfile.TemporaryDirectory() as passing:
        known = [name for name in features.COLUMNS if name not in features.AGENT_COLUMNS]
        fit_on(known, offers, params=mine, seed=seed, threads=threads, to=Path(passing))
        models["without_agent_features"] = loaders.open_payload(Path(passing), threads=threads)
    figures = routing_figures.figures(offers, _candidates(data), models=models, params=mine, seed=seed)
    return routing_figures.with_pilot(gates.report(
        params.policy("routing"),
        champion="none" if champion is None else payload.digest(champion),
        artefact=payload.digest(candidate),
        rows=rows.described(offers, id_of=lambda part: part["segment_id"].to_pylist(), time_column="happened_at"),
        data=rows.provenance(data, family="routing"),
        metrics=figures.metrics,
        comparisons=figures.comparisons,
        slices=figures.slices,
        charts=figures.charts,
        limits=figures.limits,
        allowed_use="full" if figures.valued else "pilot",
    ))  # fmt: skip


def fit_on(
    columns: Sequence[str], offers: pa.Table, *, params: RoutingParams, seed: int, threads: int, to: Path
) -> dict[str, Any]:
    """Fit the three outcomes on these columns and write a payload; what `fit` does, for any set of columns."""
    to.mkdir(parents=True, exist_ok=True)
    train, held = rows.part(offers, rows.TRAIN), rows.part(offers, rows.CALIBRATE)
    fitted = {name: _outcome(name, train, held, columns, params, seed, threads) for name in OUTCOMES}
    known = max(one.count for one in fitted.values())
    rows.enough(known, needed=FEWEST_ROWS, of="offers with an outcome to learn from", where="offers.parquet")
    for name, one in fitted.items():
        if one.booster is not None:
            boosting.write(one.booster, to / f"{name}.txt")
    _write(to, columns=columns, fitted=fitted, params=params)
    return {"rows": {name: one.count for name, one in fitted.items()}}


@dataclass(frozen=True)
class _Fitted:
    """One outcome's model, or its mean where there is too little to learn from."""

    count: int
    mean: float
    booster: Any | None = None
    # Mean of exp of the errors of the log: what exp of a mean of logs lacks to be a mean (Duan 1983).
    factor: float = 1.0


def _outcome(
    name: str, train: pa.Table, held: pa.Table, columns: Sequence[str], params: RoutingParams, seed: int, threads: int
) -> _Fitted:
    sample, stop = (_sample(name, table, columns, params) for table in (train, held))
    count = len(sample.target)
    if count < FEWEST_ROWS:
        return _Fitted(count, float(sample.target.mean()) if count and name != "handle" else UNKNOWN[name])
    growth = Growth(params.rounds, params.leaves, params.learning_rate, params.min_leaf_rows, params.feature_share)
    objective = {"objective": "binary" if name == "resolution" else "regression", "lambda_l2": params.leaf_drag}
    booster = boosting.fitted(
        sample, held=stop, objective=objective, growth=growth, columns=_learned(columns),
        categorical=features.CATEGORICAL, seed=seed, threads=threads,
    )  # fmt: skip
    factor = 1.0
    if name == "handle":
        errors = sample.target - booster.predict(sample.features, num_threads=threads)
        factor = float(np.exp(errors).mean())
    return _Fitted(count, float(sample.target.mean()), booster, factor)


def _learned(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name not in GROWING]


def _sample(name: str, table: pa.Table, columns: Sequence[str], params: RoutingParams) -> Sample:
    target = target_of(name, table)
    known = ~np.isnan(target)
    if name == "handle":
        known &= target > np.log(params.min_handle_s)
        usual = matrix_of(table, [one for one in USUAL_HANDLE if one in columns])
        target = target - first_known(usual, otherwise=OTHERWISE_LOG_S)
    return Sample(matrix_of(table, _learned(columns))[known], target[known])


def _write(to: Path, *, columns: Sequence[str], fitted: dict[str, _Fitted], params: RoutingParams) -> None:
    loaders.place("routing", to=to)
    rows.write_json(to / "payload.json", {
        "family": "routing", "format": FORMAT, "columns": list(columns), "learned": _learned(columns),
        "usual_handle": [name for name in USUAL_HANDLE if name in columns], "usual_handle_otherwise": OTHERWISE_LOG_S,
        "constants": {name: one.mean for name, one in fitted.items() if one.booster is None},
        "handle_factor": fitted["handle"].factor,
        "utility": {name: getattr(params, name) for name in
                    ("resolution_value_min", "handle_value_min", "rating_value_min")},
        "policy": {"temperature_min": params.temperature_min, "explore_share": params.explore_share},
        "learned_from": {name: one.count for name, one in fitted.items()},
        "requirements": ["lightgbm", "numpy"],
        "signature": {"inputs": [[name, "double"] for name in columns]},
    })  # fmt: skip


def _offers(data: Path) -> pa.Table:
    return rows.read(data / "offers.parquet", columns=COLUMNS)


def _candidates(data: Path) -> pa.Table | None:
    """The candidates of judged decisions; none where the centre logged no decisions."""
    path = data / "candidates.parquet"
    if not path.is_file() or not pq.read_metadata(path).num_rows:
        return None
    return rows.read(path, columns=CANDIDATE_COLUMNS)
