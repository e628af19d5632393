"""A planner's own list of events: read as the contract has it, or refused with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from centre.intake import calendar_csv
from data_contracts.errors import InputError, MissingColumn, NotFound, RowRefused, UnknownParameter

HEADER = "kind,name,starts_at,ends_at,known_at"
ROW = "mailing,the mailing,2026-05-01,2026-05-02T12:00,2026-04-20"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "events.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_are_events_of_the_contract_in_the_time_zone_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER},queues,cancelled", f"{ROW},billing; sales,no", f"{ROW},,", f"{ROW},,yes")

    one, two, three = calendar_csv.read(path, time_zone="America/New_York").to_pylist()

    assert (one["kind"], one["name"], one["queues"]) == ("mailing", "the mailing", ["billing", "sales"])
    assert one["starts_at"] == datetime(2026, 5, 1, 4, tzinfo=UTC)
    assert one["ends_at"] == datetime(2026, 5, 2, 16, tzinfo=UTC)
    assert one["known_at"] == datetime(2026, 4, 20, 4, tzinfo=UTC)
    assert (two["queues"], two["cancelled"], three["cancelled"]) == (None, False, True)
    assert len({row["calendar_event_id"] for row in (one, two, three)}) == 3


def test_rows_of_one_id_are_its_revisions(tmp_path: Path) -> None:
    path = write(tmp_path, f"calendar_event_id,{HEADER}", f"m,{ROW}", f"other,{ROW}", f"m,{ROW}")

    rows = calendar_csv.read(path, time_zone=None).to_pylist()

    assert [(row["calendar_event_id"], row["revision"]) for row in rows] == [("m", 0), ("other", 0), ("m", 1)]


@pytest.mark.parametrize(
    ("row", "where", "expected"),
    [
        ("party,x,2026-05-01,2026-05-02,2026-04-20", "line 3, kind", "mailing"),
        ("mailing,,2026-05-01,2026-05-02,2026-04-20", "line 3, name", "name"),
        ("mailing,x,soon,2026-05-02,2026-04-20", "line 3, starts_at", "2026-05-01T09:00"),
        ("mailing,x,2026-05-01,2026-05-02,", "line 3, known_at", "2026-05-01T09:00"),
        ("mailing,x,2026-05-03,2026-05-02,2026-04-20", "line 3, ends_at", "length"),
        ("mailing,x,2026-05-01,2028-05-02,2026-04-20", "line 3, ends_at", "longer than a year"),
        ("mailing,x,2026-03-29T02:30,2026-05-02,2026-03-01", "line 3, starts_at", "the clock showed"),
        ("mailing,x,2026-05-01", "events.csv", "as many fields as the header"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line(tmp_path: Path, row: str, where: str, expected: str) -> None:
    with pytest.raises(RowRefused) as refused:
        calendar_csv.read(write(tmp_path, HEADER, ROW, row), time_zone="Europe/Paris")

    assert refused.value.where.endswith(where)
    assert expected in refused.value.expected
    assert "line 3" in str(refused.value)


@pytest.mark.parametrize(("revision", "flag"), [("one", "no"), ("0", "no"), ("1", "perhaps")])
def test_revisions_and_flags_that_say_nothing_are_refused(tmp_path: Path, revision: str, flag: str) -> None:
    header = f"calendar_event_id,revision,cancelled,{HEADER}"
    with pytest.raises(RowRefused, match="line 3"):
        calendar_csv.read(write(tmp_path, header, f"m,0,no,{ROW}", f"m,{revision},{flag},{ROW}"), time_zone=None)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingColumn, match="known_at"):
        calendar_csv.read(write(tmp_path, HEADER.removesuffix(",known_at"), ROW), time_zone=None)
    with pytest.raises(UnknownParameter, match="'queue'"):
        calendar_csv.read(write(tmp_path, f"{HEADER},queue", f"{ROW},billing"), time_zone=None)
    with pytest.raises(NotFound):
        calendar_csv.read(tmp_path / "none.csv", time_zone=None)
    with pytest.raises(InputError, match="Atlantis"):
        calendar_csv.read(write(tmp_path, HEADER, ROW), time_zone="Atlantis")
