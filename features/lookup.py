"""The door to Feast: point-in-time training sets, materialisation, online features.

Feast imports torch where that is installed (4 s), so every function imports it for itself.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_contracts.errors import LostRows, NotFound
from features.store.services import View
from features.store.services import service as published

TEMPLATE = Path(__file__).with_name("store") / "feature_store.yaml"
CONFIG = "feature_store.yaml"
# Before any record: materialisation then takes the last value of every key, however old.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ROW = "row_number__"


def prepare(repo: Path, *, sources: Path) -> None:
    """Make `repo` a Feast repository over the Parquet files in `sources`: its configuration and registry.

    Repeating it is harmless; sources in another folder replace the earlier ones (a run has its own).
    """
    from features.store.definitions import feast_objects

    repo.mkdir(parents=True, exist_ok=True)
    staging = repo / f".{CONFIG}.{os.getpid()}"
    staging.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    staging.replace(repo / CONFIG)
    with redirect_stdout(io.StringIO()):  # Feast tells of its progress; a command's output is not the place
        _open(repo).apply(feast_objects(sources))


def training_set(entities: pa.Table, *, repo: Path, service: str, threads: int = 2) -> pa.Table:
    """The features of `service` as they were known at each row's moment.

    entities: columns event_timestamp (aware) and the join keys of the service's views; further columns are kept.
    Returns the same rows in the same order with the service's fields (float64, null where nothing was known yet).
    A corrected figure counts from its `created` on. Raises LostRows if a row went missing.
    """
    asked = entities.append_column(_ROW, pa.array(range(entities.num_rows), pa.int64()))
    with _duckdb(threads):
        store = _open(repo)
        job = store.get_historical_features(
            entity_df=asked.to_pandas(),
            features=store.get_feature_service(published(service).name),
            # Off by default: then a figure that was corrected later would be seen before its correction was made.
            filter_by_created_timestamp=True,
        )
        found = job.to_arrow().sort_by(_ROW)
    if found.num_rows != entities.num_rows or found[_ROW].to_pylist() != list(range(entities.num_rows)):
        raise LostRows(
            "the point-in-time join lost or doubled rows",
            expected=str(entities.num_rows),
            came=str(found.num_rows),
            where=service,
        )
    fields = published(service).fields()
    kept = {name: entities[name] for name in entities.column_names}
    return pa.table({**kept, **{name: found[name].cast(pa.float64()) for name in fields}})


def materialize(repo: Path, *, as_of: datetime, threads: int = 2) -> None:
    """Write each key's last values known at `as_of` into the online store."""
    with _duckdb(threads), redirect_stdout(io.StringIO()):
        _open(repo).materialize(start_date=_BEGINNING, end_date=as_of)


def online(repo: Path, *, service: str, keys: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
    """The online features of a service for aligned lists of join keys: field to values, None where unknown."""
    store = _open(repo)
    rows = [dict(zip(keys, values, strict=True)) for values in zip(*keys.values(), strict=True)]
    found = store.get_online_features(features=store.get_feature_service(published(service).name), entity_rows=rows)
    told: dict[str, list[Any]] = found.to_dict()
    return told


def online_view(repo: Path, *, view: View, keys: Sequence[str]) -> dict[str, list[Any]]:
    """The online features of one view for a list of its keys: field to values, None where unknown."""
    rows = [{view.join_key: key} for key in keys]
    asked = [f"{view.name}:{field}" for field in view.fields]
    found = _open(repo).get_online_features(features=asked, entity_rows=rows)
    told: dict[str, list[Any]] = found.to_dict()
    return told


def _open(repo: Path) -> Any:
    if not (repo / CONFIG).is_file():
        raise NotFound("no feature store", expected=CONFIG, where=str(repo), remedy="Make it with lookup.prepare.")
    from feast import FeatureStore

    return FeatureStore(repo_path=str(repo))


@contextmanager
def _duckdb(threads: int) -> Iterator[None]:
    """Feast's DuckDB store asks ibis for its default connection: give it one with so many threads, and close it."""
    import ibis  # type: ignore[import-untyped]

    before = ibis.options.default_backend
    connection = ibis.duckdb.connect(threads=threads)
    ibis.set_backend(connection)
    try:
        yield
    finally:
        ibis.options.default_backend = before
        connection.disconnect()
