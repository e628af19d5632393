"""Whether to retrain: each rule with the case that just meets it and the one that just misses it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.watching import POLICY, Evidence, decide

QUIET = Evidence(
    family="intent", since="2026-05-01T00:00:00+00:00", verdicts=0, mature=0, agents=0, days=0.0,
    measure="accuracy on answered", measured=0, live=None, live_best=None, judged=0.9, last_run_h=None,
)  # fmt: skip


def test_nothing_new_is_no_reason_and_says_what_would_be() -> None:
    decision = decide(QUIET)

    assert not decision.retrain
    assert "50 are needed" in decision.why


@pytest.mark.parametrize(
    ("mature", "agents", "retrain"),
    [(50, 2, True), (49, 2, False), (50, 1, False), (500, 1, False), (49, 40, False)],
)
def test_enough_verdicts_from_two_agents_at_least(mature: int, agents: int, retrain: bool) -> None:
    decision = decide(replace(QUIET, mature=mature, agents=agents))

    assert decision.retrain is retrain
    assert str(mature) in decision.why


@pytest.mark.parametrize(("hours", "retrain"), [(23.9, False), (24.0, True), (None, True)])
def test_the_cool_down_stops_even_a_good_reason(hours: float | None, retrain: bool) -> None:
    decision = decide(replace(QUIET, mature=100, agents=5, last_run_h=hours))

    assert decision.retrain is retrain
    assert ("cool-down" in decision.why) is not retrain


@pytest.mark.parametrize(
    ("high", "measured", "retrain"),
    [(0.849, 100, True), (0.85, 100, False), (0.849, 99, False), (0.95, 1000, False)],
)
def test_live_quality_clearly_below_the_judged_one_is_a_reason_by_itself(
    high: float, measured: int, retrain: bool
) -> None:
    decision = decide(replace(QUIET, live=high - 0.05, live_best=high, measured=measured))

    assert decision.retrain is retrain
    assert ("not measured yet" in decision.why) is (measured < 100)


@pytest.mark.parametrize(
    ("low", "days", "retrain"), [(0.241, 7, True), (0.24, 7, False), (0.241, 6, False), (0.1, 30, False)]
)
def test_a_forecast_that_errs_clearly_more_than_it_was_judged_to_is_a_reason_by_itself(
    low: float, days: int, retrain: bool
) -> None:
    seen = replace(QUIET, family="forecast", measure="wape", judged=0.2)

    decision = decide(replace(seen, live=low + 0.02, live_best=low, measured=days))

    assert decision.retrain is retrain
    assert ("not measured yet" in decision.why) is (days < POLICY.least_days)


def test_of_routing_it_is_said_that_its_live_quality_is_not_measured() -> None:
    assert "not measured: a choice" in decide(replace(QUIET, family="routing", judged=None)).why


@pytest.mark.parametrize(("days", "retrain"), [(6.9, False), (7.0, True)])
def test_a_forecast_is_retrained_by_the_week(days: float, retrain: bool) -> None:
    assert decide(replace(QUIET, family="forecast", days=days)).retrain is retrain


def test_routing_counts_outcomes_not_verdicts() -> None:
    few = replace(QUIET, family="routing", mature=POLICY.least_outcomes - 1, agents=10)

    assert not decide(few).retrain
    assert decide(replace(few, mature=POLICY.least_outcomes)).retrain
