"""Rows as callers want them: JSON, CSV or Parquet, by `format` or by the Accept header."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final, Literal

from data_contracts.events import plain
from serving.forms import as_json

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
Format = Literal["json", "csv", "parquet"]
# What OpenAPI says that an operation answers with beside JSON.
CONTENT: Final[dict[str, dict[str, Any]]] = {CSV: {}, PARQUET: {}}


def accepted(accept: str) -> Format:
    """The first of our forms that a client names."""
    for part in accept.split(","):
        kind = part.split(";")[0].strip().lower()
        if kind in (CSV, PARQUET):
            return "csv" if kind == CSV else "parquet"
        if kind == "application/json":
            break
    return "json"


def written(rows: Sequence[dict[str, Any]], form: Format) -> tuple[bytes, str]:
    """The rows alone as CSV or Parquet, and their media type; the first row names the columns."""
    return (_as_parquet(rows), PARQUET) if form == "parquet" else (_as_csv(rows), f"{CSV}; charset=utf-8")


def _as_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(rows[0] if rows else ())
    for row in rows:
        writer.writerow([as_json(plain(value)).decode() if isinstance(value, list) else plain(value)
                         for value in row.values()])  # fmt: skip
    return text.getvalue().encode()


def _as_parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows)), sink, compression="zstd")
    return bytes(sink.getvalue())
