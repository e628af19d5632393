"""What planners change and ask: adjustments of the forecast, events of the calendar, why a day is busy, what if.

Each act is done elsewhere (`doors.hear_planner`), one at a time; this process only checks its form and who asks.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from centre.people import Person
from data_contracts.errors import UnavailableError
from data_contracts.events import stamp
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.forms import NO_NUL, REFUSALS, Id, Moment, Name, as_json, refusal

router = APIRouter(tags=["planners"], route_class=ApiRoute)

Planner = Annotated[Person, allowed("planner", "engineer")]
# Adjustments tell who made them and why: for those who answer for the forecast, not for services and agents.
Reader = Annotated[Person, allowed("planner", "engineer", "reviewer", "viewer")]
# As the contract of calendar events has them.
Kind = Literal["campaign", "mailing", "release", "outage", "closure", "strike", "pay_day", "opening", "other"]
AnnouncedKind = Literal[Kind, "merger"]
Change = Annotated[str, Field(min_length=1, max_length=20, description="+20%, -5%, or contacts over the period: +120")]

_ADJUSTMENT: dict[str, Any] = {
    "queue": "billing", "from": "2026-05-04T00:00:00+02:00", "to": "2026-05-05T00:00:00+02:00", "change": "+20%",
    "kind": "campaign", "reason": "the mailing goes out a day early",
}  # fmt: skip
_EVENT: dict[str, Any] = {
    "kind": "mailing", "name": "Spring mailing", "starts_at": "2026-05-04T00:00:00+02:00",
    "ends_at": "2026-05-06T00:00:00+02:00", "queues": ["billing"],
}  # fmt: skip
_CHANGED: dict[int | str, dict[str, Any]] = {404: refusal("No such thing"), **REFUSALS}


class Adjusted(BaseModel):
    """A change of the issued forecast; without a queue of all queues."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_ADJUSTMENT]})

    queue: Name | None = None
    since: Annotated[Moment, Field(alias="from", description="Intervals that begin at or after this time")]
    until: Annotated[Moment, Field(alias="to", description="... and before this one")]
    change: Change
    kind: Kind = "other"
    reason: Annotated[str, Field(min_length=3, max_length=300, pattern=NO_NUL)]


class Announced(BaseModel):
    """What moves demand and no calendar tells; without queues it is for all of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EVENT]})

    kind: AnnouncedKind
    name: Name
    starts_at: Moment
    ends_at: Moment
    queues: Annotated[list[Name], Field(max_length=1_000)] = []
    # Of a merger: the queue that these become.
    into: Name | None = None
    reason: Annotated[str, Field(max_length=500, pattern=NO_NUL)] = ""
    # The id of an announced event that this replaces.
    corrects: Id | None = None


class Otherwise(BaseModel):
    """What comes otherwise than a plan (the current one without a name) was made for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"volume": "+20%", "aht": "+30s", "sick": 10}]}
    )

    volume: Annotated[str, Field(max_length=20, description="Contacts, as +20% or 1.2")] = "+0%"
    aht: Annotated[str, Field(max_length=20, description="Handle time, as +30s")] = "+0s"
    sick: Annotated[int, Field(ge=0, le=10_000, description="Agents away of each day's rostered")] = 0
    plan_id: Id | None = None
    intervals: Annotated[bool, Field(description="Also each queue's intervals; else the days")] = False


@router.get(
    "/v1/forecast/adjustments",
    summary="Adjustments, and what each added or cost",
    operation_id="list_adjustments",
    response_model=dict[str, Any],
    responses=REFUSALS,
)
async def adjustments(desk: AtDesk, person: Reader) -> Response:
    """All that were ever made, of the intervals that have come: `saved` contacts of error, and by kind of reason."""
    return await _heard(desk, "adjustments", {}, person)


@router.post(
    "/v1/forecast/adjustments",
    summary="Adjust the forecast",
    operation_id="adjust_forecast",
    status_code=201,
    response_model=dict[str, Any],
    responses={**_CHANGED, 409: refusal("It stands already; the refusal names it")},
)
async def adjust(said: Adjusted, desk: AtDesk, person: Planner) -> Response:
    """The next answer of `GET /v1/forecast` has it, and later issues too, until it is withdrawn.

    Sent twice it counts once: 409 names the one of the same queue, period, kind and reason that stands.
    """
    told = {"queue": said.queue, "from": stamp(said.since), "to": stamp(said.until), "change": said.change,
            "kind": said.kind, "reason": said.reason}  # fmt: skip
    return await _heard(desk, "adjust", told, person, status=201)


@router.post(
    "/v1/forecast/adjustments/{adjustment_id}/withdraw",
    summary="Withdraw an adjustment",
    operation_id="withdraw_adjustment",
    response_model=dict[str, Any],
    responses=_CHANGED,
)
async def withdraw(adjustment_id: Id, desk: AtDesk, person: Planner) -> Response:
    """It does not stand any more, from the next answer on."""
    return await _heard(desk, "withdraw", {"adjustment_id": adjustment_id}, person)


@router.post(
    "/v1/forecast/adjustments/{adjustment_id}/keep",
    summary="Keep an adjustment's reason as an event",
    operation_id="keep_adjustment",
    response_model=dict[str, Any],
    responses={**_CHANGED, 409: refusal("It was kept already")},
)
async def keep(adjustment_id: Id, desk: AtDesk, person: Planner) -> Response:
    """Its reason becomes an event of the calendar, from which the next models learn."""
    return await _heard(desk, "keep", {"adjustment_id": adjustment_id}, person)


@router.get(
    "/v1/forecast/why",
    summary="Why a day is busier or calmer",
    operation_id="explain_forecast",
    response_model=dict[str, Any],
    responses=_CHANGED,
)
async def why(
    desk: AtDesk,
    person: Reader,
    queue: Annotated[Name, Query(description="Its name; `*` is the site", examples=["billing"])],
    day: Annotated[date, Query(description="A day to come")],
    against: Annotated[date | None, Query(description="Another; the last weeks' mean without it")] = None,
) -> Response:
    """Contacts more or fewer by weekday, season, holidays, how the last days went, events, what planners adjusted, and
    what is left; they add up to the difference of the issued means."""
    told = {"queue": queue, "day": day.isoformat(), "against": against and against.isoformat()}
    return await _heard(desk, "why", told, person)


@router.get(
    "/v1/calendar-events",
    summary="Events that were announced",
    operation_id="list_calendar_events",
    response_model=dict[str, Any],
    responses=REFUSALS,
)
async def calendar_events(desk: AtDesk, person: Reader) -> Response:
    """As they stand, by their beginning; cancelled ones say so."""
    return await _heard(desk, "calendar_events", {}, person)


@router.post(
    "/v1/calendar-events",
    summary="Announce an event",
    operation_id="announce_calendar_event",
    status_code=201,
    response_model=dict[str, Any],
    responses=_CHANGED,
)
async def announce(said: Announced, desk: AtDesk, person: Planner) -> Response:
    """Forecasts know of it from their next issue on. Announced again it is the same event, in a later revision."""
    told = {**said.model_dump(), "starts_at": stamp(said.starts_at), "ends_at": stamp(said.ends_at)}
    return await _heard(desk, "announce", told, person, status=201)


@router.post(
    "/v1/calendar-events/{calendar_event_id}/cancel",
    summary="Cancel an event",
    operation_id="cancel_calendar_event",
    response_model=dict[str, Any],
    responses=_CHANGED,
)
async def cancel(calendar_event_id: Id, desk: AtDesk, person: Planner) -> Response:
    """It does not take place after all."""
    return await _heard(desk, "cancel", {"calendar_event_id": calendar_event_id}, person)


@router.post(
    "/v1/staffing/what-if",
    summary="What the roster reaches if things come otherwise",
    operation_id="ask_what_if",
    response_model=dict[str, Any],
    responses=_CHANGED,
)
async def what_if(said: Otherwise, desk: AtDesk, person: Planner) -> Response:
    """The same shifts meet other customers, with the same luck; nothing is written.

    One at a time and within ten seconds: 503 says that another is under way, or that this one took longer.
    """
    return await _heard(desk, "what_if", said.model_dump(), person, at="what-if")


async def _heard(
    desk: Desk, act: str, told: dict[str, Any], person: Person, *, status: int = 200, at: str = "planners"
) -> Response:
    """What came of an act, done in its turn and never on the event loop."""
    hear = desk.doors.hear_planner
    if hear is None:
        raise UnavailableError(
            "planners are not heard here",
            remedy="Run parley forecast adjust, parley calendar announce or parley staff what-if.",
        )
    said = await desk.work[at].do(lambda: hear(act, told, person))
    return Response(as_json(said), status_code=status, media_type="application/json")
