"""A table's cells as numpy sees them: what the row rules are written with.

A mask has one boolean for each row of the table. Null is never judged but by the rules on presence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]

MICROSECOND: Final = timedelta(microseconds=1)
EPOCH_DAY: Final = date(1970, 1, 1)


def valid(table: pa.Table, name: str) -> Mask:
    """Where the column holds a value."""
    return np.asarray(table[name].is_valid(), dtype=bool)


def numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """The column as numbers: times as microseconds since 1970 in UTC, days as days since; 0 where null."""
    column = table[name]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    return np.asarray(pc.fill_null(column, 0))


def among(table: pa.Table, name: str, values: Sequence[Any]) -> Mask:
    """Where the column holds one of the values; false where null."""
    column = table[name]
    return np.asarray(pc.is_in(column, value_set=pa.array(values, type=column.type)), dtype=bool) & valid(table, name)


def failing(column: pa.ChunkedArray | pa.Array, passes: Callable[[Any], bool]) -> Mask:
    """Where a text fails the predicate, which is asked once for each distinct text; false where null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    coded = column.dictionary_encode()
    failed = np.array([not passes(text) for text in coded.dictionary.to_pylist()] + [False], dtype=bool)
    codes = np.asarray(coded.indices.fill_null(len(failed) - 1))
    return np.asarray(failed[codes], dtype=bool)


def items_failing(table: pa.Table, name: str, passes: Callable[[Any], bool]) -> Mask:
    """Where a list has an item that fails the predicate; false for null and for the empty list."""
    lists = table[name].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    flat = lists.flatten()
    failed = failing(flat, passes) | ~np.asarray(flat.is_valid(), dtype=bool)
    owners = np.asarray(pc.list_parent_indices(lists))
    broken = np.zeros(len(lists), dtype=bool)
    broken[owners[failed]] = True
    return broken


def microseconds(moment: datetime) -> int:
    """An aware time as `numbers` gives it."""
    return (moment - datetime.fromtimestamp(0, tz=moment.tzinfo)) // MICROSECOND


def days(day: date) -> int:
    """A day as `numbers` gives it."""
    return (day - EPOCH_DAY).days
