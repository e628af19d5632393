"""What is issued for serving to read: the champion's table, and the baseline's beside it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from centre.clock import FixedClock
from data_contracts.arrow import table
from data_contracts.errors import NotFound
from flows import issuing
from flows.cli.app import run
from flows.compose import Workspace, workspace
from serving.issued import Issue, Issued
from tests.features.centre import common, tiny_centre, two_channels
from tests.serving.house import promoted
from training import params as parameters
from training.standing import Standing

START, DAYS = datetime(2026, 3, 2, tzinfo=UTC), 42
OPEN_HOURS = range(9, 17)


@pytest.fixture
def counted(home: Path, clock: FixedClock) -> Workspace:
    """A workspace that knows six weeks of one queue, a half-hour counted in each open hour."""
    place = workspace(home, clock=clock)
    starts = [START + timedelta(days=day, hours=hour) for day in range(DAYS) for hour in OPEN_HOURS]
    volumes = [
        {"interval_start": at, "interval_s": 1800, "queue": "q", "offered_count": at.hour * 5 + at.day}
        | common(at, at + timedelta(minutes=30))
        for at in starts
    ]
    place.archive.write(1, {"volumes": table("volumes", volumes)}, recorded_on=START.date(), log_upto=0)
    return place


def test_beside_a_models_table_the_baselines_is_issued(counted: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    params = issuing.running_params(counted)
    monkeypatch.setattr(counted, "standing", lambda: Standing(champions={"forecast": promoted("forecast")}))
    monkeypatch.setattr(issuing, "params_of", lambda place, version: params)
    usual = issuing._by_baseline

    def more(place: Workspace, design: pa.Table, *, time_zone: str) -> dict[str, pa.Table]:
        told = usual(design, params)["intervals"]
        place_of = told.column_names.index("offered_q500")
        raised = told.set_column(place_of, "offered_q500", pc.add(told["offered_q500"], 1000.0))
        return {"intervals": raised, "days": usual(design, params)["days"]}

    monkeypatch.setattr(issuing, "_by_model", more)

    issuing.issue(counted, as_of=issuing.default_as_of(counted))

    issue = Issued(counted.settings.issued_dir).current()
    assert issue is not None
    assert (issue.about["source"], issue.by_baseline().about["source"]) == ("model", "baseline")
    ours, theirs = issue.table("interval"), issue.by_baseline().table("interval")
    ever = {"since": START, "until": START + timedelta(days=365)}
    assert ours.rows("q", **ever).num_rows
    for queue in theirs.queues:
        usual = theirs.rows(queue, **ever)["offered_q500"].to_pylist()
        assert ours.rows(queue, **ever)["offered_q500"].to_pylist() == [one + 1000.0 for one in usual]


@pytest.mark.parametrize(
    ("zone", "length_s", "start"),
    [
        ("Asia/Kathmandu", 1800, datetime(2026, 1, 5)),  # noqa: DTZ001 - a wall clock's
        ("America/New_York", 86_400, datetime(2025, 9, 22)),  # noqa: DTZ001
        ("America/New_York", 14_400, datetime(2025, 9, 22)),  # noqa: DTZ001
        ("Europe/Berlin", 900, datetime(2026, 2, 2)),  # noqa: DTZ001
    ],
)
def test_every_interval_of_the_local_days_is_issued_in_every_zone(
    home: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, zone: str, length_s: int, start: datetime
) -> None:
    local = ZoneInfo(zone)
    walls = [start + timedelta(seconds=length_s * step) for step in range(44 * 86_400 // length_s)]
    starts = [wall.replace(tzinfo=local).astimezone(UTC) for wall in walls]
    volumes = [
        {"interval_start": at, "interval_s": length_s, "queue": "q", "offered_count": 9.0}
        | common(at, at + timedelta(seconds=length_s)) for at in sorted(set(starts))
    ]  # fmt: skip
    place = workspace(home, clock=clock)
    place.archive.write(1, {"volumes": table("volumes", volumes)}, recorded_on=start.date(), log_upto=0)
    usual = issuing.running_params(place)
    params = parameters.override(usual, [f"forecast.time_zone={zone}", f"forecast.interval_s={length_s}"])
    monkeypatch.setattr(issuing, "running_params", lambda _: params)

    issuing.issue(place, as_of=issuing.default_as_of(place))

    issue = Issued(place.settings.issued_dir).current()
    assert issue is not None
    rows = issue.table("interval").rows("q", since=starts[0], until=starts[-1] + timedelta(days=60))
    told = [one.astimezone(local) for one in rows["interval_start"].to_pylist()]
    assert {(60 * one.hour + one.minute) % (length_s // 60) for one in told} == {0}
    by_day = Counter(one.date() for one in told)
    whole = [count for day, count in by_day.items() if day > start.date() + timedelta(days=44)]
    changed = {86_400 // length_s - 3600 // length_s, 86_400 // length_s, 86_400 // length_s + 3600 // length_s}
    assert len(whole) == 56
    assert set(whole) <= changed
    assert set(rows["offered_q500"].to_pylist()) == {9.0}


def test_eight_weeks_are_issued_and_queues_and_intervals_add_up(counted: Workspace) -> None:
    issuing.issue(counted, as_of=issuing.default_as_of(counted))

    issue = Issued(counted.settings.issued_dir).current()
    assert issue is not None
    ever = {"since": START, "until": START + timedelta(days=365)}
    intervals, days = (issue.table(grain).rows("q", **ever) for grain in ("interval", "day"))
    site = issue.table("interval").rows("*", **ever)
    assert days.num_rows == 56
    assert pc.sum(days["offered_mean"]).as_py() == pytest.approx(pc.sum(intervals["offered_mean"]).as_py())
    assert site["offered_mean"].to_pylist() == pytest.approx(intervals["offered_mean"].to_pylist())
    near = slice(0, 7 * len(OPEN_HOURS))  # six same weekdays are known, and one queue is the whole site
    assert site["offered_q900"].to_pylist()[near] == pytest.approx(intervals["offered_q900"].to_pylist()[near])
    assert set(days["interval_s"].to_pylist()) == {86_400}


def test_who_issues_sees_the_next_days_of_the_site(counted: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["issue-forecast"]) == 0

    *_, head, first, _, _, _, _, _, last = capsys.readouterr().out.splitlines()
    days = issuing.next_days(counted, most=7)
    assert head.split() == ["day", "contacts", "80%", "interval"]
    for line, one in ((first, days[0]), (last, days[-1])):
        assert line.startswith(f"{one['day']:%a %Y-%m-%d}  {one['offered_mean']:.0f} ")
    assert days[0]["day"] > issuing.default_as_of(counted).date()


def test_who_issues_as_of_an_earlier_day_is_told_that_it_answers_now(
    counted: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = issuing.default_as_of(counted) - timedelta(days=3)

    assert run(["issue-forecast", "--as-of", earlier.isoformat()]) == 0

    assert capsys.readouterr().out.splitlines()[-1].startswith("this answers now, though more is known")


def test_every_issue_is_kept_and_can_be_asked_for(counted: Workspace) -> None:
    as_of = issuing.default_as_of(counted)
    for day in (2, 1, 0):
        issuing.issue(counted, as_of=as_of - timedelta(days=day))

    issued = Issued(counted.settings.issued_dir)
    first, *_, last = issued.names()
    current = issued.current()
    assert current is not None
    assert (len(issued.names()), current.about["issue_id"]) == (3, last)
    assert issued.named(first).about["as_of"] == (as_of - timedelta(days=2)).isoformat()
    with pytest.raises(NotFound, match="one of the 3"):
        issued.named("../../etc")


def test_what_planners_announced_since_the_last_count_is_known_when_it_is_issued(counted: Workspace) -> None:
    as_of = issuing.default_as_of(counted)
    closed = as_of + timedelta(days=2)
    told = {"calendar_event_id": "move", "revision": 0, "kind": "closure", "name": "We move", "queues": None,
            "cancelled": False, "reason": None, "starts_at": closed.replace(hour=0, minute=0),
            "ends_at": closed.replace(hour=0, minute=0) + timedelta(days=1)}  # fmt: skip
    later = as_of + timedelta(hours=5)
    counted.archive.write(2, {"calendar_events": table("calendar_events", [told | common(later, later)])},
                          recorded_on=later.date(), log_upto=1)  # fmt: skip

    issuing.issue(counted, as_of=as_of)
    now = Issued(counted.settings.issued_dir).current()
    issuing.issue(counted, as_of=as_of - timedelta(days=1))
    before = Issued(counted.settings.issued_dir).current()

    assert now is not None
    assert before is not None
    ever = {"since": START, "until": START + timedelta(days=365)}
    days = [
        {row.date() for row in one.table("day").rows("q", **ever)["interval_start"].to_pylist()}
        for one in (now, before)
    ]
    assert closed.date() not in days[0]
    assert closed.date() in days[1]


def test_an_outage_is_flagged_while_it_happens(counted: Workspace) -> None:
    as_of = issuing.default_as_of(counted)
    midnight = as_of.replace(hour=0, minute=0) + timedelta(days=1)
    starts = [midnight + timedelta(hours=hour) for hour in OPEN_HOURS][:4]
    rows = [
        {"interval_start": at, "interval_s": 1800, "queue": "q", "offered_count": 300.0}
        | common(at, at + timedelta(minutes=30))
        for at in starts
    ]
    calm = issuing.issue(counted, as_of=as_of)
    counted.archive.write(2, {"volumes": table("volumes", rows)}, recorded_on=midnight.date(), log_upto=1)

    told = issuing.issue(counted, as_of=starts[-1] + timedelta(minutes=30))

    assert calm["anomalies"] == []
    assert [(one["queue"], one["says"]) for one in told["anomalies"]] == [("q", "busier")]


def test_what_is_issued_is_told_by_channel_and_language(home: Path, clock: FixedClock) -> None:
    place = workspace(home, clock=clock)
    tables = {name: rows for name, rows in two_channels(tiny_centre(days=42)).items() if name in issuing.DEMAND}
    place.archive.write(1, tables, recorded_on=START.date(), log_upto=0)
    issuing.issue(place, as_of=START + timedelta(days=41))

    issue = Issued(place.settings.issued_dir).current()
    assert issue is not None
    assert issue.mix is not None
    assert issue.mix.parts("q1") == [("chat", "en"), ("voice", "zh")]
    ever = {"since": START, "until": START + timedelta(days=365)}
    for queue in ("q1", "*"):
        parts = [issue.part(queue, channel=channel, language=language) for channel, language in issue.mix.parts(queue)]
        means = [sum(one.table("day").rows(queue, **ever)["offered_mean"].to_pylist()) for one in (issue, *parts)]
        assert means[0] > 0
        assert sum(means[1:]) == pytest.approx(means[0], rel=1e-6)


def test_queues_that_are_to_merge_are_told_apart_until_they_do_and_as_one_from_then_on(
    home: Path, clock: FixedClock
) -> None:
    place = workspace(home, clock=clock)
    tables = {name: rows for name, rows in tiny_centre(days=42).items() if name in issuing.DEMAND}
    place.archive.write(1, tables, recorded_on=START.date(), log_upto=0)
    as_of, moment = START + timedelta(days=41), START + timedelta(days=45)
    merger = {"calendar_event_id": "m", "revision": 0, "kind": "merger", "name": "one desk", "starts_at": moment,
              "ends_at": moment + timedelta(days=1), "queues": ["q1"], "into": "q2"}  # fmt: skip
    apart = issuing.issue(place, as_of=as_of - timedelta(seconds=1))
    place.archive.write(2, {"calendar_events": table("calendar_events", [merger | common(as_of)])},
                        recorded_on=START.date(), log_upto=0)  # fmt: skip
    issuing.issue(place, as_of=as_of)

    issued = Issued(place.settings.issued_dir)
    now, before = issued.current(), issued.named(apart["issue_id"])
    assert now is not None

    def expected(issue: Issue, queue: str, since: datetime, until: datetime) -> float:
        rows = issue.table("interval").rows(queue, since=since, until=until)
        return float(sum(rows["offered_mean"].to_pylist()))

    until = moment + timedelta(days=14)
    assert expected(now, "q1", moment, until) == 0.0
    assert expected(now, "q1", as_of, moment) == pytest.approx(expected(before, "q1", as_of, moment), rel=0.2)
    both = sum(expected(before, queue, moment, until) for queue in ("q1", "q2"))
    assert expected(now, "q2", moment, until) == pytest.approx(both, rel=0.25)
