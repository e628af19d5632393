"""Gates fail closed: only what was measured, on enough rows, beyond the bar, is passed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from data_contracts.errors import InputError
from tests.training.reports import POLICY, passed_report
from training import gates
from training.policy import Gate, GatePolicy
from training.report import Comparison, Metric

BEATS = Gate("beats", "accuracy", "baseline")
KEEPS = Gate("keeps", "accuracy", "champion", margin=0.005)


def compared(against: str = "baseline", **told: Any) -> Comparison:
    said = {"metric": "accuracy", "against": against, "candidate": 0.9, "other": 0.8, "difference": 0.1, "low": 0.01,
            "high": 0.2, "rows": 600}  # fmt: skip
    return Comparison(**{**said, **told})


def judged(*asked: Gate, claim: Any = "first", comparisons: Any = (), metrics: Any = ()) -> gates.Judgement:
    return gates.judge_gates(
        GatePolicy("intent", asked), claim=claim, metrics=metrics, comparisons=comparisons, slices=()
    )


@pytest.mark.parametrize(("low", "verdict"), [(0.0001, "passed"), (0.0, "held"), (-0.0001, "held")])
def test_a_first_version_must_beat_the_baseline_by_its_lower_bound(low: float, verdict: str) -> None:
    assert judged(BEATS, comparisons=[compared(low=low)]).verdict == verdict


@pytest.mark.parametrize(("low", "verdict"), [(-0.0049, "passed"), (-0.005, "held"), (-0.0051, "held")])
def test_a_refresh_may_lose_less_than_the_margin(low: float, verdict: str) -> None:
    assert judged(KEEPS, claim="refresh", comparisons=[compared("champion", low=low)]).verdict == verdict


@pytest.mark.parametrize(("low", "verdict"), [(0.0001, "passed"), (0.0, "held"), (-0.0049, "held")])
def test_a_claim_of_improvement_must_be_better(low: float, verdict: str) -> None:
    assert judged(KEEPS, claim="improvement", comparisons=[compared("champion", low=low)]).verdict == verdict


@pytest.mark.parametrize(("low", "verdict"), [(-0.0039, "passed"), (-0.0041, "held")])
def test_a_relative_margin_is_a_share_of_the_others_value(low: float, verdict: str) -> None:
    gate = Gate("wape", "wape", "champion", margin=0.02, relative=True, better="lower")
    told = compared("champion", metric="wape", other=0.2, low=low, better="lower")  # 2% of 0.2 is 0.004

    assert judged(gate, claim="refresh", comparisons=[told]).verdict == verdict


def test_a_refresh_must_still_beat_the_baseline_where_the_policy_asks() -> None:
    both = [compared("champion"), compared("baseline", low=-0.01)]

    assert judged(BEATS, KEEPS, claim="refresh", comparisons=both).verdict == "held"


def test_without_a_champion_its_gate_is_shown_and_does_not_bind() -> None:
    got = judged(BEATS, KEEPS, comparisons=[compared()])

    assert got.verdict == "passed"
    assert [(gate.status, gate.binding) for gate in got.gates] == [("passed", True), ("not_judged", False)]


@pytest.mark.parametrize(("asked", "claim"), [((KEEPS,), "first"), ((BEATS,), "refresh"), ((BEATS,), "improvement")])
def test_a_policy_without_the_deciding_gate_passes_nothing(asked: tuple[Gate, ...], claim: str) -> None:
    got = judged(*asked, claim=claim, comparisons=[compared(), compared("champion")])

    assert got.verdict == "held"
    assert "no gate against" in got.reasons[-1]


def test_what_was_not_measured_is_missing_and_holds_back() -> None:
    for comparisons in ([], [compared("champion")], [compared(low=None)], [compared(low=float("nan"))]):
        got = judged(BEATS, comparisons=comparisons)
        assert (got.gates[0].status, got.verdict) == ("missing", "held")


@pytest.mark.parametrize(("rows", "status"), [(199, "not_judged"), (200, "passed")])
def test_too_few_rows_are_not_judged_and_hold_back(rows: int, status: str) -> None:
    got = judged(BEATS, comparisons=[compared(rows=rows)])

    assert got.gates[0].status == status
    assert (got.verdict == "passed") == (status == "passed")


def test_a_figure_measured_the_wrong_way_round_is_missing() -> None:
    assert judged(BEATS, comparisons=[compared(better="lower")]).gates[0].status == "missing"


@pytest.mark.parametrize(("high", "status"), [(0.05, "passed"), (0.0501, "failed"), (None, "missing")])
def test_an_absolute_gate_judges_the_bound_that_speaks_against(high: float | None, status: str) -> None:
    gate = Gate("calibrated", "ece", "absolute", margin=0.05, better="lower")
    metric = Metric("ece", 0.01, low=0.0, high=high, better="lower", rows=600)

    got = judged(BEATS, gate, comparisons=[compared()], metrics=[metric])

    assert got.gates[1].status == status
    assert got.verdict == ("passed" if status == "passed" else "held")


def test_a_named_other_is_compared_instead_of_the_baseline() -> None:
    gate = Gate("agents matter", "value", "baseline", other="without_agent_features")
    told = [compared(metric="value"), compared("without_agent_features", metric="value", low=-0.1)]

    assert judged(gate, comparisons=told).verdict == "held"


def test_two_figures_under_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="one name"):
        judged(BEATS, comparisons=[compared(), compared(low=0.5)])


def test_a_report_says_its_claim_policy_and_languages() -> None:
    first, refresh = passed_report(), passed_report(champion="9" * 64)

    assert (first.claim, first.verdict, refresh.claim, refresh.verdict) == ("first", "passed", "refresh", "passed")
    assert first.policy == replace(POLICY, family="intent").digest()
    assert (first.answers_in, first.abstains_in) == (("en", "zh"), ())
