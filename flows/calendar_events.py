"""What planners announce: campaigns, outages, closures, each as an event that the forecast reads once it is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from centre.people import Person
from data_contracts.errors import InputError, NotFound, RowRefused
from data_contracts.events import Event, dataset_row, stamp
from features import mergers
from flows.compose import SOURCE, Workspace

ANNOUNCED = "calendar_event.announced"
DATASET = "calendar_events"
# Events of queues that may not be forecast yet, or not any more.
OF_OTHER_QUEUES = ("opening", mergers.KIND)
# Characters of a name in an event's id, which has 128 at most.
MOST_WORDS = 80


@dataclass(frozen=True)
class Announcement:
    """What is announced; without queues it is for all of them."""

    kind: str
    name: str
    starts_at: datetime
    ends_at: datetime
    queues: tuple[str, ...] = ()
    reason: str = ""
    # Of a merger: the queue that they become.
    into: str | None = None


def announce(place: Workspace, told: Announcement, *, person: Person, event_id: str = "") -> dict[str, Any]:
    """Announce an event, or correct the one of that id; known from now on. Returns its row.

    Raises RowRefused for what the contract refuses, NotFound for the id of an event that was never announced and for a
    queue that nobody forecasts, but where it is to open: else a slip of the pen moves nothing and says nothing.
    """
    if told.starts_at >= told.ends_at:
        came = " to ".join(moment.isoformat(timespec="minutes") for moment in (told.starts_at, told.ends_at))
        raise RowRefused("this event cannot be", expected="from before to", came=came, where="from, to",
                         remedy="The end is not part of it: of one day it is the next.")  # fmt: skip
    if told.kind not in OF_OTHER_QUEUES:
        _refuse_unknown_queues(place, told.queues)
    before = _last(place, event_id) if event_id else None
    id_ = event_id or _id_of(place, told)
    revision = before["revision"] + 1 if before else _next_revision(place, id_)
    reason = told.reason or f"announced by {person.name}"
    return _said(place, {
        "calendar_event_id": id_, "revision": revision, "kind": told.kind, "name": told.name,
        "starts_at": told.starts_at, "ends_at": told.ends_at, "queues": list(told.queues) or None, "into": told.into,
        "cancelled": False, "reason": reason,
    })  # fmt: skip


def _refuse_unknown_queues(place: Workspace, queues: Sequence[str]) -> None:
    """Before the first issue every queue may be meant."""
    from flows import issuing

    issue = issuing.last_issued(place)
    unknown = sorted(set(queues) - set(issue["queues"])) if issue else []
    if issue and unknown:
        raise NotFound("no forecast for this queue", expected=f"one of {', '.join(issue['queues'])}"[:300],
                       came=", ".join(unknown)[:80], where="queue",
                       remedy="Of a queue that is to open, announce an `opening`.")  # fmt: skip


def cancel(place: Workspace, event_id: str, *, person: Person) -> dict[str, Any]:
    """It does not take place after all. Raises NotFound for an event that was never announced."""
    row = _last(place, event_id)
    kept = ("calendar_event_id", "kind", "name", "starts_at", "ends_at", "queues", "into")
    return _said(place, {**{name: row[name] for name in kept}, "revision": row["revision"] + 1, "cancelled": True,
                         "reason": f"cancelled by {person.name}"})  # fmt: skip


def announced(place: Workspace) -> list[dict[str, Any]]:
    """The events as they stand, by their beginning; cancelled ones say so."""
    last: dict[str, dict[str, Any]] = {}
    for row in sorted(place.archive.read(DATASET).to_pylist(), key=lambda row: (row["revision"], row["known_at"])):
        last[row["calendar_event_id"]] = row
    return sorted(last.values(), key=lambda row: (row["starts_at"], row["calendar_event_id"]))


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """As the command line tells it."""
    return {
        "calendar_event_id": row["calendar_event_id"], "kind": row["kind"], "name": row["name"],
        "starts_at": stamp(row["starts_at"]), "ends_at": stamp(row["ends_at"]), "queues": row["queues"] or [],
        "into": row["into"],
        "cancelled": bool(row["cancelled"]), "revision": row["revision"], "reason": row["reason"],
    }  # fmt: skip


def period(start: str, end: str, *, kind: str, time_zone: str) -> tuple[datetime, datetime]:
    """From and to when, as people write it; a merger, which has no end, is the day that begins with it. InputError."""
    if not end and kind != mergers.KIND:
        raise InputError("an event ends", expected="--to, the moment that is no part of it any more", came="none")
    starts_at, *ends_at = periods((start, end) if end else (start,), time_zone=time_zone)
    return starts_at, ends_at[0] if ends_at else starts_at + timedelta(days=1)


def periods(texts: Sequence[str], *, time_zone: str) -> list[datetime]:
    """Moments as people write them, local days and wall times included. Raises InputError naming what came."""
    from zoneinfo import ZoneInfo

    found = []
    for text in texts:
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))
            moment.astimezone(UTC)  # what UTC cannot tell is no moment
            found.append(moment)
        except (ValueError, OverflowError) as error:
            raise InputError("not a moment", expected="2026-05-01 or 2026-05-01T09:00", came=text[:80],
                             where="--from, --to") from error  # fmt: skip
    return found


def _said(place: Workspace, data: dict[str, Any]) -> dict[str, Any]:
    from centre import compaction
    from data_contracts.checking import row_faults

    now = place.clock.now()
    id_ = f"{DATASET}/{data['calendar_event_id']}/{data['revision']}"
    event = Event(id_, SOURCE, ANNOUNCED, now, data, subject="forecast", known_at=now)
    if faults := row_faults(DATASET, dataset_row(event), as_of=now):
        raise RowRefused("this event cannot be", expected=faults[0].message, came=str(faults[0].value)[:80],
                         where=faults[0].column)  # fmt: skip
    place.log.append([event], received_at=now)
    compaction.compact(place.log, place.archive, clock=place.clock, quarantine=place.settings.quarantine_dir)
    return dataset_row(event)


def _last(place: Workspace, event_id: str) -> dict[str, Any]:
    found = next((row for row in announced(place) if row["calendar_event_id"] == event_id), None)
    if found is None:
        raise NotFound("no such event", expected="the id of one that `parley calendar list` shows", came=event_id[:80])
    return found


def _id_of(place: Workspace, told: Announcement) -> str:
    """Its kind, name and local day, however its time was written, as an id that can be typed; names that words do not
    tell apart have two ids."""
    from zoneinfo import ZoneInfo

    from flows import issuing

    words = re.sub(r"[^\w]+", "-", told.name.lower()).strip("-")
    if not words or len(words) > MOST_WORDS:
        words = f"{words[:MOST_WORDS] or 'event'}-{sha256(told.name.encode('utf-8', 'replace')).hexdigest()[:8]}"
    day = told.starts_at.astimezone(ZoneInfo(issuing.running_params(place).forecast.time_zone))
    return f"{told.kind}-{words}-{day:%Y%m%d}"


def _next_revision(place: Workspace, id_: str) -> int:
    """0 for a new event; announced again in other words, the same event is corrected."""
    found = [row["revision"] for row in announced(place) if row["calendar_event_id"] == id_]
    return max(found, default=-1) + 1
