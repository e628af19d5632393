"""One retraining at a time: the second is told of the first, and no dead one bars the way."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from centre.clock import FixedClock
from centre.credentials import fingerprint, hashed
from data_contracts.errors import InputError, StateConflict
from flows import launching, runs, turns
from flows.cli import running
from flows.compose import Workspace, workspace

ASKED = {"family": "intent", "reason": "a test", "requester": "ada"}


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return workspace(home, clock=clock)


def start_sleeper(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """A child that does nothing stands where `continue-run` would; ending its input ends it."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(place: Workspace, module: Sequence[str], *, keeps: Sequence[int] = ()) -> None:
        command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        begun.append(subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=keeps))

    monkeypatch.setattr(launching, "_start", start)
    return begun


def end(child: subprocess.Popen[bytes]) -> None:
    child.communicate(timeout=30)


def test_while_a_started_run_lives_the_next_is_refused_by_its_name(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = start_sleeper(monkeypatch)
    first = launching.retraining(place, ASKED)

    with pytest.raises(StateConflict, match=first):
        launching.retraining(place, ASKED)
    with pytest.raises(StateConflict, match=first), launching.run_in_turn(place, ASKED):
        raise AssertionError("two at once")
    with launching.run_in_turn(place, {**ASKED, "dry_run": True}) as dry:
        assert dry.run_id != first
    written_down = {run.run_id for run in runs.all_runs(place.settings)}
    end(begun[0])
    second = launching.retraining(place, ASKED)
    end(begun[1])

    assert written_down == {first, dry.run_id}
    assert second != first


def test_a_run_that_has_ended_but_still_closes_its_doors_is_waited_for(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    begun = start_sleeper(monkeypatch)
    first = launching.retraining(place, ASKED)
    run = runs.load(place.settings, first)
    runs.note(place.settings, run, stage="finished", at=clock.now(), state="finished")
    looked: list[float] = []

    def look(seconds: float) -> None:
        looked.append(seconds)
        end(begun[0])

    monkeypatch.setattr(turns, "time", SimpleNamespace(sleep=look, monotonic=time.monotonic))
    with launching.run_in_turn(place, ASKED) as second:
        assert second.run_id != first

    assert looked == [turns.LOOK_S]


def test_watch_says_which_run_kept_it_from_starting_another(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = start_sleeper(monkeypatch)
    decided = {"family": "intent", "why": "twelve corrections"}
    monkeypatch.setenv("PARLEY_TOKEN", "the token of ada")

    first = running._started(place, decided, "ada")
    second = running._started(place, {**decided, "family": "forecast"}, "ada")
    end(begun[0])

    assert set(first) == {"run_id"}
    assert set(second) == {"not_started"}
    assert first["run_id"] in second["not_started"]
    asked_with = runs.load(place.settings, first["run_id"]).options["credential"]
    assert asked_with == fingerprint(hashed("the token of ada"))


def test_what_cannot_be_asked_for_takes_no_turn(place: Workspace) -> None:
    with pytest.raises(InputError):
        launching.retraining(place, {**ASKED, "family": "weather"})

    with launching.run_in_turn(place, ASKED) as run:
        assert run.state == "queued"
