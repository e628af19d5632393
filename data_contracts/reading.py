"""A column of values at a time, with the answers of `values.reader`, only quicker.

Most values of most columns need nothing done to them, and most others repeat: this is what makes a batch of half a
million rows bearable. Where a shortcut is not certain, each value is read by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from math import isfinite
from types import NoneType
from typing import Any, Final

import pyarrow as pa

from data_contracts.contracts import Column
from data_contracts.values import INT64_LIMIT, reader

HARMLESS: Final = frozenset({"trim", "nfc", "empty_to_null"})
"""Normalisers that leave an ASCII text alone which neither begins nor ends with white space."""

HASHED: Final = (str, int, float, datetime, date)


def read_all(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    """Every value of a column, typed and normalised. Raises ValueError where any of them cannot be read."""
    kinds = set(map(type, values)) - {NoneType}
    if len(kinds) > 1:
        return list(map(reader(column), values))
    if not kinds or _is_ready(column, kinds.pop(), values):
        return values
    return _read_distinct(column, values)


def _is_ready(column: Column, kind: type, values: Sequence[Any]) -> bool:
    ready = READY.get((column.arrow, kind))
    if kind is str and not HARMLESS.issuperset(column.normalisers):
        return False
    return ready is not None and ready(value for value in values if value is not None)


def _read_distinct(column: Column, values: Sequence[Any]) -> list[Any]:
    read = reader(column)
    if not isinstance(next(value for value in values if value is not None), HASHED):
        return list(map(read, values))
    known = {value: read(value) for value in set(values)}
    return [known[value] for value in values]


def _plain_texts(values: Any) -> bool:
    return all(value and value.isascii() and value[0] > " " and value[-1] > " " for value in values)


def _small_numbers(values: Any) -> bool:
    return all(-INT64_LIMIT <= value < INT64_LIMIT for value in values)


def _all_finite(values: Any) -> bool:
    return all(map(isfinite, values))


def _all_utc(values: Any) -> bool:
    return all(value.tzinfo is UTC for value in values)


def _always(values: Any) -> bool:
    return True


READY: Final[Mapping[tuple[pa.DataType, type], Callable[[Any], bool]]] = {
    (pa.string(), str): _plain_texts,
    (pa.int64(), int): _small_numbers,
    (pa.float64(), float): _all_finite,
    (pa.bool_(), bool): _always,
    (pa.date32(), date): _always,
    (pa.timestamp("us", tz="UTC"), datetime): _all_utc,
}
"""For an Arrow type and a Python type: whether the values may be taken as they are."""
