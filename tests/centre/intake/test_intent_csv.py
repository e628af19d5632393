"""Texts with labels: contact, utterance and verdict for each, timeless and the same on every ingestion."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from centre.archive import Archive
from centre.clock import FixedClock
from centre.compaction import compact
from centre.log import MemoryLog
from tests.centre.intake.files import NOW, read, rules, written


def test_a_row_becomes_a_contact_its_words_and_a_verdict_and_its_label_an_intent(tmp_path: Path) -> None:
    events, intake = read("intent-csv", written(tmp_path, "text,label\nI lost my card,lost_card\n"))

    assert [event.type for event in events] == [
        "intent.defined",
        "contact.ended",
        "utterance.spoken",
        "verdict.given",
    ]
    intent, contact, words, verdict = (event.data for event in events)
    assert (intent["intent_id"], intent["name_en"]) == ("lost_card", "lost card")
    assert words["contact_id"] == contact["contact_id"] == verdict["contact_id"]
    assert (words["text"], words["turn"], words["speaker"]) == ("I lost my card", 0, "customer")
    assert (verdict["verdict"], verdict["instead"], verdict["prompted"]) == ("labelled", "lost_card", False)
    assert all(event.data["timeless"] and event.backfilled for event in events)
    assert (
        {event.time for event in events} == {event.known_at for event in events} == {datetime(1970, 1, 1, tzinfo=UTC)}
    )
    assert "timeless" in intake.known_at_rule


def test_a_label_in_chinese_is_the_intents_chinese_name(tmp_path: Path) -> None:
    events, _ = read("intent-csv", written(tmp_path, "text,label\n我的卡丢了,挂失\n"))

    assert (events[0].data["intent_id"], events[0].data["name_zh"]) == ("挂失", "挂失")


def test_labels_are_defined_once_and_equal_rows_are_equal_events(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\na,x\nb,x\n a ,x\na,y\n")
    events, _ = read("intent-csv", path)
    log = MemoryLog()

    appended = log.append(events, received_at=NOW)

    assert Counter(event.type for event in events)["intent.defined"] == 2
    assert (appended.taken, appended.repeated) == (2 + 3 * 3, 3)


def test_the_same_file_again_a_month_later_is_repeated_whole(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\na,x\nb,y\n")
    log = MemoryLog()
    log.append(read("intent-csv", path)[0], received_at=NOW)

    later = NOW + timedelta(days=30)
    again = log.append(read("intent-csv", path, now=later)[0], received_at=later)

    assert (again.taken, again.repeated) == (0, 8)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (",x", "text.not_blank"),
        ("  \t ,x", "text.not_blank"),
        ("a,", "label.not_blank"),
        ("a, ", "label.not_blank"),
        ("a" * 4001 + ",x", "text.length"),
        ("a" * 1_000_000 + ",x", "text.length"),
        ("a," + "x" * 129, "label.length"),
    ],
    ids=["no text", "blank text", "no label", "blank label", "long text", "1 MB", "long label"],
)
def test_a_row_that_cannot_be_taken_is_a_fault_with_its_line_and_the_others_are_taken(
    row: str, rule: str, tmp_path: Path
) -> None:
    events, intake = read("intent-csv", written(tmp_path, f"text,label\nb,y\n{row}\nc,y\n"))

    assert rules(intake) == [("line 3", rule)]
    assert len(intake.faults[0].value) <= 120
    assert [event.data["text"] for event in events if event.type == "utterance.spoken"] == ["b", "c"]


def test_a_text_of_the_longest_length_is_taken_and_passes_the_contract(tmp_path: Path) -> None:
    path = written(tmp_path, f"text,label\n{'卡' * 4000},{'x' * 128}\n")
    log, archive = MemoryLog(), Archive(tmp_path / "archive")
    log.append(read("intent-csv", path)[0], received_at=NOW)

    done = compact(log, archive, clock=FixedClock(NOW), quarantine=tmp_path / "quarantine")

    assert (done.taken, done.quarantined) == (4, 0)


@pytest.mark.parametrize("name", ["train_5.csv", pytest.param("train.csv", marks=pytest.mark.slow)])
def test_the_banks_questions_are_taken_to_the_last_row(name: str, real_data: Path, tmp_path: Path) -> None:
    path = real_data / "intent" / "banking77" / name
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    distinct = {(row["text"].strip(), row["label"]) for row in rows}

    events, intake = read("intent-csv", path)
    log, archive = MemoryLog(), Archive(tmp_path / "archive")
    appended = log.append(events, received_at=NOW)
    done = compact(log, archive, clock=FixedClock(NOW), quarantine=tmp_path / "quarantine")

    assert intake.faults == ()
    assert len(events) == 77 + 3 * len(rows)
    assert appended.repeated == 3 * (len(rows) - len(distinct))
    assert (done.taken, done.quarantined, done.parked) == (77 + 3 * len(distinct), 0, 0)
    assert Counter(archive.read("utterances")["text"].to_pylist()) == Counter(text for text, _ in distinct)


def test_chinese_utterances_are_taken_and_texts_outside_every_intent_are_faults(real_data: Path) -> None:
    chinese, _ = read("intent-csv", real_data / "intent" / "smp2017_zh" / "train.csv")
    outside, intake = read("intent-csv", real_data / "intent" / "clinc150" / "oos_valid.csv")

    assert sum(event.type == "utterance.spoken" for event in chinese) == 2_146
    assert outside == []
    assert {rule for _, rule in rules(intake)} == {"label.not_blank"}
    assert len(intake.faults) == 200
