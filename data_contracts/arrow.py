"""Rows to Arrow tables in the contract's own schema: typed, normalised, nothing guessed, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from data_contracts.contracts import Column, contract
from data_contracts.errors import RowRefused
from data_contracts.faults import Fault, row_id, shown
from data_contracts.reading import read_all
from data_contracts.values import reader

Row = Mapping[str, Any]


@cache
def schema(dataset: str) -> pa.Schema:
    """The Arrow schema of a dataset: its own columns in the contract's order, then the common ones.

    Every field may hold null: what a row must have is a rule, and a table must be able to hold what breaks it.
    The metadata tells dataset and contract version.
    """
    told = contract(dataset)
    fields = [pa.field(column.name, column.arrow) for column in told.columns]
    return pa.schema(fields, metadata={"dataset": told.dataset, "contract": told.version})


def tabulate(dataset: str, rows: Iterable[Row]) -> tuple[pa.Table, list[Fault]]:
    """Type and normalise rows. Returns the table of those that could be typed, in their order, and faults for the rest.

    A missing column is null (whether it may be is for `checking`); an unknown one is a fault with the rule `unknown`, a
    value of another type one with the rule `<column>.type`.
    """
    told = contract(dataset)
    given = list(rows)
    faults = _unknown_columns(dataset, given)
    read = {column.name: _read_column(dataset, column, given, faults) for column in told.columns}
    bad = {position for position, _ in faults}
    good = [position for position in range(len(given)) if position not in bad]
    arrays = [pa.array(_picked(read[field.name], good, bad), type=field.type) for field in schema(dataset)]
    found = [fault for _, fault in sorted(faults, key=lambda pair: pair[0])]
    return pa.Table.from_arrays(arrays, schema=schema(dataset)), found


def table(dataset: str, rows: Iterable[Row]) -> pa.Table:
    """As `tabulate`, for rows that must all be good; raises RowRefused with the first fault and their number."""
    told, faults = tabulate(dataset, rows)
    if faults:
        first = faults[0]
        where = f"{dataset} {first.row_id}, the first of {len(faults)} faults"
        raise RowRefused(first.message, came=first.value, where=where)
    return told


def _read_column(dataset: str, column: Column, rows: Sequence[Row], faults: list[tuple[int, Fault]]) -> Sequence[Any]:
    name, read = column.name, reader(column)
    values = [row.get(name) for row in rows]
    try:
        return read_all(column, values)
    except ValueError:
        return [_read_one(dataset, column, read, rows, position, faults) for position in range(len(rows))]


def _read_one(
    dataset: str,
    column: Column,
    read: Callable[[Any], Any],
    rows: Sequence[Row],
    position: int,
    faults: list[tuple[int, Fault]],
) -> Any:
    value = rows[position].get(column.name)
    try:
        return read(value)
    except ValueError as error:
        faults.append((position, type_fault(dataset, column, rows[position], expected=str(error), position=position)))
        return None


def type_fault(dataset: str, column: Column, row: Row, *, expected: str, position: int = 0) -> Fault:
    """The fault of a value that is not of its column's type."""
    return Fault(
        dataset=dataset,
        row_id=row_id(row, contract(dataset).keys, position=position),
        rule=f"{column.name}.type",
        column=column.name,
        value=shown(row.get(column.name)),
        message=f"{column.name} must be {expected}",
        row=dict(row),
    )


def unknown_fault(dataset: str, row: Row, *, names: Sequence[str], position: int = 0) -> Fault:
    """The fault of a row with columns that the contract does not know."""
    known = ", ".join(schema(dataset).names)
    return Fault(
        dataset=dataset,
        row_id=row_id(row, contract(dataset).keys, position=position),
        rule="unknown",
        column=names[0],
        value=shown(list(names)),
        message=f"unknown columns; {dataset} has {known}",
        row=dict(row),
    )


def _unknown_columns(dataset: str, rows: Sequence[Row]) -> list[tuple[int, Fault]]:
    known = frozenset(schema(dataset).names)
    found: list[tuple[int, Fault]] = []
    for position, row in enumerate(rows):
        if not row.keys() <= known:
            names = sorted(map(str, row.keys() - known))
            found.append((position, unknown_fault(dataset, row, names=names, position=position)))
    return found


def _picked(values: Sequence[Any], good: list[int], bad: set[int]) -> Sequence[Any]:
    return [values[position] for position in good] if bad else values
