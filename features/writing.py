"""Tables and JSON written so that the same content is the same bytes, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def write_table(table: pa.Table, to: Path) -> None:
    """A Parquet file without a time of writing, a path or pandas' metadata."""
    to.parent.mkdir(parents=True, exist_ok=True)
    staging = to.with_name(f".{to.name}.{os.getpid()}")
    pq.write_table(table.replace_schema_metadata(), staging, compression="zstd", version="2.6")
    staging.replace(to)


def write_json(told: Mapping[str, Any], to: Path) -> None:
    """Sorted keys, UTF-8, one line feed at the end."""
    to.parent.mkdir(parents=True, exist_ok=True)
    staging = to.with_name(f".{to.name}.{os.getpid()}")
    staging.write_text(json.dumps(told, sort_keys=True, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    staging.replace(to)
