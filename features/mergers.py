"""Queues that became one: from the day of a merger on, the past of the queues that ended counts to the one they became.

A merger is an event of the calendar (`calendar_events`, kind `merger`): its `queues` end when it begins, and what
would have come to them comes to `into`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

KIND = "merger"


def renamed(events: pa.Table, *, until: datetime) -> dict[str, str]:
    """What each queue that ended is called at that moment, by the events as they are known; several mergers follow each
    other. Queues that nothing happened to are left out."""
    found: dict[str, str] = {}
    for starts_at, row in standing(events):
        if starts_at <= until:
            ended = {queue: row["into"] for queue in row["queues"] if queue != row["into"]}
            found = {**{queue: ended.get(name, name) for queue, name in found.items()}, **ended}
            found = {queue: name for queue, name in found.items() if queue != name}
    return found


def beginning(events: pa.Table, *, after: datetime, before: datetime) -> list[datetime]:
    """The moments in (after, before) at which queues become one, in order."""
    return sorted({starts_at for starts_at, _ in standing(events) if after < starts_at < before})


def standing(events: pa.Table) -> list[tuple[datetime, dict[str, Any]]]:
    """The mergers as they were last told, without cancelled ones, in order of their beginning."""
    last = {
        row["calendar_event_id"]: row
        for row in sorted(events.to_pylist(), key=lambda row: (row["revision"], row["known_at"]))
    }
    rows = [row for row in last.values() if row["kind"] == KIND and not row["cancelled"]]
    return sorted(((row["starts_at"], row) for row in rows), key=lambda one: (one[0], one[1]["calendar_event_id"]))


def under_new_names(rows: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The rows with each queue under the name that it has by then."""
    return rows.assign(queue=rows["queue"].replace(dict(names))) if names else rows
