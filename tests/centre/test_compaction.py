"""Compaction: every row of the log is archived, in quarantine or waiting, exactly once, wherever it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from centre.archive import Archive
from centre.clock import FixedClock
from centre.compaction import Compacted, compact
from centre.log import Log, MemoryLog, SqliteLog
from data_contracts import quarantine
from data_contracts.contracts import datasets
from data_contracts.errors import Overloaded
from data_contracts.events import Event
from tests.centre import kills
from tests.centre.rows import AT, contact, platform, rating, utterance

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Centre:
    """A log, an archive and a quarantine in one folder, with a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: Log = MemoryLog()
        self.archive = Archive(folder / "archive", patience_s=0.2)
        self.clock = FixedClock(NOW)

    def compact(self, *events: Event, **options: Any) -> Compacted:
        """Take events in and compact."""
        self.log.append(events, received_at=self.clock.now())
        return compact(self.log, self.archive, clock=self.clock, quarantine=self.folder / "quarantine", **options)

    def ids(self, dataset: str) -> list[str]:
        """What the archive holds of a dataset, by event."""
        return sorted(self.archive.read(dataset)["event_id"].to_pylist())

    def quarantined(self) -> list[tuple[str, str]]:
        """The rows in quarantine with the rule that each broke."""
        return quarantined(self.folder / "quarantine")


def quarantined(folder: Path) -> list[tuple[str, str]]:
    """The rows that wait to be mended below a folder, with each rule that they broke."""
    rows = [row for held in quarantine.waiting(folder).values() for row in held]
    return sorted((row.row_id, fault["rule"]) for row in rows for fault in row.faults)


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    """An empty centre."""
    return Centre(tmp_path)


def counts(done: Compacted) -> tuple[int, int, int, int, int]:
    """Taken, repeated, quarantined, parked, freed."""
    return done.taken, done.repeated, done.quarantined, done.parked, done.freed


def test_an_empty_log_makes_no_batch(centre: Centre) -> None:
    done = centre.compact()

    assert done == Compacted(0, 0, 0, 0, 0, batch=None, faults=(), period=None)
    assert centre.archive.head() == 0


def test_rows_move_to_the_archive_with_their_times_and_the_day_of_recording(centre: Centre) -> None:
    done = centre.compact(contact(1), utterance(1), rating(1))

    assert counts(done) == (3, 0, 0, 0, 0)
    assert done.batch == centre.archive.head() == 1
    assert done.period == (AT + timedelta(minutes=1), AT + timedelta(minutes=1))
    batch = centre.archive.batches()[0]
    assert (batch.recorded_on, batch.log_upto) == (date(2026, 5, 1), 3)
    assert batch.rows == {"contacts": 1, "ratings": 1, "utterances": 1}
    assert centre.archive.read("utterances")["text"].to_pylist() == ["我的卡 1"]


def test_a_live_row_is_known_on_receipt_whatever_it_says(centre: Centre) -> None:
    early = AT - timedelta(days=9)
    live = Event(id="live", source="desk", type="contact.ended", time=AT, data=contact(1).data, known_at=early)

    centre.compact(live)

    assert centre.archive.read("contacts")["known_at"].to_pylist() == [NOW]


def test_compacting_again_does_nothing(centre: Centre) -> None:
    centre.compact(contact(1))

    done = centre.compact()

    assert done.batch is None
    assert centre.archive.head() == 1


def test_notices_of_the_platform_carry_no_row_and_make_no_batch(centre: Centre) -> None:
    assert centre.compact(platform(1), platform(2)).batch is None
    assert counts(centre.compact(contact(1), platform(3))) == (1, 0, 0, 0, 0)
    assert centre.archive.log_upto() == 4


def test_a_child_waits_for_its_parent_and_is_freed_when_it_comes(centre: Centre) -> None:
    waiting = centre.compact(contact(1), utterance(2), utterance(2, turn=1), rating(1))
    assert counts(waiting) == (2, 0, 0, 2, 0)
    assert centre.ids("utterances") == []

    still = centre.compact(contact(3))
    assert counts(still) == (1, 0, 0, 0, 0)

    freed = centre.compact(contact(2))
    assert counts(freed) == (3, 0, 0, 0, 2)
    assert centre.ids("utterances") == ["utterance-2-0", "utterance-2-1"]
    assert centre.archive.parked() == {}


def test_a_child_and_its_late_parent_in_two_batches_of_one_compaction_are_simply_taken(centre: Centre) -> None:
    done = centre.compact(utterance(1), contact(2), contact(1), slice_events=2)

    assert counts(done) == (3, 0, 0, 0, 0)
    assert [batch.rows for batch in centre.archive.batches()] == [{"contacts": 1}, {"contacts": 1, "utterances": 1}]


def test_a_row_that_breaks_a_rule_is_kept_in_quarantine_with_rule_and_value(centre: Centre) -> None:
    done = centre.compact(contact(1), contact(2, channel="pigeon"), rating(1, score=9))

    assert counts(done) == (1, 0, 2, 0, 0)
    assert {(fault.dataset, fault.column, fault.value) for fault in done.faults} == {
        ("contacts", "channel", "'pigeon'"),
        ("ratings", "score", "9"),
    }
    assert [row for row, _ in centre.quarantined()] == ["c2|0", "r1"]


def test_a_child_of_a_quarantined_parent_waits_and_is_freed_by_the_mended_parent(centre: Centre) -> None:
    assert counts(centre.compact(contact(1, channel="pigeon"), utterance(1))) == (0, 0, 1, 1, 0)

    mended = Event(**{**vars(contact(1)), "id": "contact-1-mended"})

    assert counts(centre.compact(mended)) == (2, 0, 0, 0, 1)


def test_a_row_that_cannot_be_typed_or_has_unknown_columns_is_quarantined(centre: Centre) -> None:
    done = centre.compact(contact(1, priority="high"), contact(2, colour="red"), contact(3))

    assert counts(done) == (1, 0, 2, 0, 0)


def test_an_event_whose_data_states_what_the_event_says_is_quarantined(centre: Centre) -> None:
    done = centre.compact(contact(1, source="somewhere else"), contact(2))

    assert counts(done) == (1, 0, 1, 0, 0)
    assert done.faults[0].row_id == "contact-1"


def test_a_mended_row_comes_back_through_the_log_and_is_taken(centre: Centre) -> None:
    centre.compact(contact(1, channel="pigeon"), contact(2))
    path = next(iter(quarantine.waiting(centre.folder / "quarantine")))

    done = centre.compact(*quarantine.replay(path, {1: {"channel": "voice"}}, as_of=NOW))

    assert counts(done) == (1, 0, 0, 0, 0)
    assert centre.archive.read("contacts")["channel"].to_pylist() == ["voice", "chat"]


def test_a_row_told_again_by_another_event_is_repeated_not_taken_twice(centre: Centre) -> None:
    again = Event(**{**vars(contact(1)), "id": "told-again", "source": "export"})
    other_source_other_values = Event(**{**vars(contact(2, queue="sales")), "id": "x", "source": "export"})

    first = centre.compact(contact(1), contact(2), contact(3), Event(**{**vars(contact(3)), "id": "twin"}))
    second = centre.compact(again, other_source_other_values, contact(4))

    assert counts(first) == (3, 1, 0, 0, 0)
    assert counts(second) == (1, 1, 1, 0, 0)
    assert centre.archive.read("contacts")["queue"].to_pylist() == ["billing"] * 4
    assert "archive holds another row" in second.faults[0].message


def test_two_rows_of_one_key_in_one_batch_are_both_quarantined(centre: Centre) -> None:
    done = centre.compact(contact(1), Event(**{**vars(contact(1, queue="sales")), "id": "other"}), contact(2))

    assert counts(done) == (1, 0, 2, 0, 0)
    assert centre.ids("contacts") == ["contact-2"]


def test_a_row_from_the_future_is_quarantined(centre: Centre) -> None:
    assert counts(centre.compact(contact(60 * 24 * 40))) == (0, 0, 1, 0, 0)


def test_batches_of_any_size_make_the_same_archive(tmp_path: Path) -> None:
    archives = []
    for size in (1, 3, 7, 1000):
        centre = Centre(tmp_path / str(size))
        centre.compact(*kills.told(), slice_events=size)
        archives.append({name: centre.archive.read(name).to_pylist() for name in datasets()})
        archives.append({name: table.to_pylist() for name, table in centre.archive.parked().items()})

    assert archives[0]["contacts"]
    assert archives[1]["utterances"]
    assert archives[0::2] == [archives[0]] * 4
    assert archives[1::2] == [archives[1]] * 4


def test_nothing_is_lost_the_rows_add_up(centre: Centre) -> None:
    first = centre.compact(*kills.told(), slice_events=5)
    second = centre.compact(contact(99), utterance(50))

    rows_in = [event for event in kills.told() if event.type != "log.compacted"]
    assert first.taken + first.repeated + first.quarantined + first.parked == len(rows_in)
    assert second.taken - second.freed + second.parked == 2
    assert second.freed == first.parked == 1


def test_a_compaction_that_finds_another_at_work_says_so(centre: Centre) -> None:
    other = Archive(centre.folder / "archive")
    with other.exclusively(), pytest.raises(Overloaded, match="somebody else is writing"):
        centre.compact(contact(1))

    assert centre.compact().taken == 1


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_point_and_begun_again_the_archive_is_that_of_the_twin_nobody_killed(
    every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a kill is no power cut: see `kills`
    command = [sys.executable, "-m", "tests.centre.kills", str(tmp_path), str(every)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    strikes = int(done.stdout)
    twin = state(tmp_path / "twin")

    assert strikes > 50
    assert twin["parked"] == {"utterances": ["utterance-99-0"]}
    assert len(twin["quarantine"]) == 3
    for number in range(1, strikes + 1, every):
        folder = tmp_path / f"killed-{number}"
        kills.run(folder)
        assert state(folder) == twin, f"killed at {number} of {strikes}"
        assert kills.run(folder).batch is None


def test_two_compactions_at_once_take_every_row_once(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    log.append(kills.told(), received_at=NOW)
    log.close()
    script = "import sys, pathlib; from tests.centre import kills; print(kills.run(pathlib.Path(sys.argv[1])).taken)"
    command = [sys.executable, "-c", script, str(tmp_path)]

    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    taken = [int(child.communicate(timeout=120)[0]) for child in children]

    archive = Archive(tmp_path / "archive")
    assert sorted(taken) == [0, sum(sum(batch.rows.values()) for batch in archive.batches())]
    assert len(archive.read("contacts")) == 7


def test_events_that_come_between_the_kill_and_the_next_try_are_taken_too(tmp_path: Path) -> None:
    """The killed batch is made again larger: what it had left behind must not stay."""
    centre = Centre(tmp_path)
    centre.log.append([contact(1), contact(2, channel="pigeon")], received_at=NOW)
    pid = os.fork()
    if pid == 0:
        try:
            staged = tmp_path / "archive" / ".staging" / "manifest.json"
            kills.watch(lambda: os.kill(os.getpid(), signal.SIGKILL) if staged.exists() else None)
            centre.compact()
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
    assert centre.archive.head() == 0
    assert list((tmp_path / "archive" / "contacts").rglob("*.parquet"))

    centre.clock.advance(timedelta(days=1))
    done = centre.compact(contact(3), rating(1, score=7))

    assert counts(done) == (2, 0, 2, 0, 0)
    assert len(list((tmp_path / "archive" / "contacts").rglob("*.parquet"))) == 1
    assert [row for row, _ in centre.quarantined()] == ["c2|0", "r1"]


def state(folder: Path) -> dict[str, Any]:
    """Everything that a compaction leaves behind, without the order in which it came to be."""
    archive = Archive(folder / "archive")
    archive.verify()
    return {
        "rows": {name: archive.read(name).to_pylist() for name in datasets()},
        "digest": archive.digest(),
        "log_upto": archive.log_upto(),
        "parked": {name: table["event_id"].to_pylist() for name, table in archive.parked().items()},
        "quarantine": quarantined(folder / "quarantine"),
        "files": sorted(path.relative_to(folder).as_posix() for path in (folder / "archive").rglob("*.parquet")),
    }
