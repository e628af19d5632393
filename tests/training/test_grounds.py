"""All reasons against a request are told at once, not one a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.training.lives import House
from tests.training.reports import card, passed_report
from training import grounds
from training.registry import VersionCard
from training.standing import Standing
from training.subject import Scope

NOW = datetime(2026, 5, 1, tzinfo=UTC)
BOTH = Scope(languages=("en", "zh"))


def told(scope: Scope = BOTH, **said: object) -> list[str]:
    report = said.pop("report", passed_report())
    version = VersionCard("intent", "1", "a" * 64, "b" * 64, card(**said))
    return grounds.refusals(Standing(), card=version, report=report, scope=scope, now=NOW)  # type: ignore[arg-type]


def test_a_clean_version_has_nothing_against_it() -> None:
    assert told() == []


def test_every_ground_is_named_at_once() -> None:
    report = passed_report(verdict="held", reasons=("beats: no",), champion="9" * 64, family="forecast",
                           artefact="7" * 64)  # fmt: skip

    found = "; ".join(told(Scope(until="2026-04-01T00:00:00+00:00"), report=report, dirty=True, commit="", run_id=None))

    for word in ("held", "beats: no", "uncommitted", "run_id, commit", "of forecast", "judge it again", "all languages",
                 "ended at", "its report judged 777777777777"):  # fmt: skip
        assert word in found


def test_an_open_request_stands_against_another_only_until_it_expires(tmp_path: Path) -> None:
    house = House(tmp_path)
    version = house.register()
    house.request(version)
    report = house.reports["intent", "1"]
    end = house.now.waiting()[0].subject.expiry

    def at(now: datetime) -> list[str]:
        return grounds.refusals(house.now, card=version, report=report, scope=BOTH, now=now)

    assert at(end - timedelta(seconds=1)) == ["a request for this version is open already"]
    assert at(end) == []


@pytest.mark.parametrize("narrow", [{"queues": ("cards",)}, {"languages": ("en",)}, {"share": 0.5}])
def test_a_forecast_is_asked_for_whole_because_nobody_could_keep_it_narrower(narrow: dict[str, Any]) -> None:
    forecast = passed_report(family="forecast")

    def of(scope: Scope) -> str:
        return "; ".join(told(scope, report=forecast))

    assert "whole centre" in of(replace(BOTH, **narrow))
    assert "whole centre" not in of(replace(BOTH, until="2026-08-01T00:00:00+00:00"))
    assert told(replace(BOTH, **narrow)) == []
