"""What comes in, read strictly: JSON that means one thing, and no question that nobody answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from data_contracts.errors import InputError

# A message shows this much of a name that came.
_SHOWN: Final = 60


class Unreadable(InputError):
    """A body that is not JSON, or could be read in two ways."""

    kind = "not-json"


class UnknownQuery(InputError):
    """A question in the path's query that this operation does not know."""

    http_status = 422
    kind = "unknown-query"


class ApiRoute(APIRoute):
    """A route that reads its body by `parsed`, and refuses what its query does not know instead of ignoring it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind both."""
        inner = super().get_route_handler()
        known = sorted(_query_names(self.dependant))

        async def handler(request: Request) -> Response:
            _refuse_unknown(request, known)
            return await inner(_Strict(request.scope, request.receive))

        return handler


class _Strict(Request):
    async def json(self) -> Any:
        """The body by `parsed`."""
        return parsed(await self.body())


def parsed(raw: bytes) -> Any:
    """A body as JSON. Raises Unreadable saying where it stops being UTF-8 or JSON.

    NaN, Infinity and half characters are refused, and so is a key that comes twice: two readers would take two values.
    """
    try:
        told = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_once_each)
        if b"\\u" in raw:
            _refuse_half_characters(told)
        return told
    except UnicodeDecodeError as error:
        raise Unreadable(
            "the body is not text",
            expected="UTF-8",
            came=f"byte 0x{raw[error.start]:02x}",
            where=f"byte {error.start}",
            remedy="Send UTF-8.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            "the body is not JSON",
            expected="JSON",
            came="lists or objects nested too deep" if isinstance(error, RecursionError) else str(error)[:200],
            where="body",
            remedy="Compare with the example in /openapi.json.",
        ) from error


def _refuse_half_characters(told: Any) -> None:
    """Half of a surrogate pair is no text: nothing that holds it can be kept."""
    try:
        json.dumps(told, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unreadable(
            "the body holds half a character",
            expected="whole characters",
            came=ascii(error.object[error.start : error.end])[:_SHOWN],
            where="body",
            remedy="Send both halves of a surrogate pair, or the character itself.",
        ) from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(
            "a key came twice",
            expected="each key of an object once",
            came=ascii(twice[:_SHOWN]),
            where="body",
            remedy="Send the one value that is meant.",
        )
    return told


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _query_names(dependant: Dependant) -> set[str]:
    """The query's parameters of an operation and of what it depends on."""
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_query_names(inner) for inner in dependant.dependencies))


def _refuse_unknown(request: Request, known: list[str]) -> None:
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        raise UnknownQuery(
            "no such parameter here",
            expected=", ".join(known) or "no parameters",
            came=", ".join(ascii(name[:_SHOWN]) for name in unknown[:8]),
            where="query",
            remedy="Ask by the parameters of /openapi.json only.",
        )
