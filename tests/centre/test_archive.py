"""The archive: it only grows, a batch is there whole or not at all, and what was known when can be read again."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from centre.archive import Archive
from data_contracts.arrow import schema
from data_contracts.errors import InputError, LostRows, Overloaded, StateConflict, TamperedArtefact
from tests.centre.rows import AT, contacts

DAY = date(2026, 5, 1)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty archive that does not wait long for a lock."""
    return Archive(tmp_path / "archive", patience_s=0.2)


def ids(table: pa.Table) -> list[str]:
    """The contacts of a table."""
    return [str(one) for one in table["contact_id"].to_pylist()]


def test_an_empty_archive_is_read_as_nothing_and_makes_no_folder(archive: Archive, tmp_path: Path) -> None:
    assert (archive.head(), archive.batches(), archive.keys("contacts"), archive.log_upto()) == (0, [], set(), 0)
    assert archive.read("contacts").equals(schema("contacts").empty_table())
    assert list(tmp_path.iterdir()) == []


def test_rows_come_back_in_the_contracts_schema_sorted_by_key(archive: Archive) -> None:
    archive.write(1, {"contacts": contacts(3, 1)}, recorded_on=DAY, log_upto=2)
    archive.write(2, {"contacts": contacts(2)}, recorded_on=DAY, log_upto=3)

    held = archive.read("contacts")

    assert ids(held) == ["c1", "c2", "c3"]
    assert held.schema.equals(schema("contacts"), check_metadata=True)
    assert held.filter(pa.compute.equal(held["contact_id"], "c2")).to_pylist() == contacts(2).to_pylist()


def test_files_lie_by_dataset_and_day_and_the_manifest_counts_them(archive: Archive, tmp_path: Path) -> None:
    batch = archive.write(1, {"contacts": contacts(1, 2)}, recorded_on=DAY, log_upto=7)

    assert (tmp_path / "archive" / "contacts" / "recorded_on=2026-05-01" / "00000001.parquet").is_file()
    assert archive.batches() == [batch]
    assert (batch.number, batch.recorded_on, batch.log_upto, batch.rows) == (1, DAY, 7, {"contacts": 2})
    assert (archive.head(), archive.log_upto()) == (1, 7)


def test_a_batch_of_no_rows_still_says_how_far_the_log_was_read(archive: Archive) -> None:
    archive.write(1, {"contacts": schema("contacts").empty_table()}, recorded_on=DAY, log_upto=9)

    assert (archive.head(), archive.log_upto(), archive.batches()[0].rows) == (1, 9, {})


def test_what_was_not_known_yet_is_left_out(archive: Archive) -> None:
    archive.write(1, {"contacts": contacts(1, known_at=AT)}, recorded_on=DAY, log_upto=1)
    archive.write(2, {"contacts": contacts(2, known_at=AT + timedelta(hours=1))}, recorded_on=DAY, log_upto=2)

    assert ids(archive.read("contacts", known_until=AT)) == []  # a period is half-open
    assert ids(archive.read("contacts", known_until=AT + timedelta(microseconds=1))) == ["c1"]
    assert ids(archive.read("contacts", known_until=AT + timedelta(hours=2))) == ["c1", "c2"]


def test_reading_up_to_a_batch_gives_the_same_snapshot_whatever_came_later(archive: Archive) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
    rows, digest = archive.read("contacts"), archive.digest()

    archive.write(2, {"contacts": contacts(2)}, recorded_on=DAY + timedelta(days=1), log_upto=2)

    assert archive.read("contacts", upto_batch=1).equals(rows)
    assert archive.digest(upto_batch=1) == digest != archive.digest()


def test_every_revision_is_a_row_of_its_own(archive: Archive) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
    archive.write(2, {"contacts": contacts(1, revision=1, outcome="abandoned")}, recorded_on=DAY, log_upto=2)

    held = archive.read("contacts").select(["contact_id", "revision", "outcome"]).to_pylist()

    assert [tuple(row.values()) for row in held] == [("c1", 0, "answered"), ("c1", 1, "abandoned")]
    assert archive.keys("contacts") == {"c1"}


def test_of_one_key_the_row_recorded_last_counts_and_the_earlier_is_still_there_for_the_past(archive: Archive) -> None:
    later = AT + timedelta(days=2)
    archive.write(1, {"contacts": contacts(1, 2)}, recorded_on=DAY, log_upto=2)
    archive.write(2, {"contacts": contacts(1, outcome="abandoned", known_at=later)}, recorded_on=DAY, log_upto=3)

    assert archive.read("contacts")["outcome"].to_pylist() == ["abandoned", "answered"]
    assert archive.read("contacts", known_until=later)["outcome"].to_pylist() == ["answered", "answered"]
    assert archive.read("contacts", upto_batch=1)["outcome"].to_pylist() == ["answered", "answered"]


def test_deduplication_agrees_with_a_dictionary_written_from_the_definition(archive: Archive) -> None:
    twin: dict[tuple[str, int], str] = {}
    for batch, numbers in enumerate([(5, 1, 9), (1, 2), (9, 9 + 1, 1), (3,)], start=1):
        queue = f"queue-{batch}"
        archive.write(batch, {"contacts": contacts(*numbers, queue=queue)}, recorded_on=DAY, log_upto=batch)
        twin |= {(f"c{number}", 0): queue for number in numbers}

    held = archive.read("contacts").to_pylist()

    assert [((row["contact_id"], row["revision"]), row["queue"]) for row in held] == sorted(twin.items())


def test_the_same_rows_written_twice_have_the_same_digest(tmp_path: Path) -> None:
    one, other = (Archive(tmp_path / name) for name in ("one", "other"))
    for archive in (one, other):
        archive.write(1, {"contacts": contacts(1, 2, 3)}, recorded_on=DAY, log_upto=3)

    assert one.digest() == other.digest()


def test_a_batch_out_of_turn_is_refused(archive: Archive) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=5)

    for number in (0, 1, 3):
        with pytest.raises(StateConflict, match="not the next"):
            archive.write(number, {"contacts": contacts(2)}, recorded_on=DAY, log_upto=6)
    with pytest.raises(StateConflict, match="backwards"):
        archive.write(2, {"contacts": contacts(2)}, recorded_on=DAY, log_upto=4)
    assert ids(archive.read("contacts")) == ["c1"]


def test_a_file_that_no_manifest_names_is_not_there_and_is_cleared_by_the_next_batch(
    archive: Archive, tmp_path: Path
) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
    left = tmp_path / "archive" / "contacts" / "recorded_on=2026-04-30" / "00000002.parquet"
    left.parent.mkdir()
    pq.write_table(contacts(7), left)

    assert ids(archive.read("contacts")) == ["c1"]
    archive.write(2, {"contacts": contacts(2)}, recorded_on=DAY, log_upto=2)
    assert ids(archive.read("contacts")) == ["c1", "c2"]
    assert not left.exists()


def test_parked_rows_are_those_of_the_last_batch_and_no_part_of_the_datasets(archive: Archive) -> None:
    archive.write(1, {}, recorded_on=DAY, log_upto=1, parked={"contacts": contacts(1, 2)})
    assert ids(archive.parked()["contacts"]) == ["c1", "c2"]
    assert ids(archive.read("contacts")) == []

    archive.write(2, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=2, parked={"contacts": contacts(2)})
    assert ids(archive.parked()["contacts"]) == ["c2"]

    archive.write(3, {"contacts": contacts(2)}, recorded_on=DAY, log_upto=3)
    assert archive.parked() == {}
    archive.verify()


def test_a_lost_file_is_told_by_name_not_read_as_fewer_rows(archive: Archive, tmp_path: Path) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
    file = next((tmp_path / "archive" / "contacts").rglob("*.parquet"))

    pq.write_table(contacts(1, 2), file)
    with pytest.raises(LostRows, match="expected 1 rows, came 2 rows"):
        archive.read("contacts")
    file.unlink()
    with pytest.raises(LostRows, match=r"00000001\.parquet"):
        archive.read("contacts")
    with pytest.raises(LostRows):
        archive.verify()


def test_a_changed_row_is_found_by_verification(archive: Archive, tmp_path: Path) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
    archive.verify()
    pq.write_table(contacts(1, outcome="abandoned"), next((tmp_path / "archive" / "contacts").rglob("*.parquet")))

    with pytest.raises(TamperedArtefact, match=r"00000001\.parquet"):
        archive.verify()


def test_a_file_cut_short_is_told_as_such(archive: Archive, tmp_path: Path) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
    file = next((tmp_path / "archive" / "contacts").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:100])

    with pytest.raises(TamperedArtefact, match="cannot be read"):
        archive.read("contacts")


def test_a_missing_manifest_in_the_middle_is_lost_rows(archive: Archive, tmp_path: Path) -> None:
    for number in (1, 2):
        archive.write(number, {"contacts": contacts(number)}, recorded_on=DAY, log_upto=number)
    (tmp_path / "archive" / "manifests" / "00000001.json").unlink()

    with pytest.raises(LostRows, match=r"00000001\.json"):
        archive.read("contacts")


def test_a_column_that_a_later_contract_added_is_null_in_older_files(archive: Archive, tmp_path: Path) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
    file = next((tmp_path / "archive" / "contacts").rglob("*.parquet"))
    pq.write_table(contacts(1).drop_columns(["topic"]), file)

    assert archive.read("contacts")["topic"].to_pylist() == [None]


def test_an_unknown_dataset_is_refused_with_the_known_ones(archive: Archive) -> None:
    with pytest.raises(InputError, match="contacts"):
        archive.read("kontakte")


def test_a_second_writer_waits_and_then_says_who_is_in_the_way(archive: Archive, tmp_path: Path) -> None:
    holder = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from centre.archive import Archive
        with Archive(Path({str(tmp_path / "archive")!r})).exclusively():
            print("held", flush=True)
            sys.stdin.readline()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        began = time.monotonic()
        with pytest.raises(Overloaded, match="somebody else is writing"):
            archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)
        assert 0.15 < time.monotonic() - began < 5
        child.kill()  # and the lock ends with its holder

    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=1)


def test_a_manifest_is_plain_json_that_names_each_file_with_rows_and_digest(archive: Archive, tmp_path: Path) -> None:
    archive.write(1, {"contacts": contacts(1)}, recorded_on=DAY, log_upto=4)

    told = json.loads((tmp_path / "archive" / "manifests" / "00000001.json").read_text())

    assert (told["batch"], told["recorded_on"], told["log_upto"]) == (1, "2026-05-01", 4)
    assert [entry["rows"] for entry in told["files"].values()] == [1]
    assert all(len(entry["sha256"]) == 64 for entry in told["files"].values())


@pytest.mark.slow
def test_half_a_million_rows_are_written_and_read_in_seconds(archive: Archive) -> None:
    base = contacts(*range(1000))
    for number in range(1, 6):
        parts = []
        for copy in range(100):
            unique = [f"{number}-{copy}-{row}" for row in range(1000)]
            parts.append(base.set_column(0, base.schema.field(0), pa.array(unique)))
        archive.write(number, {"contacts": pa.concat_tables(parts)}, recorded_on=DAY, log_upto=number)

    began = time.monotonic()
    held = archive.read("contacts", known_until=datetime(2026, 5, 1, tzinfo=UTC))

    assert held.num_rows == 500_000
    assert time.monotonic() - began < 20
