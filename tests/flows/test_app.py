"""The command line: quick, honest about errors, and with exit codes that mean something."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_contracts.errors import NotFound
from flows.cli import app

HEAVY = ("prefect", "mlflow", "feast", "great_expectations", "torch", "pyarrow", "pandas", "numpy", "rich", "fastapi")


def parley(*arguments: str) -> tuple[int, float]:
    began = time.monotonic()
    return app.run(list(arguments)), time.monotonic() - began


def test_help_imports_nothing_heavy() -> None:
    probe = (
        "import sys; from flows.cli.app import run; run(['--help']);"
        f"print('heavy', [name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "heavy []"
    assert "retrain" in done.stdout


def test_the_status_of_an_empty_workspace_imports_nothing_heavy_and_writes_nothing(home: Path) -> None:
    home.rmdir()
    probe = (
        "import sys; from flows.cli.app import run; run(['status', '--json']);"
        f"print('heavy', [name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "heavy []"
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["runs", "show", "nothing"], 5),
        (["report", "intent-3"], 2),
        (["retrain", "weather", "--reason", "x", "--no-request"], 2),
        (["retrain", "intent", "--reason", "x"], 4),
        (["review", "approve", "intent-1-abc"], 4),
        (["rollback", "intent", "--reason", "x"], 4),
        (["switch", "off", "intent", "--reason", "x"], 4),
        (["simulate", "--start", "soon"], 2),
        (["ingest", "parquet", "file"], 2),
        (["ingest", "events", "nowhere.jsonl"], 5),
        (["serve", "--only", "weather"], 2),
        (["pull", "all", "--to", "here"], 2),
        (["pull", "intent", "--to", __file__], 2),
        (["report", "intent/1"], 5),
        (["simulate", "--weeks", "1", "--start", "9999-12-31"], 2),
    ],
)
def test_a_refusal_ends_with_the_code_of_its_kind_and_says_what_was_expected(
    home: Path, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, _ = parley(*arguments)

    said = capsys.readouterr().err
    assert ended == code
    assert "expected:" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("below", ["", "deeper"])
@pytest.mark.parametrize("arguments", [["status"], ["people", "add", "ada", "--role", "viewer"], ["serve"]])
def test_a_workspace_that_is_a_file_is_refused_by_every_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    below: str,
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "file" / below))

    ended, _ = parley(*arguments)

    assert ended == 2
    assert "PARLEY_HOME" in capsys.readouterr().err


def test_what_the_disk_refuses_is_no_defect(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows import overview

    def full(_place: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere/log")

    monkeypatch.setattr(overview, "status", full)

    ended, _ = parley("status")

    said = capsys.readouterr().err
    assert ended == 7
    assert "No space left" in said
    assert "/somewhere/log" in said


def test_a_refusal_is_json_for_programs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended, _ = parley("runs", "show", "nothing", "--json")

    error = json.loads(capsys.readouterr().err)["error"]
    assert ended == error["exit_code"] == NotFound.exit_code
    assert error["came"] == "nothing"
    assert error["kind"] == "not-found"


def test_a_defect_is_kept_in_a_file_and_not_thrown_at_the_reader(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows import overview

    def broken(_place: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(overview, "status", broken)

    ended, _ = parley("status")

    said = capsys.readouterr().err
    assert ended == app.DEFECT
    assert "Traceback" not in said
    assert "defects.log" in said
    assert "ZeroDivisionError" in (home / "defects.log").read_text()


def test_an_unknown_setting_is_refused_by_name(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_PROT", "8080")

    ended, _ = parley("status")

    assert ended == 2
    assert "mean port" in capsys.readouterr().err


def test_somebody_elses_token_does_not_speak_for_a_name(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parley("people", "add", "ada", "--role", "engineer", "--json")
    token = json.loads(capsys.readouterr().out)["token"]
    monkeypatch.setenv("PARLEY_TOKEN", token)

    ended, _ = parley("switch", "off", "intent", "--reason", "x", "--as", "rui")

    assert ended == 4
    assert "its own person" in capsys.readouterr().err


def test_a_switch_needs_a_person_and_is_kept_in_the_history(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parley("people", "add", "ada", "--role", "engineer", "--json")
    monkeypatch.setenv("PARLEY_TOKEN", json.loads(capsys.readouterr().out)["token"])

    ended, _ = parley("switch", "off", "intent", "--reason", "it answers nonsense")
    capsys.readouterr()
    parley("status", "--json")

    families = json.loads(capsys.readouterr().out)["families"]
    assert ended == 0
    assert [family["family"] for family in families if family["off"]] == ["intent"]
