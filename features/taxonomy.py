"""What the centre's taxonomy says of intents, for whoever judges a model: which are critical, which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from features.records import Tables, frame, known, last_revisions


def told(tables: Tables, *, as_of: datetime) -> dict[str, Any]:
    """{intents: {intent_id: {parent (or None), critical}}} as known at `as_of`; of a deprecated intent nothing: its
    labels stand for its successor."""
    columns = ["intent_id", "revision", "known_at", "parent_id", "critical", "deprecated_by"]
    rows = last_revisions(frame(known(tables, "intents", as_of=as_of), columns), key="intent_id")
    rows = rows[rows["deprecated_by"].isna()]
    return {
        "intents": {
            name: {"parent": parent if isinstance(parent, str) else None, "critical": bool(critical)}
            for name, parent, critical in zip(rows["intent_id"], rows["parent_id"], rows["critical"], strict=True)
        }
    }


def latest(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The last row told of each intent, by id, in order of id. rows: of `intents`, in any order."""
    named = (row for row in rows if row["intent_id"])
    ordered = sorted(named, key=lambda row: (row["intent_id"], row["revision"] or 0, row["known_at"]))
    return {row["intent_id"]: row for row in ordered}


def successor(intent_id: str, next_of: Mapping[str, str | None]) -> str:
    """What stands for an intent today: the end of the chain of those that took its place, or itself."""
    seen = {intent_id}
    while (after := next_of.get(intent_id)) is not None and after not in seen:
        intent_id = after
        seen.add(intent_id)
    return intent_id
