"""What is wrong with a row or a batch, told so that somebody can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One broken rule on one row (or on a batch: then `row_id` is empty and `row` has nothing in it).

    `value` is what came, shortened; `row` holds the whole row as it came, so that it can be mended and replayed.
    `severity` is error (the row is quarantined, the batch stops) or warning (a batch is only remarked on).
    """

    dataset: str
    row_id: str
    rule: str
    column: str
    value: str
    message: str
    row: Mapping[str, Any] = field(default_factory=dict, compare=False)
    severity: str = "error"


def shown(value: object, *, limit: int = 120) -> str:
    """A value as a fault tells it: Python's own writing, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def row_id(row: Mapping[str, Any], keys: tuple[str, ...], *, position: int) -> str:
    """How a person finds the row: its key, else its event id, else its place in the batch (from 0)."""
    if all(row.get(key) is not None for key in keys):
        return "|".join(str(row[key]) for key in keys)
    event_id = row.get("event_id")
    return str(event_id) if event_id is not None else f"row {position}"
