"""`GET /v1/predictions/{id}/trace`: from an answer to its version, approval, features as served, data and commit."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.errors import NotFound, ParleyError
from data_contracts.events import stamp
from serving import envelope
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.forms import REFUSALS, Id, refusal
from training import standing
from training.standing import Request

router = APIRouter(tags=["models"], route_class=ApiRoute)
logger = logging.getLogger("parley.serving")

# Who may read a customer's words; others see the trace without them.
_MAY_READ_TEXTS = frozenset({"engineer", "reviewer"})
# What of the features as served holds a customer's words.
_TEXTS = ("turns", "text")


@router.get(
    "/v1/predictions/{prediction_id}/trace",
    summary="Where an answer came from",
    operation_id="trace_prediction",
    response_model=dict[str, Any],
    responses={404: refusal("No such thing"), **REFUSALS},
)
async def trace(
    prediction_id: Id, desk: AtDesk, person: Annotated[Person, allowed("engineer", "reviewer", "viewer")]
) -> JSONResponse:
    """The answer, what it saw, under whose approval it was given, and what its model was made of."""
    row = await run_in_threadpool(desk.recall.prediction, prediction_id)
    if row is None:
        raise NotFound(
            "no such prediction",
            expected="the prediction_id of an envelope",
            came=prediction_id,
            where="path",
            remedy="Look for it by its contact in the archive.",
        )
    told = await run_in_threadpool(_trace, row, desk, bool(person.roles & _MAY_READ_TEXTS))
    return JSONResponse(told)


def _trace(row: dict[str, Any], desk: Desk, texts: bool) -> dict[str, Any]:
    features = json.loads(row["features"])
    told: dict[str, Any] = {
        "prediction": {
            **envelope.envelope_of(row),
            "capability": row["capability"],
            "contact_id": row.get("contact_id"),
            "confidence": row.get("confidence"),
            "happened_at": _moment(row.get("happened_at")),
            "verdict_probability": row.get("verdict_probability"),
        },
        "features": features if texts else _without_texts(features),
        "approval": None,
        "version": None,
        "why": None,
    }
    if row.get("version"):
        family, _, version = str(row["version"]).partition("/")
        told["approval"] = _approval(row.get("approval"), desk)
        told["version"] = _version(family, version, desk)
        told["why"] = _why(row, features, desk) if texts and family == "intent" else None
    return told


def _why(row: dict[str, Any], features: dict[str, Any], desk: Desk) -> dict[str, Any] | None:
    """The nearest training examples and the words that carried the answer; none of a version that serves no more."""
    slot = desk.slot("intent")
    if slot.version != row["version"] or not hasattr(slot.model, "explain"):  # payloads of before cannot tell
        return None
    return dict(slot.model.explain(str(features["text"]), language=str(features["language"])))


def _without_texts(features: dict[str, Any]) -> dict[str, Any]:
    return {
        name: "withheld: engineers and reviewers may read it" if name in _TEXTS else value
        for name, value in features.items()
    }


def _approval(approval: str | None, desk: Desk) -> dict[str, Any]:
    """Who approved, when, what exactly; from the verified history. Says so when the history does not hold."""
    try:
        requests = standing.standing(desk.doors.history).requests.values()
    except ParleyError as error:
        return {"digest": approval, "problem": str(error)}
    found = next((one for one in requests if approval is not None and one.approval == approval), None)
    return {"digest": approval, "problem": "not in the history"} if found is None else _told(found)


def _told(request: Request) -> dict[str, Any]:
    subject = request.subject
    return {
        "digest": request.approval,
        "request_id": request.id,
        "requester": subject.requester,
        "approved_by": request.decided_by,
        "approved_at": _moment(request.decided_at),
        "comment": request.comment,
        "scope": asdict(subject.scope),
        "conditions": subject.conditions,
        "artefact": subject.artefact,
        "report": subject.report,
        "dvc_lock": subject.dvc_lock,
        "contracts": subject.contracts,
        "feature_service": subject.feature_service,
        "commit": subject.commit,
        "run_id": request.run_id,
    }


def _version(family: str, version: str, desk: Desk) -> dict[str, Any]:
    """The card of the version; the registry may be away, the rest of the trace does not need it."""
    try:
        return {"name": f"{family}/{version}", **desk.doors.trace_version(family, version)}
    except Exception as error:
        logger.exception("the registry does not tell of a version", extra={"told": {"version": f"{family}/{version}"}})
        return {"name": f"{family}/{version}", "problem": f"the registry does not answer: {type(error).__name__}"}


def _moment(value: Any) -> Any:
    return stamp(value) if isinstance(value, datetime) else value
