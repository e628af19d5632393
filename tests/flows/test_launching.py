"""A retraining that is asked for is written down and told in the log, whoever asks and however it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from data_contracts.errors import InputError
from flows import launching, runs
from flows.compose import Workspace, workspace

ASKED = {"family": "intent", "reason": "twelve corrections since Monday", "requester": "ada"}


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return workspace(home, clock=clock)


def requested(place: Workspace) -> list[dict[str, Any]]:
    return [stored.event.data for stored in place.log.read(types=["retraining.requested"])]


def test_a_retraining_is_told_with_who_asked_for_what_and_why(place: Workspace) -> None:
    asked = {**ASKED, "family": "all", "set": ["intent.max_rows=200"], "seed": 7, "credential": "token:0123456789ab"}

    run = launching.asked_run(place, asked)

    assert requested(place) == [
        {"run_id": run.run_id, "families": ["intent", "routing", "forecast"], "reason": ASKED["reason"],
         "requester": "ada", "parameters_set": ["intent.max_rows=200"], "options": {"seed": 7}}
    ]  # fmt: skip


def test_a_dry_run_is_written_down_but_asks_for_nothing(place: Workspace) -> None:
    run = launching.asked_run(place, {**ASKED, "dry_run": True})

    assert runs.load(place.settings, run.run_id) == run
    assert requested(place) == []


@pytest.mark.parametrize("wrong", [{"family": "weather"}, {"reason": " "}, {"requester": ""}, {"sed": 7}])
def test_what_is_refused_is_not_told(place: Workspace, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        launching.asked_run(place, {**ASKED, **wrong})

    assert requested(place) == []
