"""The cold end of the records: Parquet by dataset and by the day on which a row was recorded. It only ever grows.

    archive/<dataset>/recorded_on=2026-05-01/00000001.parquet      the rows of one batch
    archive/parked/<dataset>/00000001.parquet                      rows that wait for a parent as the batch left them
    archive/manifests/00000001.json                                what belongs to the batch; writing it commits it

A file that no manifest names does not exist for a reader: that is how a batch killed half-way leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from centre.durable import WriterLock, flush, sha256_of
from data_contracts import arrow, contracts
from data_contracts.errors import InputError, LostRows, StateConflict, TamperedArtefact

# How long a writer waits for another: the largest batch that was measured took 20 s.
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Batch:
    """One committed batch: up to which sequence of the log it goes, its rows by dataset and the digest of its files."""

    number: int
    recorded_on: date
    log_upto: int
    rows: Mapping[str, int]
    digest: str


class Archive:
    """The archive in one folder. Any number of readers, one writer at a time (threads and processes)."""

    def __init__(self, folder: Path, *, patience_s: float = PATIENCE_S) -> None:
        """Name the folder; nothing is made before the first write. A second writer waits up to `patience_s`."""
        self._folder = folder
        self._writer = WriterLock(folder / ".lock", patience_s=patience_s)

    def write(
        self,
        batch: int,
        tables: Mapping[str, pa.Table],
        *,
        recorded_on: date,
        log_upto: int,
        parked: Mapping[str, pa.Table] | None = None,
    ) -> Batch:
        """Commit `tables` (dataset to rows in the contract's schema) as batch `head() + 1`, all or nothing, durably.

        `parked` are all rows that wait for a parent from now on; they replace those that waited before.
        Raises StateConflict when the number is not the next one or the log would go backwards: somebody else wrote.
        """
        with self.exclusively():
            self._refuse_other_than_next(batch, log_upto)
            staging = self._folder / ".staging"
            shutil.rmtree(staging, ignore_errors=True)
            self._drop_uncommitted(batch)
            staging.mkdir(parents=True)
            day = f"recorded_on={recorded_on.isoformat()}"
            body = {
                "batch": batch,
                "recorded_on": recorded_on.isoformat(),
                "log_upto": log_upto,
                "files": {place: self._place(table, staging, place) for place, table in _places(tables, batch, day)},
                "parked": {
                    f"parked/{place}": self._place(table, staging, f"parked/{place}")
                    for place, table in _places(parked or {}, batch)
                },
            }
            self._commit(batch, body)
            self._tidy(batch)
            return _batch(body)

    def read(self, dataset: str, *, known_until: datetime | None = None, upto_batch: int | None = None) -> pa.Table:
        """All rows of a dataset in its contract's schema, one per key, sorted by key.

        `known_until` (exclusive: periods are half-open) leaves out what the centre did not know yet, `upto_batch` what
        was archived later. Of equal keys the row recorded last counts; compaction lets none through unreported.
        Raises LostRows when a committed file is gone or shorter than its manifest says.
        """
        schema = arrow.schema(dataset)
        parts = [
            _known(self._rows(place, entry, schema), known_until)
            for number, place, entry in self._files(dataset, upto_batch)
            if number
        ]
        table = pa.concat_tables([schema.empty_table(), *parts])
        return _latest_by_key(table, list(contracts.contract(dataset).keys))

    def columns(self, dataset: str, names: list[str]) -> pa.Table:
        """Some columns of every row of a dataset, in the order of recording, equal keys included."""
        schema = pa.schema([arrow.schema(dataset).field(name) for name in names])
        parts = [self._rows(place, entry, schema) for _, place, entry in self._files(dataset, None)]
        return pa.concat_tables([schema.empty_table(), *parts])

    def keys(self, dataset: str) -> set[str]:
        """The ids in a dataset (its first key column, whatever the revision): what references point to."""
        name = contracts.contract(dataset).keys[0]
        return set(self.columns(dataset, [name]).column(name).to_pylist())

    def parked(self) -> dict[str, pa.Table]:
        """The rows of each dataset that wait for a parent, as the last batch left them."""
        held = self._manifest(head)["parked"] if (head := self.head()) else {}
        return {
            dataset: self._rows(place, entry, arrow.schema(dataset))
            for place, entry in held.items()
            for dataset in [place.split("/")[1]]
        }

    def batches(self) -> list[Batch]:
        """Every committed batch, in order."""
        return [_batch(body) for body in self._manifests()]

    def head(self) -> int:
        """The number of the last committed batch, 0 in an empty archive."""
        numbers = [int(path.stem) for path in (self._folder / "manifests").glob("*.json")]
        return max(numbers, default=0)

    def log_upto(self) -> int:
        """The last sequence of the log that is in the archive, 0 in an empty one."""
        head = self.head()
        return int(self._manifest(head)["log_upto"]) if head else 0

    def digest(self, upto_batch: int | None = None) -> str:
        """One digest (sha256) for the rows of all batches up to a number: equal digests, equal snapshots."""
        whole = hashlib.sha256()
        for batch in self.batches():
            if upto_batch is None or batch.number <= upto_batch:
                whole.update(f"{batch.number} {batch.digest}\n".encode())
        return whole.hexdigest()

    def verify(self) -> None:
        """Compare every committed file with its manifest. Raises LostRows or TamperedArtefact naming the file."""
        for body in self._manifests():
            waiting = body["parked"] if body["batch"] == self.head() else {}
            for place, entry in (body["files"] | waiting).items():
                path = self._folder / place
                if not path.is_file():
                    raise _lost(path, "no file")
                if (came := sha256_of(path)) != entry["sha256"]:
                    raise TamperedArtefact(
                        "an archived file was changed",
                        expected=entry["sha256"],
                        came=came,
                        where=str(path),
                        remedy="Restore the file from a backup.",
                    )

    def exclusively(self) -> AbstractContextManager[None]:
        """Hold the archive as its one writer; the lock ends with the process. Raises Overloaded after the patience."""
        return self._writer.held()

    def _refuse_other_than_next(self, batch: int, log_upto: int) -> None:
        if batch != self.head() + 1:
            raise StateConflict(
                "this batch is not the next one",
                expected=str(self.head() + 1),
                came=str(batch),
                where=str(self._folder),
                remedy="Read the archive's head again.",
            )
        if log_upto < self.log_upto():
            raise StateConflict(
                "the log would go backwards",
                expected=f"{self.log_upto()} or more",
                came=str(log_upto),
                where=str(self._folder),
                remedy="Is this another log?",
            )

    def _drop_uncommitted(self, batch: int) -> None:
        """Remove files that a killed writer of this batch had moved into place, perhaps on another day."""
        for pattern in (f"*/recorded_on=*/{batch:08d}.parquet", f"parked/*/{batch:08d}.parquet"):
            for path in self._folder.glob(pattern):
                path.unlink()

    def _tidy(self, batch: int) -> None:
        """Remove what the commit made useless: the staging folder, and what earlier batches parked.

        The rows that the batch before this one parked stay, for a reader who looked just before the commit.
        """
        shutil.rmtree(self._folder / ".staging")
        for path in self._folder.glob("parked/*/*.parquet"):
            if int(path.stem) < batch - 1:
                path.unlink()

    def _place(self, table: pa.Table, staging: Path, place: str) -> dict[str, Any]:
        staged, final = staging / "rows.parquet", self._folder / place
        pq.write_table(table, staged, compression="zstd")
        flush(staged)
        entry = {"rows": table.num_rows, "sha256": sha256_of(staged)}
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(final)
        for folder in (final.parent, final.parent.parent, self._folder):
            flush(folder)
        return entry

    def _commit(self, batch: int, body: dict[str, Any]) -> None:
        folder = self._folder / "manifests"
        folder.mkdir(exist_ok=True)
        staged = self._folder / ".staging" / "manifest.json"
        staged.write_text(json.dumps(body, sort_keys=True, indent=1) + "\n", encoding="utf-8")
        flush(staged)
        flush(self._folder)
        staged.replace(folder / f"{batch:08d}.json")
        flush(folder)

    def _manifest(self, number: int) -> dict[str, Any]:
        path = self._folder / "manifests" / f"{number:08d}.json"
        try:
            body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise _lost(path, "no manifest") from error
        except ValueError as error:
            raise TamperedArtefact(
                "a manifest of the archive is no JSON",
                came=str(error),
                where=str(path),
                remedy="Restore the file from a backup.",
            ) from error
        return body

    def _manifests(self) -> Iterator[dict[str, Any]]:
        return (self._manifest(number) for number in range(1, self.head() + 1))

    def _files(self, dataset: str, upto_batch: int | None) -> Iterator[tuple[int, str, dict[str, Any]]]:
        if dataset not in contracts.datasets():
            raise InputError("no such dataset", expected="one of " + ", ".join(contracts.datasets()), came=dataset)
        for body in self._manifests():
            if upto_batch is None or body["batch"] <= upto_batch:
                for place, entry in body["files"].items():
                    if place.startswith(f"{dataset}/"):
                        yield body["batch"], place, entry

    def _rows(self, place: str, entry: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
        """One file's rows; a column that a later contract added is null in older files."""
        path = self._folder / place
        try:
            with pq.ParquetFile(path) as file:
                held = [name for name in schema.names if name in file.schema_arrow.names]
                table = file.read(columns=held)
        except FileNotFoundError as error:
            raise _lost(path, "no file") from error
        except pa.ArrowInvalid as error:
            raise TamperedArtefact(
                "an archived file cannot be read",
                came=str(error),
                where=str(path),
                remedy="Restore the file from a backup.",
            ) from error
        if table.num_rows != entry["rows"]:
            raise _lost(path, f"{table.num_rows} rows", expected=f"{entry['rows']} rows")
        for field in schema:
            if field.name not in held:
                table = table.append_column(field.name, pa.nulls(table.num_rows, field.type))
        return table.select(schema.names).cast(schema)


def _places(tables: Mapping[str, pa.Table], batch: int, day: str = "") -> Iterator[tuple[str, pa.Table]]:
    """Where each table that has rows goes, below its dataset, in the contract's schema."""
    for dataset, table in sorted(tables.items()):
        if table.num_rows:
            wanted = arrow.schema(dataset)
            place = "/".join(filter(None, (dataset, day, f"{batch:08d}.parquet")))
            yield place, table.select(wanted.names).cast(wanted)


def _known(table: pa.Table, known_until: datetime | None) -> pa.Table:
    if known_until is None:
        return table
    return table.filter(pc.less(table["known_at"], pa.scalar(known_until, table.schema.field("known_at").type)))


def _latest_by_key(table: pa.Table, keys: list[str]) -> pa.Table:
    """The last row of each key, sorted by key. Rows come in the order of recording."""
    order = pa.array(range(table.num_rows), pa.int64())
    numbered = table.select(keys).append_column("order", order)
    last = numbered.sort_by([*((key, "ascending") for key in keys), ("order", "ascending")])
    if table.num_rows < 2:
        return table
    ends = [pc.not_equal(last[key].combine_chunks()[:-1], last[key].combine_chunks()[1:]) for key in keys]
    differs = ends[0]
    for end in ends[1:]:
        differs = pc.or_(differs, end)
    keep = pa.concat_arrays([differs, pa.array([True])])
    return table.take(last["order"].filter(keep))


def _batch(body: Mapping[str, Any]) -> Batch:
    rows: dict[str, int] = {}
    for place, entry in body["files"].items():
        dataset = place.partition("/")[0]
        rows[dataset] = rows.get(dataset, 0) + int(entry["rows"])
    content = json.dumps({place: entry["sha256"] for place, entry in body["files"].items()}, sort_keys=True)
    return Batch(
        number=int(body["batch"]),
        recorded_on=date.fromisoformat(body["recorded_on"]),
        log_upto=int(body["log_upto"]),
        rows=rows,
        digest=hashlib.sha256(content.encode()).hexdigest(),
    )


def _lost(path: Path, came: str, *, expected: str = "a committed file") -> LostRows:
    return LostRows(
        "the archive has lost rows",
        expected=expected,
        came=came,
        where=str(path),
        remedy="Restore the file from a backup.",
    )
