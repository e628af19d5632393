"""What journeys share: a clean checkout that holds the working tree, and desks in workspaces of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows import checkout as checkouts
from tests.journeys.desk import Desk
from tests.journeys.small_centre import write_events


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository with whatever is not committed yet as one commit more: clean, so promotable."""
    to = tmp_path_factory.mktemp("checkout") / "parley"
    checkouts.clone(checkouts.checkout_of(), to)
    return to


@pytest.fixture(scope="session")
def new_desk(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Desk]:
    """Makes a desk in a workspace of its own, with an engineer and a reviewer."""

    def make(name: str) -> Desk:
        desk = Desk(checkout, tmp_path_factory.mktemp(name) / "home")
        desk.admit(
            owner="engineer+reviewer", ada="engineer", rui="reviewer", desktop="service", kim="agent", lee="agent"
        )
        return desk

    return make


@pytest.fixture(scope="session")
def new_centre(new_desk: Callable[[str], Desk], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Desk]:
    """Makes a desk where a small simulated centre was taken in and the demo's job was done on it."""

    def make(name: str) -> Desk:
        desk, events = new_desk(name), tmp_path_factory.mktemp("events") / f"{name}.jsonl"
        write_events(events)
        desk.parley("ingest", "events", events)
        desk.parley("demo", "--no-serve")
        return desk

    return make


@pytest.fixture(scope="session")
def small_centre(new_centre: Callable[[str], Desk]) -> Desk:
    """One such centre for all journeys that do not mind what another did in it before."""
    return new_centre("small-centre")
