"""What a rule is. A row rule gives one verdict in two ways: over a whole table, and over one typed row.

Both ways must agree on every row, and with the Great Expectations suite: the tests hold all three together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from data_contracts.cells import Mask

Row = Mapping[str, Any]
Wants = Mapping[str, frozenset[str]]

TEXT = frozenset({"string"})
NUMBER = frozenset({"int64", "double"})
TIME = frozenset({"timestamp[us, tz=UTC]"})
DAY_OR_TIME = TIME | {"date32[day]"}
LIST = frozenset({"list<string>"})
ANY = TEXT | NUMBER | DAY_OR_TIME | LIST | {"bool"}


@dataclass(frozen=True)
class RowRule(ABC):
    """A rule on one row. `message` says what must hold; null values are judged only by rules on presence."""

    name: str
    message: str

    @property
    @abstractmethod
    def points_at(self) -> str:
        """The column that a fault names."""

    @abstractmethod
    def wants(self) -> Wants:
        """Every column that the rule reads and the physical types that it can read."""

    @abstractmethod
    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        """Which rows of the table break the rule."""

    @abstractmethod
    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        """Whether a typed row breaks the rule."""


@dataclass(frozen=True)
class ReferenceRule:
    """A row whose parent is not known yet is parked, and freed when the parent comes."""

    name: str
    column: str
    parent: str
    parent_column: str


@dataclass(frozen=True)
class BatchRule(ABC):
    """A rule on a batch as a whole: something is measured and compared. `severity` error stops the batch."""

    name: str
    message: str
    severity: str
    comparator: str
    bound: tuple[float, ...]

    @property
    @abstractmethod
    def points_at(self) -> str:
        """The column that a fault names; empty where it is the whole table."""

    @abstractmethod
    def measured(self, table: pa.Table, *, as_of: datetime) -> float | None:
        """The figure; None where there is nothing to judge."""

    def holds(self, figure: float) -> bool:
        """Whether the figure keeps the rule."""
        return COMPARATORS[self.comparator](figure, self.bound)


COMPARATORS: Final[Mapping[str, Callable[[float, tuple[float, ...]], bool]]] = {
    "mustBe": lambda figure, bound: figure == bound[0],
    "mustNotBe": lambda figure, bound: figure != bound[0],
    "mustBeGreaterThan": lambda figure, bound: figure > bound[0],
    "mustBeGreaterOrEqualTo": lambda figure, bound: figure >= bound[0],
    "mustBeLessThan": lambda figure, bound: figure < bound[0],
    "mustBeLessOrEqualTo": lambda figure, bound: figure <= bound[0],
    "mustBeBetween": lambda figure, bound: bound[0] <= figure <= bound[1],
    "mustNotBeBetween": lambda figure, bound: not bound[0] <= figure <= bound[1],
}
"""The comparison operators of ODCS, over a figure and its bound or bounds."""
