"""A file of counts: mended with a reason, or refused with one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from centre.intake import counts
from data_contracts.errors import InputError, MissingColumn, NotFound, NotText

HEADER = "interval_start,queue,offered_count\n"


def write(folder: Path, body: str, *, header: str = HEADER) -> Path:
    path = folder / "counts.csv"
    path.write_text(header + body, encoding="utf-8")
    return path


def rows(days: int = 3, *, minutes: int = 30, queue: str = "a", start: str = "2026-03-02", count: str = "4") -> str:
    first = datetime.fromisoformat(start)
    steps = days * 24 * 60 // minutes
    return "".join(
        f"{(first + timedelta(minutes=minutes * step)).isoformat()},{queue},{count}\n" for step in range(steps)
    )


def test_a_clean_file_needs_no_remark(tmp_path: Path) -> None:
    read = counts.read(write(tmp_path, rows()), time_zone=None)
    assert (len(read.rows), read.interval_s, read.remarks) == (144, 1800, ())
    assert read.rows["offered_count"].tolist() == [4.0] * 144


@pytest.mark.parametrize(
    ("body", "kept", "remark"),
    [
        (rows() + "2026-03-05T00:00,a,-1\n", 144, "left out 1 rows: no count of 0 or more"),
        (rows() + "2026-03-05T00:00,a,inf\n", 144, "no count of 0 or more"),
        (rows() + "2026-03-05T00:00,a,many\n", 144, "'many'"),
        (rows() + "2026-03-05T00:00,a,\n", 144, "no count"),
        (rows() + "2026-03-05T00:00,a,2.5\n", 145, "kept 1 counts that are no whole numbers"),
        (rows() + "yesterday,a,3\n", 144, "not a time"),
        (rows() + "2026-03-05T00:00,,3\n", 144, "no queue"),
        (rows() + "2026-03-05T00:00,a\n", 144, "not as many fields"),
        (rows() + "2026-03-02T00:00,a,4\n", 144, "1 rows stand twice"),
        (rows() + "2026-03-02T00:00,a,9\n", 143, "several counts for one queue and interval"),
        (rows() + "2026-03-05T00:07,a,4\n", 144, "not on the grid of 30 minutes"),
        (rows() + "2026-03-05T00:00,a,1e300\n", 144, "left out 1 rows: more than 10,000,000 in one interval"),
        (rows() + "1931-03-05T00:00,a,4\n", 144, "left out 1 rows: not of the years 1970 to 2200"),
        (rows() + "1996-03-05T00:00,a,4\n2062-03-05T00:00,a,4\n", 144, "left out 2 rows: more than a year away"),
        (rows() + "2026-03-05T00:00,a\0b,4\n", 144, "left out 1 rows: a zero byte in the queue's name"),
        (
            rows(days=50).replace("2026-03-25T10:00:00,a,4\n", ""),
            2399,
            "1 intervals without a row in hours that usually",
        ),
        (rows() + rows(start="2026-03-09"), 288, "4 of the days between"),
        (rows(days=60) + rows(queue="b"), 60 * 48 + 144, "the queue 'b' has had nobody since 2026-03-04"),
    ],
)
def test_what_can_be_mended_is_mended_and_said(tmp_path: Path, body: str, kept: int, remark: str) -> None:
    read = counts.read(write(tmp_path, body), time_zone=None)
    assert len(read.rows) == kept
    assert any(remark in one for one in read.remarks), read.remarks


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("", "no row can be used"),
        ("yesterday,a,3\n", "no row can be used"),
        ("2026-03-02T00:00,a,4\n", "how long an interval is"),
        (rows(count="0"), "nobody ever came"),
        ("".join(f"2026-03-02T00:{step * 7:02d},a,1\n" for step in range(8)), "not regular intervals"),
        (rows(minutes=30) + rows(minutes=45, queue="b"), "not regular intervals"),
        (rows(count='"1,234"') + "2026-03-08T00:00,a,4\n", "left out 144 rows: no count of 0 or more"),
        (f"2026-03-02T00:00,{'x' * 3_000_000},4\n", "cannot be read as CSV"),
    ],
)
def test_what_is_no_series_of_intervals_is_refused(tmp_path: Path, body: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        counts.read(write(tmp_path, body), time_zone=None)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        counts.read(tmp_path / "none.csv", time_zone=None)
    with pytest.raises(MissingColumn, match="offered_count"):
        counts.read(write(tmp_path, "2026-03-02T00:00,a\n", header="interval_start,queue\n"), time_zone=None)
    with pytest.raises(InputError, match="time zone"):
        counts.read(write(tmp_path, rows()), time_zone="Mars/Olympus")
    (tmp_path / "bytes.csv").write_bytes(HEADER.encode() + b"\xff\xfe")
    with pytest.raises(NotText):
        counts.read(tmp_path / "bytes.csv", time_zone=None)


def test_queues_of_different_intervals_are_brought_to_the_longest(tmp_path: Path) -> None:
    body = rows(minutes=15, count="1") + rows(minutes=30, queue="b")
    read = counts.read(write(tmp_path, body.replace("2026-03-03T10:15:00,a,1\n", "")), time_zone=None)
    mine = read.rows[read.rows["queue"] == "a"]
    assert read.interval_s == 1800
    assert set(mine["offered_count"]) == {2.0}
    assert len(mine) == 143  # of one half hour a part is missing: it is unknown, not one contact
    assert any("several lengths" in one for one in read.remarks)


def test_intervals_that_begin_off_the_hour_are_moved_onto_it_and_known_when_they_end(tmp_path: Path) -> None:
    read = counts.read(write(tmp_path, rows(minutes=60, start="2026-03-02T00:15:00")), time_zone=None)
    assert {moment.minute for moment in read.rows["interval_start"]} == {0}
    assert any("15 minutes late" in one for one in read.remarks)
    assert read.late_s == 900
    nearer = counts.read(write(tmp_path, rows(minutes=60, start="2026-03-02T00:45:00")), time_zone=None)
    assert nearer.rows["interval_start"].iloc[0].hour == 1
    assert any("15 minutes early" in one for one in nearer.remarks)
    assert nearer.late_s == 0


def test_days_of_another_clock_are_the_days_that_they_mostly_are(tmp_path: Path) -> None:
    body = rows(days=20, minutes=1440, start="2026-01-05").replace(",a", "Z,a")
    read = counts.read(write(tmp_path, body), time_zone="America/New_York")
    first = read.rows["interval_start"].iloc[0].tz_convert("America/New_York")
    assert (first.month, first.day, first.hour) == (1, 5, 0)  # the 5th of January in London is mostly that in New York


def test_hours_are_added_up_to_days_of_the_wall_when_clocks_change(tmp_path: Path) -> None:
    body = rows(days=10, minutes=60, start="2026-03-03", count="1") + rows(minutes=1440, start="2026-03-20", days=20)
    read = counts.read(write(tmp_path, body), time_zone="America/New_York")
    hours = {moment.tz_convert("America/New_York").hour for moment in read.rows["interval_start"]}
    assert (read.interval_s, hours) == (86_400, {0})


def test_a_day_whose_midnight_was_never_shown_is_a_day(tmp_path: Path) -> None:
    body = rows(days=40, minutes=60, start="2018-10-15", count="1")
    read = counts.read(write(tmp_path, body), time_zone="America/Sao_Paulo")
    assert len(read.rows) == 40 * 24 - 1
    assert len(read.remarks) == 1  # the hour that was skipped, and no gap beside it


def test_names_are_read_without_spaces_and_in_one_form(tmp_path: Path) -> None:
    body = rows(queue="e\u0301") + rows(days=2, queue="\u00e9", start="2026-03-05")
    read = counts.read(write(tmp_path, body, header='"interval_start", queue , offered_count\n'), time_zone=None)
    assert set(read.rows["queue"]) == {"\u00e9"}


def test_wall_times_are_read_on_the_local_clock_when_clocks_change(tmp_path: Path) -> None:
    body = rows(days=3, minutes=60, start="2026-03-07", count="1")  # 02:00 on the 8th was never shown in New York
    autumn = "2025-11-02T01:00,a,7\n2025-11-02T01:00,a,8\n" + rows(minutes=60, start="2025-11-04")
    spring = counts.read(write(tmp_path, body), time_zone="America/New_York")
    repeated = counts.read(write(tmp_path, autumn), time_zone="America/New_York")
    assert len(spring.rows) == 71
    assert any("a change of clocks skipped" in one for one in spring.remarks)
    first = repeated.rows.head(2)
    assert first["offered_count"].tolist() == [7.0, 8.0]
    assert [moment.hour for moment in first["interval_start"]] == [5, 6]


def test_nights_busier_than_days_ask_about_the_zone(tmp_path: Path) -> None:
    def body(busy: Callable[[int], bool]) -> str:
        return "".join(
            f"2026-03-0{day}T{hour:02d}:00:00Z,a,{50 if busy(hour) else 1}\n"
            for day in range(2, 6)
            for hour in range(24)
        )

    night = counts.read(write(tmp_path, body(lambda hour: hour < 6)), time_zone=None)
    same = counts.read(write(tmp_path, body(lambda hour: hour < 6)), time_zone="Asia/Tokyo")
    assert any("is that right?" in one for one in night.remarks)
    assert not same.remarks


def test_zeros_that_a_source_leaves_out_are_put_back_in_open_hours_of_open_days(tmp_path: Path) -> None:
    kept = [line for line in rows(days=10, minutes=60, count="1").splitlines() if "T08:" <= line[10:14] < "T18:"]
    gone = [line for place, line in enumerate(kept) if place % 3 and not line.startswith("2026-03-07")]
    read = counts.read(write(tmp_path, "\n".join(gone) + "\n"), time_zone=None)
    assert read.rows["offered_count"].tolist().count(0.0) == 29  # a Saturday without any row stays closed
    assert any("29 intervals without a row are taken for 0" in one for one in read.remarks)
    busy = counts.read(write(tmp_path, "\n".join(gone).replace(",1", ",50") + "\n"), time_zone=None)
    assert 0.0 not in busy.rows["offered_count"].tolist()
