"""The forecasts as they were issued: reads the tables that the flow `issue_forecast` leaves, anew when they change."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from data_contracts.errors import NotFound, UnavailableError

if TYPE_CHECKING:
    import pyarrow as pa

    from training.parts import Mix

# Quantiles of each interval, as the table names its columns: offered_q025 is the 2.5% quantile of offered contacts.
LEVELS: Final = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")
# All queues together.
SITE: Final = "*"

Grain = Literal["interval", "day"]


class Table:
    """An issued table: `rows` of one queue at a time become plain data, the rest stays compact."""

    def __init__(self, table: pa.Table) -> None:
        ordered = table.sort_by([("queue", "ascending"), ("interval_start", "ascending")])
        counts = ordered.group_by("queue", use_threads=False).aggregate([([], "count_all")])
        self._queues: dict[str, tuple[int, int]] = {}
        first = 0
        for queue, count in zip(counts["queue"].to_pylist(), counts["count_all"].to_pylist(), strict=True):
            self._queues[queue], first = (first, count), first + count
        self.whole = ordered
        self._table = ordered.drop_columns(["queue"])
        self._starts: list[datetime] = ordered["interval_start"].to_pylist()

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that it tells of, the site (`SITE`) where it was added up."""
        return tuple(sorted(self._queues))

    def rows(self, queue: str, *, since: datetime, until: datetime) -> pa.Table:
        """The intervals of a queue that begin in [since, until)."""
        first, count = self._queues.get(queue, (0, 0))
        low, high = (bisect_left(self._starts, moment, first, first + count) for moment in (since, until))
        return self._table.slice(low, max(high - low, 0))


@dataclass(frozen=True)
class Issue:
    """One issue in memory: its tables by grain. `baseline`: what the baseline says of the same.

    Beside a baseline's own tables there are no others; beside a model's there are none in issues from before they were
    kept.
    """

    about: dict[str, Any]
    tables: Mapping[Grain, Table]
    baseline: Mapping[Grain, Table]
    mix: Mix | None = None

    def by_baseline(self) -> Issue:
        """The same issue as the baseline says it. UnavailableError where it was not kept."""
        if self.about["source"] != "model":
            return self
        if not self.baseline:
            raise UnavailableError(
                "this forecast was issued without the baseline's",
                expected="baseline_table",
                came="none",
                where=str(self.about["issue_id"]),
                remedy="Issue the forecast again.",
            )
        about = {**self.about, "source": "baseline", "version": None, "approval": None, "artefact": None,
                 "adjustments": []}  # fmt: skip
        return Issue(about, self.baseline, {}, self.mix)

    def part(self, queue: str, *, channel: str | None, language: str | None) -> Issue:
        """What of a queue comes by a channel or in a language (None: by any). NotFound where there is no such part, and
        in issues from before parts were told apart."""
        from training import parts

        if self.mix is None:
            raise NotFound("this forecast was issued without its parts", expected="no channel and no language",
                           came=f"{channel or 'any'}/{language or 'any'}", where=str(self.about["issue_id"]),
                           remedy="Issue the forecast again.")  # fmt: skip
        intervals, days = parts.split(
            self.table("interval").whole, self.table("day").whole, self.mix, queue=queue, channel=channel,
            language=language, time_zone=str(self.about["time_zone"]),
        )  # fmt: skip
        return Issue(self.about, {"interval": Table(intervals), "day": Table(days)}, {}, self.mix)

    def table(self, grain: Grain) -> Table:
        """The table of that grain. NotFound in issues from before it was kept."""
        if grain not in self.tables:
            raise NotFound("this forecast was issued without days", expected="grain=interval", came=f"grain={grain}",
                           where=str(self.about["issue_id"]), remedy="Issue the forecast again.")  # fmt: skip
        return self.tables[grain]


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

    def named(self, issue_id: str) -> Issue:
        """An issue of any time, by its id. NotFound where there is none of that name."""
        if issue_id in self.names():
            return _read(self._folder, (self._folder / issue_id / "issue.json").read_bytes())
        raise NotFound("no such issue", expected=f"one of the {len(self.names())} that were kept", came=issue_id[:80],
                       where="query issue", remedy="Leave it out for the current one.")  # fmt: skip

    def names(self) -> tuple[str, ...]:
        """The ids of all issues that were kept, in order of the moment that they know."""
        return tuple(sorted(path.parent.name for path in self._folder.glob("*/issue.json")))


def _read(folder: Path, told: bytes) -> Issue:
    import pyarrow as pa

    try:
        about = json.loads(told)
        return Issue(
            about,
            _tables(folder, {"interval": about["table"], "day": about.get("days_table")}),
            _tables(folder, {"interval": about.get("baseline_table"), "day": about.get("baseline_days_table")}),
            _mix(folder, about),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise UnavailableError(
            "the issued forecast cannot be read",
            expected="current.json and its tables",
            came=str(error)[:300],
            where="issued forecasts",
            remedy="Issue it again.",
        ) from error


def _mix(folder: Path, about: Mapping[str, Any]) -> Mix | None:
    import pyarrow.parquet as pq

    if not about.get("mix_table"):
        return None
    from training.parts import Mix

    return Mix(pq.read_table(_inside(folder, about["mix_table"])), time_zone=str(about["time_zone"]))


def _inside(folder: Path, name: Any) -> Path:
    """The file of that name. ValueError for one that lies elsewhere."""
    path = (folder / str(name)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"table outside the folder: {name}")
    return path


def _tables(folder: Path, named: Mapping[Grain, Any]) -> dict[Grain, Table]:
    """The tables in the folder that are named. ValueError for one that lies elsewhere."""
    import pyarrow.parquet as pq

    found: dict[Grain, Table] = {}
    for grain, name in named.items():
        if name:
            found[grain] = Table(pq.read_table(_inside(folder, name)))
    return found
