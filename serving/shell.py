"""The outermost layer of the application: request ids, size limits, security headers, times, counts, one log line.

Plain ASGI, as the framework's own kind of middleware costs more than the answer of a small model.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data_contracts.errors import InputError, ParleyError, TooLarge
from serving import problems
from serving.metrics import Metrics

logger = logging.getLogger("parley.serving")

# A caller's own request id is kept when it is harmless in logs and headers.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# A body that is too large is read on up to this multiple of the limit, so that the caller gets to read the refusal.
_DRAINED = 8

# How long a body may take to arrive: a caller that sends byte by byte must not hold a connection for ever.
_BODY_S: Final = 30.0

SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_API_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


class NotJson(InputError):
    """A body of a media type that is not read here."""

    http_status = 415
    kind = "media-type"


class TooSlow(InputError):
    """A body that did not arrive in time."""

    http_status = 408
    kind = "too-slow"


class Shell:
    """Wraps the application; nothing that a caller sends gets past it unbounded, nothing gets out without headers."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, metrics: Metrics) -> None:
        self._app = app
        self._limit = max_body_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        passage = _Passage(scope, send)
        try:
            await self._answered(scope, receive, passage)
        finally:
            self._tell(scope, passage, time.perf_counter() - started)

    async def _answered(self, scope: Scope, receive: Receive, passage: _Passage) -> None:
        try:
            if scope["method"] in ("POST", "PUT", "PATCH", "DELETE"):
                _refuse_media_type(scope)
                receive = _replay(await self._body(scope, receive), receive)
            await self._app(scope, receive, passage.send)
        except ParleyError as error:
            problem = problems.problem_of(error, path=scope["path"], request_id=passage.request_id)
            await passage.refuse(problem)
        except Exception:
            logger.exception("unexpected error", extra={"request_id": passage.request_id})
            problem = problems.of_status(
                500,
                path=scope["path"],
                request_id=passage.request_id,
                detail="something unexpected went wrong here",
                expected="an answer",
                came="an unexpected error",
                where="serving",
                remedy="Give the request_id to an engineer: the log says more.",
            )
            await passage.refuse(problem)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises TooLarge after reading on for a while, so that the caller can read the answer."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(_BODY_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return b"".join(parts)
                    size += len(message.get("body", b""))
                    if size <= self._limit:
                        parts.append(message.get("body", b""))
                    ended = not message.get("more_body", False)
                    if ended or size > self._limit * _DRAINED:
                        break
        except TimeoutError as error:
            raise TooSlow(
                "the body did not arrive",
                expected=f"a body within {_BODY_S:g} s",
                came=f"{size} bytes",
                where=scope["path"],
                remedy="Send it again.",
            ) from error
        if size > self._limit:
            raise TooLarge(
                "the body is too large",
                expected=f"at most {self._limit} bytes",
                came=f"{size} bytes" if ended else f"more than {size} bytes",
                where=scope["path"],
                remedy="Send it in smaller parts.",
            )
        return b"".join(parts)

    def _tell(self, scope: Scope, passage: _Passage, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unknown"
        self._metrics.request(scope["method"] if route != "unknown" else "any", route, passage.status, seconds)
        if logger.isEnabledFor(logging.INFO):
            told = {
                "request_id": passage.request_id,
                "method": scope["method"],
                "route": route,
                "status": passage.status,
                "ms": round(seconds * 1000, 2),
                "who": scope["state"].get("who", ""),
            }
            logger.info("request", extra={"told": told})


class _Passage:
    """One request on its way: its id, its status, and the headers that go with every answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = _request_id(scope)
        self.status = 0
        self._send = send
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(message.get("headers", ()))}
        await self._send(message)

    async def refuse(self, problem: dict[str, Any]) -> None:
        """Answer with a problem, unless an answer has begun already: then the connection is simply cut."""
        if self.status:
            return
        response = problems.respond(problem, headers={"Connection": "close"} if problem["status"] >= 408 else None)
        start = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": bytes(response.body)})

    def _headers(self, headers: Any) -> list[tuple[bytes, bytes]]:
        told = list(headers)
        present = {name.lower() for name, _ in told}
        added = [(b"x-request-id", self.request_id.encode()), *SECURITY_HEADERS, *_API_HEADERS]
        return told + [(name, value) for name, value in added if name not in present]


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out a body that was read already, then what the connection says."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _refuse_media_type(scope: Scope) -> None:
    """Bodies of the API are JSON, said so: a page of another site can then not post one without asking first."""
    if not scope["path"].startswith("/v1/"):
        return
    sent = next((value for name, value in scope["headers"] if name == b"content-type"), b"").decode("latin-1").lower()
    kind, _, rest = (part.strip() for part in sent.partition(";"))
    charset = rest.partition("charset=")[2].strip(' "') if "charset=" in rest else "utf-8"
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    if not is_json or charset not in ("utf-8", "utf8", "us-ascii"):
        raise NotJson(
            "this media type is not read here",
            expected="application/json, UTF-8",
            came=sent[:80] or "none",
            where="header content-type",
            remedy="Say content-type: application/json and send JSON.",
        )


class JsonLines(logging.Formatter):
    """Log records as JSON lines: time, level, logger, what; never a token, a header or a text of a body."""

    def __init__(self, *, now: Callable[[], Any]) -> None:
        super().__init__()
        self._now = now

    def format(self, record: logging.LogRecord) -> str:
        """One line for one record."""
        told: dict[str, Any] = {
            "at": self._now().isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "what": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if hasattr(record, "request_id"):
            told["request_id"] = record.request_id
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)
