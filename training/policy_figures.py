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
from training.report import Chart, Comparison, Metric

Floats = npt.NDArray[np.float64]
TRUTH = (
    "the value is that of one step: the same contacts and eligible agents. What a policy does to the queues is for the "
    "simulator and for switchback"
)
Earned = tuple[tuple[Metric, ...], tuple[Comparison, ...], tuple[Chart, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Log:
    """Judged decisions with all that is needed, their candidates, and the day of each."""

    decisions: Decisions
    candidates: pa.Table
    days: Sequence[str]
    left_out: int


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
    return Log(decisions, candidates.take(pa.array(kept["row"].to_numpy())), days,
                int(chosen["decision_id"].nunique()) - len(whole))  # fmt: skip


def earned(log: Log, *, models: Mapping[str, Any], params: RoutingParams, seed: int) -> Earned:
    """Metrics, comparisons, charts and limits of the candidate's policy beside the others."""
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
    try:
        comparisons = _compared(values, decisions, log.days, seed)
        metrics = _value_metrics(values["candidate"], decisions, log.days, seed)
    except NotEnoughData as error:
        return (), (), (), (f"the value of the policy has no interval: {error}",)
    return metrics, comparisons, (_value_chart(values, decisions, log.days, seed),), _limits(log, values)


def _baselines(log: Log) -> dict[str, Floats]:
    """The longest idle agent, where idle times were logged; else, and beside it, an even choice among the eligible."""
    even = off_policy.best_of(log.decisions, np.zeros(log.candidates.num_rows))
    if "idle_s" not in log.candidates.column_names:
        return {"even_choice": even}
    idle_s = log.candidates["idle_s"].to_numpy(zero_copy_only=False).astype(np.float64)
    return {"even_choice": even, "longest_idle": off_policy.best_of(log.decisions, idle_s)}


def _compared(
    values: Mapping[str, Valued], decisions: Decisions, days: Sequence[str], seed: int
) -> tuple[Comparison, ...]:
    """Doubly robust, paired, by day. "baseline" is the longest idle agent, or what the centre did where idle times
    are unknown."""
    ours = values["candidate"].doubly_robust
    others = {name: one.doubly_robust for name, one in values.items() if name != "candidate"}
    others["logging"] = decisions.reward
    others["baseline"] = others.get("longest_idle", decisions.reward)
    return tuple(
        evidence.comparison("policy_value", against=name, candidate=ours, other=other, better="higher", blocks=days,
                            seed=seed)
        for name, other in sorted(others.items())
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


def _value_chart(values: Mapping[str, Valued], decisions: Decisions, days: Sequence[str], seed: int) -> Chart:
    shown = {name: one.doubly_robust for name, one in values.items()} | {"logging": decisions.reward}
    found = {name: intervals.single(one, blocks=days, seed=seed) for name, one in sorted(shown.items())}
    items = [{"label": n, "estimate": one.estimate, "low": one.low, "high": one.high} for n, one in found.items()]
    return Chart("intervals", "Value of policies, minutes a contact", "各策略价值（分钟/次）",
                 {"items": items, "reference": float(decisions.reward.mean())})  # fmt: skip


def _limits(log: Log, values: Mapping[str, Valued]) -> tuple[str, ...]:
    told = [TRUTH, "ratings are part of the score and not of this value: few customers rate, and not by chance"]
    if log.left_out:
        told.append(f"{log.left_out} decisions were left out: outcome not mature, or no handle time")
    if "longest_idle" not in values:
        told.append("idle times were not logged: the baseline is what the centre did, not the longest idle agent")
    return tuple(told)
