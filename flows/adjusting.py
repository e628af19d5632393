"""Planners change an issued forecast, with a reason: kept, served at once, laid on every later issue, and judged.

Each adjustment is an event in the log. What it added or cost is told once the counts have come; a reason that helped
becomes an event of the calendar (`keep`), from which the next model learns. Nobody's forecast is overwritten: the issue
that was adjusted stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from centre.people import Person
from data_contracts.errors import InputError, NotFound, StateConflict
from data_contracts.events import Event, stamp
from flows import calendar_events
from flows.calendar_events import Announcement
from flows.compose import SOURCE, Workspace
from flows.outputs import produced_at, write_json, write_table
from flows.recalling import ever_in_log

if TYPE_CHECKING:
    from training.adjustments import Adjustment, Value

ADJUSTED, WITHDRAWN, KEPT = "forecast.adjusted", "forecast.adjustment_withdrawn", "forecast.adjustment_kept"
# A forecast that is multiplied by more is no adjustment of it.
LEAST, MOST = 0.01, 100.0
# Laying adjustments on eight weeks of 200 queues takes a second; who waits longer than this waits for something else.
PATIENCE_S = 20.0


def adjust(
    place: Workspace, *, queue: str | None, starts_at: datetime, ends_at: datetime, change: str, kind: str, reason: str,
    person: Person,
) -> dict[str, Any]:  # fmt: skip
    """Adjust the current issue. change: `+20%`, `-5%`, or contacts more or fewer over the whole period, `+120`.

    Raises NotFound without an issue or for a queue that it lacks, InputError for a change or period that says nothing,
    StateConflict while one of the same queue, period, kind and reason stands: sent twice, it counts once.
    """
    about, intervals = _current(place)
    _refuse_senseless(intervals, queue, starts_at, ends_at, kind, reason)
    from training.adjustments import Adjustment

    asked = Adjustment(
        f"adjustment-{uuid4().hex[:12]}", queue, starts_at, ends_at, 1.0, kind, reason.strip(), person.name
    )
    _refuse_repeated(place, asked)
    factor = _factor(change, _mean_of(intervals, asked))
    told = {**asdict(asked), "factor": factor, "starts_at": stamp(starts_at), "ends_at": stamp(ends_at),
            "issue_id": about["issue_id"].partition("~")[0]}  # fmt: skip
    _say(place, "forecast.adjusted", told["adjustment_id"], told)
    lay_on(place)
    return told


def lay_on(place: Workspace) -> None:
    """Lay all standing adjustments on the last issue, so that serving answers with them; of several the last sees all.

    Raises Overloaded where others do so for too long.
    """
    from centre.durable import WriterLock

    with WriterLock(place.settings.issued_dir / ".adjusting.lock", patience_s=PATIENCE_S).held():
        _lay_on(place)


def _lay_on(place: Workspace) -> None:
    from flows import issuing
    from training import adjustments

    about = issuing.last_issued(place)
    if about is None:
        return
    standing = [one for one, _ in _standing(place) if stamp(one.ends_at) > about["as_of"]]
    intervals, days = (_table(place, about[name]) for name in ("table", "days_table"))
    after = adjustments.applied(intervals, standing)
    if not standing or after.equals(intervals):
        issuing.make_current(place, about)
        return
    ids = [one.adjustment_id for one in standing]
    name = f"{about['issue_id']}~{sha256(' '.join(ids).encode()).hexdigest()[:8]}"
    told = {**about, "issue_id": name, "table": f"{name}/intervals.parquet", "days_table": f"{name}/days.parquet",
            "adjustments": ids, "adjusted": [_shown(one) for one in standing]}  # fmt: skip
    with produced_at(place.settings.issued_dir / name) as fresh:
        write_table(after, fresh / "intervals.parquet")
        of_days = adjustments.of_days(days, before=intervals, after=after, time_zone=about["time_zone"])
        write_table(of_days, fresh / "days.parquet")
        write_json(fresh / "issue.json", told)
    issuing.make_current(place, told)


def withdraw(place: Workspace, adjustment_id: str, *, person: Person) -> dict[str, Any]:
    """It does not stand any more, from the next answer on. NotFound for one that does not stand."""
    one, _ = _named(place, adjustment_id)
    told = {"adjustment_id": one.adjustment_id, "by": person.name}
    _say(place, "forecast.adjustment_withdrawn", f"{one.adjustment_id}/withdrawn", told)
    lay_on(place)
    return told


def keep(place: Workspace, adjustment_id: str, *, person: Person) -> dict[str, Any]:
    """Make its reason an event of the calendar: later models learn how far its kind moves demand. Returns the event.

    Raises NotFound for an unknown one, StateConflict for one that was kept already.
    """
    one, _ = _named(place, adjustment_id, standing=False)
    if one.adjustment_id in {stored.event.data["adjustment_id"] for stored in ever_in_log(place, KEPT)}:
        raise StateConflict("this reason is an event already", expected="one that was not kept", came=adjustment_id)
    queues = () if one.queue is None else (one.queue,)
    told = Announcement(one.kind, one.reason[:200], one.starts_at, one.ends_at, queues, f"from {one.adjustment_id}")
    row = calendar_events.announce(place, told, person=person)
    kept = {"adjustment_id": one.adjustment_id, "by": person.name, "calendar_event_id": row["calendar_event_id"]}
    _say(place, "forecast.adjustment_kept", f"{one.adjustment_id}/kept", kept)
    return calendar_events.shown(row)


def judged(place: Workspace) -> list[dict[str, Any]]:
    """Every adjustment with what it added or cost so far; `saved` is contacts of error, negative where it cost."""
    from training import adjustments

    came = _came(place)
    standing = {one.adjustment_id for one, _ in _standing(place)}
    found = []
    for one, issue_id in _ever(place):
        worth = adjustments.value(one, _table(place, f"{issue_id}/intervals.parquet"), came)
        found.append({**_shown(one), "issue_id": issue_id, "stands": one.adjustment_id in standing,
                      "intervals": worth.intervals, **_worth(worth)})  # fmt: skip
    return found


def by_kind(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same added up by kind of reason: which reasons are worth hearing."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = found.setdefault(row["kind"], {"kind": row["kind"], "adjustments": 0, "intervals": 0, "offered": 0.0,
                                             "error_without": 0.0, "error_with": 0.0, "saved": 0.0})  # fmt: skip
        one["adjustments"] += 1
        for name in ("intervals", "offered", "error_without", "error_with", "saved"):
            one[name] += row[name]
    return sorted(found.values(), key=lambda one: -one["saved"])


def _worth(worth: Value) -> dict[str, Any]:
    return {"offered": worth.offered, "error_without": round(worth.error_without, 3),
            "error_with": round(worth.error_with, 3), "saved": round(worth.saved, 3)}  # fmt: skip


def _shown(one: Adjustment) -> dict[str, Any]:
    return {**asdict(one), "starts_at": stamp(one.starts_at), "ends_at": stamp(one.ends_at)}


def _ever(place: Workspace) -> list[tuple[Adjustment, str]]:
    """All adjustments, in order, with the issue that each was made on."""
    from training.adjustments import Adjustment

    names = ("adjustment_id", "queue", "factor", "kind", "reason", "by")
    return [
        (Adjustment(**{name: told[name] for name in names}, starts_at=datetime.fromisoformat(told["starts_at"]),
                    ends_at=datetime.fromisoformat(told["ends_at"])), told["issue_id"])
        for told in (stored.event.data for stored in ever_in_log(place, ADJUSTED))
    ]  # fmt: skip


def _standing(place: Workspace) -> list[tuple[Adjustment, str]]:
    gone = {stored.event.data["adjustment_id"] for stored in ever_in_log(place, WITHDRAWN)}
    return [pair for pair in _ever(place) if pair[0].adjustment_id not in gone]


def _named(place: Workspace, adjustment_id: str, *, standing: bool = True) -> tuple[Adjustment, str]:
    known = _standing(place) if standing else _ever(place)
    found = next((pair for pair in known if pair[0].adjustment_id == adjustment_id), None)
    if found is None:
        raise NotFound("no such adjustment", expected="an id that `parley forecast adjustments` shows",
                       came=adjustment_id[:80])  # fmt: skip
    return found


def _current(place: Workspace) -> tuple[dict[str, Any], Any]:
    """What `current.json` says, and its intervals."""
    try:
        about = dict(json.loads((place.settings.issued_dir / "current.json").read_text("utf-8")))
    except FileNotFoundError as error:
        raise NotFound("no forecast was issued yet", expected="an issued table", came="none",
                       where="issued forecasts", remedy="parley issue-forecast") from error  # fmt: skip
    return about, _table(place, about["table"])


def _table(place: Workspace, name: str) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(place.settings.issued_dir / name)


def _refuse_senseless(
    intervals: Any, queue: str | None, starts_at: datetime, ends_at: datetime, kind: str, reason: str
) -> None:
    from features.calendar_events import KINDS

    queues = sorted(set(intervals["queue"].to_pylist()) - {"*"})
    if queue is not None and queue not in queues:
        raise NotFound("no forecast for this queue", expected=f"one of {', '.join(queues)}"[:300], came=queue[:80],
                       where="--queue")  # fmt: skip
    if starts_at >= ends_at:
        raise InputError("an empty period", expected="from before to", came=f"{stamp(starts_at)} to {stamp(ends_at)}",
                         where="--from, --to")  # fmt: skip
    if kind not in KINDS:
        raise InputError("unknown kind of reason", expected=", ".join(KINDS), came=kind[:80], where="--kind")
    if not 3 <= len(reason.strip()) <= 300:
        raise InputError("an adjustment needs its reason", expected="3 to 300 characters", came=repr(reason[:80]),
                         where="--reason", remedy="Say what you know that the forecast does not.")  # fmt: skip


def _refuse_repeated(place: Workspace, asked: Adjustment) -> None:
    """The change is not compared: +120 contacts is another share of a forecast that holds them already."""
    for one, _ in _standing(place):
        if (one.queue, one.starts_at, one.ends_at, one.kind, one.reason) == (
            asked.queue, asked.starts_at, asked.ends_at, asked.kind, asked.reason
        ):  # fmt: skip
            raise StateConflict("this adjustment stands already", expected="another queue, period, kind or reason",
                                came=one.adjustment_id, where="adjustments",
                                remedy="Withdraw it first, or say what is new in the reason.")  # fmt: skip


def _mean_of(intervals: Any, asked: Adjustment) -> float:
    import numpy as np

    touched = asked.touches(intervals)
    mean = np.asarray(intervals["offered_mean"].to_numpy(zero_copy_only=False))[touched]
    if not len(mean) or mean.sum() <= 0:
        raise InputError("no open interval begins in this period", expected="a part of the issued forecast",
                         came=f"{stamp(asked.starts_at)} to {stamp(asked.ends_at)}", where="--from, --to")  # fmt: skip
    return float(mean.sum())


def _factor(change: str, mean: float) -> float:
    """By what the period is multiplied. InputError for what is no change."""
    text = change.strip()
    try:
        factor = 1.0 + float(text[:-1]) / 100.0 if text.endswith("%") else 1.0 + float(text) / mean
    except ValueError as error:
        raise InputError("not a change", expected="+20%, -5% or contacts such as +120", came=change[:80],
                         where="--by") from error  # fmt: skip
    if not LEAST <= factor <= MOST or factor == 1.0:
        raise InputError("not a change that can be meant", expected=f"{LEAST:g} to {MOST:g} times as many",
                         came=f"{change[:80]} is {factor:.3g} times", where="--by")  # fmt: skip
    return round(factor, 6)


def _came(place: Workspace) -> dict[tuple[str, datetime], float]:
    """Counts by queue and start, as far as they are known."""
    from features import demand
    from flows import issuing

    as_of = issuing.default_as_of(place)
    params = issuing.running_params(place).forecast
    table = demand.intervals(issuing.demand_tables(place, as_of), params=params, as_of=as_of)
    names = ("queue", "interval_start", "offered_count")
    queues, starts, counts = (table[name].to_pylist() for name in names)
    return {(queue, start): count for queue, start, count in zip(queues, starts, counts, strict=True)}


def _say(place: Workspace, kind: str, name: str, data: dict[str, Any]) -> None:
    now = place.clock.now()
    place.log.append([Event(f"{kind}/{name}", SOURCE, kind, now, data, subject="forecast")], received_at=now)
