"""What was issued is read at the command line as it was issued: days, a day's intervals, parts, earlier issues."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from flows import issuing
from flows.cli.app import run
from flows.compose import Workspace, workspace
from tests.features.centre import START, tiny_centre, two_channels


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    """A workspace that issued twice."""
    place = workspace(home, clock=clock)
    tables = {name: rows for name, rows in two_channels(tiny_centre(days=42)).items() if name in issuing.DEMAND}
    place.archive.write(1, tables, recorded_on=START.date(), log_upto=0)
    for day in (40, 41):
        issuing.issue(place, as_of=START + timedelta(days=day))
    return place


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run(["forecast", "show", *words]) == code
    printed = capsys.readouterr()
    return json.loads(printed.out) if "--json" in words and not code else printed.out + printed.err


def test_the_days_to_come_are_shown_with_their_intervals(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys)
    assert "all queues" in shown
    assert "Mon 2026-04-13" in shown
    days = told(capsys, "q1", "--json")
    assert (days["queue"], days["grain"]) == ("q1", "day")
    day = days["rows"][1]["interval_start"][:10]
    intervals = told(capsys, "q1", "--day", day, "--json")["rows"]
    assert sum(row["offered_mean"] for row in intervals) == pytest.approx(days["rows"][1]["offered_mean"], rel=1e-6)


def test_parts_make_the_queue_and_an_earlier_issue_says_what_it_said(
    place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    def mean(*words: str) -> float:
        return float(sum(row["offered_mean"] for row in told(capsys, "*", *words, "--json")["rows"]))

    assert 0 < mean("--language", "zh") < mean("--channel", "chat")
    assert mean("--language", "zh") + mean("--channel", "chat") == pytest.approx(mean(), rel=1e-6)
    kept = sorted(path.parent.name for path in place.settings.issued_dir.glob("*/issue.json"))
    earlier = told(capsys, "--issue", kept[0], "--json")
    assert (earlier["issue_id"], len(earlier["rows"])) == (kept[0], len(told(capsys, "--json")["rows"]) + 1)


def test_rows_can_be_taken_along(place: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "q1", "--csv", str(tmp_path / "days.csv"), "--parquet", str(tmp_path / "days.parquet"))
    with (tmp_path / "days.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(told(capsys, "q1", "--json")["rows"])
    assert rows[0]["queue"] == "q1"


@pytest.mark.parametrize(("words", "code", "word"), [
    (["nobody"], 5, "q1"), (["q1", "--day", "tomorrow"], 2, "2026-05-08"), (["q1", "--channel", "fax"], 5, "chat/en"),
    (["q1", "--issue", "none"], 5, "kept"),
])  # fmt: skip
def test_what_there_is_not_is_refused(
    place: Workspace, words: list[str], code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert word in told(capsys, *words, code=code)


def test_before_the_first_issue_the_way_to_one_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "parley issue-forecast" in told(capsys, code=5)
