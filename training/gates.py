"""The gates of a promotion: what a candidate must show before anybody is asked, judged so that doubt holds it back.

A gate passes on its 95% bound, never on its estimate. First version: its bound against the baseline is above 0.
Refresh: its bound against the champion is above minus the margin. A claim of improvement: above 0. What was not
measured is missing, what has too few rows is not judged, and neither is passed (`docs/decisions/0002-gates.md`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from data_contracts.errors import InputError
from training.policy import Gate, GatePolicy
from training.report import (
    Chart,
    Claim,
    Comparison,
    Data,
    JudgedGate,
    JudgedSlice,
    Metric,
    Report,
    Rows,
    Slice,
    Status,
    Verdict,
)
from training.slicing import LANGUAGE, NOTHING_MEASURED, judge_slices

__all__ = ["Gate", "GatePolicy", "Judgement", "claim_of", "judge_gates", "report"]


K = TypeVar("K")
V = TypeVar("V")
F = TypeVar("F", Metric, Comparison, Slice)


@dataclass(frozen=True)
class Judgement:
    """What the gates say: all that a report adds to what was measured."""

    verdict: Verdict
    reasons: tuple[str, ...]
    gates: tuple[JudgedGate, ...]
    slices: tuple[JudgedSlice, ...]
    answers_in: tuple[str, ...] = ()
    abstains_in: tuple[str, ...] = ()


def claim_of(champion: str, *, improvement: bool = False) -> Claim:
    """What is claimed: a first version where there is no champion ("none"), else a refresh or an improvement."""
    if champion == "none":
        return "first"
    return "improvement" if improvement else "refresh"


def report(
    policy: GatePolicy,
    *,
    champion: str,
    metrics: Sequence[Metric],
    comparisons: Sequence[Comparison],
    slices: Sequence[Slice],
    rows: Rows,
    data: Data,
    charts: Sequence[Chart] = (),
    limits: Sequence[str] = (),
    improvement: bool = False,
    allowed_use: Literal["full", "pilot"] = "full",
    artefact: str = "",
) -> Report:
    """Judge what was measured and make the report.

    `champion`: artefact digest of the one compared against, or "none"; `artefact`: that of the candidate. Figures that
    are not finite become None.
    """
    metrics, comparisons, slices = _finite(metrics), _finite(comparisons), _finite(slices)
    claim = claim_of(champion, improvement=improvement)
    judged = judge_gates(policy, claim=claim, metrics=metrics, comparisons=comparisons, slices=slices)
    return Report(
        family=policy.family, verdict=judged.verdict, reasons=judged.reasons, claim=claim, policy=policy.digest(),
        champion=champion, metrics=tuple(metrics), comparisons=tuple(comparisons), gates=judged.gates,
        slices=judged.slices, rows=rows, data=data, charts=tuple(charts), limits=tuple(limits),
        answers_in=judged.answers_in, abstains_in=judged.abstains_in, allowed_use=allowed_use,
        artefact=artefact,
    )  # fmt: skip


def judge_gates(
    policy: GatePolicy,
    *,
    claim: Claim,
    metrics: Sequence[Metric],
    comparisons: Sequence[Comparison],
    slices: Sequence[Slice],
) -> Judgement:
    """Judge every gate and slice; the verdict is "passed" only when nothing speaks against it.

    Raises InputError when two figures are filed under one name: which of them was meant cannot be known.
    """
    figures = _unique([(one.name, one) for one in _finite(metrics)])
    against = _unique([((one.metric, one.against), one) for one in _finite(comparisons)])
    gates = tuple(
        _absolute(gate, figures.get(gate.metric))
        if gate.comparator == "absolute"
        else _relative(gate, against.get((gate.metric, gate.against)), claim)
        for gate in policy.gates
        if gate.overall
    )
    parts = _finite(slices)
    judged = [judge_slices(gate, parts=parts, policy=policy, claim=claim) for gate in policy.gates if gate.slices]
    return _conclude(policy, claim, gates, tuple(one for of_gate in judged for one in of_gate))


def _conclude(
    policy: GatePolicy, claim: Claim, gates: tuple[JudgedGate, ...], slices: tuple[JudgedSlice, ...]
) -> Judgement:
    reasons = [f"{gate.name}: {gate.why}" for gate in gates if gate.binding and gate.status != "passed"]
    decisive = "baseline" if claim == "first" else "champion"
    if not any(gate.comparator == decisive and gate.binding for gate in gates):
        reasons.append(f"the policy has no gate against the {decisive}, so nothing was shown")
    reasons += [
        f"{one.gate}, {one.slice.dimension}={one.slice.value}: {one.why}" for one in slices if one.consequence == "held"
    ]
    languages = sorted({one.slice.value for one in slices if one.slice.dimension == LANGUAGE} - {NOTHING_MEASURED})
    abstains = {one.slice.value for one in slices if one.consequence == "abstains"}
    answers = tuple(language for language in languages if language not in abstains)
    if languages and not answers:
        reasons.append("no language passed its gate, so the model would answer nobody")
    verdict: Verdict = "held" if reasons else "passed"
    return Judgement(verdict, tuple(reasons), gates, slices, answers, tuple(sorted(abstains)))


def _relative(gate: Gate, found: Comparison | None, claim: Claim) -> JudgedGate:
    if gate.comparator == "champion" and claim == "first":
        return _gate_result(gate, "not_judged", "no champion yet: this first version is judged against the baseline",
                            binding=False)  # fmt: skip
    if found is None or found.low is None or found.difference is None:
        return _gate_result(gate, "missing", f"{gate.metric} against {gate.against} was not measured")
    bar = _bar(gate, found.other, claim)
    if bar is None:
        return _gate_result(gate, "missing", f"the other's {gate.metric} was not measured, so its share is unknown")
    told = {"rows": found.rows, "difference": found.difference, "low": found.low, "high": found.high, "bar": bar}
    if found.better != gate.better:
        return _gate_result(gate, "missing", f"measured with {found.better} as better, not {gate.better}", **told)
    if found.rows < gate.rows:
        return _gate_result(gate, "not_judged", f"too few rows: {found.rows}, asked {gate.rows}", **told)
    passed = found.low > bar
    why = f"difference {found.difference:+.4g}, 95% from {found.low:+.4g}; must be above {bar:+.4g}"
    return _gate_result(gate, "passed" if passed else "failed", why, **told)


def _bar(gate: Gate, other: float | None, claim: Claim) -> float | None:
    """What the lower bound of the difference must exceed."""
    if gate.relative and other is None:
        return None
    margin = gate.margin * (abs(other or 0.0) if gate.relative else 1.0)
    if gate.comparator == "baseline":
        return margin
    return 0.0 if claim == "improvement" else -margin


def _absolute(gate: Gate, found: Metric | None) -> JudgedGate:
    """Judged on the bound that speaks against the candidate."""
    bound = None if found is None else (found.low if gate.better == "higher" else found.high)
    if found is None or bound is None or found.value is None:
        return _gate_result(gate, "missing", f"{gate.metric} and its interval were not measured", bar=gate.margin)
    told = {"rows": found.rows, "low": found.low, "high": found.high, "bar": gate.margin}
    if found.better != gate.better:
        return _gate_result(gate, "missing", f"measured with {found.better} as better, not {gate.better}", **told)
    if found.rows < gate.rows:
        return _gate_result(gate, "not_judged", f"too few rows: {found.rows}, asked {gate.rows}", **told)
    passed = bound >= gate.margin if gate.better == "higher" else bound <= gate.margin
    word = "least" if gate.better == "higher" else "most"
    why = f"{found.value:.4g}, 95% bound {bound:.4g}; must be at {word} {gate.margin:.4g}"
    return _gate_result(gate, "passed" if passed else "failed", why, **told)


def _gate_result(gate: Gate, status: Status, why: str, **told: Any) -> JudgedGate:
    return JudgedGate(
        name=gate.name, metric=gate.metric, comparator=gate.comparator, against=gate.against, margin=gate.margin,
        rows_required=gate.rows, rows=told.pop("rows", 0), status=status, why=why, **told,
    )  # fmt: skip


def _unique(named: list[tuple[K, V]]) -> dict[K, V]:
    found = dict(named)
    if len(found) != len(named):
        names = sorted(str(name) for name, _ in named)
        raise InputError("two figures under one name", expected="one a metric and comparator", came=", ".join(names))
    return found


def _finite(figures: Sequence[F]) -> list[F]:
    """The figures, with None for numbers that are not finite: they were not measured."""
    return [replace(one, **_nothing_for_not_finite(one)) for one in figures]


def _nothing_for_not_finite(figure: object) -> dict[str, Any]:
    return {name: None for name, value in vars(figure).items() if isinstance(value, float) and not math.isfinite(value)}
