"""The log's events, checked, become the archive's rows: exactly once, wherever it is killed.

A batch's manifest names how far into the log it goes, and is written last. Killed before, the batch never was, and the
next compaction makes it again from the same events; killed after, it is there, and the next one goes on behind it.

    rows of the events + rows that waited = taken + repeated + quarantined + rows that wait
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from centre.archive import Archive
from centre.batching import Batch, checked, read_slice
from centre.clock import Clock
from centre.durable import flush
from centre.log import Log
from data_contracts import quarantine as quarantining
from data_contracts.faults import Fault

# Events in one batch: their rows stand in memory at once, about 300 MB.
SLICE = 100_000

EventKey = tuple[str, str]


@dataclass(frozen=True)
class Compacted:
    """What a compaction did, in rows. `parked` rows began to wait, `freed` ones had waited and are among the taken.

    `batch` is the last batch written (None when there was nothing to do), `period` the first and last `happened_at`
    of the rows taken. `faults` name each rule that a quarantined row broke, and those that a batch as a whole broke.
    """

    taken: int
    repeated: int
    quarantined: int
    parked: int
    freed: int
    batch: int | None
    faults: tuple[Fault, ...]
    period: tuple[datetime, datetime] | None


def compact(log: Log, archive: Archive, *, clock: Clock, quarantine: Path, slice_events: int = SLICE) -> Compacted:
    """Move everything that the log holds now into the archive, in batches of at most `slice_events` events.

    Two compactions at once: the second waits for the first, then finds what is left; it raises Overloaded when it
    waits in vain. Quarantined rows are stored below `quarantine` with rule and value, named by batch.
    Events of the platform carry no row: they are passed over, and alone make no batch.
    """
    with archive.exclusively():
        upto, head = archive.log_upto(), log.head()
        total = _Total(waiting_before=_event_keys(archive.parked()))
        while upto < head:
            piece = read_slice(log, after=upto, upto=head, most=slice_events)
            upto = piece.log_upto
            if piece.rows or piece.faults or piece.events >= slice_events:
                batch = checked(piece, archive, as_of=clock.now())
                total.add(batch, number=_commit(batch, archive, clock=clock, quarantine=quarantine, log_upto=upto))
        return total.compacted(waiting_now=_event_keys(archive.parked()))


def _commit(batch: Batch, archive: Archive, *, clock: Clock, quarantine: Path, log_upto: int) -> int:
    """Store the faults, then the rows; what a killed commit of this batch had stored is replaced."""
    number = archive.head() + 1
    named = f"{number:08d}"
    for left in (*quarantine.glob(f"{named}.*"), *quarantine.glob(f".{named}.*")):
        left.unlink()
    if batch.faults:
        quarantining.store(batch.faults, folder=quarantine, batch=named)
        flush(quarantine)
    recorded_on = clock.now().date()
    archive.write(number, batch.accepted, recorded_on=recorded_on, log_upto=log_upto, parked=batch.parked)
    return number


@dataclass
class _Total:
    """The sum of the batches of one compaction."""

    waiting_before: set[EventKey]
    batches: list[Batch] = field(default_factory=list)
    number: int | None = None

    def add(self, batch: Batch, *, number: int) -> None:
        self.batches.append(batch)
        self.number = number

    def compacted(self, *, waiting_now: set[EventKey]) -> Compacted:
        accepted = [batch.accepted for batch in self.batches]
        taken_keys = set[EventKey]().union(*map(_event_keys, accepted)) if self.waiting_before else set[EventKey]()
        return Compacted(
            taken=sum(table.num_rows for tables in accepted for table in tables.values()),
            repeated=sum(batch.repeated for batch in self.batches),
            quarantined=sum(batch.quarantined for batch in self.batches),
            parked=len(waiting_now - self.waiting_before),
            freed=len(self.waiting_before & taken_keys),
            batch=self.number,
            faults=tuple(fault for batch in self.batches for fault in (*batch.faults, *batch.batch_faults)),
            period=_period([table for tables in accepted for table in tables.values()]),
        )


def _event_keys(tables: Mapping[str, pa.Table]) -> set[EventKey]:
    return {
        pair
        for table in tables.values()
        for pair in zip(table["source"].to_pylist(), table["event_id"].to_pylist(), strict=True)
    }


def _period(tables: list[pa.Table]) -> tuple[datetime, datetime] | None:
    ends = [pc.min_max(table["happened_at"]).as_py() for table in tables if table.num_rows]
    if not ends:
        return None
    return min(end["min"] for end in ends).astimezone(UTC), max(end["max"] for end in ends).astimezone(UTC)
