"""Browser sessions: a cookie that no script and no other site can use, a token in every form that proves its page."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qs

from fastapi import Request, Response

from centre.people import Person
from data_contracts.errors import InputError, NotAllowed, NotSignedIn
from serving.desk import Desk

COOKIE: Final = "parley_session"

# Fields of one form, and the longest of them: a comment is a page of text at most.
_MOST_FIELDS: Final = 20
LONGEST_COMMENT: Final = 4_000


def holder(request: Request, desk: Desk) -> Person | None:
    """The person of the session cookie; None without a session."""
    token = request.cookies.get(COOKIE, "")
    return desk.doors.people.session(token, clock=desk.doors.clock) if token else None


def signed_in(request: Request, desk: Desk) -> tuple[Person, str]:
    """The person of the session cookie, and the session's token. Raises NotSignedIn."""
    person = holder(request, desk)
    if person is None:
        raise NotSignedIn(
            "nobody is signed in here",
            expected="a session",
            came="none, or one that has ended",
            where="cookie",
            remedy="Make a sign-in link with your own token: parley people invite NAME.",
        )
    request.scope["state"]["who"] = person.name
    return person, request.cookies[COOKIE]


def set_cookie(response: Response, token: str, *, request: Request, desk: Desk) -> None:
    """Keep the session in the browser: not readable by scripts, not sent along from other sites."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=desk.doors.settings.session_hours * 3600,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def clear_cookie(response: Response) -> None:
    """Forget the session in the browser."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def form_token(session: str) -> str:
    """What every form of a session carries. Derived from the session, so that nothing has to be kept."""
    return hmac.new(session.encode(), b"parley form", hashlib.sha256).hexdigest()


async def form(request: Request, *, session: str) -> dict[str, str]:
    """The fields of a posted form of this session. Raises NotAllowed when another page sent it, InputError else."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed(
            "this form came from another site",
            expected="a form of this site",
            came="another",
            where="header sec-fetch-site",
            remedy="Open the page here and try again.",
        )
    fields = _fields(await request.body())
    # As bytes: texts that are not ASCII cannot be compared in constant time, and would be an error of ours.
    if not hmac.compare_digest(fields.get("token", "").encode(), form_token(session).encode()):
        raise NotAllowed(
            "this form was not made for your session",
            expected="the form's token",
            came="another",
            where="form",
            remedy="Open the page again, then decide.",
        )
    return fields


def _fields(body: bytes) -> dict[str, str]:
    try:
        read = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(
            "the form cannot be read",
            expected="application/x-www-form-urlencoded, UTF-8",
            came=type(error).__name__,
            where="body",
        ) from error
    return {name: values[-1] for name, values in read.items()}
