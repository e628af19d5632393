"""What a routing report shows of outcomes: how well handle time and resolution are foreseen, and beside what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training import calibration, evidence, policy_figures, rows
from training.outcomes import SHORTEST_S, matrix_of, target_of
from training.params import RoutingParams
from training.report import Chart, Comparison, Metric, Report, Slice

Floats = npt.NDArray[np.float64]
PILOT = "no exact propensities were logged: may go only to shadow or a randomised pilot"


@dataclass(frozen=True)
class Figures:
    """The parts of a report that are measured. `valued`: whether the policy's value could be."""

    metrics: tuple[Metric, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    slices: tuple[Slice, ...] = ()
    charts: tuple[Chart, ...] = ()
    limits: tuple[str, ...] = ()
    valued: bool = False


def figures(
    offers: pa.Table, candidates: pa.Table | None, *, models: Mapping[str, Any], params: RoutingParams, seed: int
) -> Figures:
    """All figures. models: candidate, without_agent_features and, if there is one, champion."""
    foreseen = _foreseen(offers, models=models, params=params, seed=seed)
    log = None if candidates is None else policy_figures.logged(candidates, offers, params=params)
    if log is None:
        return replace(foreseen, limits=(PILOT,))
    if len(log.days) < params.min_decisions:
        few = f"{len(log.days)} judged decisions with chance, outcome and handle time; needed {params.min_decisions}"
        return replace(foreseen, limits=(few, PILOT))
    earned = policy_figures.earned(log, models=models, params=params, seed=seed)
    return Figures(
        foreseen.metrics + earned.metrics, foreseen.comparisons + earned.comparisons, earned.slices,
        foreseen.charts + earned.charts, earned.limits, valued=bool(earned.comparisons),
    )  # fmt: skip


def with_pilot(report: Report) -> Report:
    """The report, with the pilot's restriction first among the reasons where the policy could not be valued."""
    if report.allowed_use == "full":
        return report
    return replace(report, verdict="held", reasons=(PILOT, *(one for one in report.reasons if one != PILOT)))


def _foreseen(offers: pa.Table, *, models: Mapping[str, Any], params: RoutingParams, seed: int) -> Figures:
    judged = rows.part(offers, rows.JUDGE)
    scored = {name: model.score(matrix_of(judged, model.columns)) for name, model in models.items()}
    log_handle, resolved = target_of("handle", judged), target_of("resolution", judged)
    agents = np.asarray([bool(one) for one in judged["agent_id"].to_pylist()])
    timed = agents & (log_handle > np.log(SHORTEST_S))
    metrics, comparisons, charts = [], [], []
    if timed.sum() > 1:
        found = {name: np.log(np.maximum(one["handle_s"], 1e-9)) for name, one in scored.items()}
        # exp(mean of log) and not the mean of seconds is what log seconds are compared with.
        found = {name: one - np.log(models[name].handle_factor) for name, one in found.items()}
        found["agent_by_topic"] = shrunk_means(rows.part(offers, rows.TRAIN), judged, shrink=params.baseline_shrink)
        metrics += [
            _explained(
                "handle_r2",
                log_handle[timed],
                found["candidate"][timed],
                seed,
                "share of the variance of log handle time that is foreseen (agent known, above 10 s)",
            )
        ]
        comparisons += _against("handle_r2", log_handle[timed], {n: one[timed] for n, one in found.items()}, seed)
    told = ~np.isnan(resolved)
    if told.sum() > 1 and len(set(resolved[told])) > 1:
        shares = {name: one["resolution"][told] for name, one in scored.items()}
        metrics += [
            _explained(
                "resolution_skill",
                resolved[told],
                shares["candidate"],
                seed,
                "share of the Brier score of the mean that is saved",
            ),
            _auc(resolved[told], shares["candidate"]),
        ]
        comparisons += _against("resolution_skill", resolved[told], shares, seed)
        bins = calibration.reliability(shares["candidate"], resolved[told])
        charts.append(Chart("reliability", "Chance of resolution and truth", "预测解决率与实际", {"bins": bins}))
    return Figures(tuple(metrics), tuple(comparisons), charts=tuple(charts))


def shrunk_means(train: pa.Table, judged: pa.Table, *, shrink: float) -> Floats:
    """The baseline of log handle time: agent x topic means, drawn to the topic's by `shrink` rows (James-Stein)."""
    known = target_of("handle", train)
    timed = known > np.log(SHORTEST_S)
    topics, pairs = _keys(train)
    overall = float(known[timed].mean()) if timed.any() else 0.0
    of_topic = _means(topics[timed], known[timed], {}, overall, shrink)
    centre = {pair: of_topic.get(topic, overall) for topic, pair in zip(topics, pairs, strict=True)}
    of_pair = _means(pairs[timed], known[timed], centre, overall, shrink)
    asked = zip(*_keys(judged), strict=True)
    return np.asarray([of_pair.get(pair, of_topic.get(topic, overall)) for topic, pair in asked])


def _keys(table: pa.Table) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    topics = np.asarray([f"{one:g}" for one in table["topic_code"].to_pylist()], dtype=object)
    agents = np.asarray([str(one) for one in table["agent_id"].to_pylist()], dtype=object)
    return topics, agents + "|" + topics


def _means(
    keys: npt.NDArray[np.object_], values: Floats, centre: Mapping[str, float], overall: float, shrink: float
) -> dict[str, float]:
    """Mean by key, drawn towards its centre by `shrink` pseudo-rows."""
    names, place = np.unique(keys.astype(str), return_inverse=True)
    sums, counts = np.bincount(place, weights=values), np.bincount(place)
    centres = [centre.get(str(name), overall) for name in names]
    told = zip(names, sums, counts, centres, strict=True)
    return {str(n): float((total + shrink * middle) / (count + shrink)) for n, total, count, middle in told}


def _parts(actual: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Numerators and denominators whose ratio of sums is 1 - SSE / SST, against the judged rows' own mean."""
    total = (actual - actual.mean()) ** 2
    return total - (actual - predicted) ** 2, total


def _explained(name: str, actual: Floats, predicted: Floats, seed: int, says: str) -> Metric:
    above, below = _parts(actual, predicted)
    return evidence.metric(name, numerators=above, denominators=below, seed=seed, says=says)


def _against(name: str, actual: Floats, predicted: Mapping[str, Floats], seed: int) -> list[Comparison]:
    ours, below = _parts(actual, predicted["candidate"])
    return [
        evidence.comparison(name, against=other, candidate=ours, other=_parts(actual, values)[0], denominators=below,
                            better="higher", seed=seed)
        for other, values in sorted(predicted.items()) if other != "candidate"
    ]  # fmt: skip


def _auc(actual: Floats, predicted: Floats) -> Metric:
    """Mann-Whitney: the chance that a resolved contact is scored above one that is not."""
    from scipy.stats import rankdata

    ranks, good = rankdata(predicted), actual > 0
    pairs = float(good.sum()) * float((~good).sum())
    value = (float(ranks[good].sum()) - good.sum() * (good.sum() + 1) / 2) / pairs
    return Metric("resolution_auc", float(value), rows=len(actual),
                  says="chance that a resolved contact is scored above an unresolved one")  # fmt: skip
