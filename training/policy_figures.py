"""What a routing policy would have earned on the judged decisions, beside the other policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_contracts.errors import NotEnoughData
from training import evidence, intervals, off_policy, rows
from training.off_policy import Decisions, Valued
from training.outcomes import matrix_of
from training.params import RoutingParams
from training.report import Chart, Comparison, Metric, Slice
from training.subject import UNKNOWN_LANGUAGE

Floats = npt.NDArray[np.float64]
TRUTH = (
    "the value is that of one step: the same contacts and eligible agents. What a policy does to the queues is for the "
    "simulator and for switchback"
)
LONGEST_IDLE = "baseline: the longest idle agent, who takes the contact where serving has no approved model"
# What a policy is looked at by: where it could do harm that the mean of all decisions hides.
DIMENSIONS = ("queue", "language", "channel")


@dataclass(frozen=True)
class Log:
    """Judged decisions with all that is needed, their candidates, the day of each, and its queue, language, channel."""

    decisions: Decisions
    candidates: pa.Table
    days: Sequence[str]
    left_out: int
    by: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Earned:
    """The parts of a report that are measured of the policy; without comparisons its value is not known."""

    metrics: tuple[Metric, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    slices: tuple[Slice, ...] = ()
    charts: tuple[Chart, ...] = ()
    limits: tuple[str, ...] = ()


def logged(candidates: pa.Table, offers: pa.Table, *, params: RoutingParams) -> Log | None:
    """Decisions whose chance, resolution and handle time are all known; None where no propensity was ever logged."""
    told = candidates.select(["decision_id", "agent_id", "chosen", "propensity"]).to_pandas()
    if told["propensity"].isna().all():
        return None
    chosen = told[told["chosen"].astype(bool) & (told["propensity"] > 0)]
    judged = rows.part(offers, rows.JUDGE)
    outcomes = judged.select(["decision_id", "agent_id", "happened_at", "resolved", "handle_s"]).to_pandas()
    outcomes = outcomes.dropna(subset=["decision_id"]).drop_duplicates(["decision_id", "agent_id"])
    known = chosen.reset_index(names="row").merge(outcomes, on=["decision_id", "agent_id"], how="inner")
    whole = known.dropna(subset=["resolved", "handle_s"]).drop_duplicates("decision_id").sort_values("decision_id")
    kept = told[told["decision_id"].isin(set(whole["decision_id"]))]
    kept = kept.reset_index(names="row").sort_values(["decision_id", "row"])
    number = {name: place for place, name in enumerate(whole["decision_id"])}
    position = {row: place for place, row in enumerate(kept["row"])}
    resolved, handle_s = whole["resolved"].to_numpy(dtype=np.float64), whole["handle_s"].to_numpy(dtype=np.float64)
    decisions = Decisions(
        of=np.asarray([number[name] for name in kept["decision_id"]], dtype=np.int64),
        chosen=np.asarray([position[row] for row in whole["row"]], dtype=np.int64),
        propensity=whole["propensity"].to_numpy(dtype=np.float64),
        reward=params.resolution_value_min * resolved - params.handle_value_min * handle_s / 60.0,
    )
    days = [str(one.date()) for one in whole["happened_at"]]
    asked = candidates.take(pa.array(kept["row"].to_numpy()))
    left_out = int(chosen["decision_id"].nunique()) - len(whole)
    return Log(decisions, asked, days, left_out, _dimensions(asked.take(pa.array(decisions.chosen))))


def _dimensions(chosen: pa.Table) -> dict[str, list[str]]:
    """Queue, language and channel of each decision; a language as scopes name it: `zh-cn` is zh."""
    told = {name: [one or UNKNOWN_LANGUAGE for one in chosen[name].to_pylist()] for name in DIMENSIONS}
    return told | {"language": [one.split("-")[0] for one in told["language"]]}


def earned(log: Log, *, models: Mapping[str, Any], params: RoutingParams, seed: int) -> Earned:
    """What the candidate's policy would have earned beside the others, on the whole and by queue, language, channel."""
    decisions = log.decisions
    scored = {name: model.score(matrix_of(log.candidates, model.columns)) for name, model in models.items()}
    ours = scored["candidate"]
    predicted = params.resolution_value_min * ours["resolution"] - params.handle_value_min * ours["handle_s"] / 60.0
    targets = {
        name: off_policy.softmax_of(decisions, scored[name]["score"], temperature=model.temperature_min,
                                    explore_share=model.explore_share)
        for name, model in models.items()
    }  # fmt: skip
    targets |= _baselines(log)
    values = {
        name: off_policy.valued(decisions, target=target, predicted=predicted, max_weight=params.max_weight)
        for name, target in targets.items()
    }
    others = _others(values, log)
    try:
        comparisons = _compared(values["candidate"], others, log.days, seed)
        metrics = _value_metrics(values["candidate"], decisions, log.days, seed)
    except NotEnoughData as error:
        return Earned(limits=(f"the value of the policy has no interval: {error}",))
    chart = _value_chart({"candidate": values["candidate"].doubly_robust, **others}, decisions, log.days, seed)
    return Earned(metrics, comparisons, _slices(values["candidate"], others["baseline"], log, seed), (chart,),
                  _limits(log))  # fmt: skip


def _baselines(log: Log) -> dict[str, Floats]:
    """The longest idle agent (meaningful where idle times were logged), and beside it an even choice."""
    even = off_policy.best_of(log.decisions, np.zeros(log.candidates.num_rows))
    return {"even_choice": even, "longest_idle": off_policy.best_of(log.decisions, _idle_s(log))}


def _idle_s(log: Log) -> Floats:
    return np.asarray(log.candidates["idle_s"].to_numpy(zero_copy_only=False), dtype=np.float64)


def _idle_known(log: Log) -> npt.NDArray[np.bool_]:
    """Whether the idle times of all eligible agents of a decision were logged."""
    return np.asarray(np.logical_and.reduceat(~np.isnan(_idle_s(log)), log.decisions.starts), dtype=bool)


def _others(values: Mapping[str, Valued], log: Log) -> dict[str, Floats]:
    """Rows of the policies to compare with. "baseline" is the longest idle agent; in decisions whose idle times are
    unknown it is what the centre did, and the longest idle agent is not shown beside it."""
    others = {name: one.doubly_robust for name, one in values.items() if name != "candidate"}
    known = _idle_known(log)
    others["baseline"] = np.where(known, others["longest_idle"], log.decisions.reward)
    others["logging"] = log.decisions.reward
    if not known.all():
        del others["longest_idle"]
    return others


def _compared(
    candidate: Valued, others: Mapping[str, Floats], days: Sequence[str], seed: int
) -> tuple[Comparison, ...]:
    """Doubly robust, paired, by day."""
    return tuple(
        evidence.comparison("policy_value", against=name, candidate=candidate.doubly_robust, other=other,
                            better="higher", blocks=days, seed=seed)
        for name, other in sorted(others.items())
    )  # fmt: skip


def _slices(candidate: Valued, baseline: Floats, log: Log, seed: int) -> tuple[Slice, ...]:
    """The candidate against the baseline in each queue, language and channel, paired, by day."""
    return tuple(
        one
        for dimension in DIMENSIONS
        for one in evidence.slices(dimension, values=log.by[dimension], metric="policy_value", against="baseline",
                                   candidate=candidate.doubly_robust, other=baseline, blocks=log.days, seed=seed)
    )  # fmt: skip


def _value_metrics(ours: Valued, decisions: Decisions, days: Sequence[str], seed: int) -> tuple[Metric, ...]:
    told: dict[str, Any] = {"blocks": days, "seed": seed, "unit": "min"}
    return (
        evidence.metric("policy_value", numerators=ours.doubly_robust, **told, says_zh="策略价值（双重稳健）",
                        says="doubly robust mean of resolution value minus handle minutes, a contact"),
        evidence.metric("policy_value_ips", numerators=ours.weighted_reward, **told,
                        says="the same by inverse propensity alone"),
        evidence.metric("policy_value_snips", numerators=ours.weighted_reward, denominators=ours.weight, **told,
                        says="the same, self-normalised"),
        evidence.metric("logging_value", numerators=decisions.reward, **told, says="what the centre's choice earned"),
        Metric("effective_decisions", ours.effective_count, rows=len(decisions.chosen),
               says="decisions that the weights leave: (sum w)^2 / sum w^2"),
        Metric("cut_weights", ours.cut_share, better="lower", rows=len(decisions.chosen),
               says="share of decisions whose importance weight was cut"),
    )  # fmt: skip


def _value_chart(shown: Mapping[str, Floats], decisions: Decisions, days: Sequence[str], seed: int) -> Chart:
    found = {name: intervals.single(one, blocks=days, seed=seed) for name, one in sorted(shown.items())}
    items = [{"label": n, "estimate": one.estimate, "low": one.low, "high": one.high} for n, one in found.items()]
    return Chart("intervals", "Value of policies, minutes a contact", "各策略价值（分钟/次）",
                 {"items": items, "reference": float(decisions.reward.mean())})  # fmt: skip


def _limits(log: Log) -> tuple[str, ...]:
    told = [TRUTH, "ratings are part of the score and not of this value: few customers rate, and not by chance"]
    if log.left_out:
        told.append(f"{log.left_out} decisions were left out: outcome not mature, or no handle time")
    return (*told, _baseline_says(_idle_known(log)))


def _baseline_says(known: npt.NDArray[np.bool_]) -> str:
    """Which comparator stands behind the word "baseline"."""
    if known.all():
        return LONGEST_IDLE
    if not known.any():
        return "idle times were not logged: the baseline is what the centre did, not the longest idle agent"
    some = f"idle times were logged for {int(known.sum())} of {len(known)} decisions"
    return f"{some}: in the others the baseline is what the centre did, not the longest idle agent"
