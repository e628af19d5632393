"""A report leads to texts by reference; the archive, which forgets, holds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from centre import compaction
from centre.clock import FixedClock
from data_contracts.events import Event
from flows import explaining
from flows.compose import Workspace, workspace
from tests.training.reports import passed_report
from training.intent_explained import EXAMPLES
from training.report import Chart


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return workspace(home, clock=clock)


def _said(place: Workspace, contact: str, text: str) -> None:
    """One contact of one turn, in the archive."""
    now = place.clock.now()
    about = {"contact_id": contact, "revision": 0, "channel": "chat", "direction": "inbound", "queue": "q",
             "priority": 0, "started_at": now, "ended_at": now, "outcome": "answered", "reopened": False}  # fmt: skip
    turn = {"contact_id": contact, "turn": 0, "speaker": "customer", "text": text, "spoken_at": now}
    events = [Event(f"{contact}-c", "crm", "contact.ended", now, about),
              Event(f"{contact}-u", "crm", "utterance.spoken", now, turn)]  # fmt: skip
    place.log.append(events, received_at=now)
    compaction.compact(place.log, place.archive, clock=place.clock, quarantine=place.settings.quarantine_dir)


def test_confused_examples_are_shown_with_their_texts_as_far_as_they_are_kept(place: Workspace) -> None:
    _said(place, "c-1", "my card was taken")
    rows = [["lost", "stolen", "0.90", "c-1", "…", "card"], ["lost", "stolen", "0.80", "c-gone", "…", "card"]]
    report = replace(passed_report(family="intent"), charts=(Chart("table", EXAMPLES, "样本", {"rows": rows}),))

    told = explaining.confused(place, report)

    assert [(one["example"], one["text"]) for one in told] == [("c-1", "my card was taken"), ("c-gone", None)]


def test_a_report_without_confused_examples_has_none(place: Workspace) -> None:
    assert explaining.confused(place, passed_report(family="forecast")) == []
