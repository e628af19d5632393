"""Counts by interval: each known when its interval ends, wall times read in their zone."""

from __future__ import annotations

import csv
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from centre.archive import Archive
from centre.clock import FixedClock
from centre.compaction import compact
from centre.intake import FORMATS
from centre.log import MemoryLog
from data_contracts.errors import InputError
from tests.centre.intake.files import NOW, read, rules, written

HEADER = "interval_start,queue,offered_count\n"


def test_a_count_is_known_when_its_interval_ends(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "2026-03-02T09:00:00Z,billing,4\n2026-03-02T09:30:00Z,billing,7\n")

    events, intake = read("volume-csv", path)

    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert [event.data for event in events] == [
        {"queue": "billing", "interval_start": start, "interval_s": 1800, "offered_count": 4.0},
        {"queue": "billing", "interval_start": start + timedelta(minutes=30), "interval_s": 1800, "offered_count": 7.0},
    ]
    assert [event.known_at for event in events] == [start + timedelta(minutes=30), start + timedelta(minutes=60)]
    assert intake.period == (start, start + timedelta(hours=1))
    assert "when its interval ends" in intake.known_at_rule
    assert intake.notes == ("an interval is 1800 s long, as most rows are apart",)


@pytest.mark.parametrize(
    ("text", "time_zone", "utc"),
    [
        ("2026-07-01T09:00:00", "America/New_York", "2026-07-01T13:00:00Z"),
        ("2026-07-01 09:00", "Asia/Shanghai", "2026-07-01T01:00:00Z"),
        ("2026-07-01T09:00:00Z", "America/New_York", "2026-07-01T09:00:00Z"),
        ("2026-07-01T09:00:00+02:00", "America/New_York", "2026-07-01T07:00:00Z"),
        ("2026-07-01T09:00:00", None, "2026-07-01T09:00:00Z"),
    ],
)
def test_a_time_is_read_in_the_files_zone_unless_it_states_its_offset(
    text: str, time_zone: str | None, utc: str, tmp_path: Path
) -> None:
    path = written(tmp_path, f"interval_start,queue,offered_count,interval_s\n{text},billing,4,900\n")

    events, _ = read("volume-csv", path, time_zone=time_zone, now=datetime(2026, 8, 1, tzinfo=UTC))

    assert events[0].data["interval_start"] == datetime.fromisoformat(utc)


def test_the_hour_that_the_clocks_repeat_holds_two_runs_of_each_queue(tmp_path: Path) -> None:
    rows = [
        f"2025-11-02T{hour}:{minute},{queue},{count}"
        for hour, minute, queue, count in [
            ("00", "30", "a", 1),
            ("01", "00", "a", 2),
            ("01", "30", "a", 3),
            ("01", "00", "a", 4),
            ("01", "30", "a", 5),
            ("02", "00", "a", 6),
            ("01", "00", "b", 7),
            ("01", "30", "b", 8),
        ]
    ]

    events, intake = read("volume-csv", written(tmp_path, HEADER + "\n".join(rows)), time_zone="America/New_York")

    told = [
        (event.data["queue"], f"{event.data['interval_start']:%H:%M}", event.data["offered_count"]) for event in events
    ]
    assert told == [
        ("a", "04:30", 1),
        ("a", "05:00", 2),
        ("a", "05:30", 3),
        ("a", "06:00", 4),
        ("a", "06:30", 5),
        ("a", "07:00", 6),
        ("b", "05:00", 7),
        ("b", "05:30", 8),
    ]
    assert intake.faults == ()


def test_the_hour_that_the_clocks_skip_is_a_fault(tmp_path: Path) -> None:
    rows = "2026-03-08T01:30,a,1\n2026-03-08T02:00,a,0\n2026-03-08T02:30,a,0\n2026-03-08T03:00,a,2\n"

    events, intake = read("volume-csv", written(tmp_path, HEADER + rows), time_zone="America/New_York")

    assert rules(intake) == [("line 3", "interval_start.type"), ("line 4", "interval_start.type")]
    assert "skipped by a change of clocks" in intake.faults[0].message
    assert events[1].data["interval_start"] - events[0].data["interval_start"] == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("soon,a,1", "interval_start.type"),
        ("2026-03-02,a,many", "offered_count.type"),
        ("2026-03-02,a,-1", "offered_count.type"),
        ("2026-03-02,a,nan", "offered_count.type"),
        ("2026-03-02,a,inf", "offered_count.type"),
        ("2026-03-02,a,", "offered_count.not_empty"),
        ("2026-03-02,,1", "queue.not_empty"),
        (",a,1", "interval_start.not_empty"),
        ("2026-03-02,a", "fields"),
    ],
)
def test_a_row_that_cannot_be_read_is_a_fault_with_its_line(row: str, rule: str, tmp_path: Path) -> None:
    good = "2026-03-01T00:00,a,1\n2026-03-01T01:00,a,1\n"

    events, intake = read("volume-csv", written(tmp_path, HEADER + good + row + "\n"))

    assert rules(intake) == [("line 4", rule)]
    assert len(events) == 2


def test_a_count_from_the_future_is_a_fault(tmp_path: Path) -> None:
    rows = "2026-04-30T22:00,a,1\n2026-04-30T23:00,a,1\n2026-05-01T00:00,a,0\n"

    events, intake = read("volume-csv", written(tmp_path, HEADER + rows))

    assert len(events) == 2  # the interval that ends at midnight is over
    assert [rule for _, rule in rules(intake)] == ["not_future"]


def test_the_interval_is_the_most_frequent_step_of_a_queue_not_of_the_file(tmp_path: Path) -> None:
    starts = ["09:00", "09:30", "10:00", "12:00"]
    rows = [f"2026-03-02T{start},{queue},1" for start in starts for queue in ("a", "b")]

    events, _ = read("volume-csv", written(tmp_path, HEADER + "\n".join(rows)))

    assert {event.data["interval_s"] for event in events} == {1800}


def test_a_file_whose_intervals_have_no_length_asks_for_the_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="interval_s"):
        read("volume-csv", written(tmp_path, HEADER + "2026-03-02T09:00,a,1\n2026-03-02T09:00,b,1\n"))


def test_further_measures_are_taken_where_a_row_has_them(tmp_path: Path) -> None:
    content = (
        "interval_start,queue,channel,interval_s,offered_count,handled_count,abandoned_count,handle_mean_s\n"
        "2026-03-02T09:00,a,voice,900,5,4,1,312.5\n2026-03-02T09:15,a,,900,3,,,\n"
    )

    events, _ = read("volume-csv", written(tmp_path, content))

    first, second = (event.data for event in events)
    assert (first["channel"], first["handled_count"], first["handle_mean_s"]) == ("voice", 4.0, 312.5)
    assert set(second) == {"queue", "interval_start", "interval_s", "offered_count"}


def test_a_file_again_is_repeated_and_a_corrected_count_is_quarantined_not_dropped(tmp_path: Path) -> None:
    log, archive = MemoryLog(), Archive(tmp_path / "archive")

    def take(*counts: int) -> tuple[int, int, int]:
        rows = [f"2026-03-02T09:{15 * place:02},a,{count}" for place, count in enumerate(counts)]
        events, _ = read("volume-csv", written(tmp_path, HEADER + "\n".join(rows)))
        appended = log.append(events, received_at=NOW)
        done = compact(log, archive, clock=FixedClock(NOW), quarantine=tmp_path / "quarantine")
        return appended.repeated, done.taken, done.quarantined

    assert take(1, 2, 3) == (0, 3, 0)
    assert take(1, 2, 3) == (3, 0, 0)
    assert take(1, 2, 4) == (2, 0, 1)
    assert archive.read("volumes")["offered_count"].to_pylist() == [1, 2, 3]


def test_the_banks_calls_are_local_wall_times_and_none_is_lost(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "volume" / "bank_calls" / "calls_5min.csv"
    with path.open(encoding="utf-8") as file:
        total = sum(int(row["offered_count"]) for row in csv.DictReader(file))

    bank, told = read("volume-csv", path, time_zone="America/New_York")

    assert (len(bank), told.faults) == (17_576, ())
    assert bank[0].data["interval_start"] == datetime(2003, 3, 3, 12, tzinfo=UTC)  # 07:00 in winter
    assert bank[-1].data["interval_start"] == datetime(2003, 7, 31, 1, tzinfo=UTC)  # 21:00 in summer
    assert {event.data["interval_s"] for event in bank} == {300}
    assert sum(event.data["offered_count"] for event in bank) == total

    log, archive = MemoryLog(), Archive(tmp_path / "archive")
    log.append(bank[:2_000], received_at=NOW)
    done = compact(log, archive, clock=FixedClock(NOW), quarantine=tmp_path / "quarantine")
    assert (done.taken, done.quarantined, done.faults) == (2_000, 0, ())


def test_the_emergencies_are_in_utc_whatever_the_zone(real_data: Path, tmp_path: Path) -> None:
    with (real_data / "volume" / "emergency_hourly" / "arrivals_1h.csv").open(encoding="utf-8") as file:
        part = written(tmp_path, "".join(itertools.islice(file, 2_001)))

    emergencies, told = read("volume-csv", part, time_zone="America/New_York")

    assert (len(emergencies), told.faults) == (2_000, ())
    assert emergencies[0].data["interval_start"] == datetime(2014, 4, 1, tzinfo=UTC)
    assert {event.data["interval_s"] for event in emergencies} == {3600}


def test_each_format_says_by_which_rule_it_knew(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "2026-03-02T09:00,a,1\n2026-03-02T10:00,a,1\n")

    intake = FORMATS["volume-csv"](path, source="s", time_zone="Europe/Rome", clock_now=NOW)

    assert "change of clocks" in intake.known_at_rule
