"""Repeats and conflicts, against a twin that is written from the definition."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.repeats import groups_of, repeats
from tests.data_contracts.samples import NOW

SCHEMA = pa.schema(
    [
        ("a", pa.string()),
        ("b", pa.int64()),
        ("x", pa.float64()),
        ("items", pa.list_(pa.string())),
        ("known_at", pa.timestamp("us", tz="UTC")),
    ]
)
KEYS, COMPARED = ("a", "b"), ("a", "b", "x", "items")

rows = st.fixed_dictionaries(
    {
        "a": st.sampled_from(["p", "q", None]),
        "b": st.sampled_from([0, 1, 2**62]),
        "x": st.sampled_from([None, 0.0, -0.0, 1.5]),
        "items": st.sampled_from([None, [], ["i"], ["i", "j"]]),
        "known_at": st.integers(0, 3).map(lambda minutes: NOW + timedelta(minutes=minutes)),
        "broken": st.booleans(),
    }
)


def naive(given_rows: list[dict[str, Any]]) -> tuple[list[bool], list[bool]]:
    """For each row: is it a repeat, is it in conflict?"""
    repeated, conflicting = [], []
    for place, row in enumerate(given_rows):
        whole = all(row[key] is not None for key in KEYS)
        group = [n for n, r in enumerate(given_rows) if whole and all(r[k] == row[k] for k in KEYS)] or [place]
        agree = all(all(given_rows[n][c] == row[c] for c in COMPARED) for n in group)
        stays = min(group, key=lambda n: (given_rows[n]["broken"], given_rows[n]["known_at"], n))
        conflicting.append(not agree)
        repeated.append(agree and stays != place)
    return repeated, conflicting


@given(st.lists(rows, max_size=9))
def test_repeats_and_conflicts_are_those_of_the_definition(given_rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist([{k: v for k, v in row.items() if k != "broken"} for row in given_rows], schema=SCHEMA)
    broken = np.array([row["broken"] for row in given_rows], dtype=bool)
    found = repeats(table, keys=KEYS, compared=COMPARED, broken=broken)
    assert (found.repeated.tolist(), found.conflicting.tolist()) == naive(given_rows)


@given(st.lists(rows, max_size=9))
def test_rows_are_of_one_group_exactly_when_their_whole_key_is_the_same(given_rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist([{k: v for k, v in row.items() if k != "broken"} for row in given_rows], schema=SCHEMA)
    groups = groups_of(table, KEYS).tolist()
    for one, first in enumerate(given_rows):
        for other, second in enumerate(given_rows):
            same = one == other or (first["a"] is not None and first["a"] == second["a"] and first["b"] == second["b"])
            assert (groups[one] == groups[other]) == same
