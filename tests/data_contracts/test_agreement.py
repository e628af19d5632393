"""Three ways, one verdict: the predicate on a table, the predicate on a row, and Great Expectations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import expectations, suites
from data_contracts.arrow import schema, tabulate
from data_contracts.checking import check, row_faults
from data_contracts.contracts import Column, contract, datasets
from data_contracts.faults import Fault
from data_contracts.rules import RowRule
from tests.data_contracts.samples import NOW, good_row

ROWS = 120

NASTY: Mapping[pa.DataType, list[Any]] = {
    pa.string(): [
        None, "", " ", "\x1c", "\u3000", "\u200b", "x", "a1", "a3", "c1", "en", "EN", "zh-hans", "en\n", "x" * 129,
        "密码" * 2100, "[]", "{}", '["a1"]', '{"a1":1}', '{"a9":1}', '{"a1":NaN}', '["a1",null]', "nope", "1",
        "[" * 3000, "voice",
        "answered", "abandoned", "refused", "model", "labelled", "work", "\U0001f600", "é", "file:x", "file:x\n",
    ],
    pa.int64(): [None, -1, 0, 1, 5, 6, 604800, 604801, 2**53 + 1, -(2**63), 2**63 - 1],
    pa.float64(): [None, -1.0, -0.0, 0.0, 5e-324, 0.5, 1.0, 1.0000001, 389.0, 391.5, 1e308, float("nan"), float("inf")],
    pa.bool_(): [None, True, False],
    pa.date32(): [None, date(1970, 1, 1), NOW.date(), date(2026, 5, 2), date(2026, 5, 3)],
    pa.timestamp("us", tz="UTC"): [
        None, NOW, NOW - timedelta(hours=2), NOW - timedelta(days=2), NOW + timedelta(minutes=5),
        NOW + timedelta(minutes=5, microseconds=1), NOW - timedelta(hours=1, minutes=5), NOW + timedelta(days=3650),
    ],
    pa.list_(pa.string()): [None, [], ["en"], ["en", "x y"], [""], ["密" * 300]],
}  # fmt: skip
"""Typed values at, beside and far from what the contracts allow, as `check` may meet them in anybody's table."""


def nasty_rows(dataset: str, *, seed: int, rows: int = ROWS) -> list[dict[str, Any]]:
    """Good rows with one to three columns spoilt."""
    generator = np.random.default_rng(seed)
    columns = contract(dataset).columns
    return [_spoilt(dataset, columns, generator) for _ in range(rows)]


def _spoilt(dataset: str, columns: tuple[Column, ...], generator: np.random.Generator) -> dict[str, Any]:
    row = good_row(dataset)
    for place in generator.choice(len(columns), size=int(generator.integers(1, 4)), replace=False):
        pool = NASTY[columns[place].arrow]
        row[columns[place].name] = pool[int(generator.integers(len(pool)))]
    return row


def raw_table(dataset: str, rows: list[dict[str, Any]]) -> pa.Table:
    """A table of the schema that went through no normaliser."""
    return pa.Table.from_pylist(rows, schema=schema(dataset))


@pytest.mark.parametrize("dataset", datasets())
def test_a_rule_breaks_on_a_table_where_it_breaks_on_the_row(dataset: str) -> None:
    rows = nasty_rows(dataset, seed=1, rows=600)
    table = raw_table(dataset, rows)
    for rule in contract(dataset).row_rules:
        on_table = rule.broken(table, as_of=NOW).tolist()
        assert on_table == [rule.breaks(row, as_of=NOW) for row in rows], rule.name


@pytest.mark.parametrize("dataset", datasets())
def test_great_expectations_finds_the_rows_that_the_predicates_find(dataset: str) -> None:
    rows = nasty_rows(dataset, seed=2)
    table = raw_table(dataset, rows)
    found = unexpected_rows(dataset, table)
    for rule in contract(dataset).row_rules:
        assert found[rule.name] == set(np.flatnonzero(rule.broken(table, as_of=NOW)).tolist()), rule.name


def unexpected_rows(dataset: str, table: pa.Table) -> dict[str, set[int]]:
    """For each rule the places of the rows that Great Expectations itself calls unexpected."""
    context = expectations.quiet_context()
    checks = suites.checks_of(contract(dataset), table, as_of=NOW)
    result_format = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
    outcome = expectations.outcome(context, contract(dataset), table, checks, result_format=result_format)
    results = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    return {rule: set(results[rule].result.get("unexpected_index_list") or ()) for rule in results}


def native_rules() -> list[tuple[str, RowRule]]:
    return [(d, r) for d in datasets() for r in contract(d).row_rules if type(r) in suites.NATIVE]


def test_most_rules_are_the_librarys_own() -> None:
    native, every = len(native_rules()), sum(len(contract(dataset).row_rules) for dataset in datasets())
    assert native > 0.8 * every


raw_values = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.integers(-2, 7),
    st.floats(),
    st.booleans(),
    st.sampled_from([value for pool in NASTY.values() for value in pool]),
    st.sampled_from(["2026-05-01T00:00:00Z", "2026-05-01", " zh_CN ", ["en"], {"a1": 0.5}]),
)


@st.composite
def raw_rows(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A row as somebody might send it, mistyped and misspelt."""
    dataset = draw(st.sampled_from(datasets()))
    names = [*schema(dataset).names, "unknown_column"]
    return dataset, good_row(dataset) | draw(st.dictionaries(st.sampled_from(names), raw_values, max_size=4))


@given(raw_rows())
def test_a_row_by_http_gets_the_verdict_that_it_gets_in_a_batch(sent: tuple[str, dict[str, Any]]) -> None:
    dataset, row = sent
    table, mistyped = tabulate(dataset, [row])
    parents = {parent: _Everybody() for parent in datasets()}
    batch = [*mistyped, *check(dataset, table, parents=parents, as_of=NOW).quarantined]
    alone = row_faults(dataset, row, as_of=NOW)
    assert [fault_without_row(fault) for fault in alone] == [fault_without_row(fault) for fault in batch]


def fault_without_row(fault: Fault) -> tuple[str, ...]:
    """What a fault says; the row itself is typed in a table and raw where typing failed."""
    return fault.rule, fault.column, fault.value, fault.message


class _Everybody:
    def __contains__(self, key: object) -> bool:
        return True
