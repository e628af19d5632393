"""Why a day is expected to be busier or calmer: the difference of what is issued, taken apart until nothing is left."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from data_contracts.errors import InputError
from flows import issuing
from flows.compose import Workspace

if TYPE_CHECKING:
    from serving.issued import Issue

CLOSED: Final = "closed on that day"
ADJUSTED: Final = "what planners adjusted"
REST: Final = "what the forecast sees beside these, and what they do together"
# Contacts below which a reason is none.
_LEAST: Final = 0.05


def why(place: Workspace, *, queue: str, day: str, against: str | None) -> dict[str, Any]:
    """The issued mean of a day beside another day's, or beside what came on the last open days; reasons add up to the
    difference. Of a day that was not issued as a whole (today, and before the first issue) what is usual is told.

    Raises InputError for what is no day, for one that is over and one beyond the issue, NotFound for a queue of none.
    """
    try:
        days = [None if one is None else date.fromisoformat(one) for one in (day, against)]
    except ValueError as error:
        raise InputError("not a day", expected="2026-05-08", came=f"{day}, {against}", where="--day") from error
    usual = _usual(place, queue, days[0] or date.min, days[1])
    issued = _Issued(place, queue)
    asked = [one for one in days if one is not None]
    if not all(issued.tells_whole(one) for one in asked):
        return usual
    return _anchored(usual, issued, asked)


def _usual(place: Workspace, queue: str, day: date, against: date | None) -> dict[str, Any]:
    """`features.explaining` of the workspace's own demand, as it is known at its end."""
    from dataclasses import asdict

    from features import demand, explaining, forecast

    as_of, params = issuing.default_as_of(place), issuing.running_params(place).forecast
    tables = issuing.demand_tables(place, as_of)
    past = demand.intervals(tables, params=params, as_of=as_of)
    history = forecast.history(past, params=params, events=tables["calendar_events"])
    told = explaining.explained(history, queue=queue, day=day, against=against, known_until=as_of, params=params)
    return asdict(told)


def _anchored(usual: dict[str, Any], issued: _Issued, asked: list[date]) -> dict[str, Any]:
    """The same, of what is issued: with what planners adjusted, and with the rest of the difference."""
    expected, *others = (issued.mean(one) for one in asked)
    theirs = others[0] if others else usual["came_on_them"]
    is_closed = not all([expected, *others])
    adjusted = [issued.adjusted(one) for one in asked]
    of_planners = adjusted[0] - sum(adjusted[1:])
    reasons = [] if is_closed else [*usual["reasons"], {"what": ADJUSTED, "contacts": of_planners}]
    left = expected - theirs - sum(one["contacts"] for one in reasons)
    reasons.append({"what": CLOSED if is_closed else REST, "contacts": left})
    told = sorted((one for one in reasons if abs(one["contacts"]) >= _LEAST), key=lambda one: -abs(one["contacts"]))
    return {**usual, "expected": expected, "expected_against": theirs, "reasons": told}


class _Issued:
    """The days of a queue as the current issue tells them, and as it did before planners adjusted it."""

    def __init__(self, place: Workspace, queue: str) -> None:
        from serving.issued import Issued

        kept = Issued(place.settings.issued_dir)
        now = kept.current()
        self._now: dict[date, float] = {}
        self._first, self._last = date.max, date.max
        if now is None or "day" not in now.tables:
            return
        zone = ZoneInfo(str(now.about["time_zone"]))
        plain = kept.named(str(now.about["issue_id"]).partition("~")[0], grains=("day",))
        self._now, self._before = _means(now, queue, zone), _means(plain, queue, zone)
        knows = datetime.fromisoformat(str(now.about["as_of"])).astimezone(zone)
        self._first = knows.date() + timedelta(days=knows.time() > time())
        self._last = max(self._now, default=date.max)

    def tells_whole(self, day: date) -> bool:
        """Whether it tells of all of that day. Raises InputError for a day beyond its last."""
        if day > self._last:
            raise InputError("the issued forecast does not reach so far", expected=f"{self._last} or earlier",
                             came=str(day), where="--day")  # fmt: skip
        return day >= self._first

    def mean(self, day: date) -> float:
        """Contacts that are expected; 0 where the queue is closed."""
        return self._now.get(day, 0.0)

    def adjusted(self, day: date) -> float:
        """Contacts that planners added."""
        return self.mean(day) - self._before.get(day, 0.0)


def _means(issue: Issue, queue: str, zone: ZoneInfo) -> dict[date, float]:
    ever = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    rows = issue.table("day").rows(queue, since=ever[0], until=ever[1]).to_pylist()
    return {row["interval_start"].astimezone(zone).date(): float(row["offered_mean"]) for row in rows}
