"""Bad input and honesty at the command line: what was expected, what came, where; nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.desk import Desk

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def desk(new_desk: Callable[[str], Desk]) -> Desk:
    """One workspace for all of them: nothing of what they bring may stay in it."""
    return new_desk("bad-input")


def event(**changes: Any) -> dict[str, Any]:
    """A rating that would be taken in."""
    return {
        "specversion": "1.0", "id": "e-1", "source": "crm", "type": "customer.rated", "time": "2026-03-02T09:00:00Z",
        "data": {"rating_id": "r-1", "contact_id": "c-1", "score": 5}, **changes,
    }  # fmt: skip


def lines(*events: Any) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in events).encode()


UNREADABLE: dict[str, tuple[str, bytes, str]] = {
    "an empty file": ("events", b"", "empty"),
    "an empty table": ("intent-csv", b"text,label\n", "empty"),
    "a missing column": ("intent-csv", b"text,intent\nhello,greet\n", "label"),
    "bytes that are not UTF-8": ("intent-csv", b"text,label\nhello\xff,greet\n", "UTF-8"),
    "a quote that is never closed": ("intent-csv", b'text,label\n"hello,greet\n', "quote"),
    "a volume file of another shape": ("volume-csv", b"when,count\n2026-01-01,3\n", "interval_start"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_written(
    desk: Desk, tmp_path: Path, what: str
) -> None:
    form, content, word = UNREADABLE[what]
    path = tmp_path / "given"
    path.write_bytes(content)
    good = tmp_path / "good.csv"
    good.write_text("text,label\nwhere is my card,card\n")

    done = desk.parley("ingest", form, path, code=2)

    assert word in done.err
    assert str(path) in done.err
    assert desk.parley("status", "--json").told["events_in_log"] == 0


FAULTY: dict[str, bytes] = {
    "no JSON": b"{not json}\n",
    "another type": lines(event(type="customer.sneezed")),
    "no id": lines({name: value for name, value in event().items() if name != "id"}),
    "from the future": lines(event(time="2999-01-01T00:00:00Z")),
    "a score that is none": lines(event(data={"rating_id": "r-1", "contact_id": "c-1", "score": 11})),
    "a text of a megabyte": lines(
        event(data={"rating_id": "r-1", "contact_id": "c-1", "score": 5, "comment": "x" * 2**20})
    ),
}


def test_events_that_break_a_rule_are_quarantined_with_the_rule_and_the_rest_goes_in(
    desk: Desk, tmp_path: Path
) -> None:
    good = event(id="k-1", type="customer.registered", data={"customer_id": "k-1", "revision": 0, "language": "en"})
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"".join(FAULTY.values()) + lines(good, good))

    told = desk.parley("ingest", "events", path, "--json").told

    kept = [json.loads(line) for file in (desk.home / "quarantine").rglob("*.jsonl") for line in file.open()]
    assert told["taken"] == 1
    assert told["quarantined"] + told["parked"] == len(FAULTY)
    assert all(fault["rule"] and fault["message"] for row in kept for fault in row["faults"])
    assert told["files"][0]["repeated"] + told["repeated"] == 1


def test_the_same_file_again_is_all_repeats(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text,label\nwhere is my card,card\n我的卡在哪里,card\n", encoding="utf-8")

    first = desk.parley("ingest", "intent-csv", path, "--json").told
    again = desk.parley("ingest", "intent-csv", path, "--json").told

    assert first["files"][0]["taken"] > 0
    assert again["files"][0]["taken"] == 0
    assert again["files"][0]["repeated"] == first["files"][0]["taken"]
    assert again["taken"] == 0


def test_one_key_with_another_body_is_refused_and_nothing_of_the_file_is_taken(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "conflict.jsonl"
    one = event(id="x-1", type="customer.registered", data={"customer_id": "x-1", "revision": 0, "language": "en"})
    other = event(id="x-1", type="customer.registered", data={"customer_id": "x-1", "revision": 0, "language": "zh"})
    fresh = event(id="x-2", type="customer.registered", data={"customer_id": "x-2", "revision": 0, "language": "en"})
    path.write_bytes(lines(fresh, one, other))
    before = desk.parley("status", "--json").told["events_in_log"]

    done = desk.parley("ingest", "events", path, code=3)

    assert "x-1" in done.err
    assert desk.parley("status", "--json").told["events_in_log"] == before


def test_a_retraining_with_nothing_to_learn_from_says_so(desk: Desk) -> None:
    done = desk.parley("retrain", "forecast", "--reason", "a wish", "--no-request", "--json", code=None)

    assert done.code == 8
    assert "no demand" in done.err + done.out


def test_an_unknown_parameter_names_the_known_ones_and_leaves_no_run(desk: Desk) -> None:
    before = desk.parley("runs", "list", "--json").told["runs"]

    done = desk.parley("retrain", "intent", "--reason", "a typo", "--no-request", "--set", "intent.max_row=3", code=2)

    assert "max_rows" in done.err
    assert desk.parley("runs", "list", "--json").told["runs"] == before


def test_nobody_asks_or_decides_without_being_signed_in(desk: Desk) -> None:
    desk.parley("retrain", "intent", "--reason", "no token", code=4)
    desk.parley("review", "approve", "intent-1-00000000", person="ada", code=4)
    desk.parley("rollback", "intent", "--reason", "no token", code=4)
