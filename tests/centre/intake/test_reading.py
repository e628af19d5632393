"""What every format refuses before anything is written: no text, no rows, a column missing, a quote left open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from centre.intake import FORMATS, reading
from centre.intake.reading import Found
from data_contracts.errors import InputError, MissingColumn, NotFound, NotText, StateConflict, TooLarge
from tests.centre.intake.files import NOW, read, written
from tests.centre.rows import contact

HEADERS = {
    "events": "",
    "intent-csv": "text,label\n",
    "volume-csv": "interval_start,queue,offered_count\n",
    "anonymous-bank": "vru+line\tcall_id\tcustomer_id\tpriority\ttype\tdate\tvru_entry\tvru_exit\tvru_time\tq_start\t"
    "q_exit\tq_time\toutcome\tser_start\tser_exit\tser_time\tserver\n",
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_not_there_is_not_found(form: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.csv"):
        read(form, tmp_path / "nowhere.csv")


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n"], ids=["no bytes", "only a mark", "only line ends"])
@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_file_is_refused(form: str, content: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        read(form, written(tmp_path, content))


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "events"])
def test_a_header_without_rows_is_refused(form: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read(form, written(tmp_path, HEADERS[form]))


@pytest.mark.parametrize("form", FORMATS)
def test_bytes_that_are_not_utf_8_are_refused_with_their_place(form: str, tmp_path: Path) -> None:
    head = HEADERS[form].encode() + b"caf"

    with pytest.raises(NotText, match=f"byte 0xe9 at byte {len(head)},") as refused:
        read(form, written(tmp_path, head + "é".encode("latin-1") + b",x\n"))

    assert "file.csv" in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "gbk"])
def test_other_encodings_of_chinese_are_refused(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(NotText, match="UTF-8"):
        read("intent-csv", written(tmp_path, "text,label\n我的卡丢失,card\n".encode(encoding)))


def test_a_character_cut_off_at_the_end_is_not_text_and_one_across_two_chunks_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_CHUNK", 4)
    whole = "text,label\n我的卡🙂在哪里,card\n".encode()

    assert len(read("intent-csv", written(tmp_path, whole))[0]) == 4
    with pytest.raises(NotText, match=f"at byte {len(whole)},"):
        read("intent-csv", written(tmp_path, whole + "卡".encode()[:2]))


def test_the_offset_of_a_wrong_byte_is_right_whatever_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = "text,label\n我的卡在哪里,".encode()
    path = written(tmp_path, head + b"\xff\n")
    for size in range(1, 12):
        monkeypatch.setattr(reading, "_CHUNK", size)
        with pytest.raises(NotText, match=f"at byte {len(head)},"):
            read("intent-csv", path)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "events"])
def test_a_missing_column_is_named_beside_those_that_came(form: str, tmp_path: Path) -> None:
    separator = "\t" if form == "anonymous-bank" else ","
    names = HEADERS[form].strip().split(separator)

    with pytest.raises(MissingColumn) as refused:
        read(form, written(tmp_path, separator.join(names[1:]) + "\n" + separator.join(names[1:]) + "\n"))

    assert f"missing: {names[0]}" in str(refused.value)
    assert refused.value.came == ", ".join(names[1:])


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="twice"):
        read("intent-csv", written(tmp_path, "text,label,text\na,b,c\n"))


def test_a_column_that_is_not_taken_is_remarked_on(tmp_path: Path) -> None:
    events, intake = read("intent-csv", written(tmp_path, "id, text ,label\n1,hello,greeting\n"))

    assert len(events) == 4
    assert intake.notes == ("the column 'id' is not taken",)


def test_a_row_with_too_few_or_too_many_fields_is_a_fault_with_its_line(tmp_path: Path) -> None:
    events, intake = read("intent-csv", written(tmp_path, "text,label\na\nb,x\nc,x,y\n\nd,x\n"))

    assert [(fault.row_id, fault.rule) for fault in intake.faults] == [("line 2", "fields"), ("line 4", "fields")]
    assert len(events) == 1 + 2 * 3
    assert intake.faults[1].row == {"fields": ["c", "x", "y"]}


def test_lines_are_counted_where_a_row_begins_though_texts_have_line_ends_in_them(tmp_path: Path) -> None:
    content = 'text,label\r\n"one\r\ntwo\nthree",x\r\n,x\r\n"four\n",\r\n'

    events, intake = read("intent-csv", written(tmp_path, content))

    assert [fault.row_id for fault in intake.faults] == ["line 5", "line 6"]
    assert events[2].data["text"] == "one\r\ntwo\nthree"


def test_a_quote_that_is_never_closed_is_refused_with_the_line_on_which_its_row_begins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="begins on line 3"):
        read("intent-csv", written(tmp_path, 'text,label\na,x\n"b,x\nc,x\n'))


def test_a_record_larger_than_memory_should_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import csv

    monkeypatch.setattr(reading, "LONGEST_RECORD_BYTES", 200_000)
    before = csv.field_size_limit(1000)
    try:
        with pytest.raises(TooLarge, match="line 2"):
            read("intent-csv", written(tmp_path, "text,label\n" + "a" * 300_000 + ",x\n"))
    finally:
        csv.field_size_limit(before)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    events, _ = read("intent-csv", written(tmp_path, "\ufefftext,label\nhello,greeting\n"))

    assert events[-1].data["instead"] == "greeting"


@pytest.mark.parametrize("most_held", [100_000, 1])
def test_events_are_the_same_whether_they_are_held_or_read_again(
    most_held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "text,label\na,x\nb,y\n,z\n")
    expected, _ = read("intent-csv", path)
    monkeypatch.setattr(reading, "MOST_HELD", most_held)

    events, intake = read("intent-csv", path)

    assert events == expected
    assert len(intake.faults) == 1


def test_a_file_that_changes_under_the_reader_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_HELD", 0)
    path = written(tmp_path, "text,label\na,x\n")
    intake = FORMATS["intent-csv"](path, source="s", time_zone=None, clock_now=NOW)
    written(tmp_path, "text,label\na,x\nb,y\n")

    with pytest.raises(StateConflict, match="changed"):
        list(intake.events)


def test_a_period_spans_all_events_and_not_the_faults(tmp_path: Path) -> None:
    path = written(tmp_path, "x")

    def find() -> Iterator[Found]:
        yield contact(5)
        yield contact(1)
        yield reading.fault("contacts", 3, rule="r", column="c", value=1, message="m", row={})

    intake = reading.taken(path, find, known_at_rule="as told", clock_now=NOW)

    assert intake.period == (contact(1).time, contact(5).time)
    assert len(intake.faults) == 1


def test_an_event_from_the_future_is_a_fault_and_five_minutes_of_skew_are_none(tmp_path: Path) -> None:
    path = written(tmp_path, "x")
    late = contact(1, known_at=NOW + reading.SKEW)
    later = contact(2, known_at=NOW + reading.SKEW * 2)

    intake = reading.taken(path, lambda: iter([late, later]), known_at_rule="as told", clock_now=NOW)

    assert list(intake.events) == [late]
    assert [(fault.row_id, fault.rule) for fault in intake.faults] == [("contact-2", "not_future")]
