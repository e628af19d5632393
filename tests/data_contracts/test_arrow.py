"""Rows to tables: typed, normalised, nothing guessed and nothing lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.arrow import schema, table, tabulate
from data_contracts.contracts import contract, datasets
from data_contracts.errors import RowRefused
from data_contracts.reading import read_all
from data_contracts.values import reader
from tests.data_contracts.samples import NOW, good_row


@pytest.mark.parametrize("dataset", datasets())
def test_a_good_row_of_every_dataset_becomes_a_table_and_the_same_row_again(dataset: str) -> None:
    made, faults = tabulate(dataset, [good_row(dataset)])
    assert faults == []
    assert made.schema.equals(schema(dataset), check_metadata=True)
    assert made.to_pylist() == [good_row(dataset)]


def test_no_rows_make_an_empty_table_of_the_schema() -> None:
    made, faults = tabulate("contacts", [])
    assert (made.num_rows, faults) == (0, [])
    assert made.schema == schema("contacts")


SHANGHAI = timezone(timedelta(hours=8))

TYPED: list[tuple[str, str, Any, Any]] = [
    ("ratings", "score", 4.0, 4),
    ("segments", "wait_s", 3, 3.0),
    ("agents", "hired_on", "2021-02-03", date(2021, 2, 3)),
    ("agents", "languages", ("EN", " zh_CN "), ["en", "zh-cn"]),
    ("contacts", "language", "zh_Hans_CN", "zh-hans-cn"),
    ("contacts", "topic", "   ", None),
    ("contacts", "topic", "  card  ", "card"),
    ("customers", "name", "e\u0301", "é"),
    ("decisions", "eligible", ["a2", "a1"], '["a2","a1"]'),
    ("decisions", "scores", {"b": 1, "a": 0.5}, '{"a":0.5,"b":1}'),
    ("decisions", "idle_s", {"b": 12.5, "a": 0}, '{"a":0,"b":12.5}'),
    ("contacts", "started_at", "2026-05-01T10:00:00+08:00", datetime(2026, 5, 1, 2, tzinfo=UTC)),
    ("contacts", "started_at", datetime(2026, 5, 1, 10, tzinfo=SHANGHAI), datetime(2026, 5, 1, 2, tzinfo=UTC)),
    ("contacts", "started_at", "2026-05-01T10:00:00.123456Z", datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)),
]


@pytest.mark.parametrize(("dataset", "column", "came", "expected"), TYPED)
def test_a_value_is_typed_and_normalised(dataset: str, column: str, came: Any, expected: Any) -> None:
    made, faults = tabulate(dataset, [good_row(dataset, **{column: came})])
    assert faults == []
    assert made.to_pylist()[0][column] == expected


MISTYPED: list[tuple[str, str, Any]] = [
    ("contacts", "contact_id", 35436),
    ("contacts", "reopened", 1),
    ("contacts", "reopened", "true"),
    ("contacts", "priority", True),
    ("contacts", "priority", 2.5),
    ("contacts", "priority", 2**63),
    ("contacts", "started_at", "2026-05-01T10:00:00"),
    ("contacts", "started_at", datetime(2026, 5, 1)),  # noqa: DTZ001
    ("contacts", "started_at", "May Day"),
    ("contacts", "started_at", "0001-01-01T00:00:00+14:00"),
    ("contacts", "started_at", date(2026, 5, 1)),
    ("contacts", "started_at", 1777777777),
    ("segments", "wait_s", "3"),
    ("segments", "wait_s", float("nan")),
    ("segments", "wait_s", float("inf")),
    ("segments", "wait_s", 10**400),
    ("segments", "wait_s", False),
    ("agents", "languages", "en"),
    ("agents", "languages", ["en", None]),
    ("agents", "hired_on", NOW),
    ("agents", "hired_on", "01/02/2021"),
    ("utterances", "text", b"hello"),
    ("utterances", "text", "\ud800"),
    ("decisions", "scores", {"a": float("nan")}),
    ("decisions", "scores", {"a": object()}),
]


@pytest.mark.parametrize(("dataset", "column", "came"), MISTYPED)
def test_what_cannot_be_typed_comes_back_as_a_fault_and_the_rest_stays(dataset: str, column: str, came: Any) -> None:
    bad, good = good_row(dataset, **{column: came}), good_row(dataset)
    made, faults = tabulate(dataset, [good, bad, good])
    assert made.num_rows == 2
    assert [(fault.rule, fault.column) for fault in faults] == [(f"{column}.type", column)]
    assert faults[0].row == bad
    assert column in faults[0].message


def test_an_unknown_column_is_a_fault_that_names_the_known() -> None:
    _, faults = tabulate("ratings", [good_row("ratings", stars=5)])
    assert [fault.rule for fault in faults] == ["unknown"]
    assert "score" in faults[0].message


def test_every_fault_of_a_row_is_told_and_faults_keep_the_order_of_the_rows() -> None:
    rows = [good_row("ratings", rating_id="x", score="a", contact_id=1), good_row("ratings", rating_id="y", score="b")]
    made, faults = tabulate("ratings", rows)
    assert made.num_rows == 0
    assert [(fault.row_id, fault.rule) for fault in faults] == [
        ("x", "contact_id.type"),
        ("x", "score.type"),
        ("y", "score.type"),
    ]


def test_a_missing_column_is_null() -> None:
    made, faults = tabulate("ratings", [{"rating_id": "g1"}])
    assert faults == []
    assert made.to_pylist()[0]["score"] is None


def test_a_table_of_bad_rows_is_refused_with_the_first_fault() -> None:
    with pytest.raises(RowRefused, match=r"whole number.*the first of 2"):
        table("ratings", [good_row("ratings", score="a"), good_row("ratings", score="b")])


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from([" EN", "", "zh_CN", "\x1c", "2026-05-01", "2026-05-01T00:00:00Z", "[1]"]),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.lists(st.text(), max_size=2),
)
one_kind = st.one_of(*(st.lists(kind, min_size=1, max_size=8) for kind in [st.text(), st.floats(), st.integers()]))


@given(values=st.lists(anything, min_size=1, max_size=8) | one_kind, dataset=st.sampled_from(datasets()))
def test_a_whole_column_is_read_as_each_value_by_itself(values: list[Any], dataset: str) -> None:
    for column in contract(dataset).columns:
        singly = [_read(reader(column), value) for value in values]
        together = _read(lambda given, column=column: list(read_all(column, given)), values)
        if ValueError in singly:
            assert together is ValueError
        else:
            assert pa.array(together, column.arrow).equals(pa.array(singly, column.arrow))


def _read(read: Any, value: Any) -> Any:
    try:
        return read(value)
    except ValueError:
        return ValueError
