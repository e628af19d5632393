"""The call log of an Israeli bank's centre in 1999: one row per call, tab-separated, wall times.

Source of the fields: Mandelbaum and Guedj, Technion; Brown et al. 2005, JASA 100 (469). A call goes through the VRU
(an IVR), then perhaps waits in a queue, then perhaps is served; `outcome` says how it left: AGENT, HANG or PHANTOM.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from centre.intake import local_time
from centre.intake.anonymous_bank_call import COLUMNS, BadRow, Call, call
from centre.intake.reading import (
    Found,
    Intake,
    Record,
    fault,
    history,
    records,
    refuse_not_text,
    taken,
    unused_columns,
)
from data_contracts.events import Event
from data_contracts.faults import Fault

KNOWN_AT_RULE = (
    "a call and its customer are known when the call ended, a server's queues when the file ends; "
    f"{local_time.RULE}; a time of day half a day off the one before it is on the next day"
)

# The centre is in Israel, and its file says no zone.
HOME_ZONE = "Asia/Jerusalem"

# In seven days 60% of its customers call again because they bank often, whatever came of the first call.
REPEAT_WINDOW_DAYS = 3.0

# The one type of call whose language the file's description tells.
LANGUAGES = {"PE": "en"}


def read(path: Path, *, source: str, time_zone: str | None, clock_now: datetime) -> Intake:
    """Contacts, segments, agents and customers of the call log. Wall times are in `time_zone` (Asia/Jerusalem).

    Each call is a contact with a leg in the IVR and, if it went on, a leg in its queue or with a server, carrying
    priority, wait, service time, outcome and server. customer_id 0 is nobody known; NO_SERVER is no agent. A row that
    contradicts itself is a fault (in February 1999 23 calls left the VRU before they entered it).
    Raises NotFound, NotText, MissingColumn, and InputError for an empty file.
    """
    refuse_not_text(path)
    zone = local_time.zone(time_zone or HOME_ZONE)
    notes = unused_columns(path, known=COLUMNS, delimiter="\t")

    def find() -> Iterator[Found]:
        return _found(path, source, zone)

    return taken(path, find, known_at_rule=KNOWN_AT_RULE, clock_now=clock_now, span=_span, notes=notes)


def _span(event: Event) -> tuple[datetime, datetime]:
    started: datetime = event.data.get("started_at", event.time)
    return started, event.time


def _found(path: Path, source: str, zone: tzinfo) -> Iterator[Found]:
    """Faults first, then servers and customers, then the calls in the order in which they ended."""
    calls: list[Call] = []
    for record in records(path, required=COLUMNS, optional=(), delimiter="\t"):
        read = record if isinstance(record, Fault) else _read(record, zone)
        if isinstance(read, Fault):
            yield read
        else:
            calls.append(read)
    calls.sort(key=lambda one: (one.ended, one.contact_id))
    yield from _agents(calls, source)
    yield from _customers(calls, source)
    for one in calls:
        yield _contact(one, source)
        yield from _segments(one, source)


def _read(record: Record, zone: tzinfo) -> Call | Fault:
    fields = {name: value.strip() for name, value in record.fields.items()}
    try:
        return call(fields, zone=zone)
    except BadRow as bad:
        return fault(
            "contacts",
            record.line,
            rule=bad.rule,
            column=bad.column,
            value=fields[bad.column],
            message=str(bad),
            row=dict(record.fields),
        )


def _agents(calls: list[Call], source: str) -> Iterator[Event]:
    """Each named server once a file, with the queues that they served in it.

    The revision is the day (since 1970) on which the file ends: what a later file shows replaces what this one did.
    """
    served: dict[str, list[Call]] = {}
    for one in calls:
        if one.server is not None:
            served.setdefault(one.server, []).append(one)
    for server, held in sorted(served.items()):
        last = calls[-1].ended
        yield history(
            "agent.changed",
            source=source,
            row=f"agent-{server}",
            time=held[0].ended,
            known_at=last,
            data={
                "agent_id": server,
                "revision": (last - datetime(1970, 1, 1, tzinfo=UTC)).days,
                "name": server,
                "languages": sorted({LANGUAGES[one.topic] for one in held if one.topic in LANGUAGES}),
                "skills": sorted({one.queue for one in held}),
                "status": "active",
            },
        )


def _customers(calls: list[Call], source: str) -> Iterator[Event]:
    """Each known customer once, at the end of their first call in the file."""
    seen: set[str] = set()
    for one in calls:
        if one.customer_id is not None and one.customer_id not in seen:
            seen.add(one.customer_id)
            yield history(
                "customer.registered",
                source=source,
                row=f"customer-{one.customer_id}",
                time=one.ended,
                data={"customer_id": one.customer_id, "revision": 0},
            )


def _contact(one: Call, source: str) -> Event:
    data = {
        "contact_id": one.contact_id,
        "revision": 0,
        "channel": "voice",
        "direction": "inbound",
        "queue": one.queue,
        "topic": one.topic,
        "priority": one.priority,
        "started_at": one.vru[0],
        "ended_at": one.ended,
        "outcome": one.outcome,
        "reopened": False,
    }
    optional = {"customer_id": one.customer_id, "language": LANGUAGES.get(one.topic)}
    return history("contact.ended", source=source, row=one.contact_id, time=one.ended, data=data | _given(optional))


def _segments(one: Call, source: str) -> Iterator[Event]:
    """The leg in the IVR; then the leg that waited, was served, or both. Who hangs up in the IVR has no second leg."""
    hung_up_early = one.queued is None and one.served is None and one.outcome == "abandoned"
    yield _segment(
        one,
        source,
        0,
        {
            "kind": "ivr",
            "ended_at": one.vru[1],
            "outcome": "abandoned" if hung_up_early else "completed",
        },
    )
    if not hung_up_early:
        yield _segment(one, source, 1, _leg(one))


def _leg(one: Call) -> dict[str, Any]:
    """What came after the IVR. The log's clocks differ by seconds: a service begins no earlier than its wait.

    A wait is as long as the file says; a call answered without a queue waited 0 s. Talk is all that the file knows
    of handling: no hold and no wrap-up are in it.
    """
    served = one.served if one.outcome == "answered" else None
    starts = [spell[0] for spell in (one.queued, served) if spell is not None]
    queued_at = min([one.queued[0]] if one.queued else [*starts, one.vru[1]])
    leg = {
        "kind": "agent" if one.outcome == "answered" else "queue",
        "queued_at": queued_at,
        "ended_at": one.ended,
        "wait_s": one.wait_s,
        "outcome": one.outcome,
        "agent_id": one.server,
    }
    if one.service_s or one.served:
        leg["talk_s"] = one.service_s
    if served is not None:
        leg |= {
            "answered_at": max(served[0], queued_at),
            "offered_at": max(served[0], queued_at),
            "handle_s": one.service_s,
        }
    elif one.outcome == "answered":
        leg["answered_at"] = one.queued[1] if one.queued else one.vru[1]
    return _given(leg)


def _segment(one: Call, source: str, sequence: int, data: dict[str, Any]) -> Event:
    row = f"{one.contact_id}-{sequence}"
    named = {"segment_id": row, "contact_id": one.contact_id, "sequence": sequence, "queue": one.queue}
    return history("segment.ended", source=source, row=row, time=one.ended, data=named | data)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
