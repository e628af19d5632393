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
