"""`GET /v1/labels/next`: contacts that people should label, as `parley label next` found them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.errors import NotFound
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk
from serving.forms import REFUSALS, refusal

router = APIRouter(tags=["feedback"], route_class=ApiRoute)


class Questions(BaseModel):
    """What to ask. `kind`: teach, a contact whose label would teach most; settle, a label that is likely wrong."""

    at: str
    version: str
    kind: Literal["teach", "settle"]
    questions: list[dict[str, Any]]


@router.get(
    "/v1/labels/next",
    summary="What to label next",
    operation_id="next_labels",
    response_model=Questions,
    responses={404: refusal("Nothing was asked yet"), **REFUSALS},
)
async def following(
    desk: AtDesk,
    person: Annotated[Person, allowed("agent", "engineer", "service")],
    count: Annotated[int, Query(ge=1, le=1000)] = 20,
    kind: Literal["teach", "settle"] = "teach",
) -> Questions:
    """The contacts whose label would teach most, most doubtful first; answer with `POST /v1/feedback`, `labelled`."""
    told = await run_in_threadpool(desk.doors.find_questions)
    if told is None:
        raise NotFound(
            "nothing was asked yet", expected="questions", came="none", where="labels", remedy="Run parley label next."
        )
    return Questions(at=told["at"], version=told["version"], kind=kind, questions=told[kind][:count])
