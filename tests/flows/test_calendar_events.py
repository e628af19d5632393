"""Planners announce what moves demand: kept, corrected, cancelled, and read by the forecast from then on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from flows.cli.app import run
from flows.compose import workspace

WORDS = ["calendar", "announce", "mailing", "Spring mailing", "--from", "2026-06-01", "--to", "2026-06-03T12:00"]


@pytest.fixture
def engineer(
    home: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["people", "add", "ada", "--role", "engineer", "--json"]) == 0
    monkeypatch.setenv("PARLEY_TOKEN", json.loads(capsys.readouterr().out)["token"])


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*words, "--json"]) == code
    printed = capsys.readouterr()
    found: dict[str, Any] = json.loads(printed.out or printed.err)
    return found


def test_an_event_is_announced_corrected_and_cancelled(engineer: None, capsys: pytest.CaptureFixture[str]) -> None:
    first = said(capsys, *WORDS, "--queue", "billing")
    assert (first["calendar_event_id"], first["revision"]) == ("mailing-spring-mailing-20260601", 0)
    assert (first["starts_at"], first["queues"]) == ("2026-06-01T00:00:00Z", ["billing"])

    later = said(capsys, *WORDS[:5], "2026-06-08", "--to", "2026-06-09", "--corrects", first["calendar_event_id"])
    assert (later["revision"], later["starts_at"]) == (1, "2026-06-08T00:00:00Z")
    gone = said(capsys, "calendar", "cancel", first["calendar_event_id"])
    assert (gone["revision"], gone["cancelled"]) == (2, True)

    listed = said(capsys, "calendar", "list")["calendar_events"]
    assert [(one["calendar_event_id"], one["cancelled"]) for one in listed] == [(first["calendar_event_id"], True)]
    assert len(workspace().archive.read("calendar_events")) == 3  # what was known when is kept


def test_events_of_other_names_or_days_are_others(engineer: None, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["🎄", "🎃", "x" * 150, "x" * 149 + "y"]
    days = ["2026-06-01", "2026-06-02"]
    made = [
        said(capsys, "calendar", "announce", "mailing", name, "--from", day, "--to", "2026-06-03")
        for name in names for day in days
    ]  # fmt: skip
    assert len({one["calendar_event_id"] for one in made}) == len(made)
    assert {one["revision"] for one in made} == {0}


def test_an_events_id_names_its_day_where_the_centre_is(
    engineer: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_TIME_ZONE", "Asia/Shanghai")
    first = said(capsys, *WORDS)
    assert (first["calendar_event_id"], first["starts_at"]) == (
        "mailing-spring-mailing-20260601", "2026-05-31T16:00:00Z"
    )  # fmt: skip
    again = said(capsys, *WORDS[:5], "2026-05-31T16:00:00Z", *WORDS[6:])
    assert again["revision"] == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([*WORDS[:2], "party", *WORDS[3:]], 2),
        ([*WORDS[:5], "tomorrow", *WORDS[6:]], 2),
        ([*WORDS[:7], "2026-05-01"], 2),
        (["calendar", "cancel", "nothing-of-the-kind"], 5),
        ([*WORDS, "--corrects", "nothing-of-the-kind"], 5),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    engineer: None, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    assert "error" in said(capsys, *words, code=code)
    assert said(capsys, "calendar", "list")["calendar_events"] == []


def test_nobody_announces_without_a_credential(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, *WORDS, code=4)["error"]["kind"] == "not-signed-in"


def signed_in(role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """From here on somebody of that role acts, whom the engineer let in."""
    monkeypatch.setenv("PARLEY_TOKEN", said(capsys, "people", "add", f"a {role}", "--role", role)["token"])


def test_a_planner_announces_and_cancels_but_neither_trains_nor_decides(
    engineer: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in("planner", monkeypatch, capsys)

    event = said(capsys, *WORDS)

    assert event["reason"] == "announced by a planner"
    assert said(capsys, "calendar", "cancel", event["calendar_event_id"])["cancelled"] is True
    for refused in (
        ["retrain", "forecast", "--reason", "a hunch"], ["review", "approve", "r-1", "--comment", "good"],
        ["rollback", "forecast", "--reason", "a hunch"], ["people", "add", "eve", "--role", "engineer"],
    ):  # fmt: skip
        assert said(capsys, *refused, code=4)["error"]["kind"] == "not-allowed"


@pytest.mark.parametrize("role", ["viewer", "agent", "service"])
def test_nobody_announces_but_planners_and_engineers(
    engineer: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], role: str
) -> None:
    signed_in(role, monkeypatch, capsys)

    assert said(capsys, *WORDS, code=4)["error"]["expected"] == "one of the roles planner, engineer"


def test_announcing_needs_no_scheduler_and_no_server(engineer: None) -> None:
    """Prefect outside of a flow starts a server of its own, on the person's home and terminal."""
    words = [*WORDS, "--json"]
    probe = f"import sys; from flows.cli.app import run; run({words!r}); sys.exit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0


def test_a_merger_names_what_ends_and_what_it_becomes_and_needs_no_end(
    engineer: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["calendar", "announce", "merger", "One desk", "--from", "2026-06-01"]
    told = said(capsys, *words, "--queue", "cards", "--into", "payments")
    assert (told["queues"], told["into"], told["ends_at"]) == (["cards"], "payments", "2026-06-02T00:00:00Z")

    refused = [[*words, "--queue", "cards"], [*words, "--into", "payments"], [*WORDS, "--into", "payments"]]
    told_of = [said(capsys, *one, code=2)["error"] for one in refused]
    assert [one["where"] for one in told_of] == ["into", "queues", "into"]
    assert told_of[0]["expected"] == "A merger names the queue that they become."
    assert "--to" in said(capsys, *WORDS[:6], code=2)["error"]["expected"]


def test_an_event_is_shown_by_the_clock_it_was_announced_by(
    engineer: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_TIME_ZONE", "Asia/Shanghai")

    assert run(["calendar", "announce", "closure", "Labour Day", "--from", "2026-05-01", "--to", "2026-05-02"]) == 0
    assert "starts_at          2026-05-01 00:00 Asia/Shanghai" in capsys.readouterr().out
    assert run(["calendar", "list"]) == 0
    head, row = capsys.readouterr().out.splitlines()

    assert "from (Asia/Shanghai)" in head
    assert row.split() == ["closure-labour-day-20260501", "closure", "2026-05-01", "00:00", "2026-05-02", "00:00",
                           "all", "no", "Labour", "Day"]  # fmt: skip


def test_the_same_event_has_one_id_however_its_time_is_written(
    engineer: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_TIME_ZONE", "Asia/Shanghai")
    words = ["calendar", "announce", "closure", "Labour Day", "--to", "2026-05-02", "--from"]

    told = [said(capsys, *words, at) for at in ("2026-05-01", "2026-04-30T16:00:00+00:00")]

    assert [(one["calendar_event_id"], one["revision"]) for one in told] == [
        ("closure-labour-day-20260501", 0), ("closure-labour-day-20260501", 1)
    ]  # fmt: skip
