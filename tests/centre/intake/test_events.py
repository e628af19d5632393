"""JSON Lines of CloudEvents: each line an event or a fault that says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from centre.intake.events import LONGEST_EVENT_BYTES
from tests.centre.intake.files import read, rules, written
from tests.centre.rows import AT, contact, rating, utterance


def line(**changes: Any) -> str:
    """An event as its line, with some attributes changed."""
    return json.dumps(contact(1).to_cloudevent() | changes, ensure_ascii=False)


def test_events_come_as_they_are_written(tmp_path: Path) -> None:
    sent = [contact(1), utterance(1), rating(2)]
    lines = "\n\n".join(json.dumps(event.to_cloudevent(), ensure_ascii=False) for event in sent)

    events, intake = read("events", written(tmp_path, "\ufeff" + lines + "\r\n"))

    assert events == sent
    assert intake.faults == ()
    assert intake.period == (contact(1).time, rating(2).time)
    assert "receipt" in intake.known_at_rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Expecting property name"),
        ("null", "JSON object"),
        ("[]", "JSON object"),
        (line(specversion="0.3"), "CloudEvents 1.0"),
        (line(type="contact.exploded"), "contact.exploded"),
        (line(time="yesterday"), "time"),
        (line(time="2026-05-01T09:00:00"), "offset"),
        (line(id=""), "id"),
        (line(data=None), "data"),
        (line(colour="red"), "colour"),
        ('{"id": NaN}', "NaN"),
        ("[" * 100_0 + "]" * 100_0, ""),
        (line(data={"text": "\ud83d"}).encode("utf-8", "backslashreplace").decode(), ""),
    ],
)
def test_a_line_that_is_no_event_is_a_fault_that_says_why_and_the_others_are_taken(
    text: str, said: str, tmp_path: Path
) -> None:
    events, intake = read("events", written(tmp_path, f"{line()}\n{text}\n{line(id='other')}\n"))

    assert [event.id for event in events] == ["contact-1", "other"]
    assert [row for row, _ in rules(intake)] == ["line 2"]
    assert said in intake.faults[0].message
    assert "line 2" in intake.faults[0].message


def test_an_event_of_the_largest_size_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    room = LONGEST_EVENT_BYTES - len(line(data={"text": ""}).encode())
    fits, too_large = (line(data={"text": "a" * length}) for length in (room, room + 1))

    events, intake = read("events", written(tmp_path, f"{fits}\n{too_large}\n"))

    assert len(events) == 1
    assert rules(intake) == [("line 2", "too_large")]


def test_size_is_counted_in_bytes(tmp_path: Path) -> None:
    chinese = line(data={"text": "卡" * (LONGEST_EVENT_BYTES // 2)})

    _, intake = read("events", written(tmp_path, chinese + "\n"))

    assert rules(intake) == [("line 1", "too_large")]


def test_a_line_of_megabytes_is_one_fault_and_the_next_line_keeps_its_number(tmp_path: Path) -> None:
    huge = line(data={"text": "a" * 3_000_000})

    events, intake = read("events", written(tmp_path, f"{huge}\n{line()}\nnonsense\n"))

    assert len(events) == 1
    assert rules(intake) == [("line 1", "too_large"), ("line 3", "json")]
    assert len(intake.faults[0].row["text"]) < 2000


def test_a_line_end_written_within_a_text_does_not_end_the_event(tmp_path: Path) -> None:
    told = utterance(1, text="one\u2028two\x85three\nfour")

    events, intake = read("events", written(tmp_path, json.dumps(told.to_cloudevent(), ensure_ascii=False) + "\n"))

    assert events == [told]
    assert intake.faults == ()


def test_only_faults_are_an_intake_without_a_period(tmp_path: Path) -> None:
    events, intake = read("events", written(tmp_path, "nonsense\n"))

    assert (events, intake.period, len(intake.faults)) == ([], None, 1)


def test_an_event_from_next_year_is_a_fault(tmp_path: Path) -> None:
    events, intake = read("events", written(tmp_path, line() + "\n" + line(id="x", time="2027-05-01T00:00:00Z") + "\n"))

    assert [event.time for event in events] == [contact(1).time]
    assert rules(intake) == [("x", "not_future")]
    assert AT.year == 2026


def decision(decision_id: str) -> str:
    data = {"decision_id": decision_id, "revision": 0, "contact_id": "c-1", "eligible": '["a-1"]'}
    return line(id=decision_id, source="switch", type="decision.made", data=data)


def test_a_history_of_another_systems_decisions_is_taken_but_not_under_the_platforms_ids(tmp_path: Path) -> None:
    ours, theirs = f"decision-{'0a' * 16}", ["switch-7", f"decision-{'0a' * 15}", "decision-7"]
    lines = "\n".join(decision(name) for name in (ours, *theirs))

    events, intake = read("events", written(tmp_path, lines))

    assert [event.data["decision_id"] for event in events] == theirs
    assert [row for row, _ in rules(intake)] == ["line 1"]
    assert "decision_id is the platform's" in intake.faults[0].message
