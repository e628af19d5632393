"""`/healthz`, `/readyz` and `/metrics`: for whoever keeps the process running. Open, as nothing personal is in them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from serving.desk import AtDesk, Desk
from serving.metrics import MEDIA_TYPE
from serving.slots import Slot

router = APIRouter(tags=["operations"])


# Load balancers ask by HEAD; it is the same question, so the interface does not tell of it twice.
@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Alive", operation_id="healthz")
async def healthz() -> JSONResponse:
    """The process answers; nothing else is asked."""
    return JSONResponse({"status": "alive"})


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Ready, and what is wrong",
    operation_id="readyz",
    responses={503: {"description": "Takes no requests: starting, ending, or the log cannot be read"}},
)
async def readyz(desk: AtDesk) -> JSONResponse:
    """`ready`, `degraded` (it answers, with what is good: see `problems`) or `unready` (503).

    A registry that is away or a refused artefact makes it degraded only: taking every replica out of service for that
    would turn a small fault into an outage.
    """
    told = await run_in_threadpool(_told, desk)
    return JSONResponse(told, status_code=503 if told["status"] == "unready" else 200)


@router.get("/metrics", summary="Prometheus metrics", operation_id="metrics", response_class=Response)
async def metrics(desk: AtDesk) -> Response:
    """Counts, times and depths in the Prometheus text format."""
    return Response(await run_in_threadpool(desk.metrics.text), media_type=MEDIA_TYPE)


def _told(desk: Desk) -> dict[str, Any]:
    families = {slot.family: _family(slot) for slot in desk.doors.shelf.slots()}
    problems = [{"family": name, **problem} for name, told in families.items() for problem in told["problems"]]
    log_problem = _log_problem(desk)
    if desk.recorder.is_behind or desk.recorder.refusal:
        waiting = f"{desk.recorder.unwritten} events wait, the oldest for {desk.recorder.lag_s:.1f} s"
        detail = desk.recorder.refusal or waiting
        problems.append({"reason": "record_behind", "detail": detail})
    if desk.mirror.problem:
        problems.append({"reason": "mirror_unreadable", "detail": desk.mirror.problem})
    if registry_problem := desk.doors.registry_problem():
        problems.append({"reason": "registry_unavailable", "detail": registry_problem})
    if log_problem:
        problems.append({"reason": "log_unreadable", "detail": log_problem})
    open_ = desk.is_open and not log_problem
    status = "unready" if not open_ else "degraded" if problems else "ready"
    return {"status": status, "families": families, "problems": problems, "unwritten_events": desk.recorder.unwritten}


def _family(slot: Slot) -> dict[str, Any]:
    return {"source": slot.source, "version": slot.version, "approval": slot.approval, "problems": list(slot.problems)}


def _log_problem(desk: Desk) -> str:
    try:
        desk.doors.log.head()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told to whoever asks
        return f"{type(error).__name__}: {error}"
    return ""
