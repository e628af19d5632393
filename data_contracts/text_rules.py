"""Row rules on one column of texts, of lists of texts, or of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.cells import Mask, among, failing, items_failing, valid
from data_contracts.column_rules import ColumnRule
from data_contracts.errors import ContractError
from data_contracts.rules import LIST, TEXT, Row, Wants

SHORTHAND: Final = re.compile(r"\\[dDwWsSbBAZz]|\(\?(?!:)")
"""What Python, RE2 and ECMA-262 read differently: shorthand classes, other anchors, lookaround and flags."""


@dataclass(frozen=True)
class Length(ColumnRule):
    """A text of so many characters (Unicode code points)."""

    low: int | None = None
    high: int | None = None

    def wants(self) -> Wants:
        return {self.column: TEXT}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        lengths = np.asarray(pc.fill_null(pc.utf8_length(table[self.column]), 0))
        too_short = lengths < (self.low or 0)
        too_long = lengths > self.high if self.high is not None else np.zeros(len(lengths), dtype=bool)
        return (too_short | too_long) & valid(table, self.column)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        if value is None:
            return False
        return len(value) < (self.low or 0) or (self.high is not None and len(value) > self.high)


@dataclass(frozen=True)
class Pattern(ColumnRule):
    """A text that matches a regular expression as a whole."""

    pattern: str

    def wants(self) -> Wants:
        return {self.column: TEXT}

    @cached_property
    def matcher(self) -> re.Pattern[str]:
        """The expression for Python, anchored so that a trailing line break does not pass."""
        return re.compile(rf"\A(?:{anchored_body(self.pattern, where=self.name)})\Z")

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        body = anchored_body(self.pattern, where=self.name)
        matches = pc.match_substring_regex(table[self.column], rf"\A(?:{body})\z")
        return ~np.asarray(pc.fill_null(matches, True), dtype=bool)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and self.matcher.match(value) is None


def anchored_body(pattern: str, *, where: str) -> str:
    """What stands between ^ and $; ContractError for what engines read differently or cannot read at all."""
    if not (pattern.startswith("^") and pattern.endswith("$")) or SHORTHAND.search(pattern):
        expected = "^...$ with plain classes such as [0-9]: engines read shorthand such as \\d differently"
        raise ContractError("a pattern that is not portable", expected=expected, came=pattern, where=where)
    try:
        re.compile(pattern)
        pc.match_substring_regex(pa.nulls(1, pa.string()), pattern)
    except (re.error, pa.ArrowInvalid) as error:
        raise ContractError("a pattern that cannot be read", came=f"{pattern} ({error})", where=where) from error
    return pattern[1:-1]


@dataclass(frozen=True)
class OneOf(ColumnRule):
    """One of the listed texts."""

    values: tuple[str, ...]

    def wants(self) -> Wants:
        return {self.column: TEXT}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return valid(table, self.column) & ~among(table, self.column, self.values)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and value not in self.values


@dataclass(frozen=True)
class NotBlank(ColumnRule):
    """A text with more in it than white space, as Python's `str.strip` knows it."""

    def wants(self) -> Wants:
        return {self.column: TEXT}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        column = table[self.column]
        # Nearly every text has a printable ASCII or Han character, so Python looks only at the few that have none.
        suspects = ~np.asarray(pc.fill_null(pc.match_substring_regex(column, r"[!-~一-鿿]"), True), dtype=bool)
        where = np.flatnonzero(suspects)
        broken = np.zeros(len(column), dtype=bool)
        broken[where] = [not text.strip() for text in column.take(pa.array(where)).to_pylist()]
        return broken

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and not value.strip()


@dataclass(frozen=True)
class ItemsMatch(ColumnRule):
    """Every item of a list of texts has a length and a form."""

    low: int = 0
    high: int | None = None
    pattern: str | None = None

    def wants(self) -> Wants:
        return {self.column: LIST}

    @cached_property
    def passes(self) -> Callable[[str], bool]:
        """The predicate on one item."""
        matcher = re.compile(rf"\A(?:{anchored_body(self.pattern, where=self.name)})\Z") if self.pattern else None
        high = self.high if self.high is not None else float("inf")
        return lambda item: self.low <= len(item) <= high and (matcher is None or bool(matcher.match(item)))

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return items_failing(table, self.column, self.passes)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and not all(map(self.passes, value))


JSON_KINDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "any": object,
    "array": list,
    "object": dict,
    "string": str,
    "number": (int, float),
}


@dataclass(frozen=True)
class HoldsJson(ColumnRule):
    """A text that is JSON of a kind (`holds`), whose members are of a kind (`of`)."""

    holds: str = "any"
    of: str = "any"

    def __post_init__(self) -> None:
        unknown = {self.holds, self.of} - JSON_KINDS.keys()
        if unknown:
            came, expected = ", ".join(sorted(unknown)), "one of " + ", ".join(JSON_KINDS)
            raise ContractError("unknown kind of JSON", expected=expected, came=came, where=self.name)

    def wants(self) -> Wants:
        return {self.column: TEXT}

    def broken(self, table: pa.Table, *, as_of: datetime) -> Mask:
        return failing(table[self.column], self._passes)

    def breaks(self, row: Row, *, as_of: datetime) -> bool:
        value = row.get(self.column)
        return value is not None and not self._passes(value)

    def _passes(self, text: str) -> bool:
        told = parsed(text)
        if told is NOT_JSON or not _is_kind(told, self.holds):
            return False
        members = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
        return all(_is_kind(member, self.of) for member in members)


NOT_JSON: Final = object()


def parsed(text: str) -> Any:
    """What a JSON text says, or NOT_JSON; NaN and Infinity, which Python would read, are not JSON."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return NOT_JSON


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_kind(value: object, kind: str) -> bool:
    return isinstance(value, JSON_KINDS[kind]) and not (kind == "number" and isinstance(value, bool))
