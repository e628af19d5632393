"""The history: one contract for file and memory; then what only a file can suffer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_contracts.errors import NotAllowed, NotFound, StateConflict, TamperedHistory
from training.anchor import Anchor
from training.chain import START
from training.history import FileHistory, History, MemoryHistory
from training.signing import Signer

AT = datetime(2026, 5, 1, tzinfo=UTC)
WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from training.history import FileHistory
history = FileHistory.open(Path(sys.argv[1]), keys_dir=Path(sys.argv[2]))
for number in range(int(sys.argv[3])):
    entry = history.append("note", actor=sys.argv[4], body={"n": number, "x": "y" * 3000}, at=datetime.now(UTC))
    print(entry.sequence, flush=True)
"""


def write(history: History, count: int = 1, actor: str = "erin") -> None:
    for number in range(count):
        history.append("note", actor=actor, body={"n": number}, at=AT)


@pytest.fixture(params=["file", "memory"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    yield MemoryHistory() if request.param == "memory" else at(tmp_path)


def at(folder: Path) -> FileHistory:
    return FileHistory.open(folder / "history" / "promotions.jsonl", keys_dir=folder / "keys")


def watching(folder: Path) -> FileHistory:
    return FileHistory.watch(folder / "history" / "promotions.jsonl", keys_dir=folder / "keys")


class TestContract:
    def test_it_begins_empty(self, history: History) -> None:
        assert history.entries() == ()
        assert history.verify() == START

    def test_entries_come_back_in_order_each_sealed_to_the_one_before(self, history: History) -> None:
        write(history, 3)

        entries = history.entries()

        assert [entry.sequence for entry in entries] == [1, 2, 3]
        assert [entry.previous for entry in entries[1:]] == [entry.digest for entry in entries[:2]]
        assert history.verify().digest == entries[-1].digest

    def test_the_entry_returned_is_the_entry_kept(self, history: History) -> None:
        entry = history.append("note", actor="erin", body={"list": (1, 2)}, at=AT)

        assert history.entries() == (entry,)
        assert entry.body == {"list": [1, 2]}

    def test_an_append_that_expected_another_head_writes_nothing(self, history: History) -> None:
        write(history)

        with pytest.raises(StateConflict, match="in between"):
            history.append("note", actor="erin", body={}, at=AT, after=0)
        history.append("note", actor="erin", body={}, at=AT, after=1)

        assert len(history.entries()) == 2

    def test_writers_in_many_threads_make_one_chain(self, history: History) -> None:
        writers = [threading.Thread(target=write, args=(history, 5, f"w{n}")) for n in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()

        assert history.verify().sequence == 20


def test_another_process_reads_what_was_appended_since(tmp_path: Path) -> None:
    writer = at(tmp_path)
    write(writer, 2)
    reader = watching(tmp_path)
    assert len(reader.entries()) == 2

    write(writer, 1)

    assert len(reader.entries()) == 3
    with pytest.raises(NotAllowed):
        write(reader)


def test_writers_in_several_processes_make_one_chain(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, 10, f"w{n}") for n in range(3)]
    for writer in writers:
        assert writer.wait(timeout=60) == 0

    entries = watching(tmp_path).entries()
    assert [entry.sequence for entry in entries] == list(range(1, 31))
    assert {entry.actor for entry in entries} == {"w0", "w1", "w2"}


@pytest.mark.parametrize("seen_before", [True, False], ids=["by who had read it", "by who opens it"])
@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (lambda lines: [lines[0], lines[1].replace(b'"n":1', b'"n":7'), *lines[2:]], 2),
        (lambda lines: lines[:3], 4),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines: [*lines, lines[0]], 5),
        (lambda lines: [*lines, b'{"kind":"promotion.promoted"}\n'], 5),
        (lambda lines: [lines[0] + b"\n", *lines[1:]], 2),
        (lambda lines: [], 1),
        (lambda lines: [*lines[:3], lines[3][:-1]], 4),
        (lambda lines: [*lines[:3], lines[3][:40]], 4),
    ],
    ids=["edited", "end cut off", "taken out", "swapped", "repeated", "forged", "blank put in", "emptied",
         "newline cut off", "acknowledged line torn"],
)  # fmt: skip
def test_a_changed_file_is_refused_and_the_line_named(tmp_path: Path, tamper, line: int, seen_before: bool) -> None:  # type: ignore[no-untyped-def]
    writer, reader = at(tmp_path), None
    write(writer, 4)
    if seen_before:
        reader = watching(tmp_path)
        reader.entries()
    path = writer.path
    then = path.stat()
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))

    for act in ((reader or watching(tmp_path)).entries, watching(tmp_path).verify, lambda: write(at(tmp_path))):
        with pytest.raises(TamperedHistory, match=f"line {line} "):
            act()


def test_an_edit_of_the_same_size_and_time_is_seen_by_a_process_that_read_before(tmp_path: Path) -> None:
    writer = at(tmp_path)
    write(writer, 3)
    then = writer.path.stat()
    writer.path.write_bytes(writer.path.read_bytes().replace(b"erin", b"eric", 1))
    os.utime(writer.path, ns=(then.st_atime_ns, then.st_mtime_ns))

    with pytest.raises(TamperedHistory, match="line 1 "):
        writer.entries()


def test_a_deleted_history_or_anchor_is_noticed(tmp_path: Path) -> None:
    write(at(tmp_path), 2)
    anchor = Anchor(tmp_path / "keys").path
    kept = anchor.read_bytes()

    anchor.unlink()
    with pytest.raises(TamperedHistory, match="anchored head is missing"):
        watching(tmp_path).entries()
    anchor.write_bytes(kept)
    (tmp_path / "history" / "promotions.jsonl").unlink()
    with pytest.raises(TamperedHistory, match="line 1 "):
        watching(tmp_path).entries()


def test_a_history_written_whole_by_another_key_is_refused(tmp_path: Path) -> None:
    write(at(tmp_path / "real"), 2)
    write(at(tmp_path / "forged"), 2)
    (tmp_path / "forged" / "history" / "promotions.jsonl").replace(tmp_path / "real" / "history" / "promotions.jsonl")

    with pytest.raises(TamperedHistory, match=r"line 1 .*signature"):
        watching(tmp_path / "real").entries()


def test_a_pinned_key_is_believed_and_not_the_one_on_disk(tmp_path: Path) -> None:
    writer = at(tmp_path)
    write(writer)

    pinned = FileHistory.watch(writer.path, keys_dir=tmp_path / "keys", pinned=Signer.fresh().verifier.public_key)

    with pytest.raises(TamperedHistory):
        pinned.entries()


def test_a_lost_public_key_is_not_taken_for_a_history_that_never_began(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        watching(tmp_path)
    write(at(tmp_path))
    (tmp_path / "keys" / "public.pem").unlink()

    with pytest.raises(TamperedHistory, match="public key"):
        watching(tmp_path)


@pytest.mark.parametrize("kept", [1, 200, -1])
def test_a_torn_line_that_nobody_was_told_of_is_set_aside(tmp_path: Path, kept: int) -> None:
    writer = at(tmp_path)
    write(writer, 2)
    torn = writer.path.read_bytes().splitlines()[0][:kept]
    with writer.path.open("ab") as stream:
        stream.write(torn)

    assert len(watching(tmp_path).entries()) == 2
    write(writer)

    assert watching(tmp_path).verify().sequence == 3
    assert writer.path.with_suffix(".torn").read_bytes() == torn + b"\n"


def test_a_whole_line_written_just_before_the_kill_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = at(tmp_path)
    write(writer)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Anchor, "advance", killed)
    with pytest.raises(KeyboardInterrupt):
        write(writer)
    monkeypatch.undo()

    assert len(watching(tmp_path).entries()) == 2
    write(at(tmp_path))
    assert watching(tmp_path).verify().sequence == 3


def test_a_writer_killed_in_the_middle_leaves_a_chain_that_opens_with_all_it_acknowledged(tmp_path: Path) -> None:
    for _ in range(3):
        writer = _writer(tmp_path, 10_000, "killed")
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(4)]
        time.sleep(0.003)
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
        writer.wait(timeout=10)
        acknowledged = int([line for line in told if line.endswith("\n")][-1])

        assert watching(tmp_path).verify().sequence in (acknowledged, acknowledged + 1)
        write(at(tmp_path))


def test_reading_again_costs_no_signatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = at(tmp_path)
    write(writer, 20)
    reader, checked = watching(tmp_path), []
    reader.entries()
    holds = type(reader.verifier).holds
    monkeypatch.setattr(type(reader.verifier), "holds", lambda *a, **k: checked.append(1) or holds(*a, **k))

    reader.entries()

    assert len(checked) == 1  # the anchor's


def _writer(folder: Path, count: int, actor: str) -> subprocess.Popen[str]:
    told = [str(folder / "history" / "promotions.jsonl"), str(folder / "keys"), str(count), actor]
    return subprocess.Popen([sys.executable, "-c", WRITER, *told], stdout=subprocess.PIPE, text=True)
