"""`parley simulate --fit`: the workspace's own contacts beside a simulation of them, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from centre import compaction
from centre.clock import SystemClock
from data_contracts.errors import NotEnoughData
from flows import receiving, resembling
from flows.cli.app import run
from flows.compose import Workspace, workspace
from flows.resembling import Asked
from tests.journeys.small_centre import write_events


def held(home: Path) -> dict[str, tuple[int, int]]:
    """Every file of a workspace with its size and when it was written."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in home.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two weeks of a small simulated centre, taken in and archived."""
    folder = tmp_path_factory.mktemp("centre")
    place = workspace(folder / "home", clock=SystemClock())
    write_events(folder / "events.jsonl", weeks=2)
    (opened,) = receiving.open_files(
        place, "events", [folder / "events.jsonl"], source=None, time_zone="Asia/Singapore"
    )
    receiving.take(place, opened)
    compaction.compact(place.log, place.archive, clock=place.clock, quarantine=place.settings.quarantine_dir)
    return place


@pytest.fixture
def told(centre: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command prints in that workspace."""
    monkeypatch.setenv("PARLEY_HOME", str(centre.settings.home))
    monkeypatch.setenv("PARLEY_PROFILE", "test")
    monkeypatch.setenv("COLUMNS", "160")

    def tell(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["simulate", *arguments]) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    return tell


def test_the_simulated_queues_resemble_those_that_were_fitted(centre: Workspace) -> None:
    found = resembling.compare(centre, Asked(seed=1))

    whole = found.rows["all"]
    seen, played = whole["observed"], whole["simulated"]
    assert played["contacts_per_day"] == pytest.approx(seen["contacts_per_day"], rel=0.06)
    assert played["handle_s"] == pytest.approx(seen["handle_s"], rel=0.05)
    assert played["abandoned_share"] == pytest.approx(seen["abandoned_share"], abs=0.04)
    assert played["occupancy"] == pytest.approx(seen["occupancy"], abs=0.05)
    assert (found.log["simulated"], found.log["presence"]) == ("all", "the agents' states")
    assert {name for name in found.rows if name.endswith("email")} == {
        f"{queue} · email" for queue in ("accounts", "cards", "digital", "payments")
    }


def test_a_manager_reads_the_log_beside_the_simulation_and_other_staffing(told: Callable[..., str]) -> None:
    said = told("--fit", "--agents", "14", "--seed", "3")

    assert "all of them simulated" in said
    assert "14 days, 5 times, seed 3" in said
    for word in (
        "the log",
        "simulated",
        "with 14 agents",
        "AHT s",
        "gave up",
        "SL offered",
        "SL left queue",
        "occupied",
    ):
        assert word in said
    assert "nothing was written" in said


def test_a_program_reads_the_same_figures_and_no_nan(told: Callable[..., str]) -> None:
    said = told("--fit", "--json", "--weeks", "1", "--within", "30", "--agents", "20")

    read = json.loads(said, parse_constant=lambda word: pytest.fail(word))
    assert read["played"] == {
        "days": 7, "runs": 5, "seed": 2026, "agents": 20, "within_s": 30.0,
        "still_waiting": read["played"]["still_waiting"],
    }  # fmt: skip
    cards = read["queues"]["cards · voice"]
    assert set(cards) == {"observed", "simulated", "what_if"}
    assert cards["what_if"]["wait_s"] < cards["simulated"]["wait_s"]
    assert cards["what_if"]["contacts_per_day"] == pytest.approx(cards["simulated"]["contacts_per_day"], rel=0.1)


def test_it_writes_nothing_and_says_the_same_again(centre: Workspace, told: Callable[..., str]) -> None:
    before = held(centre.settings.home)

    once, again = told("--fit", "--json", "--weeks", "1"), told("--fit", "--json", "--weeks", "1")

    assert once == again
    assert held(centre.settings.home) == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--fit", "--weeks", "0"), "--weeks"),
        (("--fit", "--weeks", "105"), "1 to 104"),
        (("--fit", "--agents", "0"), "--agents"),
        (("--fit", "--agents", "-3"), "-3"),
        (("--fit", "--agents", "2000000"), "10000"),
        (("--fit", "--seed", "-1"), "--seed"),
        (("--fit", "--within", "-5"), "--within"),
        (("--fit", "--within", "nan"), "--within"),
        (("--fit", "--start", "2026-03-02"), "without --start"),
        (("--agents", "20"), "--agents with --fit"),
        (("--within", "20"), "--within with --fit"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    centre: Workspace, told: Callable[..., str], arguments: tuple[str, ...], word: str
) -> None:
    before = held(centre.settings.home)

    said = told(*arguments, code=2)

    assert word in said
    assert held(centre.settings.home).keys() == before.keys()


def test_a_workspace_without_contacts_is_told_what_to_bring(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--fit"]) == 8

    said = capsys.readouterr().err
    assert "no contact is known that entered a queue" in said
    assert "parley ingest" in said
    assert list(home.iterdir()) == []


def test_a_log_without_a_single_agent_is_refused(
    home: Path, centre: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = centre.archive.read
    nobody = whole("segments")
    place = nobody.schema.get_field_index("agent_id")
    unnamed = nobody.set_column(place, nobody.schema.field(place), pa.nulls(nobody.num_rows, pa.string()))
    monkeypatch.setattr(centre.archive, "read", lambda name: unnamed if name == "segments" else whole(name))

    with pytest.raises(NotEnoughData, match="nobody is known who answered"):
        resembling.compare(centre, Asked())


@pytest.mark.parametrize(
    ("named", "source", "days"), [(0, "anonymous-bank", 3), (0, "crm", 7), (2, "anonymous-bank", 2)]
)
def test_a_source_has_its_own_window_of_a_repeat_unless_the_workspace_names_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, named: int, source: str, days: float
) -> None:
    monkeypatch.setenv("PARLEY_REPEAT_WINDOW_DAYS", str(named))

    assert resembling.window_days(workspace(home), pa.table({"source": [source, source, "chats"]})) == days
