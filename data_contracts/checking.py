"""Which rows may pass: the contract's rules over a whole table at once, and over one row as it arrives by HTTP.

A row that breaks a rule is quarantined with every rule that it breaks. Rows with one key and different bodies are all
quarantined; identical repeats collapse into one. A row whose parent is not known yet is parked. The rest is accepted.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from typing import Any, Final

import numpy as np
import pyarrow as pa

from data_contracts.arrow import schema, type_fault, unknown_fault
from data_contracts.cells import Mask, failing
from data_contracts.contracts import Column, Contract, contract
from data_contracts.errors import InputError, MissingColumn
from data_contracts.faults import Fault, row_id, shown
from data_contracts.repeats import repeats
from data_contracts.rules import BatchRule, RowRule
from data_contracts.values import Reader, reader

__all__ = ["Checked", "Fault", "check", "row_faults"]

CONFLICT: Final = "key.conflict"


@dataclass(frozen=True)
class Checked:
    """What a check found. `accepted` and `parked` keep the order of the table.

    `batch_faults` stop the batch; `remarks` are worth telling and stop nothing (an empty dataset, a replayed export).
    """

    accepted: pa.Table
    quarantined: tuple[Fault, ...]
    parked: pa.Table
    repeated_count: int
    batch_faults: tuple[Fault, ...]
    remarks: tuple[Fault, ...] = ()


def check(dataset: str, table: pa.Table, *, parents: Mapping[str, Container[str]], as_of: datetime) -> Checked:
    """Check a table of a dataset against its contract.

    `parents` gives the keys known for each dataset that this one refers to (those already in the archive and those
    accepted in the same batch); a dataset missing there has none. `as_of` is the run's, aware.
    Raises MissingColumn or InputError for a table that is not of the contract's columns.
    """
    told = contract(dataset)
    table = _in_schema(told, table)
    masks = [(rule, rule.broken(table, as_of=as_of)) for rule in told.row_rules]
    broken = _any_of((mask for _, mask in masks), table.num_rows)
    twice = repeats(table, keys=told.keys, compared=[c.name for c in told.own_columns], broken=broken)
    quarantined = (broken | twice.conflicting) & ~twice.repeated
    orphaned = _orphans(told, table, parents)
    found = tuple(_faults(told, table, masks, twice.conflicting, quarantined))
    batch = list(_batch_faults(told, table, as_of=as_of))
    return Checked(
        accepted=table.filter(pa.array(~quarantined & ~twice.repeated & ~orphaned)),
        quarantined=found,
        parked=table.filter(pa.array(orphaned & ~quarantined & ~twice.repeated)),
        repeated_count=int(twice.repeated.sum()),
        batch_faults=tuple(fault for fault in batch if fault.severity == "error"),
        remarks=tuple(fault for fault in batch if fault.severity != "error"),
    )


def row_faults(dataset: str, row: Mapping[str, Any], *, as_of: datetime) -> list[Fault]:
    """Every fault of one row as it came: the same verdicts as `tabulate` and `check`, without a table.

    Keys and parents are not judged: one row alone cannot tell.
    """
    told, readers = contract(dataset), _readers(dataset)
    unknown = sorted(str(name) for name in row if name not in readers)
    if unknown:
        return [unknown_fault(dataset, row, names=unknown), *_read(told, readers, row)[1]]
    typed, mistyped = _read(told, readers, row)
    if mistyped:
        return mistyped
    return [_fault(told, rule, typed, position=0) for rule in told.row_rules if rule.breaks(typed, as_of=as_of)]


@cache
def _readers(dataset: str) -> dict[str, tuple[Column, Reader]]:
    return {column.name: (column, reader(column)) for column in contract(dataset).columns}


def _read(
    told: Contract, readers: Mapping[str, tuple[Column, Reader]], row: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Fault]]:
    typed: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, (column, read) in readers.items():
        try:
            typed[name] = read(row.get(name))
        except ValueError as error:
            faults.append(type_fault(told.dataset, column, row, expected=str(error)))
    return typed, faults


def _in_schema(told: Contract, table: pa.Table) -> pa.Table:
    wanted = schema(told.dataset)
    missing = [name for name in wanted.names if name not in table.column_names]
    if missing:
        came = ", ".join(table.column_names)
        raise MissingColumn("columns are missing", expected=", ".join(missing), came=came, where=told.dataset)
    try:
        return table.select(wanted.names).cast(wanted).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        expected = "the contract's schema; `tabulate` makes such a table"
        raise InputError("columns of other types", expected=expected, came=str(error), where=told.dataset) from error


def _any_of(masks: Iterable[Mask], rows: int) -> Mask:
    return reduce(np.logical_or, masks, np.zeros(rows, dtype=bool))


def _orphans(told: Contract, table: pa.Table, parents: Mapping[str, Container[str]]) -> Mask:
    """Rows with a parent that is not known: asked once for each distinct parent."""
    found = []
    for rule in told.reference_rules:
        known = parents[rule.parent] if rule.parent in parents else frozenset[str]()
        found.append(failing(table[rule.column], known.__contains__))
    return _any_of(found, table.num_rows)


def _faults(
    told: Contract, table: pa.Table, masks: list[tuple[RowRule, Mask]], conflicting: Mask, quarantined: Mask
) -> Iterable[Fault]:
    """The faults of the quarantined rows, row by row in the table's order."""
    where = np.flatnonzero(quarantined)
    rows = table.take(pa.array(where)).to_pylist()
    broken = [(rule, mask[where]) for rule, mask in masks if mask[where].any()]
    for place, (position, row) in enumerate(zip(where.tolist(), rows, strict=True)):
        for rule, mask in broken:
            if mask[place]:
                yield _fault(told, rule, row, position=position)
        if conflicting[position]:
            yield _conflict(told, row, position=position)


def _fault(told: Contract, rule: RowRule, row: Mapping[str, Any], *, position: int) -> Fault:
    column = rule.points_at
    return Fault(
        dataset=told.dataset,
        row_id=row_id(row, told.keys, position=position),
        rule=rule.name,
        column=column,
        value=shown(row.get(column)),
        message=rule.message,
        row=dict(row),
    )


def _conflict(told: Contract, row: Mapping[str, Any], *, position: int) -> Fault:
    named = row_id(row, told.keys, position=position)
    message = f"one key ({', '.join(told.keys)}), different rows: nobody can say which is right"
    return Fault(told.dataset, named, CONFLICT, told.keys[0], shown(named), message, dict(row))


def _batch_faults(told: Contract, table: pa.Table, *, as_of: datetime) -> Iterable[Fault]:
    for rule in told.batch_rules:
        figure = rule.measured(table, as_of=as_of)
        if figure is not None and not rule.holds(figure):
            yield _batch_fault(told, rule, figure)


def _batch_fault(told: Contract, rule: BatchRule, figure: float) -> Fault:
    value = f"{figure:g}, {rule.comparator} {' and '.join(f'{bound:g}' for bound in rule.bound)}"
    return Fault(told.dataset, "", rule.name, rule.points_at, value, rule.message, {}, rule.severity)
