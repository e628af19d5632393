"""Planners are heard: an adjustment is answered at once, outlives the next issue, is judged, and can be kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from centre.clock import FixedClock
from centre.people import Person
from data_contracts.arrow import table
from flows import adjusting, issuing
from flows.cli.app import run
from flows.compose import Workspace, workspace
from serving.issued import Issued
from tests.features.centre import common

START, DAYS = datetime(2026, 3, 2, tzinfo=UTC), 42
END = START + timedelta(days=DAYS)


def counts(first: int, last: int, *, by: float = 1.0) -> list[dict[str, Any]]:
    """Half hours of two queues, eight an hour open each day, from one day of the log to another."""
    starts = [START + timedelta(days=day, hours=hour) for day in range(first, last) for hour in range(9, 17)]
    return [
        {"interval_start": at, "interval_s": 1800, "queue": queue, "offered_count": by * (20.0 + at.hour)}
        | common(at, at + timedelta(minutes=30))
        for at in starts for queue in ("billing", "sales")
    ]  # fmt: skip


@pytest.fixture
def place(
    home: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Workspace:
    """A workspace with an issued forecast and an engineer signed in."""
    made = workspace(home, clock=clock)
    made.archive.write(1, {"volumes": table("volumes", counts(0, DAYS))}, recorded_on=START.date(), log_upto=0)
    issuing.issue_and_tell(made, as_of=issuing.default_as_of(made))
    assert run(["people", "add", "ada", "--role", "engineer", "--json"]) == 0
    monkeypatch.setenv("PARLEY_TOKEN", json.loads(capsys.readouterr().out)["token"])
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*words, "--json"]) == code
    printed = capsys.readouterr()
    found: dict[str, Any] = json.loads(printed.out or printed.err)
    return found


def answered(place: Workspace, queue: str, *, day: int = 0, grain: str = "interval") -> list[float]:
    issue = Issued(place.settings.issued_dir).current()
    assert issue is not None
    since = END + timedelta(days=day)
    rows = issue.table(grain).rows(queue, since=since, until=since + timedelta(days=1))  # type: ignore[arg-type]
    found: list[float] = rows["offered_mean"].to_pylist()
    return found


def period(day: int, days: int = 1) -> list[str]:
    first = (END + timedelta(days=day)).date()
    return ["--from", first.isoformat(), "--to", (first + timedelta(days=days)).isoformat()]


CAMPAIGN = ["--kind", "campaign", "--reason", "the spring mailing goes out"]


def test_an_adjustment_is_answered_at_once_and_adds_up(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    before = {queue: answered(place, queue) for queue in ("billing", "sales", "*")}

    said(capsys, "forecast", "adjust", "--by", "+20%", *period(0), "--queue", "billing", *CAMPAIGN)

    assert answered(place, "billing") == pytest.approx([1.2 * one for one in before["billing"]])
    assert answered(place, "sales") == before["sales"]
    assert answered(place, "*") == pytest.approx(
        [1.2 * one + other for one, other in zip(before["billing"], before["sales"], strict=True)]
    )
    assert answered(place, "billing", grain="day") == pytest.approx([1.2 * sum(before["billing"])])
    assert answered(place, "billing", day=1) == pytest.approx(before["billing"])


def test_contacts_are_spread_over_the_whole_period(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    before = sum(answered(place, "billing")) + sum(answered(place, "sales"))
    said(capsys, "forecast", "adjust", "--by", "+120", *period(0), *CAMPAIGN)
    assert sum(answered(place, "billing")) + sum(answered(place, "sales")) == pytest.approx(before + 120.0)


def test_it_is_laid_on_later_issues_until_it_is_withdrawn(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    plain = answered(place, "billing", day=3)
    told = said(capsys, "forecast", "adjust", "--by", "-50%", *period(3), *CAMPAIGN)
    issuing.issue_and_tell(place, as_of=issuing.default_as_of(place) - timedelta(hours=1))
    assert answered(place, "billing", day=3) == pytest.approx([0.5 * one for one in plain], rel=0.01)

    said(capsys, "forecast", "withdraw", told["adjustment_id"])

    assert answered(place, "billing", day=3) == pytest.approx(plain, rel=0.01)
    assert said(capsys, "forecast", "withdraw", told["adjustment_id"], code=5)["error"]["kind"] == "not-found"


def test_what_each_adjustment_added_or_cost_is_told_when_the_counts_have_come(
    place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "forecast", "adjust", "--by", "+50%", *period(0), *CAMPAIGN)  # half as much again will come
    said(
        capsys, "forecast", "adjust", "--by", "+50%", *period(1), "--kind", "other", "--reason", "a feeling"
    )  # as usual
    said(capsys, "forecast", "adjust", "--by", "+50%", *period(30), "--kind", "other", "--reason", "a feeling too")
    came = [*counts(DAYS, DAYS + 1, by=1.5), *counts(DAYS + 1, DAYS + 2)]
    place.archive.write(2, {"volumes": table("volumes", came)}, recorded_on=END.date(), log_upto=50)

    told = said(capsys, "forecast", "adjustments")

    right, wrong, ahead = told["adjustments"]
    assert (right["intervals"], wrong["intervals"], ahead["intervals"]) == (16, 16, 0)
    assert right["error_with"] < 0.2 * right["error_without"]
    assert right["saved"] == pytest.approx(0.5 / 1.5 * right["offered"], rel=0.05)
    assert wrong["saved"] == pytest.approx(-0.5 * wrong["offered"], rel=0.05)
    assert [(one["kind"], one["adjustments"]) for one in told["kinds"]] == [("campaign", 1), ("other", 2)]
    assert run(["forecast", "adjustments"]) == 0
    assert "campaign: 1 adjustments, helped" in capsys.readouterr().out


def test_a_reason_that_helped_becomes_an_event_of_the_calendar(
    place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(capsys, "forecast", "adjust", "--by", "+50%", *period(0), "--queue", "sales", *CAMPAIGN)
    event = said(capsys, "forecast", "keep", told["adjustment_id"])
    assert (event["kind"], event["queues"], event["reason"]) == ("campaign", ["sales"], f"from {told['adjustment_id']}")
    assert said(capsys, "calendar", "list")["calendar_events"] == [event]
    assert said(capsys, "forecast", "keep", told["adjustment_id"], code=3)["error"]["kind"] == "state-conflict"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["forecast", "adjust", "--by", "more", *period(0), *CAMPAIGN], 2),
        (["forecast", "adjust", "--by", "+0%", *period(0), *CAMPAIGN], 2),
        (["forecast", "adjust", "--by", "-200%", *period(0), *CAMPAIGN], 2),
        (["forecast", "adjust", "--by", "+20%", *period(0), "--kind", "party", "--reason", "a party"], 2),
        (["forecast", "adjust", "--by", "+20%", *period(0), "--reason", " "], 2),
        (["forecast", "adjust", "--by", "+20%", *period(0, days=0), *CAMPAIGN], 2),
        (["forecast", "adjust", "--by", "+20%", *period(400), *CAMPAIGN], 2),
        (["forecast", "adjust", "--by", "+20%", *period(0), "--queue", "nobody", *CAMPAIGN], 5),
        (["forecast", "keep", "nothing"], 5),
    ],
)
def test_what_says_nothing_is_refused_and_changes_nothing(
    place: Workspace, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    before = answered(place, "billing")
    assert "error" in said(capsys, *words, code=code)
    assert answered(place, "billing") == before
    assert adjusting.judged(place) == []


def test_before_the_first_issue_there_is_nothing_to_adjust(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["people", "add", "ada", "--role", "engineer", "--json"]) == 0
    monkeypatch.setenv("PARLEY_TOKEN", json.loads(capsys.readouterr().out)["token"])
    assert (
        said(capsys, "forecast", "adjust", "--by", "+20%", *period(0), *CAMPAIGN, code=5)["error"]["kind"]
        == "not-found"
    )


def test_why_a_day_is_busier_is_answered(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    day = (END + timedelta(days=1)).date().isoformat()
    told = said(capsys, "forecast", "why", "--queue", "billing", "--day", day)
    assert told["expected"] == pytest.approx(sum(20 + hour for hour in range(9, 17)), rel=0.02)
    assert run(["forecast", "why", "--queue", "billing", "--day", day]) == 0
    assert "because of" in capsys.readouterr().out or not told["reasons"]
    assert said(capsys, "forecast", "why", "--queue", "billing", "--day", "Friday", code=2)["error"]["expected"]


def test_what_was_said_with_an_earlier_adjustment_stays_said(
    place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    first = said(capsys, "forecast", "adjust", "--by", "+20%", *period(0), *CAMPAIGN)
    issued = Issued(place.settings.issued_dir)
    then = issued.current()
    said(capsys, "forecast", "withdraw", first["adjustment_id"])
    said(capsys, "forecast", "adjust", "--by", "+90%", *period(0), *CAMPAIGN)

    assert then is not None
    kept = issued.named(then.about["issue_id"])

    assert kept.about["adjustments"] == [first["adjustment_id"]]
    assert [(one["factor"], one["reason"]) for one in kept.about["adjusted"]] == [(first["factor"], first["reason"])]
    assert quote_plus(kept.about["issue_id"]) == kept.about["issue_id"]  # it can be asked for as it stands
    since, until = END, END + timedelta(days=1)
    one, other = (issue.table("interval").rows("billing", since=since, until=until) for issue in (then, kept))
    assert one.equals(other)


def test_the_same_adjustment_sent_twice_counts_once(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["forecast", "adjust", *period(0), *CAMPAIGN]
    first = said(capsys, *words, "--by", "+120")
    after = answered(place, "billing")

    refused = said(capsys, *words, "--by", "+120", code=3)["error"]

    assert (refused["kind"], refused["came"]) == ("state-conflict", first["adjustment_id"])
    assert answered(place, "billing") == after
    said(capsys, "forecast", "withdraw", first["adjustment_id"])
    assert said(capsys, *words, "--by", "+120")["adjustment_id"] != first["adjustment_id"]


def test_two_who_adjust_at_once_are_both_heard(place: Workspace) -> None:
    before = sum(answered(place, "billing")) + sum(answered(place, "sales"))
    starts_at, ends_at = END, END + timedelta(days=1)
    ada = Person("ada", frozenset({"planner"}))

    def adjust(queue: str) -> None:
        adjusting.adjust(place, queue=queue, starts_at=starts_at, ends_at=ends_at, change="+50%", kind="campaign",
                         reason="the mailing", person=ada)  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(adjust, ("billing", "sales")))

    assert sum(answered(place, "billing")) + sum(answered(place, "sales")) == pytest.approx(1.5 * before)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30"])
def test_a_moment_that_no_calendar_holds_is_refused(
    place: Workspace, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    words = ["forecast", "adjust", "--by", "+5%", "--from", moment, "--to", moment, *CAMPAIGN]
    error = said(capsys, *words, code=2)["error"]
    assert (error["message"], error["where"]) == ("not a moment", "--from, --to")
    words = ["calendar", "announce", "mailing", "post", "--from", moment, "--to", moment]
    assert said(capsys, *words, code=2)["error"]["message"] == "not a moment"


def test_an_event_of_the_site_names_no_queue(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["calendar", "announce", "opening", "post", *period(3), "--queue", "*"]
    assert said(capsys, *words, code=2)["error"]["where"] == "queues"


def test_no_queue_has_the_name_of_the_site(place: Workspace, tmp_path: Path) -> None:
    rows = "".join(f"2026-03-02T{hour:02d}:00Z,*,5\n" for hour in range(9, 17))
    path = tmp_path / "counts.csv"
    path.write_text("interval_start,queue,offered_count\n" + rows, encoding="utf-8")
    assert run(["ingest", "volume-csv", str(path)]) == 2
    assert "*" not in place.archive.read("volumes")["queue"].to_pylist()
