"""`POST /v1/events`: what happened in the centre, taken in durably, all of a batch or nothing of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NoReturn

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.checking import row_faults
from data_contracts.errors import InputError, MalformedEvent, NotFound, ParleyError, RowRefused, TooLarge
from data_contracts.events import DATASET_OF, SAID_BY_PLATFORM, Event, compared_id, dataset_row, from_outside
from serving.authentication import allowed
from serving.bodies import ApiRoute, parsed
from serving.desk import AtDesk, Desk
from serving.envelope import SOURCE
from serving.forms import REFUSALS, refusal
from serving.problems import Faulty

router = APIRouter(tags=["records"], route_class=ApiRoute)

# How far the log is read to see whether its history is simulated: a workspace begins with one kind.
_FIRST: Final = 200

_EXAMPLE: Final = {
    "specversion": "1.0",
    "id": "rating-881",
    "source": "crm",
    "type": "customer.rated",
    "time": "2026-05-01T09:00:00Z",
    "data": {"rating_id": "r-881", "contact_id": "c-1029", "score": 5},
}
_SCHEMA: Final = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string"},
        "source": {"type": "string"},
        "type": {"type": "string", "enum": sorted(DATASET_OF.keys() - SAID_BY_PLATFORM)},
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object"},
        "subject": {"type": "string"},
        "knownat": {"type": "string", "format": "date-time"},
        "backfilled": {"type": "boolean"},
        "simulated": {"type": "boolean"},
    },
}
_BATCH: Final = {"type": "array", "items": _SCHEMA, "minItems": 1}
_BODY: Final = {
    "required": True,
    "content": {
        "application/cloudevents+json": {"schema": _SCHEMA, "example": _EXAMPLE},
        "application/cloudevents-batch+json": {"schema": _BATCH, "example": [_EXAMPLE]},
        "application/json": {"schema": {"oneOf": [_SCHEMA, _BATCH]}, "example": _EXAMPLE},
    },
}


class NoEvents(InputError):
    """A batch of nothing: whoever sent it meant to send something."""

    http_status = 422
    kind = "no-events"


class Taken(BaseModel):
    """How many events were new, and how many were known already."""

    taken: int
    repeated: int


@router.post(
    "/v1/events",
    summary="Take in events",
    operation_id="take_events",
    status_code=201,
    response_model=Taken,
    openapi_extra={"requestBody": _BODY},
    responses={
        200: {"model": Taken, "description": "All of them were known already"},
        404: refusal("What became of a decision that nobody made"),
        409: refusal("Known by another body"),
        **REFUSALS,
    },
)
async def take(request: Request, desk: AtDesk, person: Annotated[Person, allowed("service")]) -> JSONResponse:
    """One CloudEvent, or a batch of them, all or nothing; on disk before the answer (201; 200 when all were known)."""
    raw = await request.body()
    events = await run_in_threadpool(_read, raw, request.headers.get("content-type", ""), desk)
    appended = await desk.recorder.write(events, alone=True)
    for event in events:
        desk.metrics.event(event.type)
    told = {"taken": appended.taken, "repeated": appended.repeated}
    return JSONResponse(told, status_code=201 if appended.taken else 200)


def _read(raw: bytes, media_type: str, desk: Desk) -> list[Event]:
    """The events of a body, each read, checked against its contract and allowed; else the faults of every one."""
    said = parsed(raw)
    many = isinstance(said, list)
    _refuse_other_form(media_type, many)
    objects = said if isinstance(said, list) else [said]
    limits = desk.doors.limits
    if not objects:
        raise NoEvents("the batch is empty", expected=f"1 to {limits.events} events", came="none", where="body")
    if len(objects) > limits.events:
        raise TooLarge(
            "too many events in one batch",
            expected=f"1 to {limits.events} events",
            came=str(len(objects)),
            where="body",
            remedy="Send smaller batches.",
        )
    now = desk.now()
    faults: list[dict[str, Any]] = []
    events: list[Event] = []
    errors: list[ParleyError] = []
    for place, obj in enumerate(objects):
        try:
            events.append(_checked(obj, where=f"event {place}" if many else "event", desk=desk, now=now))
        except _Refused as refused:
            errors.append(refused.error)
            faults.extend({"event": place, **fault} for fault in refused.faults)
    if errors:
        _refuse(errors, faults, len(objects))
    _refuse_unmade(events, many=many, desk=desk)
    _refuse_mixing(events, desk)
    return events


def _refuse_unmade(events: list[Event], *, many: bool, desk: Desk) -> None:
    """What became of a decision is heard once it was made: before, in this batch, by Parley or another system."""
    second = {place: _decision_id(event) for place, event in enumerate(events) if event.type in _SECOND_WORDS}
    made = {_decision_id(event) for event in events if event.type == "decision.made"}
    asked = frozenset({id_ for id_ in second.values() if id_ not in made and not _ours(id_, desk)})
    unmade = asked - desk.doors.find_decisions(asked) if asked else asked
    errors: list[ParleyError] = [
        NotFound(
            "no such decision",
            expected="the decision_id of an answer of /v1/route, or of a decision.made",
            came=id_[:80],
            where=f"event {place}/data/decision_id" if many else "event/data/decision_id",
            remedy="Send the decision first, or in the same batch.",
        )
        for place, id_ in second.items()
        if id_ in unmade
    ]
    if errors:
        places = [place for place, id_ in second.items() if id_ in unmade]
        faults = [{"event": place, **_fault(error)} for place, error in zip(places, errors, strict=True)]
        _refuse(errors, faults, len(events))


_SECOND_WORDS: Final = ("decision.followed", "decision.overridden")


def _decision_id(event: Event) -> str:
    return compared_id(event.data.get("decision_id"))


def _ours(decision_id: str, desk: Desk) -> bool:
    """Whether the log has it as a decision of this application: one look-up by key, without reading the archive."""
    held = desk.doors.log.find(SOURCE, decision_id)
    return held is not None and held.event.type == "decision.made"


def _refuse_mixing(events: list[Event], desk: Desk) -> None:
    """Simulated and real history share a workspace only where a setting says so; live events always may come."""
    told = [event for event in events if event.backfilled or event.simulated]
    if not told or desk.doors.settings.mix_simulated:
        return
    held = [stored.event.simulated for stored in desk.doors.log.read(limit=_FIRST) if stored.event.backfilled]
    kinds = {event.simulated for event in told} | set(held[:1])
    if len(kinds) > 1:
        raise InputError(
            "simulated and real records do not share a workspace",
            expected="simulated" if held and held[0] else "real",
            came="both" if not held else "the other",
            where="extension simulated",
            remedy="Use another workspace, or set mix_simulated; reports will then say so.",
        )


def _refuse_other_form(media_type: str, many: bool) -> None:
    kind = media_type.partition(";")[0].strip().lower()
    wants = {"application/cloudevents+json": False, "application/cloudevents-batch+json": True}.get(kind)
    if wants is not None and wants != many:
        raise MalformedEvent(
            "the body is not what its media type says",
            expected="a list" if wants else "one event",
            came="a list" if many else "one",
            where="header content-type",
        )


class _Refused(Exception):
    """One event of a batch that may not come in."""

    def __init__(self, error: ParleyError, faults: list[dict[str, Any]]) -> None:
        super().__init__(str(error))
        self.error = error
        self.faults = faults


def _checked(obj: Any, *, where: str, desk: Desk, now: datetime) -> Event:
    try:
        event = _event(obj, where=where, desk=desk)
        row = dataset_row(event)
    except ParleyError as error:
        raise _Refused(error, [_fault(error, where)]) from error
    dataset = DATASET_OF[event.type]
    broken = row_faults(dataset, row, as_of=now)
    if broken:
        first = broken[0]
        told = [
            {"rule": f.rule, "where": f"{where}/data/{f.column}", "came": f.value, "message": f.message} for f in broken
        ]
        refused = RowRefused(
            first.message,
            expected=f"a row of {dataset} that keeps rule {first.rule}",
            came=first.value,
            where=f"{where}/data/{first.column}",
            remedy="Mend the event and send it again.",
        )
        raise _Refused(refused, [{**fault, "expected": f"rule {fault['rule']} of {dataset}"} for fault in told])
    return event


def _fault(error: ParleyError, where: str = "") -> dict[str, Any]:
    return {
        "rule": error.kind,
        "where": error.where or where,
        "expected": error.expected,
        "came": error.came,
        "message": error.message,
    }


def _event(obj: Any, *, where: str, desk: Desk) -> Event:
    if not isinstance(obj, Mapping):
        raise MalformedEvent("not an event", expected="a JSON object", came=type(obj).__name__, where=where)
    size = _size(obj, where)
    if size > desk.doors.settings.max_event_bytes:
        raise TooLarge(
            "an event is too large",
            expected=f"at most {desk.doors.settings.max_event_bytes} bytes",
            came=f"{size} bytes",
            where=where,
            remedy="Send large things by reference.",
        )
    return from_outside(Event.from_cloudevent(obj, where=where), where=where)


def _size(obj: Mapping[str, Any], where: str) -> int:
    """Bytes of the event as JSON. MalformedEvent for what JSON and UTF-8 cannot hold: half a character, 1e999."""
    try:
        return len(json.dumps(obj, ensure_ascii=False, allow_nan=False).encode("utf-8"))
    except ValueError as error:
        raise MalformedEvent(
            "an event cannot be kept as JSON",
            expected="finite numbers and whole characters",
            came=ascii(str(error))[:120],
            where=where,
            remedy="Mend the text or number.",
        ) from error


def _refuse(errors: list[ParleyError], faults: list[dict[str, Any]], count: int) -> NoReturn:
    """Refuse the batch as a whole by its first error, with every event's faults (the first hundred)."""
    first = errors[0]
    if count > 1:
        first.remedy = f"{first.remedy} Nothing of the {count} events was taken in; {len(errors)} have faults.".strip()
    raise Faulty(first, faults[:100])
