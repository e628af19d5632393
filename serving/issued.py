"""The forecasts as they were issued: reads the tables that the flow `issue_forecast` leaves, anew when they change."""

from __future__ import annotations

import json
import logging
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

from data_contracts.errors import NotFound, UnavailableError

if TYPE_CHECKING:
    import pyarrow as pa

    from training.parts import Mix

# Quantiles of each interval, as the table names its columns: offered_q025 is the 2.5% quantile of offered contacts.
LEVELS: Final = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")
# All queues together.
SITE: Final = "*"

Grain = Literal["interval", "day"]
GRAINS: Final[tuple[Grain, ...]] = ("interval", "day")
# How the name of an issue begins: the moment that it knows.
_KNOWS: Final = "%Y%m%dT%H%M%SZ"
logger = logging.getLogger("parley.serving")


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

    @cached_property
    def _starts(self) -> list[datetime]:
        found: list[datetime] = self.whole["interval_start"].to_pylist()
        return found

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From when to when it tells of anything; None where it is empty."""
        if not self._starts:
            return None
        return min(self._starts), max(self._starts) + timedelta(seconds=self.whole["interval_s"][0].as_py())

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

    def parts(self, queue: str) -> list[tuple[str, str]]:
        """The (channel, language) that a queue's contacts are told apart by; none where they were not."""
        return [] if self.mix is None else self.mix.parts(queue)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that its tables tell of, the site apart."""
        told = {queue for table in self.tables.values() for queue in table.queues}
        return tuple(sorted(told - {SITE}))

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
        self._others: dict[str, tuple[Any, Any]] = {}

    def current(self) -> Issue | None:
        """The forecast that was issued last, or None before the first. UnavailableError for an unreadable one."""
        try:
            told = (self._folder / "current.json").read_bytes()
        except FileNotFoundError:
            return None
        if self._held is None or self._held[0] != told:
            self._held = (told, _read(self._folder, told))
        return self._held[1]

    def named(self, issue_id: str, *, grains: Sequence[Grain] = GRAINS) -> Issue:
        """An issue of any time, by its id, with its tables of these grains. NotFound where there is none of it."""
        if issue_id in self.names():
            return _read(self._folder, (self._folder / issue_id / "issue.json").read_bytes(), grains=grains)
        raise NotFound("no such issue", expected=f"one of the {len(self.names())} that were kept", came=issue_id[:80],
                       where="query issue", remedy="Leave it out for the current one.")  # fmt: skip

    def names(self) -> tuple[str, ...]:
        """The ids of all issues that were kept, in order of what they know, and then of when they were made."""
        kept = [(path.parent.name, path.stat().st_mtime_ns) for path in self._folder.glob("*/issue.json")]
        return tuple(name for name, _ in sorted(kept, key=lambda one: (one[0].partition("-")[0], one[1], one[0])))

    def before(self, moment: datetime, *, time_zone: str, most: int) -> list[str]:
        """Of each local day the last issue that knew no more than `moment`, the latest of them first.

        Issues are named by what they know; others are left out.
        """
        stamp = f"{moment.astimezone(UTC):{_KNOWS}}"
        last: dict[date, str] = {}
        for name in self.names():
            if name[: len(stamp)] <= stamp and (knows := knows_until(name)) is not None:
                last[knows.astimezone(ZoneInfo(time_zone)).date()] = name
        return [last[day] for day in sorted(last, reverse=True)[:most]]

    def recent(self) -> Table | None:
        """What came lately, by queue and interval, as the current issue knows it; None where that was not kept."""
        told = self._beside("recent_table", lambda path: Table(_parquet(path)))
        return told if isinstance(told, Table) else None

    def track(self) -> dict[str, Any] | None:
        """How good earlier issues were, as told beside the current one (flows.tracking); None where it was not kept."""
        told = self._beside("track", lambda path: json.loads(path.read_text(encoding="utf-8")))
        return told if isinstance(told, dict) else None

    def _beside(self, name: str, read: Callable[[Path], Any]) -> Any:
        """A file beside the current issue. Nothing is answered from it: what cannot be read is logged, and None."""
        issue = self.current()
        if issue is None or not issue.about.get(name):
            return None
        key = (str(issue.about["issue_id"]), str(issue.about["issued_at"]))
        if self._others.get(name, (None, None))[0] != key:
            try:
                self._others[name] = (key, read(_within(self._folder, str(issue.about[name]))))
            except (OSError, ValueError, KeyError) as error:  # Arrow's own errors of reading are ValueErrors
                logger.warning("a file beside the issue cannot be read", extra={"told": {"why": str(error)[:300]}})
                return None
        return self._others[name][1]


def knows_until(name: str) -> datetime | None:
    """The moment that an issue of this name knows; None for a name that does not tell."""
    try:
        return datetime.strptime(name.partition("-")[0], _KNOWS).replace(tzinfo=UTC)
    except ValueError:
        return None


def _read(folder: Path, told: bytes, *, grains: Sequence[Grain] = GRAINS) -> Issue:
    import pyarrow as pa

    try:
        about = json.loads(told)
        named = {"interval": about["table"], "day": about.get("days_table")}
        beside = {"interval": about.get("baseline_table"), "day": about.get("baseline_days_table")}
        tables = [_tables(folder, {one: names[one] for one in grains}) for names in (named, beside)]
        return Issue(about, tables[0], tables[1], _mix(folder, about))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        logger.warning("an issued forecast cannot be read", extra={"told": {"why": str(error)[:300]}})
        raise UnavailableError(
            "the issued forecast cannot be read",
            expected="current.json and its tables",
            came=type(error).__name__,
            where="issued forecasts",
            remedy="Issue it again.",
        ) from error


def _mix(folder: Path, about: Mapping[str, Any]) -> Mix | None:
    if not about.get("mix_table"):
        return None
    from training.parts import Mix

    return Mix(_parquet(_within(folder, str(about["mix_table"]))), time_zone=str(about["time_zone"]))


def _tables(folder: Path, named: Mapping[Grain, Any]) -> dict[Grain, Table]:
    """The tables in the folder that are named. ValueError for one that lies elsewhere."""
    return {grain: Table(_parquet(_within(folder, str(name)))) for grain, name in named.items() if name}


def _within(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"outside the folder: {name}")
    return path


def _parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(path)
