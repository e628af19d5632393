"""Forms that several operations share: ids, names, refusals as OpenAPI tells them, JSON as it goes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from serving.problems import Problem

# NUL is no character of an id or a name: databases end a text at it, and two ids would be one.
NO_NUL = r"^[^\x00]*$"
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_NUL)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


def _in_utc(told: datetime) -> datetime:
    """A moment that UTC can tell too: with an offset the calendar's first and last hours lie outside of it."""
    try:
        told.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a moment of the years 1 to 9999 in UTC is expected") from error
    return told


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Channel = Literal["voice", "chat", "email", "ticket", "messaging"]


def refusal(said: str) -> dict[str, Any]:
    """How OpenAPI tells of a refusal."""
    return {"model": Problem, "content": {"application/problem+json": {}}, "description": said}


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: refusal(said)
    for status, said in (
        (400, "Not JSON"),
        (401, "Not signed in"),
        (403, "Not for this role"),
        (413, "Too large"),
        (415, "Not this media type"),
        (422, "Not a request of this form"),
        (503, "Too much at once; Retry-After"),
    )
}


def as_json(body: Any) -> bytes:
    """Compact UTF-8 JSON; NaN is refused (ValueError), as no reader of JSON has to know it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def primary_language(told: str) -> str:
    """The language of a tag: `zh-CN`, `zh_Hant_TW` and `ZH` are all zh."""
    return told.replace("_", "-").split("-")[0].lower()
