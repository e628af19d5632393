"""A trace tells what Parley answered, and nothing that somebody else says it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from centre import compaction
from centre.clock import FixedClock
from data_contracts.errors import NotFound
from data_contracts.events import Event
from flows import tracing
from flows.compose import Workspace, workspace


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return workspace(home, clock=clock)


def served(place: Workspace, prediction_id: str, *, source: str) -> None:
    """An answer as its event, put straight into the log, as whoever can write there could."""
    data = {
        "prediction_id": prediction_id,
        "capability": "intent",
        "answer_source": "baseline",
        "answer": "{}",
        "features": "{}",
        "degraded": "[]",
        "verdict_asked": False,
        "verdict_probability": 0.01,
    }
    event = Event(prediction_id, source, "prediction.served", place.clock.now(), data)
    place.log.append([event], received_at=place.clock.now())


def said(place: Workspace, decision_id: str, *, type: str, **data: object) -> None:
    event = Event(f"{decision_id}/said", "switch", type, place.clock.now(), {"decision_id": decision_id, **data})
    place.log.append([event], received_at=place.clock.now())


def compacted(place: Workspace) -> None:
    """Both events of a test move from the log to the archive."""
    quarantine = place.settings.quarantine_dir
    assert compaction.compact(place.log, place.archive, clock=place.clock, quarantine=quarantine).taken == 2


@pytest.mark.parametrize("archived", [False, True])
def test_what_others_say_was_served_is_not_traced(place: Workspace, archived: bool) -> None:
    served(place, "p-ours", source="parley/serving")
    served(place, "p-theirs", source="crm")
    if archived:
        compacted(place)

    assert tracing.prediction_trace(place, "p-ours")["answer"]["prediction_id"] == "p-ours"
    with pytest.raises(NotFound, match="p-theirs"):
        tracing.prediction_trace(place, "p-theirs")


@pytest.mark.parametrize("archived", [False, True])
def test_a_decision_is_held_under_its_own_id_whoever_made_it(place: Workspace, archived: bool) -> None:
    said(place, "switch-7", type="decision.made", revision=0, eligible='["a-1"]')
    said(place, "switch-8", type="decision.followed", revision=1, followed=True)
    if archived:
        compacted(place)

    assert tracing.decisions_held(place, frozenset({"switch-7", "switch-8", "switch-9"})) == {"switch-7"}
