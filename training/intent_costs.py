"""What errors cost: not every wrong answer harms alike, and the intents that the taxonomy calls critical have a floor.

The cost of saying B where A is true: nothing when right; that of a missed critical intent where A is critical and B is
not; less within one parent, where the same people take the contact; a refusal costs a person's question. A critical
intent counts as found where the best guess is critical too, which goes to the same urgent hands, or where the model
abstained: a person then decides, and nothing was missed. The model itself weighs these costs (`caution`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training import evidence, intervals
from training.intent_figures import Answered, Answers, Figures
from training.params import IntentCosts
from training.report import Chart, Comparison, Metric, Slice

Doubles = npt.NDArray[np.float64]
COST, FOUND, CRITICAL = "mean_cost", "critical_found", "critical intent"
# Pairs that a reader can take in at once.
PAIRS_SHOWN = 10
NO_TAXONOMY = (
    "no taxonomy came with the rows: every error costs the same, and no critical intent is held to a floor; whether "
    "fraud, complaints, cancellations or vulnerable customers are found was not judged"
)
NONE_CRITICAL = "the taxonomy calls no intent critical: none is held to a floor"


@dataclass(frozen=True)
class Taxonomy:
    """What is told of intents: the broader one of each, and which are critical. `told` False: nothing was."""

    parents: Mapping[str, str] = field(default_factory=dict)
    critical: frozenset[str] = frozenset()
    told: bool = False

    def family(self, intent: str) -> str:
        """The broader intent, or the intent itself where it has none."""
        return self.parents.get(intent) or intent


def taxonomy(data: Path) -> Taxonomy:
    """As the build stage wrote it beside the rows; that of an older folder, which has none, tells nothing."""
    path = data / "taxonomy.json"
    told = json.loads(path.read_text(encoding="utf-8"))["intents"] if path.is_file() else {}
    return Taxonomy(
        parents={name: one["parent"] for name, one in told.items() if one["parent"]},
        critical=frozenset(name for name, one in told.items() if one["critical"]),
        told=bool(told),
    )


def cost(true: str, said: str | None, *, known: Taxonomy, costs: IntentCosts) -> float:
    """Of one answer; `said` None is a refusal. A missed critical intent costs the same within its parent: urgent is
    urgent."""
    if said is None:
        return costs.refusal_cost
    if said == true:
        return 0.0
    if true in known.critical and said not in known.critical:
        return costs.missed_critical_cost
    return costs.same_parent_cost if known.family(true) == known.family(said) else costs.error_cost


def caution(known: Taxonomy, labels: Sequence[str], *, costs: IntentCosts) -> dict[str, Any]:
    """What a payload keeps of them: the critical labels, and the chance of one above which another is not answered.

    To say what is not critical costs at least chance x `missed_critical_cost`, to ask costs `refusal_cost`: above their
    ratio it is cheaper to ask (Chow 1970, "On optimum recognition error and reject tradeoff"). In the simulated centre
    the mean cost falls from .29 to .20, and nine of a hundred texts more go to a person.
    """
    doubt = costs.refusal_cost / costs.missed_critical_cost if costs.missed_critical_cost else 1.0
    return {"critical": [one for one in labels if one in known.critical], "critical_doubt": min(1.0, doubt)}


def figures(asked: Answered, *, known: Taxonomy, costs: IntentCosts, seed: int) -> Figures:
    """Mean cost a contact, alone and beside baseline and champion; critical intents one by one; the costliest pairs."""
    ours = of_answers(asked.candidate, asked.truth, known=known, costs=costs)
    limits = () if known.critical else (NONE_CRITICAL if known.told else NO_TAXONOMY,)
    return Figures(
        metrics=(_mean_cost(ours, asked, costs, seed),),
        comparisons=tuple(_comparisons(ours, asked, known, costs, seed)),
        slices=tuple(_found(asked, known)),
        charts=(_costliest(ours, asked), _critical_table(asked, known)),
        limits=limits,
    )


def of_answers(answers: Answers, truth: Sequence[str], *, known: Taxonomy, costs: IntentCosts) -> Doubles:
    """The cost of each answer (n,)."""
    said = [None if refused else guess for guess, refused in zip(answers.guess, answers.abstained, strict=True)]
    told = [cost(true, one, known=known, costs=costs) for true, one in zip(truth, said, strict=True)]
    return np.asarray(told, dtype=np.float64)


def _mean_cost(ours: Doubles, asked: Answered, costs: IntentCosts, seed: int) -> Metric:
    return evidence.metric(
        COST, numerators=ours * asked.weights, denominators=asked.weights, better="lower", seed=seed,
        says=f"mean cost of an answer: an error {costs.error_cost:g}, within one parent {costs.same_parent_cost:g}, a "
        f"missed critical intent {costs.missed_critical_cost:g}, a refusal {costs.refusal_cost:g}",
        says_zh="每次回答的平均代价（误判、同类误判、漏判关键意图、拒答各有其价）",
    )  # fmt: skip


def _comparisons(
    ours: Doubles, asked: Answered, known: Taxonomy, costs: IntentCosts, seed: int
) -> list[Comparison]:  # fmt: skip
    others = {"baseline": asked.baseline, "champion": asked.champion}
    return [
        evidence.comparison(
            COST, against=name, candidate=ours * asked.weights, better="lower", denominators=asked.weights, seed=seed,
            other=of_answers(other, asked.truth, known=known, costs=costs) * asked.weights,
        )
        for name, other in others.items()
        if other is not None
    ]  # fmt: skip


def _found(asked: Answered, known: Taxonomy) -> list[Slice]:
    """A slice for each critical intent, with its exact interval; one of no rows where there is none, which is said to
    be not judged."""
    if not known.critical:
        return [Slice(CRITICAL, "none known", FOUND, "absolute", 0, None)]
    return [_slice(intent, _marks(asked, known, intent)[-1]) for intent in sorted(known.critical)]


def _slice(intent: str, found: npt.NDArray[np.bool_]) -> Slice:
    if not len(found):
        return Slice(CRITICAL, intent, FOUND, "absolute", 0, None)
    share = intervals.proportion(int(found.sum()), of=len(found))
    return Slice(CRITICAL, intent, FOUND, "absolute", len(found), share.estimate, low=share.low, high=share.high)


def _marks(asked: Answered, known: Taxonomy, intent: str) -> tuple[npt.NDArray[np.bool_], ...]:
    """Of each judged row of this intent: said right, said critical, left to a person, and either of the last two."""
    mine = np.asarray([true == intent for true in asked.truth], dtype=bool)
    right = asked.candidate.hits(asked.truth) > 0
    critical = np.asarray([one in known.critical for one in asked.candidate.guess], dtype=bool)
    refused = asked.candidate.abstained
    return right[mine], critical[mine], refused[mine], (critical | refused)[mine]


def _costliest(ours: Doubles, asked: Answered) -> Chart:
    summed: dict[str, float] = {}
    for true, said, refused, one in zip(
        asked.truth, asked.candidate.guess, asked.candidate.abstained, ours, strict=True
    ):
        if one and not refused:
            summed[f"{true}: {said}"] = summed.get(f"{true}: {said}", 0.0) + float(one)
    pairs = sorted(summed.items(), key=lambda pair: (-pair[1], pair[0]))[:PAIRS_SHOWN]
    return Chart("bars", "Costliest errors, summed (true: said)", "代价最大的误判（实际：判定）",
                 {"labels": [name for name, _ in pairs], "values": [value for _, value in pairs]})  # fmt: skip


def _critical_table(asked: Answered, known: Taxonomy) -> Chart:
    """Of each critical intent how it was answered, so that "found" by refusing everything can be seen as such."""
    rows = []
    for intent in sorted(known.critical):
        marks = _marks(asked, known, intent)
        shares = [f"{one.mean():.1%}" if len(one) else "–" for one in marks]
        rows.append([intent, str(len(marks[0])), *shares])
    columns = [
        "critical intent 关键意图",
        "rows 样本",
        "right 正确",
        "critical 判为关键",
        "to a person 转人工",
        "found 未漏",
    ]
    return Chart("table", "Critical intents", "关键意图", {"columns": columns, "rows": rows})
