"""`POST /v1/retrainings` and its progress: an engineer asks, the run works elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.errors import NotFound
from data_contracts.events import stamp
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk
from serving.forms import REFUSALS, Id, Moment, refusal

router = APIRouter(tags=["retrainings"], route_class=ApiRoute)


Change = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[\w.]+=")]


class RetrainingAsked(BaseModel):
    """What to train again, and why. The requester is who is signed in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"family": "intent", "reason": "twelve corrections since Monday"}]},
    )

    family: Literal["intent", "routing", "forecast", "all"]
    reason: Annotated[str, Field(min_length=3, max_length=1_000)]
    as_of: Moment | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    # Changes of parameters for this run, such as `intent.max_rows=100`.
    set: Annotated[list[Change], Field(max_length=50)] = []
    no_request: bool = False


class Started(BaseModel):
    """A run that was started, and where its progress is read."""

    run_id: str
    progress: str


@router.post(
    "/v1/retrainings",
    summary="Start a retraining",
    operation_id="start_retraining",
    status_code=202,
    response_model=Started,
    responses={409: refusal("A retraining is under way; the refusal names it"), **REFUSALS},
)
async def start(asked: RetrainingAsked, desk: AtDesk, person: Annotated[Person, allowed("engineer")]) -> JSONResponse:
    """Start a run; it trains and judges elsewhere and ends with a request for promotion, or held with reasons.

    One at a time: 409 names the run that is under way.
    """
    request: dict[str, Any] = {"family": asked.family, "reason": asked.reason.strip(), "requester": person.name,
                               "credential": person.credential}  # fmt: skip
    if asked.as_of is not None:
        request["as_of"] = stamp(asked.as_of)
    request |= {"seed": asked.seed} if asked.seed is not None else {}
    request |= {"set": list(asked.set)} if asked.set else {}
    request |= {"no_request": True} if asked.no_request else {}
    run_id = await run_in_threadpool(desk.doors.launch_retraining, request)
    where = f"/v1/retrainings/{run_id}"
    return JSONResponse({"run_id": run_id, "progress": where}, status_code=202, headers={"Location": where})


@router.get(
    "/v1/retrainings/{run_id}",
    summary="The progress of a run",
    operation_id="read_retraining",
    response_model=dict[str, Any],
    responses={404: refusal("No such thing"), **REFUSALS},
)
async def progress(
    run_id: Id, desk: AtDesk, person: Annotated[Person, allowed("engineer", "reviewer", "viewer")]
) -> JSONResponse:
    """Who asked and why, which stages are done, and how it ended."""
    told = await run_in_threadpool(desk.doors.run_progress, run_id)
    if told is None:
        raise NotFound(
            "no such run",
            expected="a run_id that POST /v1/retrainings gave",
            came=run_id[:80],
            where="path",
            remedy="List the runs: parley runs list.",
        )
    return JSONResponse(told)
