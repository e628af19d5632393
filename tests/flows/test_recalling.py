"""What serving may ask of log and archive: decisions that were made, intents that are defined."""

from __future__ import annotations

from pathlib import Path

import pytest

from centre import compaction
from centre.clock import FixedClock
from data_contracts.events import Event
from flows import recalling
from flows.compose import Workspace, workspace


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return workspace(home, clock=clock)


def said(place: Workspace, name: str, *, type: str, **data: object) -> None:
    event = Event(f"{name}/{type}", "switch", type, place.clock.now(), data)
    place.log.append([event], received_at=place.clock.now())


def compacted(place: Workspace) -> None:
    """Both events of a test move from the log to the archive."""
    quarantine = place.settings.quarantine_dir
    assert compaction.compact(place.log, place.archive, clock=place.clock, quarantine=quarantine).taken == 2


@pytest.mark.parametrize("archived", [False, True])
def test_a_decision_is_held_under_its_own_id_whoever_made_it(place: Workspace, archived: bool) -> None:
    said(place, "switch-7", type="decision.made", decision_id="switch-7", revision=0, eligible='["a-1"]')
    said(place, "switch-8", type="decision.followed", decision_id="switch-8", revision=1, followed=True)
    if archived:
        compacted(place)

    assert recalling.decisions_held(place, frozenset({"switch-7", "switch-8", "switch-9"})) == {"switch-7"}


@pytest.mark.parametrize("archived", [False, True])
def test_the_taxonomy_is_what_was_defined_and_what_was_changed(place: Workspace, archived: bool) -> None:
    flags = {"critical": False, "automatable": False}
    said(place, "card", type="intent.defined", intent_id=" card_lost ", revision=0, name_en="card lost", **flags)
    said(place, "loan", type="intent.changed", intent_id="loan", revision=1, name_en="loan", **flags)
    if archived:
        compacted(place)

    assert recalling.intents_defined(place) == {"card_lost": None, "loan": None}


def test_a_replaced_intent_names_what_stands_for_it_today(place: Workspace) -> None:
    flags = {"critical": False, "automatable": False}
    for name, after in (("lost", "card_lost"), ("card_lost", "card_gone"), ("card_gone", None)):
        row = {"intent_id": name, "revision": 0, "name_en": name, "deprecated_by": after}
        said(place, name, type="intent.defined", **row, **flags)

    assert recalling.intents_defined(place) == {"card_gone": None, "card_lost": "card_gone", "lost": "card_gone"}


def test_a_workspace_without_a_taxonomy_has_no_intents(place: Workspace) -> None:
    assert recalling.intents_defined(place) == {}
