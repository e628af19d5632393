"""`GET /v1/staffing`: the staffing plan that was made last, as it was planned; nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from centre.people import Person, require
from data_contracts.errors import InputError, NotFound
from data_contracts.events import plain, stamp
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.envelope import Envelope, Reason
from serving.formats import CONTENT, Format, accepted, written
from serving.forms import REFUSALS, Moment, Name, as_json, refusal
from serving.planned import Planned

router = APIRouter(tags=["answers"], route_class=ApiRoute)

# Who may see which agent works when; the rest of a plan is for viewers too.
OF_ROSTER: Final = ("service", "planner", "engineer", "reviewer")
View = Literal["intervals", "roster"]

_EXAMPLE: dict[str, Any] = {
    "answer": {
        "plan_id": "20260501T060000Z-77ab01cd",
        "planned_at": "2026-05-01T06:00:00Z",
        "issue_id": "20260501T000000Z-baseline-0",
        "intervals": [
            {"queue": "billing", "interval_start": "2026-05-01T09:00:00Z", "interval_s": 1800, "positions_required": 8,
             "agents_rostered": 8.0, "probability": 0.93},
        ],
    },
    "source": "baseline",
    "version": None,
    "approval": None,
    "degraded": [],
    "prediction_id": "20260501T060000Z-77ab01cd",
    "verdict_asked": False,
}  # fmt: skip


@router.get(
    "/v1/staffing",
    summary="Agents needed and rostered, and what they reach",
    operation_id="read_staffing",
    response_model=Envelope,
    responses={
        200: {"content": {"application/json": {"example": _EXAMPLE}, **CONTENT}},
        304: {"description": "The plan that If-None-Match names is the one that is asked for"},
        404: refusal("No such queue or plan, none planned"),
        **REFUSALS,
    },
)
async def read(
    desk: AtDesk,
    request: Request,
    person: Annotated[Person, allowed("service", "viewer", "planner", "engineer", "reviewer")],
    queue: Annotated[Name | None, Query(description="All queues without it", examples=["billing"])] = None,
    since: Annotated[Moment | None, Query(alias="from", description="Begins at or after this time")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Begins before this time")] = None,
    view: Annotated[View, Query(description="The roster names agents: not for viewers")] = "intervals",
    form: Annotated[Format | None, Query(alias="format", description="Else by Accept, else JSON")] = None,
    plan_id: Annotated[
        Name | None, Query(alias="plan", description="An earlier plan; the current one without it")
    ] = None,
) -> Response:
    """Each open interval's need, roster and probability of meeting the service level; or the roster's shifts.

    An envelope as JSON (its `prediction_id` is the plan's name); rows alone as CSV or Parquet. `source` is who told
    the forecast that was planned for.
    """
    if view == "roster":
        require(person, *OF_ROSTER)
    plan = await run_in_threadpool(found, desk, plan_id)
    form = form or accepted(request.headers.get("accept", ""))
    etag = f'"{plan.about["plan_id"]}-{view}-{form}"'
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": etag})
    rows = rows_of(plan, view, queue=queue, since=since, until=until)
    body, kind = await run_in_threadpool(_body, desk, plan, view, rows, form)
    return Response(body, media_type=kind, headers={"ETag": etag, "Vary": "Accept"})


def found(desk: Desk, plan_id: str | None) -> Planned:
    """The plan of that name, the current one without. NotFound before the first, and where there is none of it."""
    plan = desk.plans.named(plan_id) if plan_id else desk.plans.current()
    if plan is None:
        raise NotFound("nothing was planned yet", expected="a staffing plan", came="none", where="staffing plans",
                       remedy="Run parley staff plan.")  # fmt: skip
    return plan


def rows_of(
    plan: Planned, view: View, *, queue: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[dict[str, Any]]:
    """The rows that begin in [since, until); of a queue the roster is that of everybody, who may serve several."""
    if since is not None and until is not None and since >= until:
        raise InputError("an empty period", expected="from before to", came=f"{stamp(since)} to {stamp(until)}",
                         where="query from, to", remedy="The period is half-open: [from, to).")  # fmt: skip
    if queue is not None and queue not in plan.about["queues"]:
        raise NotFound("no plan for this queue", expected="one of " + ", ".join(plan.about["queues"])[:500],
                       came=queue[:80], where="query queue", remedy="Name a queue that was planned.")  # fmt: skip
    rows, begins = (plan.intervals, "interval_start") if view == "intervals" else (plan.roster, "starts_at")
    return [
        row for row in rows
        if (queue is None or row.get("queue", queue) == queue)
        and (since is None or row[begins] >= since.astimezone(UTC))
        and (until is None or row[begins] < until.astimezone(UTC))
    ]  # fmt: skip


def _body(desk: Desk, plan: Planned, view: View, rows: Sequence[dict[str, Any]], form: Format) -> tuple[bytes, str]:
    if form != "json":
        return written(rows, form)
    about = plan.about
    return as_json({
        "answer": {**{name: about[name] for name in ("plan_id", "planned_at", "issue_id")}, view: plain(list(rows))},
        "source": about["source"],
        "version": f"forecast/{about['version']}" if about["version"] else None,
        "approval": about.get("approval"),
        "degraded": list(degraded(desk, plan)),
        "prediction_id": about["plan_id"],
        "verdict_asked": False,
    }), "application/json"  # fmt: skip


def degraded(desk: Desk, plan: Planned) -> tuple[Reason, ...]:
    """Why the plan is less than it could be: other contacts are expected by now, or by a model that may not answer."""
    told: list[Reason] = []
    issue = desk.issued.current()
    if issue is not None and issue.about["issue_id"] != plan.about["issue_id"]:
        told.append({"reason": "planned_for_former_forecast", "detail": f"issued since: {issue.about['issue_id']}"})
    slot = desk.slot("forecast")
    if plan.about["source"] == "model" and plan.about.get("artefact") not in slot.approved:
        told.append({"reason": "planned_for_disowned_forecast", "detail": "its model may not answer any more"})
    return tuple(told)
