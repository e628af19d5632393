"""Labels are wrong sometimes: codes that teach a little, doubts that people settle, and what settling gained."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.desk import Desk

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.timeout(1800)]

QUESTIONS = 12


def metrics(desk: Desk, version: str) -> dict[str, Any]:
    return {one["name"]: one for one in desk.parley("report", version, "--json").told["metrics"]}


def settle(desk: Desk) -> int:
    """Two agents say of each doubted label what it likely is; returns how many labels they were asked about."""
    told = desk.parley("label", "next", "--count", str(QUESTIONS), "--json").told["settle"]
    with desk.serving("--only", "labels,feedback") as client:
        for one in told:
            said = {"contact_id": one["contact_id"], "capability": "intent", "verdict": "labelled"}
            for person in ("kim", "lee"):
                answer = client.post(
                    "/v1/feedback", json=said | {"instead": one["likely"]}, headers=desk.headers(person)
                )
                assert answer.status_code == 201, answer.text
    return len(told)


def test_an_engineer_sees_which_codes_deserve_weight(small_centre: Desk) -> None:
    told = small_centre.parley("wrap-ups", "--json").told
    codes = {one["code"]: one for one in told["codes"]}

    assert told["unmapped"] == []
    assert codes["OTHER"]["state"] == "ignored"
    # The coarse code, first of its list, agrees less often with agents than one that stands for a single intent.
    assert codes["ACC-INFO"]["high"] < codes["CRD-DECL"]["low"]
    assert codes["ACC-INFO"]["weight"] == codes["ACC-INFO"]["learned"] < codes["CRD-DECL"]["learned"]
    assert "ACC-INFO" in small_centre.parley("wrap-ups").out


def test_what_people_settled_and_what_it_gained_stands_in_the_next_report(small_centre: Desk) -> None:
    desk = small_centre
    before = metrics(desk, "intent/1")
    asked = settle(desk)
    desk.parley("absorb-feedback", code=None)

    run = desk.parley("retrain", "intent", "--reason", "settled", "--no-request", "--set", "intent.recipe=frozen",
                      "--json", person="ada").told  # fmt: skip
    after = metrics(desk, f"intent/{run['outcomes']['intent']['version']}")

    assert asked == QUESTIONS
    assert 0 < before["labels_in_doubt"]["value"] < 0.3
    assert "doubts_settled" not in before
    assert after["doubts_settled"]["value"] == asked
    assert after["doubt_precision"]["value"] == 1.0
    assert after["settling_gain"]["low"] <= after["settling_gain"]["value"] <= after["settling_gain"]["high"]
