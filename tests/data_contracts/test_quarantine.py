"""Refused rows wait whole, come back as new events, and come back once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_contracts import quarantine
from data_contracts.arrow import tabulate
from data_contracts.checking import check
from data_contracts.errors import InputError, IntegrityError, NotFound, RowRefused
from data_contracts.events import dataset_row
from data_contracts.faults import Fault
from tests.data_contracts.samples import NOW, good_row


def refused(dataset: str, *rows: dict[str, object]) -> list[Fault]:
    table, mistyped = tabulate(dataset, rows)
    return [*mistyped, *check(dataset, table, parents={}, as_of=NOW).quarantined]


def test_a_row_is_one_line_with_every_rule_and_value(tmp_path: Path) -> None:
    rows = good_row("ratings", score=9, comment="字" * 4001), good_row("ratings", rating_id="g2", score=0)
    path = quarantine.store(refused("ratings", *rows), folder=tmp_path / "q", batch="7")
    first, second = quarantine.read(path)
    assert [fault["rule"] for fault in first.faults] == ["score.between", "comment.length"]
    assert first.faults[0]["value"] == "9"
    assert (first.row_id, second.row_id) == ("g1", "g2")
    assert first.row["comment"] == "字" * 4001


def test_what_was_there_is_not_overwritten(tmp_path: Path) -> None:
    faults = refused("ratings", good_row("ratings", score=9))
    paths = [quarantine.store(faults, folder=tmp_path, batch="7") for _ in range(3)]
    assert [path.name for path in paths] == ["7.jsonl", "7.2.jsonl", "7.3.jsonl"]


def test_what_json_and_utf_8_cannot_hold_is_kept_as_far_as_it_can_be(tmp_path: Path) -> None:
    faults = refused("ratings", good_row("ratings", comment="\ud800", score=object()))
    path = quarantine.store(faults, folder=tmp_path, batch="7")
    assert quarantine.read(path)[0].row["comment"] == "\ud800"
    assert "object" in quarantine.read(path)[0].row["score"]


def test_a_killed_write_leaves_nothing_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        quarantine.store(refused("ratings", good_row("ratings", score=9)), folder=tmp_path, batch="7")
    assert quarantine.waiting(tmp_path) == {}


def test_a_mended_row_comes_back_as_a_new_event_that_passes(tmp_path: Path) -> None:
    path = quarantine.store(refused("ratings", good_row("ratings", score=9)), folder=tmp_path, batch="7")
    (event,) = quarantine.replay(path, {1: {"score": 4}}, as_of=NOW)
    assert event.id.startswith("e1/mended/")
    assert (event.type, event.source, event.known_at) == ("customer.rated", "test", None)
    table, faults = tabulate("ratings", [dataset_row(event)])
    assert faults == []
    assert check("ratings", table, parents={}, as_of=NOW).accepted["score"].to_pylist() == [4]


def test_mending_twice_is_one_event_and_mending_otherwise_is_another(tmp_path: Path) -> None:
    path = quarantine.store(refused("ratings", good_row("ratings", score=9)), folder=tmp_path, batch="7")
    once, twice, otherwise = (quarantine.replay(path, {1: {"score": score}}, as_of=NOW)[0] for score in (4, 4, 5))
    assert once == twice
    assert once.id != otherwise.id


def test_history_keeps_its_own_known_at_and_a_timeless_label_stays_timeless(tmp_path: Path) -> None:
    row = good_row("verdicts", weight=2.0, backfilled=True, timeless=True)
    path = quarantine.store(refused("verdicts", row), folder=tmp_path, batch="7")
    (event,) = quarantine.replay(path, {1: {"weight": 1.0}}, as_of=NOW)
    assert event.known_at == row["known_at"]
    assert dataset_row(event)["timeless"] is True


def test_a_row_of_the_wrong_type_can_be_mended_too(tmp_path: Path) -> None:
    row = good_row("segments", ended_at="yesterday", wait_s="3")
    path = quarantine.store(refused("segments", row), folder=tmp_path, batch="7")
    (event,) = quarantine.replay(path, {1: {"ended_at": NOW, "wait_s": None}}, as_of=NOW)
    assert "wait_s" not in event.data


def test_a_row_that_still_breaks_a_rule_is_refused_with_file_line_and_column(tmp_path: Path) -> None:
    path = quarantine.store(refused("ratings", good_row("ratings", score=9)), folder=tmp_path, batch="7")
    with pytest.raises(RowRefused, match=r"came 7, at 7\.jsonl, line 1, score"):
        quarantine.replay(path, {1: {"score": 7}}, as_of=NOW)


def test_a_line_that_the_file_does_not_have_is_refused(tmp_path: Path) -> None:
    path = quarantine.store(refused("ratings", good_row("ratings", score=9)), folder=tmp_path, batch="7")
    with pytest.raises(InputError, match="1 to 1"):
        quarantine.replay(path, {2: {}}, as_of=NOW)


def test_settled_rows_no_longer_wait_and_the_others_do(tmp_path: Path) -> None:
    rows = [good_row("ratings", rating_id=f"g{n}", score=9) for n in range(3)]
    path = quarantine.store(refused("ratings", *rows), folder=tmp_path, batch="7")
    quarantine.settle(path, [1])
    quarantine.settle(path, [1, 3])
    assert [found.row_id for found in quarantine.waiting(tmp_path)[path]] == ["g1"]
    quarantine.settle(path, [2])
    assert quarantine.waiting(tmp_path) == {}


def test_a_missing_file_and_a_spoilt_line_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"8\.jsonl"):
        quarantine.read(tmp_path / "8.jsonl")
    (tmp_path / "9.jsonl").write_text(json.dumps({"dataset": "ratings"}) + "\n", encoding="utf-8")
    with pytest.raises(IntegrityError, match="line 1"):
        quarantine.read(tmp_path / "9.jsonl")
