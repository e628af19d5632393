"""`/v1/intents/proposed`: intents that customers and agents propose, and what an engineer makes of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.errors import UnavailableError
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.doors import Proposals as ProposedIntents
from serving.forms import REFUSALS, Id, Name, refusal

router = APIRouter(tags=["intents"], route_class=ApiRoute)

Engineer = Annotated[Person, allowed("engineer")]
_DECIDED: dict[int | str, dict[str, Any]] = {
    404: refusal("No such proposal or intent"),
    409: refusal("Decided already, or the name is taken"),
    **REFUSALS,
}


class Proposals(BaseModel):
    """Proposed intents: those that wait first, then the largest."""

    intents: list[dict[str, Any]]


class Decided(BaseModel):
    """What became of a proposal: the intent that it is now or belongs to, and how many labels its wordings gave."""

    model_config = ConfigDict(extra="allow")

    id: str
    state: str
    by: str


class Accepted(BaseModel):
    """The intent that a proposal becomes. Without `intent_id` it has that of its English name."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name_en": "Crypto refund", "name_zh": "加密货币退款"}]}
    )

    name_en: Name
    name_zh: Name | None = None
    intent_id: Id | None = None
    parent_id: Id | None = None
    critical: bool = False
    automatable: bool = False


class Merged(BaseModel):
    """The intent that covers a proposal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"into": "refund"}]})

    into: Id


class Dropped(BaseModel):
    """Why a proposal is no intent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "a campaign that is over"}]})

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


def _of(desk: Desk) -> ProposedIntents:
    if desk.doors.find_proposals is None:
        raise UnavailableError("proposed intents are not served here", remedy="Run parley intents list.")
    return desk.doors.find_proposals


@router.get(
    "/v1/intents/proposed",
    summary="Proposed intents",
    operation_id="list_proposed_intents",
    response_model=Proposals,
    responses=REFUSALS,
)
async def listed(
    desk: AtDesk, person: Engineer, state: Literal["proposed", "accepted", "merged", "dropped"] | None = None
) -> Proposals:
    """What `parley intents propose` found among the refused, and names that agents typed and nobody defined."""
    return Proposals(intents=await run_in_threadpool(_of(desk).listed, state))


@router.get(
    "/v1/intents/proposed/{proposal_id}",
    summary="A proposed intent",
    operation_id="show_proposed_intent",
    response_model=dict[str, Any],
    responses={404: refusal("No such proposal"), **REFUSALS},
)
async def shown(proposal_id: str, desk: AtDesk, person: Engineer) -> dict[str, Any]:
    """One of them, with what customers said."""
    return await run_in_threadpool(_of(desk).shown, proposal_id)


@router.post(
    "/v1/intents/proposed/{proposal_id}/accept",
    summary="Accept a proposed intent",
    operation_id="accept_proposed_intent",
    response_model=Decided,
    responses=_DECIDED,
)
async def accept(proposal_id: str, said: Accepted, desk: AtDesk, person: Engineer) -> dict[str, Any]:
    """Make it an intent of the taxonomy; a cluster's wordings become labels of less weight than an agent's word."""
    return await run_in_threadpool(_of(desk).accept, proposal_id, said.model_dump(), person)


@router.post(
    "/v1/intents/proposed/{proposal_id}/merge",
    summary="Merge a proposed intent into a known one",
    operation_id="merge_proposed_intent",
    response_model=Decided,
    responses=_DECIDED,
)
async def merge(proposal_id: str, said: Merged, desk: AtDesk, person: Engineer) -> dict[str, Any]:
    """Take it for what a known intent covers: its wordings become labels of that one."""
    return await run_in_threadpool(_of(desk).merge, proposal_id, said.into, person)


@router.post(
    "/v1/intents/proposed/{proposal_id}/drop",
    summary="Drop a proposed intent",
    operation_id="drop_proposed_intent",
    response_model=Decided,
    responses=_DECIDED,
)
async def drop(proposal_id: str, said: Dropped, desk: AtDesk, person: Engineer) -> dict[str, Any]:
    """No intent: it is not proposed again."""
    return await run_in_threadpool(_of(desk).drop, proposal_id, said.reason, person)
