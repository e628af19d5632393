"""Every refusal as `application/problem+json` (RFC 9457), the framework's own too, with what helps to mend it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from data_contracts.errors import ParleyError

MEDIA_TYPE: Final = "application/problem+json"

# Seconds after which a caller that was turned away may try again: a full queue is worked off in less.
RETRY_AFTER_S: Final = 1

# A message shows this much of what came, never more: a body may hold a customer's words.
_SHOWN = 60


class Problem(BaseModel):
    """A refusal: what was expected, what came, where, and the remedy."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:parley:problem:event-conflict",
                "title": "The same source and id came with another body: a correction is a new event.",
                "status": 409,
                "detail": "an event's key is taken by another body: expected one body for one source and id, …",
                "instance": "/v1/events",
                "expected": "one body for one source and id",
                "came": "a different body",
                "where": "source crm, id 17",
                "remedy": "A correction is a new event with an id of its own.",
                "request_id": "6f1c0a9be2d44c7f",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    expected: str
    came: str
    where: str
    remedy: str
    request_id: str
    faults: list[dict[str, Any]] | None = None


class Faulty(Exception):
    """A ParleyError with a list of faults, one for each item of a batch that is refused as a whole."""

    def __init__(self, error: ParleyError, faults: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(str(error))
        self.error = error
        self.faults = [dict(fault) for fault in faults]


def problem_of(error: ParleyError, *, path: str, request_id: str) -> dict[str, Any]:
    """The problem document of an error, without its faults."""
    title = (type(error).__doc__ or type(error).__name__).strip().splitlines()[0]
    return {
        "type": f"urn:parley:problem:{error.kind}",
        "title": title,
        "status": error.http_status,
        "detail": str(error),
        "instance": path,
        "expected": error.expected,
        "came": error.came,
        "where": error.where,
        "remedy": error.remedy,
        "request_id": request_id,
    }


def respond(problem: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP answer for a problem document. Unencodable characters are escaped: what is odd is still told."""
    told = dict(headers or {})
    if problem["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        told.setdefault("Retry-After", str(RETRY_AFTER_S))
    if problem["status"] == HTTPStatus.UNAUTHORIZED:
        told.setdefault("WWW-Authenticate", 'Bearer realm="parley"')
    body = json.dumps(problem, ensure_ascii=True).encode()
    return Response(body, status_code=int(problem["status"]), headers=told, media_type=MEDIA_TYPE)


def of_status(status: int, *, path: str, request_id: str, detail: str = "", **facts: str) -> dict[str, Any]:
    """The problem document of a bare HTTP status, such as the framework's 404 and 405."""
    phrase = HTTPStatus(status).phrase
    return {
        "type": f"urn:parley:problem:http-{status}",
        "title": phrase,
        "status": status,
        "detail": detail or phrase,
        "instance": path,
        "expected": facts.get("expected", ""),
        "came": facts.get("came", ""),
        "where": facts.get("where", path),
        "remedy": facts.get("remedy", ""),
        "request_id": request_id,
    }


def request_id_of(request: Request) -> str:
    """The id that the shell gave to this request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def install(app: FastAPI) -> None:
    """Make every refusal of the application a problem document."""
    app.add_exception_handler(ParleyError, _on_parley_error)
    app.add_exception_handler(Faulty, _on_faulty)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_parley_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ParleyError)  # noqa: S101 - registered for this type
    return respond(problem_of(error, path=request.url.path, request_id=request_id_of(request)))


async def _on_faulty(request: Request, error: Exception) -> Response:
    assert isinstance(error, Faulty)  # noqa: S101 - registered for this type
    problem = problem_of(error.error, path=request.url.path, request_id=request_id_of(request))
    return respond({**problem, "faults": error.faults})


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    if isinstance(error.__cause__, ParleyError):  # how the framework wraps what `bodies` says of a body
        return await _on_parley_error(request, error.__cause__)
    headers = dict(error.headers or {})
    problem = of_status(
        error.status_code,
        path=request.url.path,
        request_id=request_id_of(request),
        detail=str(error.detail),
        came=f"{request.method} {request.url.path[:_SHOWN]}",
        where="request line",
        **_advice(error.status_code, headers),
    )
    return respond(problem, headers=headers)


def _advice(status: int, headers: Mapping[str, str]) -> dict[str, str]:
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = {key.lower(): value for key, value in headers.items()}.get("allow", "")
        return {"expected": allowed or "another method", "remedy": "Use one of the methods that are allowed here."}
    if status == HTTPStatus.NOT_FOUND:
        return {"expected": "a path of /openapi.json", "remedy": "Look the path up in /openapi.json."}
    return {"expected": "a request that HTTP and /openapi.json allow", "remedy": "Mend the request and send it again."}


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
    faults = [_fault(told) for told in error.errors()]
    first = faults[0] if faults else {"where": "", "expected": "", "came": ""}
    problem = of_status(
        422,
        path=request.url.path,
        request_id=request_id_of(request),
        detail=f"{len(faults)} fault(s) in the request; the first is told here",
        expected=first["expected"],
        came=first["came"],
        where=first["where"],
        remedy="Compare with the schema and the example in /openapi.json.",
    )
    return respond({**problem, "type": "urn:parley:problem:invalid-request", "faults": faults[:100]})


def _fault(told: Mapping[str, Any]) -> dict[str, str]:
    where = "/".join(str(part) for part in told.get("loc", ()))
    expected, rule = str(told.get("msg", "")), str(told.get("type", ""))
    return {"where": where, "rule": rule, "expected": expected, "came": shown(told.get("input"))}


def shown(value: object) -> str:
    """What came, told without repeating it at length: texts by their length, the rest by kind."""
    if isinstance(value, str):
        return f"text of {len(value)} characters" if len(value) > _SHOWN else repr(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return "an object with " + (", ".join(sorted(str(key)[:30] for key in value)[:8]) or "nothing")
    if isinstance(value, Sequence):
        return f"a list of {len(value)}"
    return repr(value)[:_SHOWN]
