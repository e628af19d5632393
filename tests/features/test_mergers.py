"""Queues that become one: their past is counted under the new name from the day on, and not before it is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.arrow import table
from features import demand, mergers, mix
from features.params import ForecastDataParams
from tests.features.centre import START, common, tiny_centre

PARAMS = ForecastDataParams()


def merger(day: int, queues: list[str], into: str, **others: Any) -> dict[str, Any]:
    at = START + timedelta(days=day)
    told = {"calendar_event_id": f"m{day}", "revision": 0, "kind": "merger", "name": "merger", "starts_at": at,
            "ends_at": at + timedelta(days=1), "queues": queues, "into": into, "cancelled": False}  # fmt: skip
    return told | common(START) | others


def events(*rows: dict[str, Any]) -> pa.Table:
    return table("calendar_events", list(rows))


def volumes(days: int, **counts: float) -> dict[str, pa.Table]:
    """Two half hours a day of each queue."""
    rows = [
        {"queue": queue, "interval_start": START + timedelta(days=day, hours=hour), "interval_s": 1800,
         "offered_count": count, "handled_count": count, "handle_mean_s": 100.0 * count}
        | common(START + timedelta(days=day, hours=hour), START + timedelta(days=day, hours=hour + 1))
        for queue, count in counts.items() for day in range(days) for hour in (9, 10)
    ]  # fmt: skip
    return {"volumes": table("volumes", rows)}


def counted(tables: dict[str, pa.Table], day: int, **others: Any) -> dict[str, float]:
    """Contacts of each queue as known on that day."""
    found: dict[str, float] = {}
    for row in demand.intervals(tables, params=PARAMS, as_of=START + timedelta(days=day), **others).to_pylist():
        found[row["queue"]] = found.get(row["queue"], 0.0) + row["offered_count"]
    return found


def test_from_its_day_on_a_queue_s_past_counts_to_the_one_it_became() -> None:
    tables = volumes(10, cards=2.0, payments=3.0, loans=7.0) | {
        "calendar_events": events(merger(5, ["cards"], "payments"))
    }
    assert counted(tables, 5 - 1) == {"cards": 16.0, "payments": 24.0, "loans": 56.0}
    assert counted(tables, 9) == {"payments": 90.0, "loans": 126.0}
    assert counted(tables, 4, merged_until=START + timedelta(days=5)) == {"payments": 40.0, "loans": 56.0}


def test_handle_times_are_weighted_by_contacts() -> None:
    tables = volumes(3, cards=2.0, payments=3.0) | {"calendar_events": events(merger(1, ["cards"], "payments"))}
    told = demand.intervals(tables, params=PARAMS, as_of=START + timedelta(days=3)).to_pylist()
    assert {row["handle_s"] for row in told} == {(2 * 200.0 + 3 * 300.0) / 5}
    assert {row["handled_count"] for row in told} == {5.0}


def test_two_queues_may_become_a_third_and_mergers_may_follow_each_other() -> None:
    tables = volumes(10, a=1.0, b=2.0, c=4.0) | {
        "calendar_events": events(merger(2, ["a", "b"], "ab"), merger(4, ["ab", "c"], "all"))
    }
    assert counted(tables, 3) == {"ab": 18.0, "c": 24.0}
    assert counted(tables, 5) == {"all": 70.0}


def test_what_is_not_known_yet_or_was_cancelled_merges_nothing() -> None:
    late = merger(2, ["cards"], "payments", known_at=START + timedelta(days=6))
    off = merger(2, ["cards"], "payments", revision=1, cancelled=True, known_at=START + timedelta(days=4))
    known_late = volumes(10, cards=2.0, payments=3.0) | {"calendar_events": events(late)}
    cancelled = volumes(10, cards=2.0, payments=3.0) | {
        "calendar_events": events(merger(2, ["cards"], "payments"), off)
    }
    assert (len(counted(known_late, 5)), len(counted(known_late, 7))) == (2, 1)
    assert (len(counted(cancelled, 3)), len(counted(cancelled, 5))) == (1, 2)


def test_a_contact_that_went_through_both_queues_is_counted_once() -> None:
    tables = tiny_centre(days=14)
    before = counted(tables, 40)
    after = counted(tables | {"calendar_events": events(merger(20, ["q1", "q2"], "q"))}, 40)
    both = len({row["contact_id"] for row in tables["segments"].to_pylist()} | {
        row["contact_id"] for row in tables["contacts"].to_pylist()})  # fmt: skip
    assert after == {"q": float(both)}
    assert sum(before.values()) >= both


def test_parts_are_told_of_what_queues_became() -> None:
    tables = tiny_centre(days=28) | {"calendar_events": events(merger(20, ["q1", "q2"], "q"))}
    told = mix.of(tables, params=PARAMS, as_of=START + timedelta(days=30))
    assert set(told["queue"].to_pylist()) == {"q"}


@pytest.mark.parametrize(("after", "before", "days"), [(0, 9, [2, 5]), (2, 9, [5]), (2, 5, [])])
def test_mergers_to_come_are_those_that_begin_within_the_period(after: int, before: int, days: list[int]) -> None:
    told = events(merger(2, ["a"], "b"), merger(5, ["c"], "b"))
    moments: list[datetime] = mergers.beginning(
        told, after=START + timedelta(days=after), before=START + timedelta(days=before)
    )
    assert moments == [START + timedelta(days=day) for day in days]
