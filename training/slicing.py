"""The judgement of slices: which parts of the judged rows were harmed, and what follows."""

from __future__ import annotations

from collections.abc import Sequence

from training.intervals import holm
from training.policy import Gate, GatePolicy
from training.report import Claim, JudgedSlice, Slice, Status

# The dimension in which a failed slice does not hold the model back but makes it abstain to a person.
LANGUAGE = "language"
NOTHING_MEASURED = "?"


def judge_slices(gate: Gate, *, parts: Sequence[Slice], policy: GatePolicy, claim: Claim) -> list[JudgedSlice]:
    """Judge the parts of the dimensions that `gate` names; a dimension in which nothing was measured is missing.

    Against another model a part fails when it is worse by more than the margin *and* worse at all by Holm's test at the
    policy's level: parts are small, and a proof that each loses nothing would hold back every model. Against a limit
    (absolute) the estimate must reach it, or the 95% bound where the gate says `by_bound`.
    """
    if gate.comparator == "champion" and claim == "first":
        return []
    asked = [one for one in parts if one.metric == gate.metric and one.against == gate.against
             and one.dimension in gate.slices]  # fmt: skip
    judged = _against_limit(gate, asked, policy) if gate.comparator == "absolute" else _harm(gate, asked, policy)
    seen = {one.dimension for one in asked}
    return judged + [_nothing_measured(gate, dimension) for dimension in gate.slices if dimension not in seen]


def _nothing_measured(gate: Gate, dimension: str) -> JudgedSlice:
    nothing = Slice(dimension, NOTHING_MEASURED, gate.metric, gate.against, 0, None, better=gate.better)
    return JudgedSlice(gate.name, nothing, "missing", f"no part of {dimension} was measured", consequence="held")


def _harm(gate: Gate, parts: Sequence[Slice], policy: GatePolicy) -> list[JudgedSlice]:
    """Failed: worse by more than the margin, and worse at all by Holm's test over the parts that have the rows."""
    testable = [one for one in parts if one.rows >= policy.slice_rows and one.p_worse is not None]
    adjusted = dict(zip(map(id, testable), holm([one.p_worse or 0.0 for one in testable]), strict=True))
    return [_harmed(gate, one, adjusted.get(id(one)), policy) for one in parts]


def _harmed(gate: Gate, part: Slice, adjusted: float | None, policy: GatePolicy) -> JudgedSlice:
    if part.rows < policy.slice_rows:
        return _result(gate, part, "not_judged", f"too few rows: {part.rows}, asked {policy.slice_rows}")
    if adjusted is None or part.difference is None or part.better != gate.better:
        return _result(gate, part, "missing", f"{gate.metric} was not compared here")
    margin = policy.slice_margin * (abs(part.other or 0.0) if gate.relative else 1.0)
    harmed = part.difference < -margin and adjusted <= policy.slice_level
    why = f"difference {part.difference:+.4g} (may lose {margin:.4g}), adjusted p of being worse {adjusted:.3g}"
    return _result(gate, part, "failed" if harmed else "passed", why, adjusted)


def _against_limit(gate: Gate, parts: Sequence[Slice], policy: GatePolicy) -> list[JudgedSlice]:
    return [_limited(gate, part, policy) for part in parts]


def _limited(gate: Gate, part: Slice, policy: GatePolicy) -> JudgedSlice:
    fewest, higher = gate.slice_rows or policy.slice_rows, gate.better == "higher"
    if part.rows < fewest:
        return _result(gate, part, "not_judged", f"too few rows: {part.rows}, asked {fewest}")
    bound = part.low if higher else part.high
    judged = bound if gate.by_bound else part.candidate
    if part.candidate is None or judged is None or part.better != gate.better:
        return _result(gate, part, "missing", f"{gate.metric} was not measured here")
    reached = judged >= gate.margin if higher else judged <= gate.margin
    told = f"{part.candidate:.4g}" + (f", 95% bound {judged:.4g}" if gate.by_bound else "")
    why = f"{told}; must be at {'least' if higher else 'most'} {gate.margin:.4g}"
    return _result(gate, part, "passed" if reached else "failed", why)


def _result(gate: Gate, part: Slice, status: Status, why: str, adjusted: float | None = None) -> JudgedSlice:
    """A language that did not pass makes the model abstain there; any other part that failed holds the model back."""
    if part.dimension == LANGUAGE:
        consequence = "" if status == "passed" else "abstains"
    else:
        consequence = "held" if status in ("failed", "missing") else ""
    return JudgedSlice(gate.name, part, status, why, adjusted, consequence)
