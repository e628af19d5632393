"""The event log: one suite of promises, held by the one in memory and the one on SQLite alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from centre.log import Appended, Log, MemoryLog, SqliteLog, open_log
from data_contracts.errors import EventConflict, InputError, MalformedEvent, StateConflict, UnavailableError
from data_contracts.events import Event

RECEIVED = datetime(2026, 5, 1, 9, tzinfo=UTC)


def event(number: int, **changes: Any) -> Event:
    """A live event; `changes` are attributes."""
    told = Event(
        id=f"e{number}",
        source="desk",
        type="customer.rated",
        time=datetime(2026, 5, 1, 8, tzinfo=UTC),
        data={"rating_id": f"r{number}", "contact_id": "c1", "score": 5},
    )
    return replace(told, **changes)


@pytest.fixture(params=["memory", "sqlite"])
def make_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Log]]:
    """Makes logs of one kind; all are closed at the end."""
    made: list[Log] = []

    def make() -> Log:
        made.append(MemoryLog() if request.param == "memory" else SqliteLog(tmp_path / f"log{len(made)}.sqlite"))
        return made[-1]

    yield make
    for log in made:
        log.close()


@pytest.fixture
def log(make_log: Callable[[], Log]) -> Log:
    """An empty log."""
    return make_log()


def test_an_empty_log_has_a_head_of_zero_and_nothing_to_read(log: Log) -> None:
    assert (log.head(), log.read(), log.find("desk", "e1")) == (0, [], None)
    assert log.append([], received_at=RECEIVED) == Appended(taken=0, repeated=0)


def test_events_come_back_as_they_went_in_in_the_order_of_receipt(log: Log) -> None:
    sent = [event(2), event(1, subject="对话", data={"text": "我的卡还没到 🙂", "nested": {"b": [1, 2.5, None, True]}})]

    log.append(sent, received_at=RECEIVED)
    log.append([event(3)], received_at=RECEIVED + timedelta(seconds=1))

    stored = log.read()
    assert [one.event for one in stored] == [*sent, event(3)]
    assert [one.sequence for one in stored] == sorted(one.sequence for one in stored)
    assert stored[-1].received_at == RECEIVED + timedelta(seconds=1)
    assert log.head() == stored[-1].sequence


def test_the_same_event_twice_is_one_event(log: Log) -> None:
    first = log.append([event(1), event(1), event(2)], received_at=RECEIVED)
    second = log.append([event(2), event(3)], received_at=RECEIVED + timedelta(days=1))

    assert (first, second) == (Appended(taken=2, repeated=1), Appended(taken=1, repeated=1))
    assert [one.event.id for one in log.read()] == ["e1", "e2", "e3"]
    assert log.read()[1].received_at == RECEIVED  # the first receipt counts


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"rating_id": "r1", "contact_id": "c1", "score": 4}},
        {"type": "verdict.given"},
        {"subject": "c1"},
        {"time": datetime(2026, 5, 1, 8, 0, 0, 1, tzinfo=UTC)},
        {"known_at": RECEIVED},
        {"backfilled": True},
        {"simulated": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_key_with_another_body_is_refused_and_nothing_of_its_batch_is_written(
    log: Log, change: dict[str, Any]
) -> None:
    log.append([event(1)], received_at=RECEIVED)

    with pytest.raises(EventConflict) as refused:
        log.append([event(5), event(1, **change), event(6)], received_at=RECEIVED)

    assert "source desk, id e1" in str(refused.value)
    assert [one.event.id for one in log.read()] == ["e1"]
    assert log.append([event(7)], received_at=RECEIVED).taken == 1  # and the log goes on


def test_two_bodies_of_one_key_in_one_batch_are_refused_together(log: Log) -> None:
    with pytest.raises(EventConflict):
        log.append([event(1), event(1, subject="other")], received_at=RECEIVED)

    assert log.head() == 0


def test_the_log_tells_bodies_apart_exactly_where_the_event_does(make_log: Callable[[], Log]) -> None:
    at = datetime(2026, 5, 1, 8, tzinfo=UTC)
    bodies = [
        event(1),
        event(1, data={"b": 1, "a": 2}),
        event(1, data={"a": 2, "b": 1}),
        event(1, data={"a": 2, "b": 1.0}),
        event(1, data={"at": at}),
        event(1, data={"at": "2026-05-01T08:00:00Z"}),
        event(1, subject=""),
        event(1, known_at=at),
        event(1, time=at.astimezone(timezone(timedelta(hours=3)))),
        event(1, data={"a": "1"}),
        event(1, data={"a": 1}),
    ]
    for one in bodies:
        for other in bodies:
            log = make_log()
            log.append([one], received_at=RECEIVED)
            if one.body_digest() == other.body_digest():
                assert log.append([other], received_at=RECEIVED).repeated == 1
            else:
                with pytest.raises(EventConflict):
                    log.append([other], received_at=RECEIVED)


def test_the_same_id_of_another_source_is_another_event(log: Log) -> None:
    log.append([event(1), event(1, source="chat", subject="other body")], received_at=RECEIVED)

    assert log.head() == 2
    found = log.find("chat", "e1")
    assert found is not None
    assert found.event.subject == "other body"
    assert log.find("mail", "e1") is None


def test_a_live_event_is_known_on_receipt_and_history_when_it_says(log: Log) -> None:
    stated = datetime(2026, 3, 1, tzinfo=UTC)
    log.append(
        [event(1), event(2, known_at=stated), event(3, known_at=stated, backfilled=True), event(4, backfilled=True)],
        received_at=RECEIVED,
    )

    assert [one.known_at for one in log.read()] == [RECEIVED, RECEIVED, stated, RECEIVED]


def test_pages_cover_the_log_once_whatever_their_size(log: Log) -> None:
    log.append([event(number) for number in range(25)], received_at=RECEIVED)

    for size in (1, 7, 25, 100):
        seen, after = [], 0
        while page := log.read(after, limit=size):
            assert len(page) <= size
            seen += [one.event.id for one in page]
            after = page[-1].sequence
        assert seen == [f"e{number}" for number in range(25)]
    assert log.read(0, limit=0) == log.read(-5, limit=0) == []
    assert len(log.read(-5)) == 25


def test_reading_some_types_leaves_out_the_others(log: Log) -> None:
    log.append(
        [event(1), event(2, type="verdict.given"), event(3), event(4, type="intent.corrected")], received_at=RECEIVED
    )

    assert [one.event.id for one in log.read(types=("verdict.given", "intent.corrected"))] == ["e2", "e4"]
    assert [one.event.id for one in log.read(2, types=("verdict.given", "intent.corrected"))] == ["e4"]
    assert [one.event.id for one in log.read(types=iter(["customer.rated"]), limit=1)] == ["e1"]
    assert log.read(types=()) == []


@pytest.mark.parametrize(
    "data",
    [{"score": float("nan")}, {"score": float("inf")}, {"text": "half \ud83d"}, {"x": {1, 2}}, {"x": b"bytes"}],
    ids=["nan", "infinity", "half a surrogate", "set", "bytes"],
)
def test_what_json_cannot_hold_is_refused_with_its_key_and_nothing_is_written(log: Log, data: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent, match="desk e2"):
        log.append([event(1), event(2, data=data)], received_at=RECEIVED)

    assert log.head() == 0


@pytest.mark.parametrize("attribute", ["id", "source", "subject"])
def test_half_a_character_in_an_attribute_is_refused_too(log: Log, attribute: str) -> None:
    with pytest.raises(MalformedEvent):
        log.append([event(1), event(2, **{attribute: "half \ud83d"})], received_at=RECEIVED)

    assert log.head() == 0
    assert log.find("desk", "half \ud83d") is None


def test_times_in_data_come_back_as_text_in_utc(log: Log) -> None:
    log.append(
        [event(1, data={"at": datetime(2026, 5, 1, 10, tzinfo=timezone(timedelta(hours=2)))})], received_at=RECEIVED
    )

    assert log.read()[0].event.data == {"at": "2026-05-01T08:00:00Z"}


def test_times_to_the_microsecond_and_before_1970_survive(log: Log) -> None:
    early = datetime(1931, 12, 3, 4, 5, 6, 789012, tzinfo=UTC)

    log.append([event(1, time=early, known_at=early, backfilled=True)], received_at=RECEIVED)

    assert (log.read()[0].event.time, log.read()[0].known_at) == (early, early)


def test_a_receipt_without_a_zone_is_refused(log: Log) -> None:
    with pytest.raises(InputError, match="zone"):
        log.append([event(1)], received_at=datetime(2026, 5, 1))  # noqa: DTZ001 - the fault under test


def test_a_closed_log_refuses_every_call(log: Log) -> None:
    log.close()
    log.close()

    for call in (
        lambda: log.append([event(1)], received_at=RECEIVED),
        log.read,
        log.head,
        lambda: log.find("desk", "e1"),
    ):
        with pytest.raises(StateConflict, match="closed"):
            call()


def test_threads_that_append_at_once_lose_nothing_and_repeat_nothing(log: Log) -> None:
    failures: list[BaseException] = []
    taken = []

    def append(offset: int) -> None:
        try:
            for number in range(0, 100, 10):
                batch = [event((number + step + offset) % 100) for step in range(10)]
                taken.append(log.append(batch, received_at=RECEIVED).taken)
                log.read(limit=3)
        except BaseException as failure:  # noqa: BLE001 - told to the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=append, args=(offset,)) for offset in (0, 5, 10, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sum(taken) == 100
    assert sorted(one.event.id for one in log.read()) == sorted(f"e{number}" for number in range(100))


def test_a_url_picks_the_log(tmp_path: Path) -> None:
    on_disk = open_log(f"sqlite:///{tmp_path}/deep/er/log.sqlite")
    on_disk.append([event(1)], received_at=RECEIVED)
    on_disk.close()

    assert (tmp_path / "deep" / "er" / "log.sqlite").is_file()
    assert isinstance(open_log("memory:"), MemoryLog)


def test_a_log_on_postgresql_says_that_it_is_not_built_yet_without_telling_the_password() -> None:
    with pytest.raises(UnavailableError, match="PostgreSQL") as refused:
        open_log("postgresql://parley:secret@db/parley")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "log.sqlite", "sqlite:///", "mysql://x", "sqlite://x"])
def test_an_unknown_url_is_refused_with_the_known_form(url: str) -> None:
    with pytest.raises(InputError, match="sqlite:///PATH"):
        open_log(url)
