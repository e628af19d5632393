"""Row rules that hold several columns against each other. A row is judged where all that a rule reads is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.cells import MICROSECOND, Mask, among, numbers, valid
from data_contracts.rules import ANY, NUMBER, TEXT, TIME, Row, RowRule, Wants
from data_contracts.text_rules import parsed

When = tuple[tuple[str, tuple[Any, ...]], ...]
SECOND_US: Final = 1_000_000
LONGEST_S: Final = 4_000_000_000_000
"""Longer than from year 1 to 9999, and in microseconds still a 64-bit number: no sum of times overflows."""


def _given(table: pa.Table, names: tuple[str, ...]) -> Mask:
    return reduce(np.logical_and, (valid(table, name) for name in names))


def _matching(table: pa.Table, when: When) -> Mask:
    everywhere = np.ones(len(table), dtype=bool)
    return reduce(np.logical_and, (among(table, name, values) for name, values in when), everywhere)


def _matches(row: Row, when: When) -> bool:
    return all(row.get(name) in values for name, values in when)


def _wanted(when: When) -> dict[str, frozenset[str]]:
    return {name: TEXT | {"int64", "bool"} for name, _ in when}


@dataclass(frozen=True)
class NotBefore(RowRule):
    """`later` is not before `earlier` (plus the seconds in `plus_column_s`), but for a skew that clocks are allowed.

    With `strict` it must be later: a period then has a length.
    """

    later: str
    earlier: str
    skew_s: int = 0
    plus_column_s: str | None = None
    strict: bool = False

    @property
    def points_at(self) -> str:
        return self.later

    @property
    def _reads(self) -> tuple[str, ...]:
        return (self.later, self.earlier) + ((self.plus_column_s,) if self.plus_column_s else ())

    def wants(self) -> Wants:
        plus = {self.plus_column_s: frozenset({"int64"})} if self.plus_column_s else {}
        return {self.later: TIME, self.earlier: TIME} | plus

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        gap = numbers(table, self.later) - numbers(table, self.earlier) + self.skew_s * SECOND_US
        if self.plus_column_s:
            gap = gap - np.clip(numbers(table, self.plus_column_s), -LONGEST_S, LONGEST_S) * SECOND_US
        too_early: Mask = gap <= 0 if self.strict else gap < 0
        return too_early & _given(table, self._reads)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        if any(row.get(name) is None for name in self._reads):
            return False
        gap = (row[self.later] - row[self.earlier]) // MICROSECOND + self.skew_s * SECOND_US
        if self.plus_column_s:
            gap -= row[self.plus_column_s] * SECOND_US
        return bool(gap <= 0 if self.strict else gap < 0)


@dataclass(frozen=True)
class Within(RowRule):
    """From `earlier` to `later` no more than `limit_s` seconds, on the rows that `when` names."""

    later: str
    earlier: str
    limit_s: int
    when: When = ()

    @property
    def points_at(self) -> str:
        return self.later

    def wants(self) -> Wants:
        return {self.later: TIME, self.earlier: TIME} | _wanted(self.when)

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        gap = numbers(table, self.later) - numbers(table, self.earlier)
        given = _given(table, (self.later, self.earlier)) & _matching(table, self.when)
        return np.asarray(gap > self.limit_s * SECOND_US, dtype=bool) & given

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        if row.get(self.later) is None or row.get(self.earlier) is None or not _matches(row, self.when):
            return False
        return bool(row[self.later] - row[self.earlier] > timedelta(seconds=self.limit_s))


@dataclass(frozen=True)
class Sum(RowRule):
    """`total` is the sum of `parts` where all are given, within a tolerance (for rounding in the source)."""

    total: str
    parts: tuple[str, ...]
    tolerance: float

    @property
    def points_at(self) -> str:
        return self.total

    def wants(self) -> Wants:
        return dict.fromkeys((self.total, *self.parts), NUMBER)

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        parts = reduce(np.add, (numbers(table, part) for part in self.parts))
        off = np.abs(numbers(table, self.total) - parts) > self.tolerance
        return np.asarray(off, dtype=bool) & _given(table, (self.total, *self.parts))

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        if any(row.get(name) is None for name in (self.total, *self.parts)):
            return False
        parts = reduce(lambda told, part: told + part, (row[part] for part in self.parts))
        return bool(abs(row[self.total] - parts) > self.tolerance)


@dataclass(frozen=True)
class Different(RowRule):
    """Two columns do not hold the same text."""

    columns: tuple[str, str]

    @property
    def points_at(self) -> str:
        return self.columns[1]

    def wants(self) -> Wants:
        return dict.fromkeys(self.columns, TEXT)

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        one, other = self.columns
        return np.asarray(pc.fill_null(pc.equal(table[one], table[other]), False), dtype=bool)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        one, other = (row.get(name) for name in self.columns)
        return one is not None and one == other


@dataclass(frozen=True)
class RequiredWhen(RowRule):
    """The column holds a value on the rows that `when` names."""

    column: str
    when: When

    @property
    def points_at(self) -> str:
        return self.column

    def wants(self) -> Wants:
        return {self.column: ANY} | _wanted(self.when)

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return ~valid(table, self.column) & _matching(table, self.when)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        return row.get(self.column) is None and _matches(row, self.when)


@dataclass(frozen=True)
class AbsentWhen(RowRule):
    """The column is null on the rows that `when` names."""

    column: str
    when: When

    @property
    def points_at(self) -> str:
        return self.column

    def wants(self) -> Wants:
        return {self.column: ANY} | _wanted(self.when)

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return valid(table, self.column) & _matching(table, self.when)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        return row.get(self.column) is not None and _matches(row, self.when)


@dataclass(frozen=True)
class AnyOf(RowRule):
    """At least one of the columns holds a value."""

    columns: tuple[str, ...]

    @property
    def points_at(self) -> str:
        return self.columns[0]

    def wants(self) -> Wants:
        return dict.fromkeys(self.columns, ANY)

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return ~reduce(np.logical_or, (valid(table, name) for name in self.columns))

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        return all(row.get(name) is None for name in self.columns)


@dataclass(frozen=True)
class OfListed(RowRule):
    """What `column` names stands in the JSON list of another column: the text itself, or with `keys` each JSON key.

    Where either is not the JSON that it should be, the rule on JSON has already said so, and this one is silent.
    """

    column: str
    listed: str
    keys: bool = False

    @property
    def points_at(self) -> str:
        return self.column

    def wants(self) -> Wants:
        return {self.column: TEXT, self.listed: TEXT}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        known: dict[str, frozenset[str] | None] = {}
        broken = np.zeros(len(table), dtype=bool)
        where = np.flatnonzero(_given(table, (self.column, self.listed)))
        pairs = table.select([self.column, self.listed]).take(pa.array(where))
        named, lists = (pairs[name].to_pylist() for name in (self.column, self.listed))
        for position, name, text in zip(where, named, lists, strict=True):
            if text not in known:
                known[text] = _texts_of(text)
            broken[position] = self._strays(name, known[text])
        return broken

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        name, text = row.get(self.column), row.get(self.listed)
        return name is not None and text is not None and self._strays(name, _texts_of(text))

    def _strays(self, name: str, listed: frozenset[str] | None) -> bool:
        if listed is None:
            return False
        if not self.keys:
            return name not in listed
        told = parsed(name)
        return isinstance(told, Mapping) and not listed.issuperset(told)


def _texts_of(text: str) -> frozenset[str] | None:
    told = parsed(text)
    if not isinstance(told, list):
        return None
    return frozenset(item for item in told if isinstance(item, str))
