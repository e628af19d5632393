"""Row rules on one column: presence, numbers and times. Those on texts stand in text_rules.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from data_contracts.cells import Mask, days, microseconds, numbers, valid
from data_contracts.rules import ANY, DAY_OR_TIME, NUMBER, TIME, Row, RowRule, Wants


@dataclass(frozen=True)
class ColumnRule(RowRule):
    """A rule that reads one column."""

    column: str

    @property
    def points_at(self) -> str:
        return self.column


@dataclass(frozen=True)
class Required(ColumnRule):
    """The column holds a value."""

    def wants(self) -> Wants:
        return {self.column: ANY}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return ~valid(table, self.column)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        return row.get(self.column) is None


@dataclass(frozen=True)
class Between(ColumnRule):
    """A number between two bounds, either of which may be missing; NaN is for `Finite` to find."""

    low: float | None = None
    high: float | None = None
    low_excluded: bool = False
    high_excluded: bool = False

    def wants(self) -> Wants:
        return {self.column: NUMBER}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return np.asarray(self._outside(numbers(table, self.column)), dtype=bool) & valid(table, self.column)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and bool(self._outside(value))

    def _outside(self, value: Any) -> Any:
        outside: Any = False
        if self.low is not None:
            outside = outside | (value <= self.low if self.low_excluded else value < self.low)
        if self.high is not None:
            outside = outside | (value >= self.high if self.high_excluded else value > self.high)
        return outside


@dataclass(frozen=True)
class Finite(ColumnRule):
    """Neither NaN nor infinite."""

    def wants(self) -> Wants:
        return {self.column: frozenset({"double"})}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return np.asarray(~np.isfinite(numbers(table, self.column)), dtype=bool)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and not np.isfinite(value)


@dataclass(frozen=True)
class NotFuture(ColumnRule):
    """A time not later than the run's `as_of` and a skew that clocks are allowed, in seconds."""

    skew_s: int = 0

    def wants(self) -> Wants:
        return {self.column: DAY_OR_TIME}

    def latest(self, as_of: datetime) -> datetime:
        """The last instant that passes."""
        return as_of + timedelta(seconds=self.skew_s)

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        latest, of_days = self.latest(as_of), pa.types.is_date32(table[self.column].type)
        limit = days(latest.date()) if of_days else microseconds(latest)
        return np.asarray(numbers(table, self.column) > limit, dtype=bool) & valid(table, self.column)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        if value is None:
            return False
        latest = self.latest(as_of)
        return bool(value > (latest if isinstance(value, datetime) else latest.date()))


@dataclass(frozen=True)
class NotAncient(ColumnRule):
    """A time not earlier than a floor that the contract states: no clock of a contact centre ever showed it."""

    earliest: datetime

    def wants(self) -> Wants:
        return {self.column: TIME}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        early = numbers(table, self.column) < microseconds(self.earliest)
        return np.asarray(early, dtype=bool) & valid(table, self.column)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and bool(value < self.earliest)
