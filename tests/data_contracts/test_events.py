"""CloudEvents in and out, and the rows that they carry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import events
from data_contracts.contracts import datasets
from data_contracts.errors import MalformedEvent, UnknownDataset
from data_contracts.events import DATASET_OF, PLATFORM_TYPES, Event, dataset_row, type_of
from tests.data_contracts.samples import NOW

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "crm",
    "type": "customer.rated",
    "time": "2026-05-01T12:00:00+08:00",
    "data": {"rating_id": "g1", "contact_id": "c1", "score": 5},
}


def test_an_event_is_read_with_its_time_in_utc() -> None:
    event = Event.from_cloudevent(GOOD)
    assert event.time == datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
    assert event.time.tzinfo is UTC


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"source": None}, "source"),
        ({"type": "customer.angered"}, "customer.angered"),
        ({"time": "yesterday"}, "yesterday"),
        ({"time": "2026-05-01T12:00:00"}, "offset"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "out of range"),
        ({"time": None}, "time"),
        ({"data": [1]}, "data"),
        ({"data": {"score": float("nan")}}, "JSON"),
        ({"data": {"comment": "\ud800"}}, "UTF-8"),
        ({"knownat": "2026-13-01T00:00:00Z"}, "knownat"),
        ({"backfilled": "yes"}, "backfilled"),
        ({"priority": 3}, "priority"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_a_malformed_event_is_refused_with_what_came_and_where(change: dict[str, Any], told: str) -> None:
    with pytest.raises(MalformedEvent, match=told) as raised:
        Event.from_cloudevent({**GOOD, **change}, where="feed.jsonl, line 7")
    assert "feed.jsonl, line 7" in str(raised.value)


@pytest.mark.parametrize("change", [{"id": "a\0"}, {"subject": "\0"}, {"data": {"contact_id": "a\0b"}}])
def test_an_id_holds_no_nul(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent, match="NUL"):
        Event.from_cloudevent({**GOOD, **change}, where="feed.jsonl, line 7")


def test_what_was_said_may_hold_nul() -> None:
    assert Event.from_cloudevent({**GOOD, "data": {"text": "a\0b"}}).data == {"text": "a\0b"}


def test_what_is_no_object_is_no_event() -> None:
    with pytest.raises(MalformedEvent, match="list"):
        Event.from_cloudevent([])  # type: ignore[arg-type]


numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
moments = st.datetimes(timezones=st.just(UTC))
ids = st.text(st.characters(exclude_characters="\0"), min_size=1).filter(str.strip)
said = st.builds(
    Event,
    id=ids,
    source=ids,
    type=st.sampled_from([*DATASET_OF, *PLATFORM_TYPES]),
    time=moments,
    data=st.dictionaries(st.text(), json_values, max_size=4),
    subject=st.none() | st.just("c1"),
    known_at=st.none() | moments,
    backfilled=st.booleans(),
    simulated=st.booleans(),
)


@given(said)
def test_an_event_survives_json(event: Event) -> None:
    through = json.loads(json.dumps(event.to_cloudevent()))
    assert Event.from_cloudevent(through) == event


@given(said)
def test_the_digest_is_of_the_body_and_not_of_the_key(event: Event) -> None:
    renamed = Event(**{**vars(event), "id": event.id + "x", "source": "elsewhere"})
    other = Event(**{**vars(event), "simulated": not event.simulated})
    assert renamed.body_digest() == event.body_digest()
    assert other.body_digest() != event.body_digest()


def test_the_digest_does_not_depend_on_how_the_same_instant_was_written() -> None:
    here = Event("1", "s", "customer.rated", datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=8))), {"a": 1})
    there = Event("1", "s", "customer.rated", datetime(2026, 5, 1, 4, tzinfo=UTC), {"a": 1})
    assert here.body_digest() == there.body_digest()


def test_times_in_data_are_written_as_text() -> None:
    event = Event("1", "s", "agent.state_changed", NOW, {"changed_at": NOW, "days": (NOW.date(),)})
    assert event.to_cloudevent()["data"] == {"changed_at": "2026-05-01T12:00:00Z", "days": ["2026-05-01"]}


def test_a_row_holds_the_events_own_columns_and_the_common_ones() -> None:
    row = dataset_row(Event.from_cloudevent({**GOOD, "knownat": "2026-05-02T00:00:00Z", "backfilled": True}))
    assert row["score"] == 5
    assert row["event_id"] == "1"
    assert row["known_at"] == datetime(2026, 5, 2, tzinfo=UTC)
    assert row["happened_at"] < row["known_at"]
    assert (row["backfilled"], row["simulated"], row["timeless"]) == (True, False, False)


def test_a_row_without_known_at_was_known_when_it_happened() -> None:
    row = dataset_row(Event.from_cloudevent(GOOD))
    assert row["known_at"] == row["happened_at"]


@pytest.mark.parametrize("change", [{"type": "watch.decided"}, {"data": {"source": "forged"}}], ids=str)
def test_a_row_is_not_made_of_what_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        dataset_row(Event.from_cloudevent({**GOOD, **change}))


def test_every_dataset_has_an_event_and_every_event_a_dataset() -> None:
    assert set(DATASET_OF.values()) == set(datasets())


@pytest.mark.parametrize(
    ("dataset", "row", "expected"),
    [
        ("ratings", {}, "customer.rated"),
        ("decisions", {"revision": 0}, "decision.made"),
        ("decisions", {"revision": 1, "followed": True}, "decision.followed"),
        ("decisions", {"revision": 1, "followed": False}, "decision.overridden"),
    ],
)
def test_a_row_knows_the_event_that_says_it(dataset: str, row: dict[str, Any], expected: str) -> None:
    assert type_of(dataset, row) == expected


def test_no_event_says_a_row_of_an_unknown_dataset() -> None:
    with pytest.raises(UnknownDataset, match="ratings"):
        type_of("complaints", {})


def test_canonical_json_sorts_and_keeps_chinese() -> None:
    assert events.canonical_json({"b": 1, "a": "密码"}) == '{"a":"密码","b":1}'
