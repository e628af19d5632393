"""A slice of the log, checked: which rows the archive takes, which repeat, break a rule, or wait for a parent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from centre.archive import Archive
from centre.log import PAGE, Log, Stored
from data_contracts.arrow import tabulate
from data_contracts.checking import CONFLICT, check
from data_contracts.contracts import contract, datasets
from data_contracts.errors import MalformedEvent
from data_contracts.events import DATASET_OF, dataset_row
from data_contracts.faults import Fault, row_id, shown
from data_contracts.repeats import repeats

Rows = dict[str, list[Mapping[str, Any]]]


@dataclass
class LogSlice:
    """Rows of a piece of the log by dataset, up to a sequence; `faults` are events whose data is no row at all."""

    log_upto: int
    events: int = 0
    rows: Rows = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


@dataclass
class Batch:
    """What a check made of a slice: tables by dataset, faults of the quarantined rows, and counts of rows."""

    accepted: dict[str, pa.Table] = field(default_factory=dict)
    parked: dict[str, pa.Table] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    batch_faults: list[Fault] = field(default_factory=list)
    repeated: int = 0
    quarantined: int = 0


def read_slice(log: Log, *, after: int, upto: int, most: int) -> LogSlice:
    """The rows of at most `most` events after a sequence and none after `upto`, in pages."""
    piece = LogSlice(log_upto=after)
    while piece.events < most and piece.log_upto < upto:
        page = log.read(piece.log_upto, limit=min(PAGE, most - piece.events))
        kept = [stored for stored in page if stored.sequence <= upto]
        for stored in kept:
            _take(piece, stored)
        piece.events += len(kept)
        piece.log_upto = kept[-1].sequence if kept and len(kept) == len(page) else upto
    return piece


def checked(piece: LogSlice, archive: Archive, *, as_of: datetime) -> Batch:
    """The slice's rows and those that waited, checked against their contracts and against the archive.

    A row of a key that the archive holds is a repeat if its own columns are equal, and quarantined if they are not:
    what was archived stands, and nothing is dropped in silence.
    """
    batch = Batch(faults=list(piece.faults), quarantined=len(piece.faults))
    waiting = archive.parked()
    known: dict[str, set[str]] = {}
    for dataset in datasets():
        rows, waited = piece.rows.get(dataset, []), waiting.get(dataset)
        if rows or waited is not None:
            typed, faults = tabulate(dataset, rows)
            batch.faults += faults
            batch.quarantined += len(rows) - typed.num_rows
            table = typed if waited is None else pa.concat_tables([waited, typed])
            _check(dataset, table, batch, archive=archive, known=known, as_of=as_of)
    return batch


def _check(
    dataset: str, table: pa.Table, batch: Batch, *, archive: Archive, known: dict[str, set[str]], as_of: datetime
) -> None:
    parents = {rule.parent: _known(rule.parent, batch, archive, known) for rule in contract(dataset).reference_rules}
    found = check(dataset, table, parents=parents, as_of=as_of)
    fresh, repeated, clashes = _against_archive(dataset, found.accepted, archive)
    batch.accepted[dataset] = fresh
    batch.parked[dataset] = found.parked
    batch.repeated += found.repeated_count + repeated
    batch.faults += [*found.quarantined, *clashes]
    batch.batch_faults += found.batch_faults
    held = found.accepted.num_rows + found.parked.num_rows + found.repeated_count
    batch.quarantined += table.num_rows - held + len(clashes)


def _known(parent: str, batch: Batch, archive: Archive, known: dict[str, set[str]]) -> set[str]:
    """The ids of a parent dataset, in the archive or accepted in this batch: parents are checked first."""
    if parent not in known:
        known[parent] = archive.keys(parent)
        if parent in batch.accepted:
            known[parent].update(batch.accepted[parent].column(contract(parent).keys[0]).to_pylist())
    return known[parent]


def _against_archive(dataset: str, table: pa.Table, archive: Archive) -> tuple[pa.Table, int, list[Fault]]:
    """The rows of new keys, the number of repeats of archived rows, and a fault for each row that differs from one."""
    keys = list(contract(dataset).keys)
    archived = archive.columns(dataset, keys)
    if not table.num_rows or not archived.num_rows:
        return table, 0, []
    hits = _places_in(table, archived, keys)
    if not len(hits):
        return table, 0, []
    again = table.take(pa.array(hits))
    held = archive.read(dataset)
    held = held.take(pa.array(_places_in(held, again, keys)))
    both = pa.concat_tables([held, again])
    own = [column.name for column in contract(dataset).own_columns]
    twice = repeats(both, keys=keys, compared=own, broken=np.zeros(both.num_rows, dtype=bool))
    differing = np.flatnonzero(twice.conflicting[held.num_rows :])
    fresh = table.filter(pa.array(~np.isin(np.arange(table.num_rows), hits)))
    clashes = [_clash(dataset, row) for row in again.take(pa.array(differing)).to_pylist()]
    return fresh, again.num_rows - len(clashes), clashes


def _places_in(table: pa.Table, other: pa.Table, keys: list[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The places of the rows whose key is also in the other table, in order."""
    numbered = table.select(keys).append_column("place", pa.array(np.arange(table.num_rows)))
    found = numbered.join(other.select(keys), keys=keys, join_type="left semi")
    return np.sort(found["place"].to_numpy())


def _clash(dataset: str, row: Mapping[str, Any]) -> Fault:
    keys = contract(dataset).keys
    named = row_id(row, keys, position=0)
    message = f"the archive holds another row of this key ({', '.join(keys)}): what it holds stands"
    return Fault(dataset, named, CONFLICT, keys[0], shown(named), message, row)


def _take(piece: LogSlice, stored: Stored) -> None:
    """Add the row of an event, known when the log says; the platform's own events carry none."""
    dataset = DATASET_OF.get(stored.event.type)
    if dataset is None:
        return
    try:
        row = dataset_row(stored.event)
    except MalformedEvent as error:
        piece.faults.append(_no_row(dataset, stored, error))
        return
    row["known_at"] = stored.known_at
    piece.rows.setdefault(dataset, []).append(row)


def _no_row(dataset: str, stored: Stored, error: MalformedEvent) -> Fault:
    """The fault of an event whose data contradicts the event; its row is what the event says, to be mended."""
    event = stored.event
    said = dataset_row(replace(event, data={}))
    stated = {name: event.data[name] for name in sorted(event.data.keys() & said.keys())}
    row = event.data | said | {"known_at": stored.known_at}
    return Fault(dataset, event.id, error.kind, next(iter(stated), ""), shown(stated), str(error), row)
