"""A run is written down before it begins, tells where it is, and does not pretend to run when its process is gone."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from centre import settings as all_settings
from centre.clock import FixedClock
from centre.settings import Settings
from data_contracts.errors import NotFound, StateConflict
from flows import runs, stages
from flows.following import following
from flows.runs import Run


@pytest.fixture
def settings(home: Path) -> Settings:
    return all_settings.load(home)


def asked(settings: Settings, clock: FixedClock, name: str = "20260501-000000-intent-0001") -> Run:
    run = Run(run_id=name, families=("intent",), reason="a test", requester="ada")
    return runs.create(settings, run=run, at=clock.now())


def test_a_run_reads_back_as_it_was_written_down(settings: Settings, clock: FixedClock) -> None:
    run = asked(settings, clock)

    assert runs.load(settings, run.run_id) == run
    assert run.state == "queued"


def test_two_runs_of_one_second_have_two_names() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)

    names = {runs.new_id(("intent",), at=at) for _ in range(20)}

    assert len(names) == 20
    assert all(name.startswith("20260501-000000-intent-") for name in names)


def test_a_name_is_given_once(settings: Settings, clock: FixedClock) -> None:
    asked(settings, clock)

    with pytest.raises(StateConflict):
        asked(settings, clock)


def test_progress_is_told_step_by_step_and_the_run_knows_its_stage(settings: Settings, clock: FixedClock) -> None:
    run = replace(asked(settings, clock), pid=os.getpid())
    run = runs.note(settings, run, stage="collect", at=clock.now())
    clock.advance(timedelta(seconds=5))
    run = runs.note(settings, run, stage="finished", at=clock.now(), state="finished")

    steps = runs.progress(settings, run.run_id)

    assert [(step["stage"], step["state"]) for step in steps] == [("collect", "running"), ("finished", "finished")]
    assert runs.load(settings, run.run_id).finished_at == clock.now().isoformat()


def test_a_run_whose_process_is_gone_is_told_as_failed(settings: Settings, clock: FixedClock) -> None:
    run = replace(asked(settings, clock), pid=2**22 + 1)  # above the largest pid of Linux
    runs.note(settings, run, stage="build", at=clock.now())

    assert runs.load(settings, run.run_id).state == "failed"
    assert "gone" in runs.load(settings, run.run_id).error


def test_a_run_whose_process_lives_is_running(settings: Settings, clock: FixedClock) -> None:
    run = replace(asked(settings, clock), pid=os.getpid())
    runs.note(settings, run, stage="build", at=clock.now())

    assert runs.load(settings, run.run_id).state == "running"


@pytest.mark.parametrize("name", ["nothing", "", ".", "..", "../people", "a/b"])
def test_a_run_that_is_not_there_is_not_found_and_no_path_leads_out(settings: Settings, name: str) -> None:
    with pytest.raises(NotFound):
        runs.load(settings, name)


def test_old_clones_go_and_their_records_stay(settings: Settings, clock: FixedClock) -> None:
    for number in range(4):
        run = asked(settings, clock, f"20260501-00000{number}-intent-0001")
        runs.clone_of(settings, run.run_id).mkdir()
        runs.note(settings, run, stage="finished", at=clock.now(), state="finished")

    removed = runs.remove_old(settings, keep=frozenset({"20260501-000000-intent-0001"}), count=1)

    assert removed == ["20260501-000002-intent-0001", "20260501-000001-intent-0001"]
    assert len(runs.all_runs(settings)) == 4
    assert runs.clone_of(settings, "20260501-000000-intent-0001").is_dir()


def test_each_stage_that_begins_is_told_while_the_run_goes_on(settings: Settings, clock: FixedClock) -> None:
    run = runs.note(settings, asked(settings, clock), stage="prepare", at=clock.now())
    heard: list[str] = []

    with following(settings, run.run_id, heard.append):
        runs.note(settings, run, stage="collect", at=clock.now())
        ends = time.monotonic() + 10
        while not heard and time.monotonic() < ends:
            time.sleep(0.01)
        assert heard == ["collect"]
        runs.note(settings, run, stage="check", at=clock.now())
    runs.note(settings, run, stage="build", at=clock.now())

    assert heard == ["collect", "check"]


def test_a_run_names_the_pages_on_its_datas_quality_once_there_are_any(settings: Settings, clock: FixedClock) -> None:
    run = asked(settings, clock)
    before = runs.data_docs(settings, run.run_id)
    page = runs.clone_of(settings, run.run_id) / stages.DATA_DOCS / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("<html>")

    assert before is None
    assert runs.data_docs(settings, run.run_id) == page
