"""What a queue is made of by channel and language: shares, as a naive twin counts them, drawn together where thin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from data_contracts.arrow import table
from features import mix
from features.params import ForecastDataParams
from tests.features.centre import START, common, tiny_centre, two_channels

AS_OF = START + timedelta(days=400)


def contacts(rows: list[tuple[datetime, str, str | None]], *, queue: str = "billing") -> dict[str, pa.Table]:
    """A table of contacts (start, channel, language) of one queue."""
    told: list[dict[str, Any]] = [
        {"contact_id": f"c{number}", "revision": 0, "conversation_id": f"c{number}", "channel": channel, "queue": queue,
         "direction": "inbound", "language": language, "started_at": at, "reopened": False} | common(at)
        for number, (at, channel, language) in enumerate(rows)
    ]  # fmt: skip
    return {"contacts": table("contacts", told)}


def told(tables: dict[str, pa.Table], **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = mix.of(tables, params=ForecastDataParams(**params), as_of=AS_OF).to_pylist()
    return rows


def test_the_parts_of_a_queue_make_all_of_it_in_every_hour() -> None:
    rows = told(tiny_centre(days=28))
    sums: dict[tuple[str, int], float] = {}
    for row in rows:
        sums[row["queue"], row["hour"]] = sums.get((row["queue"], row["hour"]), 0.0) + row["share"]
    assert {queue for queue, _ in sums} == {"q1", "q2"}
    assert len(sums) == 2 * 168
    assert all(one == pytest.approx(1.0) for one in sums.values())


def test_where_hours_differ_each_has_its_own_share_and_where_they_do_not_all_have_one() -> None:
    mornings = [(START + timedelta(days=day, hours=9, minutes=n), "voice", "en") for day in range(56) for n in range(9)]
    evenings = [
        (START + timedelta(days=day, hours=19, minutes=n), "email", "zh") for day in range(56) for n in range(9)
    ]
    split = {(row["channel"], row["hour"]): row["share"] for row in told(contacts(mornings + evenings))}
    assert split["voice", 9] > 0.85
    assert split["email", 19] > 0.85

    rng = np.random.default_rng(0)
    mixed = [
        (START + timedelta(days=day, hours=int(hour)), "voice" if rng.random() < 0.7 else "chat", "en")
        for day in range(56) for hour in rng.integers(8, 20, 20)
    ]  # fmt: skip
    voice = [row["share"] for row in told(contacts(mixed)) if row["channel"] == "voice"]
    assert max(voice) - min(voice) < 0.12  # a cell of 13 contacts alone would stray by 0.25
    assert np.mean(voice) == pytest.approx(0.7, abs=0.04)


def test_what_came_lately_counts_more_and_what_is_not_known_yet_not_at_all() -> None:
    early = [(START + timedelta(days=day, hours=10, minutes=n), "voice", "en") for day in range(100) for n in range(5)]
    late = [(at + timedelta(days=100), "chat", "en") for at, _, _ in early]
    rows = told(contacts(early + late))
    assert np.mean([row["share"] for row in rows if row["channel"] == "chat"]) > 0.6
    before = mix.of(contacts(early + late), params=ForecastDataParams(), as_of=START + timedelta(days=99))
    assert set(before["channel"].to_pylist()) == {"voice"}


def test_hours_are_those_of_the_local_week_and_an_untold_language_is_undetermined() -> None:
    monday = datetime(2026, 3, 2, 1, tzinfo=UTC)  # 09:00 in Shanghai
    rows = told(
        contacts(
            [(monday + timedelta(days=7 * week, minutes=n), "voice", None) for week in range(8) for n in range(20)]
            + [
                (monday + timedelta(days=7 * week, hours=4, minutes=n), "chat", "zh")
                for week in range(8)
                for n in range(20)
            ]
        ),
        time_zone="Asia/Shanghai",
    )
    assert {(row["channel"], row["language"]) for row in rows} == {("voice", "und"), ("chat", "zh")}
    at_nine = {row["channel"]: row["share"] for row in rows if row["hour"] == 9}
    assert at_nine["voice"] > 0.9


def test_counts_tell_of_a_queue_s_channel_at_most() -> None:
    volumes = table("volumes", [
        {"queue": queue, "interval_start": START, "interval_s": 1800, "channel": channel, "offered_count": 3.0}
        | common(START, START + timedelta(hours=1)) for queue, channel in (("mail", "email"), ("any", None))
    ])  # fmt: skip
    rows = told({"volumes": volumes})
    assert {(row["queue"], row["channel"], row["share"]) for row in rows} == {("mail", "email", 1.0)}
    merger = {"calendar_event_id": "m", "revision": 0, "kind": "merger", "name": "one desk", "starts_at": START,
              "ends_at": START + timedelta(days=1), "queues": ["mail"], "into": "desk"}  # fmt: skip
    merged = told({"volumes": volumes, "calendar_events": table("calendar_events", [merger | common(START)])})
    assert {row["queue"] for row in merged} == {"desk"}
    assert told({}) == []


def test_longer_handled_parts_say_so_and_few_contacts_say_little() -> None:
    tables = two_channels(tiny_centre(days=28))
    by_voice = {row["contact_id"] for row in tables["contacts"].to_pylist() if row["channel"] == "voice"}
    legs = [
        leg | {"handle_s": leg["handle_s"] * (3.0 if leg["contact_id"] in by_voice else 1.0)}
        for leg in tables["segments"].to_pylist()
    ]
    ratios = {row["channel"]: row["handle_ratio"] for row in told(tables | {"segments": table("segments", legs)})}
    assert ratios["voice"] > 1.3
    assert ratios["chat"] < 0.8

    few = told(tables | {"segments": table("segments", legs[:4])})
    assert max(row["handle_ratio"] for row in few) < 1.1


def test_a_channel_that_is_closed_at_night_has_no_share_then() -> None:
    day = [(START + timedelta(days=day, hours=hour, minutes=n), "voice" if n % 3 else "email", "en")
           for day in range(56) for hour in range(8, 20) for n in range(6)]  # fmt: skip
    night = [(START + timedelta(days=day, hours=3), "email", "en") for day in range(0, 56, 12)]
    split = {(row["channel"], row["hour"]): row["share"] for row in told(contacts(day + night))}
    assert split["email", 3] == 1.0
    assert split["voice", 3] == 0.0
    assert split["voice", 10] == pytest.approx(2 / 3, abs=0.05)


def test_a_call_that_was_late_once_opens_no_line_and_an_hour_without_contacts_is_like_that_hour_of_other_days() -> None:
    day = [(START + timedelta(days=day, hours=hour, minutes=n), "voice" if n % 3 else "email", "en")
           for day in range(56) for hour in range(8, 20) for n in range(6)]  # fmt: skip
    night = [(START + timedelta(days=day, hours=20), "email", "en") for day in range(56) if (START.weekday() + day) % 7]
    transferred = [(START + timedelta(days=1, hours=20, minutes=2), "voice", "en")]
    split = {(row["channel"], row["hour"]): row["share"] for row in told(contacts(day + night + transferred))}
    assert [split["voice", 24 * weekday + 20] for weekday in range(7)] == [0.0] * 7  # Mondays have no contact then
