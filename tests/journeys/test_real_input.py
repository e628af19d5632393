"""The three journeys on real records: each ends in an approved and traced answer, or is held with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.compose import workspace
from tests.journeys.asking import answered_by_model, champion, forecast_period, wait_until
from tests.journeys.desk import Desk

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.timeout(1800)]


def judged(desk: Desk, family: str, *changes: str) -> dict[str, Any]:
    """Retrain one family as an engineer, and its outcome."""
    changed = [part for change in changes for part in ("--set", change)]
    asked = ("retrain", family, "--reason", "the first model on real records", *changed, "--json")
    outcome = dict(desk.parley(*asked, person="ada").told["outcomes"][family])
    version = f"{family}/{outcome['version']}"
    report = desk.parley("report", version, "--json").told
    figures = {one["name"]: one["value"] for one in report["metrics"]}
    others = {f"{one['metric']} against {one['against']}": one["other"] for one in report["comparisons"]}
    print(f"\n{version}: {outcome['verdict']}; {figures}; {others}")
    assert report["data"]["simulated"] == "none"
    assert Path(report["page"]).is_file()
    return {**outcome, "report": report}


def traced(desk: Desk, prediction_id: str) -> dict[str, Any]:
    """What the answer rests on, once it is written."""
    wait_until(lambda: desk.parley("trace", prediction_id, code=None).code == 0)
    return desk.parley("trace", prediction_id, "--json").told


def busiest(desk: Desk) -> tuple[str, list[str]]:
    """The queue with the most legs in the workspace's own archive, and the two agents who took most of them."""
    legs = workspace(desk.home).archive.columns("segments", ["queue", "agent_id"]).to_pylist()
    taken = [leg for leg in legs if leg["agent_id"] and leg["queue"]]
    ((queue, _),) = Counter(leg["queue"] for leg in taken).most_common(1)
    agents = Counter(leg["agent_id"] for leg in taken if leg["queue"] == queue).most_common(2)
    return queue, [name for name, _ in agents]


def test_labelled_texts_become_an_intent_model_that_answers_and_is_traced(
    real_data: Path, new_desk: Callable[[str], Desk]
) -> None:
    desk = new_desk("banking77")
    told = desk.parley("ingest", "intent-csv", real_data / "intent/banking77/train.csv", "--json").told
    assert told["quarantined"] + told["parked"] <= 0.001 * told["taken"]
    assert "label" in told["files"][0]["known_at_rule"] or told["files"][0]["known_at_rule"]

    outcome = judged(desk, "intent", "intent.recipe=frozen", "intent.max_rows=40", "intent.max_judge_rows=1500")

    assert outcome["verdict"] == "passed", outcome["reasons"]
    with desk.serving("--only", "intent,events") as client:
        desk.parley("review", "approve", outcome["request"], person="rui")
        answer = answered_by_model(client, desk, "I lost my card, please freeze it")
    found = traced(desk, answer["prediction_id"])
    assert answer["answer"]["intent"] or answer["answer"]["abstained"]
    assert found["approval"]["approved_by"] == "rui"
    assert found["data"]["archive_batch"] >= 1


def test_counted_calls_become_a_forecast_that_is_issued_and_answered(
    real_data: Path, new_desk: Callable[[str], Desk]
) -> None:
    desk = new_desk("bank-calls")
    told = desk.parley("ingest", "volume-csv", real_data / "volume/bank_calls/calls_5min.csv", "--json").told
    assert told["taken"] == 17_576

    outcome = judged(desk, "forecast")

    if outcome["verdict"] == "passed":
        desk.parley("review", "approve", outcome["request"], person="rui")
        assert champion(desk, "forecast") == f"forecast/{outcome['version']}"
    else:
        assert outcome["reasons"]
        desk.parley("issue-forecast")
    with desk.serving("--only", "forecast") as client:
        answer = client.get("/v1/forecast", params=forecast_period(desk), headers=desk.headers("desktop")).json()
    assert answer["source"] == ("model" if outcome["verdict"] == "passed" else "baseline")
    assert traced(desk, answer["prediction_id"])["answer"]["capability"] == "forecast"


def test_every_call_of_a_bank_becomes_a_routing_candidate_that_is_judged_honestly(
    real_data: Path, new_desk: Callable[[str], Desk]
) -> None:
    desk = new_desk("anonymous-bank")
    log = real_data / "calls/anonymous_bank/calls_1999-02-01_21.tsv"
    told = desk.parley("ingest", "anonymous-bank", log, "--json").told
    assert told["taken"] > 25_000

    outcome = judged(desk, "routing")

    # A call log has no propensities: such a candidate may at most be a pilot, and being held is an honest end.
    assert outcome["verdict"] == "held" or outcome["report"]["allowed_use"] == "pilot"
    assert outcome["verdict"] == "passed" or outcome["reasons"]
    desk.parley("materialize")
    queue, agents = busiest(desk)
    with desk.serving("--only", "route") as client:
        asked = {
            "contact_id": "live-1", "attempt": 1, "queue": queue, "channel": "voice",
            "agents": [{"agent_id": name, "state": "available", "idle_s": 30.0} for name in agents],
        }  # fmt: skip
        answer = client.post("/v1/route", json=asked, headers=desk.headers("desktop"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["source"] == "baseline"
    assert answer.json()["answer"]["agent_id"] in agents
    assert traced(desk, answer.json()["prediction_id"])["answer"]["answer_source"] == "baseline"


def test_a_manager_sees_the_banks_queues_beside_a_simulation_of_them(
    real_data: Path, new_desk: Callable[[str], Desk]
) -> None:
    desk = new_desk("bank-queues")
    desk.parley("ingest", "anonymous-bank", real_data / "calls/anonymous_bank/calls_1999-02-01_21.tsv")

    told = desk.parley("simulate", "--fit", "--agents", "27", "--json").told

    assert (told["log"]["simulated"], told["log"]["agents"], told["log"]["repeat_window_days"]) == ("none", 24, 3.0)
    whole = told["queues"]["all"]
    print(f"\n{whole}")
    assert abs(whole["simulated"]["contacts_per_day"] / whole["observed"]["contacts_per_day"] - 1) < 0.05
    assert abs(whole["simulated"]["handle_s"] / whole["observed"]["handle_s"] - 1) < 0.05
    assert abs(whole["simulated"]["abandoned_share"] - whole["observed"]["abandoned_share"]) < 0.04
    assert whole["what_if"]["abandoned_share"] < 0.8 * whole["simulated"]["abandoned_share"]
    # what is simulated never becomes a record: the workspace stays real, and a simulated centre is refused in it
    assert workspace(desk.home).archive.columns("contacts", ["simulated"])["simulated"].to_pylist().count(True) == 0
    assert "do not share a workspace" in desk.parley("simulate", "--weeks", "1", code=2).err
