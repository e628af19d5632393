"""Rules on a batch as a whole: how many rows, how many told twice, how fresh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa

from data_contracts.cells import microseconds, numbers, valid
from data_contracts.repeats import groups_of
from data_contracts.rules import BatchRule

DAY_US: Final = 86_400_000_000


@dataclass(frozen=True)
class RowCount(BatchRule):
    """How many rows the batch has."""

    @property
    def points_at(self) -> str:
        return ""

    def measured(self, table: pa.Table, *, as_of: datetime) -> float | None:
        return float(table.num_rows)


@dataclass(frozen=True)
class DuplicateShare(BatchRule):
    """The percentage of rows whose key an earlier row of the batch already had."""

    columns: tuple[str, ...]

    @property
    def points_at(self) -> str:
        return self.columns[0]

    def measured(self, table: pa.Table, *, as_of: datetime) -> float | None:
        if not table.num_rows:
            return None
        distinct = len(np.unique(groups_of(table, self.columns)))
        return float(100.0 * (table.num_rows - distinct) / table.num_rows)


@dataclass(frozen=True)
class Freshness(BatchRule):
    """Days from the newest live row to the run's `as_of`. History (`backfilled`) is not judged: it is old by nature."""

    column: str

    @property
    def points_at(self) -> str:
        return self.column

    def measured(self, table: pa.Table, *, as_of: datetime) -> float | None:
        live = valid(table, self.column) & ~np.asarray(table["backfilled"].fill_null(True), dtype=bool)
        if not live.any():
            return None
        newest = int(numbers(table, self.column)[live].max())
        return (microseconds(as_of) - newest) / DAY_US
