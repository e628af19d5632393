"""What the page of the forecast shows: two weeks, one day, what was said of it before, how good earlier issues were.

What is expected comes from `serving.forecast`, so that a page says what the interface says and why; what came, from
beside the current issue, by queue: of a part (a channel, a language) nobody counted it. Days are those of the calendar
by which it was issued.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from data_contracts.errors import InputError, NotFound, UnavailableError
from serving import forecast, forecast_drawn
from serving.desk import Desk
from serving.envelope import Answer
from serving.forecast import Period
from serving.issued import SITE, Grain, Table, knows_until
from serving.phrases import PageLanguage

# Days that are looked ahead, and kept issues that are shown of one day.
AHEAD_DAYS: Final = 14
_MOST_ISSUES: Final = 14
# Counts of a day that is over for so long are whole, though nothing was counted after closing.
_SETTLED: Final = timedelta(hours=6)
_EVER: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Asked:
    """What the reader chose; empty where they chose nothing."""

    queue: str = ""
    day: str = ""
    issue: str = ""
    channel: str = ""
    language: str = ""


@dataclass(frozen=True)
class Chosen:
    """What is shown: a local day of a queue or a part of it, by an issue (None: the current one), and what the issue
    says of itself. parts: the (channel, language) that the issue tells the queue apart by."""

    queue: str
    day: date
    issue: str | None
    about: dict[str, Any]
    queues: tuple[str, ...]
    zone: ZoneInfo
    channel: str | None
    language: str | None
    parts: tuple[tuple[str, str], ...]

    @property
    def knows(self) -> datetime:
        """The moment up to which the issue knows what came."""
        return datetime.fromisoformat(str(self.about.get("as_of") or self.about["issued_at"]))

    @property
    def part(self) -> dict[str, str]:
        """The channel and the language that were chosen, as a query names them; empty for all of the queue."""
        both = (("channel", self.channel), ("language", self.language))
        return {name: told for name, told in both if told is not None}

    @property
    def channels(self) -> list[str]:
        """Those to choose from; none where the issue tells no parts."""
        return sorted({channel for channel, _ in self.parts})

    @property
    def languages(self) -> list[str]:
        """Those to choose from; none where the issue tells no parts."""
        return sorted({language for _, language in self.parts})

    @property
    def is_rest(self) -> bool:
        """Whether the issue tells of a part of the day only, as it was made during it."""
        return self.start(self.day) < self.knows

    def start(self, day: date) -> datetime:
        """When a local day begins."""
        return _midnight(day, self.zone)

    def period(self, grain: Grain) -> Period:
        """By interval the day; by day the two weeks that the issue tells of in full."""
        if grain == "interval":
            return self.between(self.day, 1, grain)
        today = self.knows.astimezone(self.zone).date()
        return self.between(today + timedelta(days=self.start(today) < self.knows), AHEAD_DAYS, grain)

    def between(self, first: date, days: int, grain: Grain, *, issue: str | None = None) -> Period:
        """So many local days."""
        since, until = (self.start(day).astimezone(UTC) for day in (first, first + timedelta(days=days)))
        return Period(self.queue, since, until, grain, issue or self.issue, self.channel, self.language)


def chosen(desk: Desk, asked: Asked) -> Chosen:
    """What to show where the reader chose nothing: the site, the next day, the issue that speaks of it in full.

    Raises NotFound for a queue or an issue that is not there and before the first issue, InputError for what is no day.
    """
    now = forecast.current(desk)
    zone = ZoneInfo(str(now.about.get("time_zone", "UTC")))
    name = asked.issue or _of_past(desk, asked.day, zone, now.about)
    issue = desk.issued.named(name, grains=("day",)) if name else now
    table = issue.table("day")
    queue = asked.queue or (SITE if SITE in table.queues else table.queues[0])
    if queue not in table.queues:
        raise NotFound("no forecast for this queue", expected=("one of " + ", ".join(table.queues))[:500],
                       came=queue[:80], where="query queue", remedy="Name a queue that was forecast.")  # fmt: skip
    made = Chosen(queue, date.min, name or None, issue.about, table.queues, zone, asked.channel or None,
                  asked.language or None, tuple(issue.parts(queue)))  # fmt: skip
    return replace(made, day=read_day(asked.day) if asked.day else _next_day(table, made))


def read_day(told: str) -> date:
    """A day of the query. InputError for what is none."""
    try:
        day = date.fromisoformat(told)
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2200:
        raise InputError("not a day", expected="2026-05-08", came=repr(told)[:40], where="query day",
                         remedy="Name a day of the calendar.")  # fmt: skip
    return day


def shown(desk: Desk, asked: Asked, language: PageLanguage) -> dict[str, Any]:
    """Everything that the template reads. Errors as `chosen` and `forecast.answered` have them."""
    of = chosen(desk, asked)
    days, intervals = (forecast.answered(desk, of.period(grain)) for grain in ("day", "interval"))
    whole = forecast.answered(desk, of.between(of.day, 1, "day"))
    came = _Came(desk, of)
    drawn = forecast_drawn.Drawing(language, of.zone)
    rows, ahead = forecast.rows_of(intervals), forecast.rows_of(days)
    return {
        "of": of, "is_off": intervals.source == "off",
        "is_closed": any(one["reason"] == "closed" for one in intervals.degraded),
        "source": intervals.source, "version": intervals.version,
        "degraded": intervals.degraded, "whole": next(iter(forecast.rows_of(whole)), None), "came": came.of_day(of.day),
        "so_far": came.so_far(of.day), "busiest": drawn.busiest(rows), "handle_s": drawn.handle_mean(rows),
        "outlook": drawn.days(ahead, came.of_day), "outlook_drawn": drawn.outlook(ahead, came.of_day),
        "day_drawn": drawn.day(rows, came.rows(of.day)), "handle_drawn": drawn.handle(rows),
        "said": _said(desk, of), "track": drawn.track(desk.issued.track(), of.queue),
        "day_name": drawn.day_name(of.day), "changes": _changes(of, intervals),
        "others": {"before": of.day - timedelta(days=1), "after": of.day + timedelta(days=1)},
    }  # fmt: skip


def _changes(of: Chosen, answer: Answer) -> list[dict[str, Any]]:
    """What planners changed of this queue in what is answered, as they said it."""
    told = of.about.get("adjusted", []) if (answer.answer or {}).get("adjustments") else []
    return [one for one in told if of.queue == SITE or one["queue"] in (None, of.queue)]


def _of_past(desk: Desk, day: str, zone: ZoneInfo, about: dict[str, Any]) -> str:
    """For a day before the current issue's: the last issue that knew nothing of it; else the current one (empty)."""
    knows = datetime.fromisoformat(str(about.get("as_of") or about["issued_at"]))
    if not day or read_day(day) >= knows.astimezone(zone).date():
        return ""
    found = desk.issued.before(_midnight(read_day(day), zone), time_zone=str(zone), most=1)
    return found[0] if found else ""


def _next_day(table: Table, of: Chosen) -> date:
    """The first day after the one in which the issue was made; the last of all where there is none."""
    today = of.knows.astimezone(of.zone).date()
    rows = table.rows(of.queue, since=_EVER[0], until=_EVER[1])["interval_start"].to_pylist()
    days = sorted(start.astimezone(of.zone).date() for start in rows)
    return next((day for day in days if day > today), days[-1] if days else today)


def _said(desk: Desk, of: Chosen) -> list[dict[str, Any]]:
    """What the kept issues said of the day, each before it began, the newest first; one for each day of issuing."""
    told: list[dict[str, Any]] = []
    for name in desk.issued.before(of.start(of.day), time_zone=str(of.zone), most=_MOST_ISSUES):
        try:
            answer = forecast.answered(desk, of.between(of.day, 1, "day", issue=name))
        except (NotFound, UnavailableError) as error:
            told.append({"name": name, "knows": knows_until(name), "refused": str(error).partition(":")[0]})
            continue
        for row in forecast.rows_of(answer):
            about = answer.answer or {}
            told.append({**row, "name": name, "knows": knows_until(name), "refused": "", "source": answer.source,
                         "issued_at": about["issued_at"], "adjusted": bool(about["adjustments"])})  # fmt: skip
    return told


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


class _Came:
    """What came of the queue, as far as it is known now; nothing of a part, as counts are kept by queue."""

    def __init__(self, desk: Desk, of: Chosen) -> None:
        self._of = of
        self._table = None if of.part else desk.issued.recent()
        about = forecast.current(desk).about
        self._now = datetime.fromisoformat(str(about.get("as_of") or about["issued_at"]))
        site = [] if self._table is None else self._table.rows(SITE, since=_EVER[0], until=_EVER[1]).to_pylist()
        ends = (row["interval_start"] + timedelta(seconds=row["interval_s"]) for row in site)
        self._until = max(ends, default=None)
        judged = [] if of.part else (desk.issued.track() or {"by_day": []})["by_day"]
        self._judged = {one["day"]: float(one["came"]) for one in judged if one["queue"] == of.queue}

    def rows(self, day: date) -> dict[datetime, float]:
        """The counts of a local day's intervals."""
        if self._table is None:
            return {}
        since, until = (self._of.start(one) for one in (day, day + timedelta(days=1)))
        rows = self._table.rows(self._of.queue, since=since, until=until).to_pylist()
        return {row["interval_start"]: row["offered_count"] for row in rows if row["offered_count"] is not None}

    def of_day(self, day: date) -> float | None:
        """The count of a local day that is over; None where it is not known."""
        if day.isoformat() in self._judged:
            return self._judged[day.isoformat()]
        rows, end = self.rows(day), self._of.start(day + timedelta(days=1))
        over = end + _SETTLED <= self._now or (self._until is not None and end <= self._until)
        return sum(rows.values()) if rows and over else None

    def so_far(self, day: date) -> float | None:
        """The count of the day that is under way; None of any other."""
        is_today = self._now.astimezone(self._of.zone).date() == day and not self._of.part
        return sum(self.rows(day).values()) if is_today and self.of_day(day) is None else None
