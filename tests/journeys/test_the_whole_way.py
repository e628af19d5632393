"""The main job in small, as `make run` does it: records in, three models judged, approved, served, traced."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.journeys.asking import answered_by_model, ask, forecast_period, swapped_after, wait_until, waiting_for
from tests.journeys.desk import Desk
from tests.journeys.pickles import pickles_in

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

FAMILIES = ("intent", "routing", "forecast")
# What the chain says is answered within this time, the fetching of a version included.
SWAP_S = 5.0


@pytest.fixture(scope="module")
def desk(new_centre: Callable[[str], Desk]) -> Desk:
    """A centre of their own, as the demo leaves it: these tests are one journey and follow it in order."""
    return new_centre("the-whole-way")


def test_the_demo_takes_records_in_judges_three_families_and_issues_a_forecast(desk: Desk) -> None:
    told = desk.parley("status", "--json").told
    versions = desk.parley("models", "--json").told["models"]

    assert told["events_in_log"] > 10_000
    assert told["archive_batches"] >= 1
    assert told["issued_forecast"]
    assert {one["family"] for one in versions} == set(FAMILIES)
    assert all(one["verdict"] in ("passed", "held") and not one["dirty"] for one in versions)


def test_what_passed_waits_for_a_reviewer_and_what_did_not_says_why(desk: Desk) -> None:
    waiting = {one["family"] for one in desk.parley("review", "list", "--json").told["waiting"]}
    run = desk.parley("runs", "list", "--json").told["runs"][0]

    for family, outcome in run["outcomes"].items():
        assert (family in waiting) == (outcome["verdict"] == "passed")
        assert outcome["verdict"] == "passed" or outcome["reasons"]


def test_before_any_approval_the_baselines_answer_and_say_so(desk: Desk) -> None:
    with desk.serving() as client:
        intent = ask(client, desk, "I forgot my password")
        forecast = client.get("/v1/forecast", headers=desk.headers("desktop"), params=forecast_period(desk))

    assert intent["source"] != "model"
    assert intent["version"] is None
    assert forecast.status_code == 200
    assert forecast.json()["source"] == "baseline"


def test_an_approved_model_answers_and_its_answer_is_traced_to_the_approval(desk: Desk) -> None:
    request = waiting_for(desk, "intent")
    assert request is not None
    with desk.serving() as client:
        before = ask(client, desk, "I forgot my password")
        answer, after_s = swapped_after(
            client, desk, "I forgot my password and cannot log in",
            by=lambda: desk.parley("review", "approve", request["request_id"], "--comment", "better", person="rui"),
        )  # fmt: skip
        prediction = answer["prediction_id"]
        wait_until(lambda: desk.parley("trace", prediction, "--json", code=None).code == 0)
    traced = desk.parley("trace", prediction, "--json").told

    assert before["source"] != "model"
    assert 0 < after_s < SWAP_S
    assert answer["version"] == f"intent/{request['version']}"
    assert traced["approval"]["approved_by"] == "rui"
    assert traced["approval"]["approval"] == answer["approval"]
    assert traced["why"]["nearest"][0]["text"]
    assert "password" in {one["word"] for one in traced["why"]["words"]}
    assert traced["code"]["commit"] == desk.parley("models", "--json").told["models"][0]["commit"]


def test_people_are_asked_what_would_teach_most_and_what_is_in_doubt(desk: Desk) -> None:
    told = desk.parley("label", "next", "--count", "5", "--json").told
    with desk.serving("--only", "labels") as client:
        offered = client.get("/v1/labels/next", headers=desk.headers("desktop"), params={"kind": "settle"})

    assert [len(told[kind]) for kind in ("teach", "settle")] == [5, 5]
    assert len({one["text"] for one in told["teach"]}) == 5
    assert all(one["text"] and one["label"] != one["likely"] for one in told["settle"])
    assert offered.json()["questions"] == told["settle"]


def test_a_rollback_returns_to_the_baseline_within_five_seconds(desk: Desk) -> None:
    with desk.serving() as client:
        assert answered_by_model(client, desk, "I forgot my password")
        desk.parley("rollback", "intent", "--to", "baseline", "--reason", "a drill", person="ada")
        began = time.monotonic()
        wait_until(lambda: ask(client, desk, "I forgot my password")["source"] != "model")

        assert time.monotonic() - began < SWAP_S


def test_a_version_is_trained_again_byte_for_byte(desk: Desk) -> None:
    told = desk.parley("reproduce", "forecast/1", "--json").told

    assert told["same"], told["files"]


def test_the_demo_run_again_continues_from_what_is_there(desk: Desk) -> None:
    before = desk.parley("status", "--json").told

    desk.parley("demo", "--no-serve")

    after = desk.parley("status", "--json").told
    assert after["archive_batches"] == before["archive_batches"]
    assert len(desk.parley("models", "--json").told["models"]) == len(FAMILIES)


def test_after_all_of_it_no_pickle_lies_in_the_workspace(desk: Desk) -> None:
    assert (desk.home / "dvc-cache").is_dir()
    assert pickles_in(desk.home) == []
