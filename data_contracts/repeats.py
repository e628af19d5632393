"""The same row told twice, and one key told in two ways.

Rows are one group where their key is the same. In a group whose rows agree in every column of the dataset itself, one
stays and the rest are repeats; what the log adds (when it became known, the event's id) may differ. In a group whose
rows disagree nobody can say which is right: they are in conflict, all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.cells import Mask, numbers, valid

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Repeats:
    """Which rows are repeats of one that stays, and which are in conflict. Masks over the rows of the table."""

    repeated: Mask
    conflicting: Mask


def repeats(table: pa.Table, *, keys: Sequence[str], compared: Sequence[str], broken: Mask) -> Repeats:
    """Find repeats and conflicts. Of rows that agree the one stays that breaks no rule, then the earliest known."""
    nobody = np.zeros(table.num_rows, dtype=bool)
    groups = groups_of(table, keys)
    sizes = np.bincount(groups, minlength=1)
    places = np.flatnonzero(sizes[groups] > 1)
    if not len(places):
        return Repeats(nobody, nobody)
    twins = table.take(pa.array(places))
    order = np.lexsort((places, numbers(twins, "known_at"), broken[places], groups[places]))
    first = _first_of_group(groups[places], order)
    differs = reduce(np.logical_or, (_differs(twins, name, first) for name in compared))
    disputed = np.isin(groups[places], groups[places][differs])
    conflicting, repeated = nobody.copy(), nobody.copy()
    conflicting[places[disputed]] = True
    repeated[places[~disputed & (first != np.arange(len(places)))]] = True
    return Repeats(repeated, conflicting)


def groups_of(table: pa.Table, keys: Sequence[str]) -> Codes:
    """A number for each row, the same for the same key. A row without its whole key is a group of its own."""
    whole = reduce(np.logical_and, (valid(table, name) for name in keys), np.ones(table.num_rows, dtype=bool))
    codes = reduce(_joined, (_codes(table[name]) for name in keys))
    alone = np.arange(table.num_rows, dtype=np.int64) + (int(codes.max()) + 1 if len(codes) else 0)
    return _dense(np.where(whole, codes, alone))


def _joined(one: Codes, other: Codes) -> Codes:
    """Two columns' codes as one; dense again, so that no product of many columns overflows."""
    return _dense(one * (int(other.max(initial=0)) + 1) + other)


def _dense(codes: Codes) -> Codes:
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def _codes(column: pa.ChunkedArray) -> Codes:
    """Equal values, equal numbers; null is a value of its own, and 0.0 is -0.0."""
    if pa.types.is_list(column.type):
        return _list_codes(column)
    if pa.types.is_floating(column.type):
        column = pc.add(column, 0.0)
    coded = column.combine_chunks()
    coded = pa.concat_arrays(coded.chunks) if isinstance(coded, pa.ChunkedArray) else coded
    return np.asarray(coded.dictionary_encode(null_encoding="encode").indices, dtype=np.int64)


def _list_codes(column: pa.ChunkedArray) -> Codes:
    known: dict[Any, int] = {}
    items = (None if item is None else tuple(item) for item in column.to_pylist())
    return np.array([known.setdefault(item, len(known)) for item in items], dtype=np.int64)


def _first_of_group(groups: Codes, order: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """For each row the place of the row that stays of its group: the first of the group in `order`."""
    ordered = groups[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    stays = np.zeros(int(groups.max()) + 1, dtype=np.intp)
    stays[ordered[starts]] = order[starts]
    return np.asarray(stays[groups])


def _differs(table: pa.Table, name: str, first: npt.NDArray[np.intp]) -> Mask:
    codes = _codes(table[name])
    return np.asarray(codes != codes[first], dtype=bool)
