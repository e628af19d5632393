"""The issued forecast as planners read it at the command line: days, or the intervals of one, as they were issued.

Whether the model may answer is serving's to say; here is what was issued, by whom it says.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from data_contracts.errors import InputError, NotFound
from flows.compose import Workspace
from serving.issued import SITE, Grain, Issue, Issued


def shown(
    place: Workspace, *, queue: str = SITE, day: str | None = None, issue: str | None = None,
    channel: str | None = None, language: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What an issue (the current one without a name) tells of a queue, or of what comes by a channel or in a language:
    its days, or with `day` that day's intervals.

    Returns the issue's words about itself, and `rows`. Raises NotFound for what there is not, InputError for no day.
    """
    found = _issue(place, issue)
    if queue not in found.table("interval").queues:
        raise NotFound("no forecast for this queue", expected=", ".join(found.table("interval").queues)[:500],
                       came=queue[:80], where="queue")  # fmt: skip
    if channel or language:
        found = found.part(queue, channel=channel, language=language)
    grain: Grain = "day" if day is None else "interval"
    since, until = _period(day, time_zone=str(found.about["time_zone"]))
    rows = found.table(grain).rows(queue, since=since, until=until).to_pylist()
    about = {name: found.about.get(name) for name in ("issue_id", "issued_at", "source", "version", "adjustments")}
    return {**about, "time_zone": found.about["time_zone"], "queue": queue, "channel": channel, "language": language,
            "grain": grain, "rows": [{"queue": queue, **row} for row in rows]}  # fmt: skip


def _issue(place: Workspace, name: str | None) -> Issue:
    issued = Issued(place.settings.issued_dir)
    found = issued.named(name) if name else issued.current()
    if found is None:
        raise NotFound("no forecast was issued yet", expected="an issued forecast", came="none",
                       remedy="Run parley issue-forecast.")  # fmt: skip
    return found


def _period(day: str | None, *, time_zone: str) -> tuple[datetime, datetime]:
    """From and to when a local day lasts; ever without one."""
    if day is None:
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    try:
        first = date.fromisoformat(day)
    except ValueError as error:
        raise InputError("not a day", expected="2026-05-08", came=day[:40], where="--day") from error
    zone = ZoneInfo(time_zone)
    start, end = (datetime.combine(one, datetime.min.time(), tzinfo=zone) for one in (first, first + timedelta(days=1)))
    return start.astimezone(UTC), end.astimezone(UTC)
