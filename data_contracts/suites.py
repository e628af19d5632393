"""Which expectation of Great Expectations says what a rule says, and the pandas frame that it is asked of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.batch_rules import DuplicateShare, Freshness, RowCount
from data_contracts.column_rules import Between, NotAncient, NotFuture, Required
from data_contracts.contracts import Contract
from data_contracts.cross_rules import NotBefore
from data_contracts.errors import ContractError
from data_contracts.repeats import groups_of
from data_contracts.rules import BatchRule, RowRule
from data_contracts.text_rules import Length, OneOf, Pattern

if TYPE_CHECKING:
    import pandas as pd

KEY_RULE: Final = "key.unique"
SEVERITIES: Final[Mapping[str, str]] = {"error": "critical", "warning": "warning"}
Expectation = Any


@dataclass(frozen=True)
class Check:
    """One rule in the suite: its expectation, the columns that it reads, and the helper column, if it needs one."""

    rule: str
    severity: str
    expectation: Expectation
    reads: tuple[str, ...]
    helper: pa.Array | None = None


def checks_of(told: Contract, table: pa.Table, *, as_of: datetime) -> list[Check]:
    """The suite of a dataset: row rules, the key, batch rules. A batch rule with nothing to judge here is left out."""
    rows = [_row_check(told, rule, table, as_of) for rule in told.row_rules]
    batch = [_batch_check(told, rule, table, as_of) for rule in told.batch_rules]
    return [*rows, _key_check(told), *(check for check in batch if check is not None)]


def frame_of(table: pa.Table, checks: Sequence[Check]) -> pd.DataFrame:
    """The columns that the suite reads, as pandas, and its helper columns. Nothing else is converted."""
    wanted = {name for check in checks for name in check.reads}
    frame_table = table.select([name for name in table.column_names if name in wanted])
    for check in checks:
        if check.helper is not None:
            frame_table = frame_table.append_column(helper_name(check.rule), check.helper)
    import pandas as pd

    # Texts stay Arrow's: the library hashes the whole frame, which with Python's texts takes half of all the time.
    texts = {pa.string(): pd.ArrowDtype(pa.string())}
    frame: pd.DataFrame = frame_table.to_pandas(date_as_object=False, types_mapper=texts.get)
    return frame


def helper_name(rule: str) -> str:
    """The name of the boolean column that a rule without a native expectation fills."""
    return f"rule: {rule}"


def _row_check(told: Contract, rule: RowRule, table: pa.Table, as_of: datetime) -> Check:
    native = NATIVE.get(type(rule))
    made = native(rule, table, as_of) if native is not None else None
    notes = _notes(rule.name, rule.message, "error")
    if made is not None:
        kind, arguments, reads = made
        return Check(rule.name, "error", _expectation(kind)(**arguments, **notes), reads)
    kept = pa.array(~rule.broken(table, as_of=as_of))
    expectation = _expectation("ExpectColumnValuesToBeInSet")(column=helper_name(rule.name), value_set=[True], **notes)
    return Check(rule.name, "error", expectation, (), kept)


def _expectation(kind: str) -> Callable[..., Expectation]:
    import great_expectations.expectations as gxe

    made: Callable[..., Expectation] = getattr(gxe, kind)
    return made


def _notes(rule: str, message: str, severity: str) -> dict[str, Any]:
    return {"meta": {"rule": rule}, "description": f"{rule}: {message}", "severity": SEVERITIES[severity]}


Native = tuple[str, dict[str, Any], tuple[str, ...]] | None


def _required(rule: Required, table: pa.Table, as_of: datetime) -> Native:
    column = table[rule.column]
    if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
        return None  # pandas takes NaN for null; it is a number that `Finite` refuses
    return "ExpectColumnValuesToNotBeNull", {"column": rule.column}, (rule.column,)


def _between(rule: Between, table: pa.Table, as_of: datetime) -> Native:
    if table[rule.column].null_count == table.num_rows:
        return None
    arguments = {
        "column": rule.column,
        "min_value": rule.low,
        "max_value": rule.high,
        "strict_min": rule.low_excluded,
        "strict_max": rule.high_excluded,
    }
    return "ExpectColumnValuesToBeBetween", arguments, (rule.column,)


def _length(rule: Length, table: pa.Table, as_of: datetime) -> Native:
    arguments = {"column": rule.column, "min_value": rule.low, "max_value": rule.high}
    return "ExpectColumnValueLengthsToBeBetween", arguments, (rule.column,)


def _pattern(rule: Pattern, table: pa.Table, as_of: datetime) -> Native:
    return "ExpectColumnValuesToMatchRegex", {"column": rule.column, "regex": rule.matcher.pattern}, (rule.column,)


def _one_of(rule: OneOf, table: pa.Table, as_of: datetime) -> Native:
    return "ExpectColumnValuesToBeInSet", {"column": rule.column, "value_set": list(rule.values)}, (rule.column,)


def _not_future(rule: NotFuture, table: pa.Table, as_of: datetime) -> Native:
    if not pa.types.is_timestamp(table[rule.column].type):
        return None
    arguments = {"column": rule.column, "max_value": rule.latest(as_of)}
    return "ExpectColumnValuesToBeBetween", arguments, (rule.column,)


def _not_ancient(rule: NotAncient, table: pa.Table, as_of: datetime) -> Native:
    if table[rule.column].null_count == table.num_rows:
        return None
    return "ExpectColumnValuesToBeBetween", {"column": rule.column, "min_value": rule.earliest}, (rule.column,)


def _not_before(rule: NotBefore, table: pa.Table, as_of: datetime) -> Native:
    if rule.skew_s or rule.plus_column_s:
        return None
    arguments = {
        "column_A": rule.later,
        "column_B": rule.earlier,
        "or_equal": not rule.strict,
        "ignore_row_if": "either_value_is_missing",
    }
    return "ExpectColumnPairValuesAToBeGreaterThanB", arguments, (rule.later, rule.earlier)


NATIVE: Final[Mapping[type[RowRule], Callable[[Any, pa.Table, datetime], Native]]] = {
    Required: _required,
    Between: _between,
    Length: _length,
    Pattern: _pattern,
    OneOf: _one_of,
    NotAncient: _not_ancient,
    NotFuture: _not_future,
    NotBefore: _not_before,
}
"""The rules for which the library has an expectation of its own; the rest go through a helper column."""


def _key_check(told: Contract) -> Check:
    message = f"one row for each {', '.join(told.keys)}"
    notes = _notes(KEY_RULE, message, "error")
    if len(told.keys) == 1:
        expectation = _expectation("ExpectColumnValuesToBeUnique")(column=told.keys[0], **notes)
    else:
        expectation = _expectation("ExpectCompoundColumnsToBeUnique")(column_list=list(told.keys), **notes)
    return Check(KEY_RULE, "error", expectation, told.keys)


def _batch_check(told: Contract, rule: BatchRule, table: pa.Table, as_of: datetime) -> Check | None:
    notes = _notes(rule.name, rule.message, rule.severity)
    if isinstance(rule, RowCount):
        expectation = _expectation("ExpectTableRowCountToBeBetween")(**_count_bounds(rule), **notes)
        return Check(rule.name, rule.severity, expectation, ())
    if rule.measured(table, as_of=as_of) is None:
        return None
    if isinstance(rule, DuplicateShare):
        return _share_check(rule, table, notes)
    if isinstance(rule, Freshness):
        return _freshness_check(rule, table, as_of, notes)
    raise ContractError("a batch rule without an expectation", came=type(rule).__name__, where=told.dataset)


def _count_bounds(rule: RowCount) -> dict[str, int]:
    bound = rule.bound[0]
    bounds: dict[str, dict[str, float]] = {
        "mustBe": {"min_value": bound, "max_value": bound},
        "mustBeGreaterThan": {"min_value": math.floor(bound) + 1},
        "mustBeGreaterOrEqualTo": {"min_value": math.ceil(bound)},
        "mustBeLessThan": {"max_value": math.ceil(bound) - 1},
        "mustBeLessOrEqualTo": {"max_value": math.floor(bound)},
        "mustBeBetween": {"min_value": bound, "max_value": rule.bound[-1]},
    }
    if rule.comparator not in bounds:
        raise ContractError("a row count without an expectation", expected=", ".join(bounds), came=rule.comparator)
    return {name: int(value) for name, value in bounds[rule.comparator].items()}


def _share_check(rule: DuplicateShare, table: pa.Table, notes: dict[str, Any]) -> Check:
    """First rows of a key are true; the share of true ones must be large enough."""
    first = np.zeros(table.num_rows, dtype=bool)
    first[np.unique(groups_of(table, rule.columns), return_index=True)[1]] = True
    share = 1 - rule.bound[0] / 100
    mostly = math.nextafter(share, 1) if rule.comparator == "mustBeLessThan" else share
    if rule.comparator not in ("mustBeLessThan", "mustBeLessOrEqualTo"):
        raise ContractError("a share without an expectation", expected="mustBeLessThan", came=rule.comparator)
    name = helper_name(rule.name)
    made = _expectation("ExpectColumnValuesToBeInSet")(column=name, value_set=[True], mostly=mostly, **notes)
    return Check(rule.name, rule.severity, made, (), pa.array(first))


def _freshness_check(rule: Freshness, table: pa.Table, as_of: datetime, notes: dict[str, Any]) -> Check:
    """The newest time among live rows; the helper column is empty for history."""
    column, history = table[rule.column], pc.fill_null(table["backfilled"], True)
    live = pc.if_else(history, pa.scalar(None, column.type), column)
    oldest = as_of - timedelta(days=rule.bound[0])
    made = _expectation("ExpectColumnMaxToBeBetween")(column=helper_name(rule.name), min_value=oldest, **notes)
    return Check(rule.name, rule.severity, made, (), live)
