"""The bank's call log: what became of each call, who served it, and which rows contradict themselves."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from centre.archive import Archive
from centre.clock import FixedClock
from centre.compaction import compact
from centre.intake import Intake
from centre.intake.anonymous_bank_call import COLUMNS
from centre.log import MemoryLog
from data_contracts.events import Event
from tests.centre.intake.files import NOW, read, rules, written

SERVED = "AA0101 34541 64852437 2 PS 990201 8:29:06 8:29:12 6 8:29:12 8:30:20 68 AGENT 8:30:19 8:35:13 294 KAZAV"
AT_ONCE = "AA0101 34536 0 0 PS 990201 7:02:47 7:02:56 9 0:00:00 0:00:00 0 AGENT 7:02:55 7:05:41 166 DORIT"
GAVE_UP = "AA0101 34539 23317894 2 NE 990201 8:09:16 8:09:22 6 8:09:22 8:09:27 5 HANG 0:00:00 0:00:00 0 NO_SERVER"
IN_THE_MENU = "AA0101 34585 0 0 PE 990201 17:16:03 17:17:16 73 0:00:00 0:00:00 0 HANG 0:00:00 0:00:00 0 NO_SERVER"
PHANTOM = (
    "AA0101 35131 54154224 2 PS 990209 20:56:10 20:56:15 5 20:56:15 20:57:42 87 PHANTOM 20:57:42 20:57:53 11 NO_SERVER"
)
OVER_MIDNIGHT = "AA0102 31056 15696776 2 PS 990215 23:59:54 23:59:54 0 0:00:00 0:00:27 27 AGENT 0:00:26 0:01:33 67 AVNI"
NO_SERVICE = "AA0101 34648 24442634 2 PS 990202 13:44:47 13:44:53 6 13:44:53 13:45:06 13 AGENT 0:00:00 0:00:00 0 YIFAT"
NOBODY = "AA0101 34885 0 0 NW 990205 12:23:05 12:23:16 11 0:00:00 0:00:00 0 AGENT 12:23:17 12:24:38 81 NO_SERVER"


def taken(tmp_path: Path, *rows: str, time_zone: str | None = None) -> tuple[list[Event], Intake]:
    """The events of a file with these rows, given with spaces for tabs."""
    content = "\n".join(["\t".join(COLUMNS), *("\t".join(row.split(" ")) for row in rows)])
    return read("anonymous-bank", written(tmp_path, content + "\n", name="calls.tsv"), time_zone=time_zone)


def rows_of(events: list[Event], kind: str) -> list[dict[str, Any]]:
    """The rows that events of a kind carry."""
    return [event.data for event in events if event.type == kind]


def local(day: int, hour: int, minute: int, second: int) -> datetime:
    """A moment of February 1999 in Israel: two hours before UTC, as no summer time was kept."""
    return datetime(1999, 2, day, hour, minute, second, tzinfo=UTC) - timedelta(hours=2)


def test_a_served_call_is_a_contact_with_a_menu_leg_and_an_agents_leg(tmp_path: Path) -> None:
    events, intake = taken(tmp_path, SERVED)

    contact = rows_of(events, "contact.ended")[0]
    menu, leg = rows_of(events, "segment.ended")
    assert contact == {
        "contact_id": "AA0101-34541-990201",
        "revision": 0,
        "channel": "voice",
        "direction": "inbound",
        "queue": "regular",
        "topic": "PS",
        "priority": 2,
        "started_at": local(1, 8, 29, 6),
        "ended_at": local(1, 8, 35, 13),
        "outcome": "answered",
        "reopened": False,
        "customer_id": "64852437",
    }
    assert (menu["kind"], menu["outcome"], menu["ended_at"]) == ("ivr", "completed", local(1, 8, 29, 12))
    assert leg == {
        "segment_id": "AA0101-34541-990201-1",
        "contact_id": "AA0101-34541-990201",
        "sequence": 1,
        "kind": "agent",
        "queue": "regular",
        "agent_id": "KAZAV",
        "queued_at": local(1, 8, 29, 12),
        "offered_at": local(1, 8, 30, 19),
        "answered_at": local(1, 8, 30, 19),
        "ended_at": local(1, 8, 35, 13),
        "wait_s": 68.0,
        "talk_s": 294.0,
        "handle_s": 294.0,
        "outcome": "answered",
    }
    assert intake.period == (local(1, 8, 29, 6), local(1, 8, 35, 13))
    assert {event.known_at for event in events} == {local(1, 8, 35, 13)}


def test_a_call_answered_without_a_queue_waited_no_time(tmp_path: Path) -> None:
    leg = rows_of(taken(tmp_path, AT_ONCE)[0], "segment.ended")[1]

    assert (leg["wait_s"], leg["answered_at"], leg["outcome"]) == (0.0, local(1, 7, 2, 55), "answered")
    assert leg["queued_at"] <= leg["answered_at"]


def test_who_gives_up_in_the_queue_abandons_it_and_has_no_agent(tmp_path: Path) -> None:
    events, _ = taken(tmp_path, GAVE_UP)
    contact, leg = rows_of(events, "contact.ended")[0], rows_of(events, "segment.ended")[1]

    assert (contact["outcome"], contact["queue"]) == ("abandoned", "stock_exchange")
    assert (leg["kind"], leg["outcome"], leg["wait_s"]) == ("queue", "abandoned", 5.0)
    assert not {"agent_id", "answered_at", "handle_s", "talk_s"} & set(leg)
    assert rows_of(events, "agent.changed") == []


def test_who_hangs_up_in_the_menu_was_never_in_a_queue(tmp_path: Path) -> None:
    events, _ = taken(tmp_path, IN_THE_MENU)

    legs = rows_of(events, "segment.ended")
    assert [(leg["kind"], leg["outcome"]) for leg in legs] == [("ivr", "abandoned")]
    assert (rows_of(events, "contact.ended")[0]["outcome"], rows_of(events, "contact.ended")[0]["language"]) == (
        "abandoned",
        "en",
    )


def test_a_phantom_is_neither_answered_nor_abandoned(tmp_path: Path) -> None:
    events, _ = taken(tmp_path, PHANTOM)

    assert rows_of(events, "contact.ended")[0]["outcome"] == "phantom"
    leg = rows_of(events, "segment.ended")[1]
    assert (leg["outcome"], leg["wait_s"], leg["talk_s"]) == ("phantom", 87.0, 11.0)
    assert not {"agent_id", "answered_at", "handle_s"} & set(leg)


def test_times_after_midnight_are_on_the_next_day(tmp_path: Path) -> None:
    events, intake = taken(tmp_path, OVER_MIDNIGHT)
    leg = rows_of(events, "segment.ended")[1]

    assert intake.faults == ()
    assert (leg["queued_at"], leg["answered_at"]) == (local(16, 0, 0, 0), local(16, 0, 0, 26))
    assert rows_of(events, "contact.ended")[0]["ended_at"] == local(16, 0, 1, 33)


def test_an_answer_without_service_times_keeps_its_agent_and_has_no_talk(tmp_path: Path) -> None:
    leg = rows_of(taken(tmp_path, NO_SERVICE)[0], "segment.ended")[1]

    assert (leg["agent_id"], leg["outcome"], leg["answered_at"]) == ("YIFAT", "answered", local(2, 13, 45, 6))
    assert not {"talk_s", "handle_s"} & set(leg)


def test_customer_0_and_no_server_are_nobody(tmp_path: Path) -> None:
    events, _ = taken(tmp_path, NOBODY)

    assert "customer_id" not in rows_of(events, "contact.ended")[0]
    assert "agent_id" not in rows_of(events, "segment.ended")[1]
    assert rows_of(events, "customer.registered") == rows_of(events, "agent.changed") == []


def test_agents_have_the_queues_that_they_served_known_when_the_file_ends(tmp_path: Path) -> None:
    events, _ = taken(tmp_path, SERVED, SERVED.replace("34541", "1").replace(" PS ", " PE "), AT_ONCE, PHANTOM)

    agents = {row["agent_id"]: row for row in rows_of(events, "agent.changed")}
    assert agents["KAZAV"]["skills"] == ["regular", "regular_english"]
    assert agents["KAZAV"]["languages"] == ["en"]
    assert (agents["DORIT"]["skills"], agents["DORIT"]["languages"]) == (["regular"], [])
    assert {event.known_at for event in events if event.type == "agent.changed"} == {local(9, 20, 57, 53)}


def test_the_zone_is_israels_unless_another_is_named(tmp_path: Path) -> None:
    in_rome, _ = taken(tmp_path, SERVED, time_zone="Europe/Rome")

    expected = datetime(1999, 2, 1, 8, 29, 6, tzinfo=ZoneInfo("Europe/Rome"))
    assert rows_of(in_rome, "contact.ended")[0]["started_at"] == expected


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        (SERVED.replace("8:29:12 6 ", "8:28:12 -54 "), "vru_exit.not_before_start"),
        (SERVED.replace(" 68 ", " 70 "), "q_time.agrees"),
        (SERVED.replace(" 294 ", " soon "), "ser_time.type"),
        (SERVED.replace(" PS ", " XX "), "type.one_of"),
        (SERVED.replace("AGENT", "ROBOT"), "outcome.one_of"),
        (SERVED.replace(" 2 PS", " high PS"), "priority.type"),
        (SERVED.replace("990201", "990231"), "date.type"),
        (SERVED.replace("990201", "19990201"), "date.type"),
        (SERVED.replace("8:29:06", "25:29:06"), "vru_entry.range"),
        (SERVED.replace("8:29:06", "8:29"), "vru_entry.type"),
        (SERVED.replace("KAZAV", ""), "server.not_empty"),
        (SERVED.replace(" KAZAV", ""), "fields"),
        (SERVED.replace("990201", "990402").replace("8:29:06 8:29:12 6", "2:29:06 2:29:12 6"), "vru_entry.existed"),
    ],
)
def test_a_row_that_cannot_be_right_is_a_fault_with_its_line_and_its_neighbours_are_taken(
    changed: str, rule: str, tmp_path: Path
) -> None:
    events, intake = taken(tmp_path, AT_ONCE, changed, GAVE_UP)

    assert rules(intake) == [("line 3", rule)]
    assert len(rows_of(events, "contact.ended")) == 2


def test_the_same_file_again_is_repeated_whole_and_a_later_one_adds_to_it(tmp_path: Path) -> None:
    log, archive = MemoryLog(), Archive(tmp_path / "archive")

    def take(*rows: str) -> tuple[int, int, int, int]:
        appended = log.append(taken(tmp_path, *rows)[0], received_at=NOW)
        done = compact(log, archive, clock=FixedClock(NOW), quarantine=tmp_path / "quarantine")
        return appended.taken, appended.repeated, done.taken, done.quarantined

    first = take(SERVED, AT_ONCE, GAVE_UP)
    again = take(SERVED, AT_ONCE, GAVE_UP)
    later = take(SERVED.replace("990201", "990222"), OVER_MIDNIGHT.replace("990215", "990223"))

    assert first == (2 + 2 + 9, 0, 13, 0)
    assert again == (0, 13, 0, 0)
    assert later == (2 + 2 + 6, 0, 9, 0)  # one customer calls again, and is the same row
    assert archive.keys("agents") == {"KAZAV", "DORIT", "AVNI"}


@pytest.mark.parametrize("lines", [2_500, pytest.param(25_891, marks=pytest.mark.slow)])
def test_every_call_of_february_is_taken_or_named(lines: int, real_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "calls.tsv"
    with (real_data / "calls" / "anonymous_bank" / "calls_1999-02-01_21.tsv").open(encoding="utf-8") as file:
        path.write_text("".join(itertools.islice(file, lines)))
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if int(row["vru_time"]) >= 0]

    events, intake = read("anonymous-bank", path)
    log, archive = MemoryLog(), Archive(tmp_path / "archive")
    log.append(events, received_at=NOW)
    done = compact(log, archive, clock=FixedClock(NOW), quarantine=tmp_path / "quarantine")

    assert len(rows) + len(intake.faults) == lines - 1
    assert len(intake.faults) == (23 if lines == 25_891 else 1)
    assert {rule for _, rule in rules(intake)} == {"vru_exit.not_before_start"}
    assert (done.taken, done.quarantined, done.parked, done.faults) == (len(events), 0, 0, ())
    contacts = archive.read("contacts")
    assert Counter(contacts["outcome"].to_pylist()) == {
        {"AGENT": "answered", "HANG": "abandoned", "PHANTOM": "phantom"}[name]: count
        for name, count in Counter(row["outcome"] for row in rows).items()
    }
    assert archive.keys("customers") == {row["customer_id"] for row in rows} - {"0"}
    assert archive.keys("agents") == {row["server"] for row in rows} - {"NO_SERVER"}
    legs = archive.read("segments")
    assert sum(legs["wait_s"].drop_null().to_pylist()) == sum(int(row["q_time"]) for row in rows)
    assert sum(legs["talk_s"].drop_null().to_pylist()) == sum(int(row["ser_time"]) for row in rows)
    served = [row for row in rows if row["server"] == "AVNI"]
    assert legs["agent_id"].to_pylist().count("AVNI") == len(served)
