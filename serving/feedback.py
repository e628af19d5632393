"""`POST /v1/feedback`: what an agent says of an answer. It becomes a `verdict.given` event, and so a label."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.errors import EventConflict, InputError, NotAllowed, NotFound
from data_contracts.events import Event, compared_id
from features import proposals
from serving import envelope
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.envelope import SOURCE
from serving.forms import REFUSALS, Id, Moment, Name, refusal

router = APIRouter(tags=["feedback"], route_class=ApiRoute)

Row = dict[str, Any]


class Verdict(BaseModel):
    """A verdict on one prediction: by its id, or by contact, capability and time (default: the last one)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"prediction_id": "9f2c51d0a7e84c1b", "verdict": "wrong", "instead": "card_lost"},
                {"contact_id": "c-1029", "capability": "intent", "verdict": "right", "agent_id": "a-1"},
                {"contact_id": "c-1031", "capability": "intent", "verdict": "labelled", "instead": "crypto_refund"},
            ]
        },
    )

    verdict: Literal["right", "wrong", "used", "edited", "ignored", "labelled"]
    prediction_id: Id | None = None
    contact_id: Id | None = None
    capability: Literal["intent", "route", "forecast"] | None = None
    # The prediction meant is the contact's last one at or before this time.
    at: Moment | None = None
    instead: Name | None = None
    agent_id: Id | None = None
    # The caller's own key: sent again with the same words, it is the same verdict.
    feedback_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Noted(BaseModel):
    """The verdict as it was noted. `matched`: whether a prediction was found that it is about.

    `known`: whether the taxonomy defines the intent that `instead` names; while it does not, nothing is learned from
    the verdict, and the name is proposed as a new intent under the id `proposal`. `replaced_by`: what the verdict
    counts for where the intent was replaced. None where no intent was named, or there is no taxonomy.
    """

    verdict_id: str
    prediction_id: str | None
    matched: bool
    repeated: bool
    known: bool | None
    proposal: str | None
    replaced_by: str | None


@router.post(
    "/v1/feedback",
    summary="A verdict on an answer",
    operation_id="give_feedback",
    status_code=201,
    response_model=Noted,
    responses={
        200: {"model": Noted, "description": "Known already"},
        404: refusal("No such prediction"),
        409: refusal("feedback_id used otherwise"),
        **REFUSALS,
    },
)
async def give(said: Verdict, desk: AtDesk, person: Annotated[Person, allowed("agent", "service")]) -> JSONResponse:
    """Say whether an answer was right, and what would have been. Durable before the answer."""
    agent_id = _agent(said, person)
    _refuse_incomplete(said)
    row = await run_in_threadpool(_prediction, said, desk)
    asked = await run_in_threadpool(_asked, said, desk)
    event = _event(said, row, agent_id=agent_id, asked=asked, person=person, desk=desk)
    repeated = await _written(event, desk)
    told = Noted(
        verdict_id=event.id,
        prediction_id=event.data["prediction_id"],
        matched=row is not None,
        repeated=repeated,
        **await run_in_threadpool(_in_taxonomy, event, desk),
    )
    return JSONResponse(told.model_dump(), status_code=200 if repeated else 201)


def _agent(said: Verdict, person: Person) -> str | None:
    """Who says it: an agent speaks for themselves; a service (the agent's desktop) names the agent."""
    if "service" in person.roles:
        return said.agent_id
    if said.agent_id not in (None, person.name):
        raise NotAllowed(
            "an agent speaks for themselves only",
            expected=f"agent_id {person.name}, or none",
            came=said.agent_id or "",
            where="agent_id",
            remedy="Leave agent_id out.",
        )
    return person.name


def _refuse_incomplete(said: Verdict) -> None:
    if said.prediction_id is None and (said.contact_id is None or said.capability is None):
        raise InputError(
            "a verdict on what?",
            expected="prediction_id, or contact_id and capability",
            came="neither",
            where="body",
            remedy="Name the prediction by the id of its envelope.",
        )
    if said.verdict == "labelled" and said.instead is None:
        raise InputError(
            "a label says what it is",
            expected="instead",
            came="none",
            where="instead",
            remedy="Give the intent (or agent) as `instead`.",
        )


def _prediction(said: Verdict, desk: Desk) -> Row | None:
    """The row of the prediction meant. None for a label on a contact that nobody predicted; else NotFound."""
    if said.prediction_id is not None:
        row = desk.recall.prediction(said.prediction_id)
        if row is None:
            raise NotFound(
                "no such prediction",
                expected="the prediction_id of an envelope",
                came=said.prediction_id,
                where="prediction_id",
                remedy="Use contact_id and capability if the id is lost.",
            )
        _refuse_contradiction(said, row)
        return row
    assert said.contact_id is not None and said.capability is not None  # noqa: S101 - refused before
    row = desk.recall.latest(said.contact_id, capability=said.capability, until=said.at)
    if row is None and said.verdict != "labelled":
        raise NotFound(
            "no prediction for this contact",
            expected=f"an answer of {said.capability} before that time",
            came=said.contact_id,
            where="contact_id, capability, at",
            remedy="A label without a prediction is given as verdict `labelled` with `instead`.",
        )
    return row


def _refuse_contradiction(said: Verdict, row: Row) -> None:
    for name in ("contact_id", "capability"):
        told = getattr(said, name)
        if told is not None and row.get(name) is not None and told != row[name]:
            raise InputError(
                f"{name} is not that of the prediction",
                expected=str(row[name]),
                came=told,
                where=name,
                remedy=f"Leave {name} out, or name the right prediction.",
            )


def _asked(said: Verdict, desk: Desk) -> str | None:
    """Why a person was asked for this label (`GET /v1/labels/next`); None where it was volunteered."""
    if said.verdict not in ("labelled", "ignored") or said.capability != "intent" or said.contact_id is None:
        return None
    told = desk.doors.find_questions() or {}
    kinds = ("settle", "teach")
    return next(
        (kind for kind in kinds if any(one["contact_id"] == said.contact_id for one in told.get(kind, ()))), None
    )


def _event(
    said: Verdict, row: Row | None, *, agent_id: str | None, asked: str | None, person: Person, desk: Desk
) -> Event:
    id_ = desk.doors.new_id() if said.feedback_id is None else envelope.digest_of([person.name, said.feedback_id])[:40]
    known = row or {}
    data: dict[str, Any] = {
        "verdict_id": f"verdict-{id_}",
        "prediction_id": known.get("prediction_id"),
        "contact_id": known.get("contact_id") or said.contact_id,
        "capability": known.get("capability") or said.capability,
        "agent_id": agent_id,
        "verdict": said.verdict,
        "instead": said.instead,
        "prompted": bool(known.get("verdict_asked", False)) and asked is None,
        "asked": asked,
        "weight": 1.0,
    }
    return Event(
        id=f"verdict-{id_}",
        source=SOURCE,
        type="verdict.given",
        time=desk.now(),
        data=data,
        subject=known.get("contact_id") or said.contact_id,
    )


def _in_taxonomy(event: Event, desk: Desk) -> dict[str, Any]:
    """What the taxonomy has of the intent that the verdict names: known, proposal, replaced_by (see `Noted`)."""
    named = compared_id(event.data["instead"])
    defined = desk.doors.find_intents() if named and event.data["capability"] == "intent" else {}
    if not defined:
        return {"known": None, "proposal": None, "replaced_by": None}
    known = named in defined
    proposal = None if known or not proposals.folded(named) else proposals.typed_id(named)
    return {"known": known, "proposal": proposal, "replaced_by": defined.get(named)}


async def _written(event: Event, desk: Desk) -> bool:
    """Write the verdict; whether it was there already. The same `feedback_id` with other words is EventConflict."""
    held = await run_in_threadpool(desk.doors.log.find, SOURCE, event.id)
    if held is None:
        await desk.recorder.write([event])
        return False
    told_by_us = dict.fromkeys(("prompted", "asked"))  # why we asked is no part of what they say
    if {**held.event.data, **told_by_us} != {**event.data, **told_by_us}:
        raise EventConflict(
            "this feedback_id was used for another verdict",
            expected="the same verdict, or a new id",
            came="another verdict",
            where="feedback_id",
            remedy="Give a changed mind a new id.",
        )
    return True
