"""The log on SQLite survives a process that is killed while it writes, and serves several processes at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from centre.log import SqliteLog
from data_contracts.errors import UnavailableError
from data_contracts.events import Event

RECEIVED = datetime(2026, 5, 1, tzinfo=UTC)

# Appends batches of ten for ever, and says on stdout which batch is safely in: only after `append` has returned.
APPENDER = textwrap.dedent("""
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from centre.log import SqliteLog
    from data_contracts.events import Event

    path, name = Path(sys.argv[1]), sys.argv[2]
    log = SqliteLog(path)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    for batch in range(int(sys.argv[3])):
        ids = [(f"{batch}-{n}", n) for n in range(10)]
        events = [Event(id=id, source=name, type="customer.rated", time=at, data={"n": n}) for id, n in ids]
        log.append(events, received_at=at)
        print(batch, flush=True)
""")


def appender(path: Path, *, name: str, batches: int) -> subprocess.Popen[str]:
    """A child process that appends."""
    return subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(path), name, str(batches)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("answers", [1, 7, 30])
def test_what_was_answered_is_there_after_a_kill_and_no_batch_is_there_in_part(tmp_path: Path, answers: int) -> None:
    path = tmp_path / "log.sqlite"
    child = appender(path, name="child", batches=1_000_000)
    assert child.stdout is not None
    answered = [int(child.stdout.readline()) for _ in range(answers)]
    os.kill(child.pid, signal.SIGKILL)
    answered += [int(line) for line in child.stdout.read().splitlines()]
    child.wait()

    log = SqliteLog(path)
    held = [stored.event.id for stored in log.read(limit=10_000_000)]

    batches = len(held) // 10
    assert held == [f"{batch}-{n}" for batch in range(batches) for n in range(10)]
    assert batches in (len(answered), len(answered) + 1)  # the one under way may have been committed, unanswered
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    log.close()


def test_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    children = [appender(path, name=f"child{number}", batches=20) for number in range(3)]
    log = SqliteLog(path)
    for number in range(20):
        log.append(
            [Event(id=str(number), source="parent", type="customer.rated", time=RECEIVED, data={})],
            received_at=RECEIVED,
        )
    for child in children:
        child.communicate()

    sources = [stored.event.source for stored in log.read(limit=10_000)]

    assert [child.returncode for child in children] == [0, 0, 0]
    assert {name: sources.count(name) for name in set(sources)} == {
        "parent": 20,
        "child0": 200,
        "child1": 200,
        "child2": 200,
    }
    log.close()


def test_a_reader_sees_whole_batches_while_a_writer_writes(tmp_path: Path) -> None:
    child = appender(tmp_path / "log.sqlite", name="child", batches=60)
    assert child.stdout is not None
    child.stdout.readline()
    log = SqliteLog(tmp_path / "log.sqlite")

    heads = []
    while child.poll() is None:
        heads.append(log.head())

    assert all(head % 10 == 0 for head in heads)
    assert heads == sorted(heads)
    log.close()


def test_a_child_that_was_forked_uses_a_connection_of_its_own(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    log.append([Event(id="1", source="s", type="customer.rated", time=RECEIVED, data={})], received_at=RECEIVED)

    pid = os.fork()
    if pid == 0:  # in the child: nothing may reach pytest
        status = 1
        try:
            log.append([Event(id="2", source="s", type="customer.rated", time=RECEIVED, data={})], received_at=RECEIVED)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)

    assert status == 0
    assert log.head() == 2
    log.close()


def test_the_log_asks_the_disk_before_it_answers(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")

    pragmas = [log._connection().execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert pragmas == ["wal", 2]  # 2 is FULL: the write-ahead log is flushed at every commit
    log.close()


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_text("not a database, but somebody's notes\n" * 50)

    with pytest.raises(UnavailableError, match=r"log\.sqlite"):
        SqliteLog(tmp_path / "log.sqlite")

    assert (tmp_path / "log.sqlite").read_text().startswith("not a database")


def test_closing_waits_for_nobody_and_ends_every_threads_connection(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    thread = threading.Thread(target=log.head)
    thread.start()
    thread.join()

    log.close()

    assert not (tmp_path / "log.sqlite-wal").exists()  # SQLite removes it with the last connection
