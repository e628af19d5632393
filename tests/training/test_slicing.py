"""Slices: harm is shown by Holm and the margin, few rows are said to be few, and a language abstains."""

from __future__ import annotations

from typing import Any

import pytest

from training import gates
from training.policy import Gate, GatePolicy
from training.report import Comparison, JudgedSlice, Slice

KEEPS = Gate("keeps", "accuracy", "champion", margin=0.005, slices=("channel", "language"))
ENOUGH = Comparison("accuracy", "champion", 0.9, 0.9, 0.0, -0.001, 0.001, 5000)


def part(value: str, *, dimension: str = "channel", **told: Any) -> Slice:
    said = {"metric": "accuracy", "against": "champion", "rows": 300, "candidate": 0.8, "other": 0.9,
            "difference": -0.1, "low": -0.15, "high": -0.05, "p_worse": 0.001}  # fmt: skip
    return Slice(dimension, value, **{**said, **told})


FINE = [part("chat", difference=0.0, p_worse=0.5), part("en", dimension="language", difference=0.0, p_worse=0.5)]


def judged(*parts: Slice, gate: Gate = KEEPS, claim: Any = "refresh") -> gates.Judgement:
    policy = GatePolicy("intent", (gate,) if gate is KEEPS else (KEEPS, gate))
    return gates.judge_gates(policy, claim=claim, metrics=(), comparisons=[ENOUGH], slices=parts)


def find(got: gates.Judgement, value: str, gate: str = "keeps") -> JudgedSlice:
    return next(one for one in got.slices if one.slice.value == value and one.gate == gate)


def test_a_harmed_part_holds_the_model_back_with_its_reason() -> None:
    got = judged(*FINE, part("voice"))

    assert (find(got, "voice").status, got.verdict) == ("failed", "held")
    assert "channel=voice" in got.reasons[0]


@pytest.mark.parametrize(
    "near",
    [{"difference": -0.03}, {"difference": -0.029, "p_worse": 0.0005}, {"p_worse": 0.06}],
    ids=["loses just the margin", "surely worse, by less than the margin", "much worse, but not surely"],
)
def test_near_misses_of_harm_pass(near: dict[str, float]) -> None:
    got = judged(*FINE, part("voice", **near))

    assert (find(got, "voice").status, got.verdict) == ("passed", "passed")


def test_holm_counts_the_parts_that_have_the_rows() -> None:
    alone = judged(*FINE[1:], part("voice", p_worse=0.02))
    among = judged(*FINE, *(part(f"c{n}", difference=0.0, p_worse=0.9) for n in range(4)), part("voice", p_worse=0.02))
    small = judged(*FINE[1:], *(part(f"c{n}", rows=99, p_worse=0.9) for n in range(4)), part("voice", p_worse=0.02))

    assert find(alone, "voice").p_adjusted == pytest.approx(0.04)
    assert find(among, "voice").p_adjusted == pytest.approx(0.14)
    assert find(small, "voice").p_adjusted == pytest.approx(0.04)
    assert [one.verdict for one in (alone, among, small)] == ["held", "passed", "held"]


@pytest.mark.parametrize(("rows", "status", "verdict"), [(99, "not_judged", "passed"), (100, "failed", "held")])
def test_a_part_with_too_few_rows_is_shown_as_not_judged(rows: int, status: str, verdict: str) -> None:
    got = judged(*FINE, part("voice", rows=rows))

    assert (find(got, "voice").status, got.verdict) == (status, verdict)


def test_a_part_without_figures_and_a_dimension_without_parts_hold_back() -> None:
    unmeasured = judged(*FINE, part("voice", difference=float("nan"), p_worse=None))
    nothing = judged(FINE[1])

    assert (find(unmeasured, "voice").status, unmeasured.verdict) == ("missing", "held")
    assert (find(nothing, "?").status, nothing.verdict) == ("missing", "held")


def test_a_language_that_fails_abstains_and_the_others_answer() -> None:
    got = judged(*FINE, part("zh", dimension="language"))

    assert got.verdict == "passed"
    assert (got.answers_in, got.abstains_in) == (("en",), ("zh",))
    assert find(got, "zh").consequence == "abstains"


def test_a_language_with_too_few_rows_abstains_too() -> None:
    assert judged(*FINE, part("fr", dimension="language", rows=99)).abstains_in == ("fr",)


def test_when_no_language_is_left_the_model_is_held() -> None:
    got = judged(FINE[0], part("en", dimension="language"))

    assert got.verdict == "held"
    assert "no language" in got.reasons[0]


@pytest.mark.parametrize(("value", "status"), [(0.6, "passed"), (0.5999, "failed")])
def test_a_limit_is_asked_of_each_language(value: float, status: str) -> None:
    limit = Gate("limit", "accuracy", "absolute", margin=0.6, slices=("language",), overall=False)

    got = judged(*FINE, part("zh", dimension="language", against="absolute", candidate=value), gate=limit)

    assert find(got, "zh", "limit").status == status
    assert got.abstains_in == (() if status == "passed" else ("zh",))


def test_a_limit_from_above_is_asked_too() -> None:
    limit = Gate("limit", "wape", "absolute", margin=0.3, slices=("queue",), better="lower", overall=False)
    told = {"dimension": "queue", "metric": "wape", "against": "absolute", "better": "lower"}

    got = judged(*FINE, part("a", candidate=0.3, **told), part("b", candidate=0.31, **told), gate=limit)

    assert [find(got, queue, "limit").status for queue in "ab"] == ["passed", "failed"]


def test_parts_are_not_compared_with_a_champion_that_is_not_there() -> None:
    assert judged(claim="first").slices == ()


@pytest.mark.parametrize(
    ("asked", "status"),
    [({}, "passed"), ({"by_bound": True}, "failed"), ({"slice_rows": 301}, "not_judged"), ({"margin": 0.8}, "failed")],
    ids=["the estimate reaches it", "the bound does not", "too few rows for this gate", "the estimate does not"],
)
def test_a_gate_may_ask_a_part_for_its_bound_and_for_rows_of_its_own(asked: dict[str, Any], status: str) -> None:
    gate = Gate("floor", "found", "absolute", **{"margin": 0.7, "slices": ("critical",), **asked})
    told = {"metric": "found", "against": "absolute", "candidate": 0.75, "low": 0.69, "high": 0.8}

    got = judged(*FINE, part("fraud", dimension="critical", **told), gate=gate)

    assert find(got, "fraud", "floor").status == status
