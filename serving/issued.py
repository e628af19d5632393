"""The forecasts as they were issued: reads the table that the flow `issue_forecast` leaves, anew when it changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from data_contracts.errors import UnavailableError

# Quantiles of each interval, as the table names its columns: offered_q025 is the 2.5% quantile of offered contacts.
LEVELS: Final = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")

ByQueue = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Issue:
    """One issued table in memory, by queue; rows in time order. `baseline`: what the baseline says of the same.

    Beside a baseline's own table there is no other; beside a model's there is none in issues from before it was kept.
    """

    about: dict[str, Any]
    by_queue: ByQueue
    baseline: ByQueue | None = None

    def by_baseline(self) -> Issue:
        """The same issue as the baseline says it. UnavailableError where it was not kept."""
        if self.about["source"] != "model":
            return self
        if self.baseline is None:
            raise UnavailableError(
                "this forecast was issued without the baseline's",
                expected="baseline_table",
                came="none",
                where=str(self.about["issue_id"]),
                remedy="Issue the forecast again.",
            )
        about = {**self.about, "source": "baseline", "version": None, "approval": None, "artefact": None}
        return Issue(about, self.baseline)

    def rows(self, queue: str, *, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """The intervals of a queue that begin in [since, until)."""
        return [row for row in self.by_queue.get(queue, []) if since <= row["interval_start"] < until]


class Issued:
    """The folder of issued forecasts; holds the current one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[bytes, Issue] | None = None

    def current(self) -> Issue | None:
        """The forecast that was issued last, or None before the first. UnavailableError for an unreadable one."""
        try:
            told = (self._folder / "current.json").read_bytes()
        except FileNotFoundError:
            return None
        if self._held is None or self._held[0] != told:
            self._held = (told, _read(self._folder, told))
        return self._held[1]


def _read(folder: Path, told: bytes) -> Issue:
    import pyarrow as pa

    try:
        about = json.loads(told)
        beside = about.get("baseline_table")
        return Issue(about, _table(folder, about["table"]), _table(folder, beside) if beside else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise UnavailableError(
            "the issued forecast cannot be read",
            expected="current.json and its tables",
            came=str(error)[:300],
            where="issued forecasts",
            remedy="Issue it again.",
        ) from error


def _table(folder: Path, named: Any) -> ByQueue:
    """Rows of a table in the folder, by queue, in time order. ValueError for one that lies elsewhere."""
    import pyarrow.parquet as pq

    path = (folder / str(named)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"table outside the folder: {named}")
    by_queue: ByQueue = {}
    for row in pq.read_table(path).to_pylist():
        by_queue.setdefault(row.pop("queue"), []).append(row)
    for rows in by_queue.values():
        rows.sort(key=lambda row: row["interval_start"])
    return by_queue
