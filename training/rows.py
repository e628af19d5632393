"""The rows that features left for a family: read, told apart by part, and described for the report."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_contracts.errors import InputError, MissingColumn, NotEnoughData, NotFound
from training.report import Data, Rows

TRAIN, CALIBRATE, JUDGE = "train", "calibrate", "judge"
BY_TIME, BY_TEXT = "time", "hash of the normalised text"


def read(path: Path, *, columns: Sequence[str]) -> pa.Table:
    """A feature file. NotFound when it is not there; MissingColumn names what it lacks of `columns`."""
    if not path.is_file():
        raise NotFound("no features to learn from", expected=path.name, where=str(path), remedy="Run the build stage.")
    table = pq.read_table(path)
    if missing := [name for name in columns if name not in table.column_names]:
        raise MissingColumn("features lack a column", expected=", ".join(columns), came="no " + ", ".join(missing),
                            where=str(path))  # fmt: skip
    return table


def part(table: pa.Table, name: str) -> pa.Table:
    """The rows of one part: train, calibrate or judge."""
    return table.filter(pc.equal(table["part"], name))


def enough(count: int, *, needed: int, of: str, where: str) -> None:
    """Raise NotEnoughData when `count` is below `needed`."""
    if count < needed:
        raise NotEnoughData(f"too few {of}", expected=f"{needed} or more", came=str(count), where=where)


def digest(ids: Sequence[str]) -> str:
    """sha256 of the sorted ids: the same digest means the same exam."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def described(table: pa.Table, *, id_of: Callable[[pa.Table], Sequence[str]], time_column: str) -> Rows:
    """The counts of a report's rows, the digest of the judged ones and the time that they span."""
    judged, counts = part(table, JUDGE), {name: part(table, name).num_rows for name in (TRAIN, CALIBRATE)}
    timeless = "timeless" in table.column_names and bool(pc.all(pc.fill_null(table["timeless"], False)).as_py())
    bounds = pc.min_max(judged[time_column]).as_py() if judged.num_rows and not timeless else {"min": None, "max": None}
    return Rows(
        train=counts[TRAIN], calibrate=counts[CALIBRATE], judged=judged.num_rows,
        frozen_by=BY_TEXT if timeless else BY_TIME, judged_digest=digest(id_of(judged)),
        judged_from=_iso(bounds["min"]), judged_until=_iso(bounds["max"]),
    )  # fmt: skip


def provenance(data: Path, *, family: str) -> Data:
    """Where the rows came from, as the build stage's manifest tells: beside the rows, or one folder up by family."""
    told = _manifest(data, family)
    return Data(
        as_of=str(told.get("as_of", "")), sources=tuple(told.get("sources", ())),
        simulated=_simulated(told.get("simulated", "none"), where=str(data)),
        digest=str(told.get("digest", "")), timeless=bool(told.get("timeless", False)),
    )  # fmt: skip


def measured(run: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Run it and add what it took: `fit_s` seconds and `peak_mb`, the most memory this process ever held (MiB)."""
    began = time.perf_counter()
    told = dict(run())
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**told, "fit_s": round(time.perf_counter() - began, 3), "peak_mb": round(peak_kb / 1024, 1)}


def write_json(path: Path, told: Mapping[str, Any]) -> None:
    """Sorted keys, so that the same content has the same bytes."""
    text = json.dumps(told, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _manifest(data: Path, family: str) -> dict[str, Any]:
    beside, above = data / "manifest.json", data.parent / "manifest.json"
    if beside.is_file():
        return dict(json.loads(beside.read_text(encoding="utf-8")))
    if not above.is_file():
        return {}
    told = json.loads(above.read_text(encoding="utf-8"))
    shared = {name: value for name, value in told.items() if name in ("as_of", "digest")}
    return {**shared, **(told.get("families", {}).get(family) or {})}


def _simulated(told: object, *, where: str) -> Literal["all", "some", "none"]:
    if told == "all":
        return "all"
    if told == "some":
        return "some"
    if told == "none":
        return "none"
    raise InputError("the manifest on simulation", expected="all, some or none", came=repr(told), where=where)


def _iso(moment: Any) -> str | None:
    return None if moment is None else str(moment.isoformat())
