from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import NotEnoughData
from tests.training import learned
from training import loaders, outcomes, payload, policy_figures, routing, routing_figures
from training.report import Report

PARAMS = learned.params()


def _fit(data: Path, to: Path, *, threads: int = 1, seed: int = learned.SEED) -> Path:
    routing.fit(data, params=PARAMS.routing, seed=seed, threads=threads, to=to)
    return to


def _judge(data: Path, candidate: Path, champion: Path | None = None) -> Report:
    return routing.judge(data, candidate=candidate, champion=champion, params=PARAMS, seed=learned.SEED, threads=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learned.write_offers(tmp_path_factory.mktemp("offers"), decisions=1800)


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fit(data, tmp_path_factory.mktemp("fitted"))


def _figure(report: Report, name: str) -> Any:
    return next((one for one in report.metrics if one.name == name), None)


def _against(report: Report, metric: str, other: str) -> Any:
    return next(one for one in report.comparisons if (one.metric, one.against) == (metric, other))


def test_the_same_data_and_seed_give_the_same_bytes_on_any_number_of_threads(
    data: Path, fitted: Path, tmp_path: Path
) -> None:
    assert payload.digest(_fit(data, tmp_path / "again", threads=2)) == payload.digest(fitted)


def test_another_seed_gives_another_model(data: Path, fitted: Path, tmp_path: Path) -> None:
    assert payload.digest(_fit(data, tmp_path / "other", seed=8)) != payload.digest(fitted)


def test_where_agents_matter_the_policy_earns_more_than_chance_did(data: Path, fitted: Path) -> None:
    report = _judge(data, fitted)

    assert (report.verdict, report.reasons, report.allowed_use) == ("passed", (), "full")
    assert _against(report, "policy_value", "without_agent_features").low > 0
    assert _against(report, "handle_r2", "without_agent_features").low > 0


def test_the_value_is_near_the_truth_of_that_world(data: Path, fitted: Path) -> None:
    told = _figure(_judge(data, fitted), "policy_value")
    skill = np.linspace(0.1, 0.9, 8)
    rng = np.random.default_rng(0)
    drawn = np.stack([rng.choice(8, 3, replace=False) for _ in range(20000)])
    earned = PARAMS.routing.resolution_value_min * skill - np.exp(5.5 - skill + 0.3**2 / 2) / 60

    # the best of three at random, less what five percent of exploring and a softmax cost
    assert told.value < earned[drawn].max(axis=1).mean() + 0.3
    assert told.value > earned[drawn].mean() + 0.5
    assert told.low < earned[drawn].max(axis=1).mean()


def test_a_model_that_only_finds_customers_does_not_route(tmp_path: Path) -> None:
    data = learned.write_offers(tmp_path / "d", by="customer", decisions=1800)

    report = _judge(data, _fit(data, tmp_path / "m"))

    assert _figure(report, "resolution_skill").low > 0  # it foresees outcomes, and yet
    assert report.verdict == "held"
    assert any(one.startswith("by agents") for one in report.reasons)


def test_without_propensities_a_candidate_may_go_only_to_a_pilot(tmp_path: Path) -> None:
    data = learned.write_offers(tmp_path / "d", propensities=False)

    report = _judge(data, _fit(data, tmp_path / "m"))

    assert (report.verdict, report.allowed_use) == ("held", "pilot")
    assert report.reasons[0] == routing_figures.PILOT
    assert {gate.status for gate in report.gates if gate.binding} == {"missing"}
    assert _figure(report, "handle_r2") is not None


def test_too_few_decisions_are_not_judged(tmp_path: Path) -> None:
    data = learned.write_offers(tmp_path / "d", decisions=450)

    report = _judge(data, _fit(data, tmp_path / "m"))

    assert report.verdict == "held"
    assert any("needed 200" in one for one in report.limits)


def test_a_candidate_is_no_worse_than_itself_as_champion(data: Path, fitted: Path) -> None:
    report = _judge(data, fitted, champion=fitted)

    assert _against(report, "policy_value", "champion").difference == 0.0
    assert report.verdict == "passed"


def test_a_champion_without_agent_features_loses(data: Path, fitted: Path, tmp_path: Path) -> None:
    columns = ["customer_contacts_30d", "queue_code", "topic_log_handle_mean"]
    offers = pq.read_table(data / "offers.parquet")
    routing.fit_on(columns, offers, params=PARAMS.routing, seed=1, threads=1, to=tmp_path / "old")

    report = _judge(data, fitted, champion=tmp_path / "old")

    assert _against(report, "policy_value", "champion").low > 0


def _slice(report: Report, dimension: str, value: str) -> Any:
    return next(one for one in report.slices if (one.slice.dimension, one.slice.value) == (dimension, value))


def _judged_where(folder: Path, *, decisions: int = 1800, **world: Any) -> Report:
    data = learned.write_offers(folder / "d", decisions=decisions, **world)
    return _judge(data, _fit(data, folder / "m"))


def test_the_policy_is_compared_with_the_longest_idle_agent(data: Path, fitted: Path) -> None:
    report = _judge(data, fitted)

    longest_idle = _against(report, "policy_value", "longest_idle")
    assert _against(report, "policy_value", "baseline").other == longest_idle.other
    assert longest_idle.other != _against(report, "policy_value", "logging").other
    assert policy_figures.LONGEST_IDLE in report.limits


def test_where_the_best_is_idle_longest_there_is_nothing_to_gain(tmp_path: Path) -> None:
    report = _judged_where(tmp_path, idle="best")

    values = [_against(report, "policy_value", name) for name in ("longest_idle", "even_choice")]
    assert values[0].other > values[1].other + 0.5
    assert values[1].low > 0
    assert _against(report, "policy_value", "longest_idle").low < 0
    assert report.verdict == "held"


def test_without_idle_times_the_baseline_is_what_the_centre_did_and_the_report_says_so(tmp_path: Path) -> None:
    report = _judged_where(tmp_path, idle="none")

    assert _against(report, "policy_value", "baseline").other == _against(report, "policy_value", "logging").other
    assert "longest_idle" not in {one.against for one in report.comparisons}
    assert any(one.startswith("idle times were not logged") for one in report.limits)


def test_with_some_idle_times_the_baseline_is_the_longest_idle_agent_where_they_are_known(tmp_path: Path) -> None:
    some, whole = (_judged_where(tmp_path / idle, idle=idle) for idle in ("some", "random"))

    assert any("idle times were logged for" in one for one in some.limits)
    assert "longest_idle" not in {one.against for one in some.comparisons}
    values = [_against(one, "policy_value", "baseline").other for one in (some, whole)]
    assert values[0] not in (values[1], _against(some, "policy_value", "logging").other)


def test_queues_languages_and_channels_are_judged_where_they_have_the_rows(data: Path, fitted: Path) -> None:
    report = _judge(data, fitted)

    assert {one.slice.dimension for one in report.slices} == {"queue", "language", "channel"}
    assert {_slice(report, *one).status for one in (("queue", "cards"), ("language", "zh"), ("channel", "voice"))} == {
        "passed"
    }
    assert _slice(report, "queue", "tiny").status == "not_judged"
    assert report.answers_in == ("en", "zh")


def test_a_policy_that_harms_a_queue_is_held(tmp_path: Path) -> None:
    report = _judged_where(tmp_path, decisions=3000, reversed_in=("queue", "cards"))

    assert _slice(report, "queue", "cards").status == "failed"
    assert report.verdict == "held"
    assert any("queue=cards" in one for one in report.reasons)


def test_harm_in_a_queue_of_few_decisions_is_shown_and_not_judged(tmp_path: Path) -> None:
    report = _judged_where(tmp_path, reversed_in=("queue", "tiny"))

    assert _slice(report, "queue", "tiny").slice.difference < 0
    assert _slice(report, "queue", "tiny").status == "not_judged"
    assert report.verdict == "passed"


def test_a_language_that_is_harmed_is_left_to_the_baseline(tmp_path: Path) -> None:
    report = _judged_where(tmp_path, reversed_in=("language", "zh"))

    assert (report.verdict, report.answers_in, report.abstains_in) == ("passed", ("en",), ("zh",))


def test_r2_is_that_of_its_definition(data: Path, fitted: Path) -> None:
    judged = pq.read_table(data / "offers.parquet", filters=[("part", "=", "judge")])
    model = loaders.open_payload(fitted)
    actual = np.log(np.asarray(judged["handle_s"].to_pylist()))
    predicted = np.log(model.score(outcomes.matrix_of(judged, model.columns))["handle_s"] / model.handle_factor)

    r2 = 1 - ((actual - predicted) ** 2).sum() / ((actual - actual.mean()) ** 2).sum()

    assert _figure(_judge(data, fitted), "handle_r2").value == pytest.approx(r2)


def test_the_expected_handle_time_is_a_mean_of_seconds_and_not_of_logs(data: Path, fitted: Path) -> None:
    train = pq.read_table(data / "offers.parquet", filters=[("part", "=", "train")])
    model = loaders.open_payload(fitted)

    predicted = model.score(outcomes.matrix_of(train, model.columns))["handle_s"]

    assert predicted.mean() == pytest.approx(np.mean(train["handle_s"].to_pylist()), rel=0.02)


def test_an_outcome_that_nobody_recorded_is_the_same_for_every_agent(fitted: Path) -> None:
    model = loaders.open_payload(fitted)

    rating = model.score(np.random.default_rng(1).normal(size=(5, len(model.columns))))["rating"]

    assert rating.tolist() == [3.0] * 5


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    data = learned.write_offers(tmp_path / "d", decisions=60)

    with pytest.raises(NotEnoughData, match="offers with an outcome"):
        _fit(data, tmp_path / "m")


def test_shrunk_means_of_agent_and_topic_worked_by_hand() -> None:
    import pyarrow as pa

    train = pa.table(
        {"agent_id": ["a", "a", "b"], "topic_code": [1.0, 1.0, 1.0], "handle_s": [np.e**5, np.e**5, np.e**2 * 3]}
    )
    asked = pa.table({"agent_id": ["a", "b", "c"], "topic_code": [1.0, 1.0, 2.0], "handle_s": [1.0, 1.0, 1.0]})

    found = routing_figures.shrunk_means(train, asked, shrink=2.0)

    logs = [5.0, 5.0, 2 + np.log(3)]
    overall = sum(logs) / 3
    topic = (sum(logs) + 2 * overall) / 5
    assert found.tolist() == pytest.approx([(10 + 2 * topic) / 4, (logs[2] + 2 * topic) / 3, overall])


def test_the_model_file_knows_no_machine(fitted: Path) -> None:
    assert "[num_threads: 1]" in (fitted / "handle.txt").read_text(encoding="utf-8")
