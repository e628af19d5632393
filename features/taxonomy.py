"""What the centre's taxonomy says of intents, for whoever judges a model: which are critical, which belong together."""

from __future__ import annotations

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
