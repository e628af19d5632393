"""What the page of the staffing plan shows: what a day needs and gets, how sure that is, what it costs, who works when.

The plan is the one of `serving.staffing`; who works when is shown to those who may see it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from centre.people import Person
from data_contracts.errors import NotFound
from serving import pages, staffing
from serving.desk import Desk
from serving.forecast_page import read_day
from serving.phrases import PageLanguage, phrase, weekday
from serving.planned import Planned

Row = dict[str, Any]
# Shifts that are drawn; more are a table.
_MOST_DRAWN: Final = 60
# Intervals that are named as short, and plans that are offered.
_MOST_SHORT, _MOST_PLANS = 12, 20
# A probability is a share of scenarios: one that is short by less than this is not told from the wanted one.
_NOISE: Final = 0.01


@dataclass(frozen=True)
class Asked:
    """What the reader chose; empty where they chose nothing."""

    queue: str = ""
    day: str = ""
    plan: str = ""


@dataclass(frozen=True)
class Chosen:
    """A queue and a local day of a plan."""

    plan: Planned
    queue: str
    day: date
    days: tuple[date, ...]
    zone: ZoneInfo
    language: PageLanguage

    def local(self, moment: datetime) -> datetime:
        """By the plan's clock."""
        return moment.astimezone(self.zone)

    def is_of_day(self, moment: datetime) -> bool:
        """Whether it lies in the chosen day."""
        return self.local(moment).date() == self.day

    def day_name(self, day: date) -> str:
        """Fri 05-08."""
        return f"{weekday(day.weekday(), self.language)} {day:%m-%d}"

    def t(self, name: str) -> str:
        """A phrase."""
        return phrase(name, self.language)


def chosen(desk: Desk, asked: Asked, language: PageLanguage) -> Chosen:
    """The current plan's first queue, and the first day that anybody works, where the reader chose nothing.

    Raises NotFound for what the plan does not have and before the first plan, InputError for what is no day.
    """
    plan = staffing.found(desk, asked.plan or None)
    zone = ZoneInfo(str(plan.about.get("time_zone", "UTC")))
    days = tuple(sorted({row["interval_start"].astimezone(zone).date() for row in plan.intervals}))
    queues = plan.about["queues"]
    queue = asked.queue or str(queues[0])
    worked = (row["starts_at"].astimezone(zone).date() for row in plan.roster)
    day = read_day(asked.day) if asked.day else min(set(worked) & set(days), default=days[0])
    if queue not in queues:
        raise NotFound("no plan for this queue", expected="one of " + ", ".join(queues)[:500], came=queue[:80],
                       where="query queue", remedy="Name a queue that was planned.")  # fmt: skip
    if day not in days:
        raise NotFound("nothing is planned for this day", expected=f"{days[0]} to {days[-1]}", came=str(day),
                       where="query day", remedy="Name a day of the plan, or plan again.")  # fmt: skip
    return Chosen(plan, queue, day, days, zone, language)


def shown(desk: Desk, asked: Asked, language: PageLanguage, person: Person) -> dict[str, Any]:
    """Everything that the template reads. Errors as `chosen` has them."""
    of = chosen(desk, asked, language)
    rows = [row for row in of.plan.intervals if row["queue"] == of.queue and of.is_of_day(row["interval_start"])]
    may_see = bool(person.roles & set(staffing.OF_ROSTER))
    shifts = _shifts(of) if may_see else []
    short = _short(of)
    return {
        "of": of, "about": of.plan.about, "degraded": staffing.degraded(desk, of.plan),
        "queues": of.plan.about["queues"], "goal": _goal(of.plan.about, of.queue), "day_name": of.day_name(of.day),
        "day_rows": _named(of, rows), "cover_drawn": _cover(of, rows), "probability_drawn": _probability(of, rows),
        "summary": of.plan.about.get("summary", {}), "by_day": of.plan.about.get("by_day", []),
        "short": short[:_MOST_SHORT], "short_count": len(short),
        "may_see": may_see, "shifts": shifts, "roster_drawn": _roster(of, shifts),
        "plans": desk.plans.names()[::-1][:_MOST_PLANS],
    }  # fmt: skip


def _goal(about: Mapping[str, Any], queue: str) -> dict[str, Any]:
    """What the queue is to reach, where the plan says so: target, within_s, probability."""
    rules = about.get("rules", {})
    return {**rules.get("service", {}), **rules.get("queues", {}).get(queue, {})}


def _named(of: Chosen, rows: Sequence[Row]) -> list[Row]:
    return [{**row, "at": f"{of.local(row['interval_start']):%H:%M}", "day_name": of.day_name(
        of.local(row["interval_start"]).date())} for row in rows]  # fmt: skip


def _missing(row: Row) -> float:
    """Positions that are required and not rostered."""
    return max(0.0, float(row.get("positions_required") or 0) - float(row.get("agents_rostered") or 0))


def _unsure(of: Chosen, row: Row) -> bool:
    """Whether the probability is short of the wanted one by more than its noise."""
    wanted, told = _goal(of.plan.about, row["queue"]).get("probability"), row.get("probability")
    return wanted is not None and told is not None and told < wanted - _NOISE


def _short(of: Chosen) -> list[Row]:
    """The intervals of the whole plan that lack agents or miss their probability, of all queues; the least sure first.

    A queue may have agents enough and still be unsure: those who share it are busy elsewhere.
    """
    found = [row for row in of.plan.intervals if _missing(row) >= 1 or _unsure(of, row)]
    found.sort(key=lambda row: (row.get("probability") or 0.0, row["interval_start"], row["queue"]))
    return [{**row, "missing": _missing(row), "day": of.local(row["interval_start"]).date()}
            for row in _named(of, found)]  # fmt: skip


def _ticks(of: Chosen, rows: Sequence[Row]) -> list[tuple[float, str]]:
    """About eight of the intervals' times."""
    step = max(1, -(-len(rows) // 8))
    return [(float(place), f"{of.local(rows[place]['interval_start']):%H:%M}") for place in range(0, len(rows), step)]


def _curves(of: Chosen, rows: Sequence[Row], columns: Sequence[tuple[str, Sequence[Any]]]) -> Any:
    xs = list(range(len(rows)))
    series = [{"name": of.t(name), "x": xs, "y": list(values)} for name, values in columns]
    return pages.picture("curves", {"series": series, "x_ticks": _ticks(of, rows)}) if rows else None


def _cover(of: Chosen, rows: Sequence[Row]) -> Any:
    columns = [(name, [row.get(name) for row in rows]) for name in ("positions_required", "agents_rostered")]
    return _curves(of, rows, columns)


def _probability(of: Chosen, rows: Sequence[Row]) -> Any:
    """The probability of each interval, beside the one that is wanted."""
    columns: list[tuple[str, Sequence[Any]]] = [("probability", [row.get("probability") for row in rows])]
    wanted = _goal(of.plan.about, of.queue).get("probability")
    return _curves(of, rows, columns + ([("wanted", [wanted] * len(rows))] if wanted is not None else []))


def _shifts(of: Chosen) -> list[Row]:
    """Who works on the day, by when they begin."""
    found = sorted((row for row in of.plan.roster if of.is_of_day(row["starts_at"])),
                   key=lambda row: (row["starts_at"], row["agent_id"]))  # fmt: skip
    return [
        {"agent_id": row["agent_id"], "template": row.get("template", "–"), "paid_h": row.get("paid_h"),
         "from": of.local(row["starts_at"]), "to": of.local(row["ends_at"]),
         "breaks": [(of.local(one["starts_at"]), of.local(one["ends_at"])) for one in row["breaks"]]}
        for row in found
    ]  # fmt: skip


def _roster(of: Chosen, shifts: Sequence[Row]) -> Any:
    """The shifts as bars on the day's clock; None where there are none, or too many to be read."""
    if not shifts or len(shifts) > _MOST_DRAWN:
        return None
    midnight = datetime.combine(of.day, datetime.min.time(), tzinfo=of.zone)

    def hour(moment: datetime) -> float:
        return (moment - midnight).total_seconds() / 3600

    rows = [{"label": one["agent_id"], "start": hour(one["from"]), "end": hour(one["to"]),
             "breaks": [(hour(start), hour(end)) for start, end in one["breaks"]]} for one in shifts]  # fmt: skip
    first, last = int(min(row["start"] for row in rows)), -int(-max(row["end"] for row in rows) // 1)
    ticks = [(at, f"{at % 24:02d}:00") for at in range(first, last + 1, max(1, -(-(last - first) // 8)))]
    return pages.picture("gantt", {"rows": rows, "ticks": ticks})
