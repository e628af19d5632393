"""Draws the pages: templates, language, and headers under which a page can do nothing but show itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import jinja2
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from markupsafe import Markup

from centre.people import Person
from data_contracts.errors import InputError, NotFound, ParleyError
from serving import problems
from serving.doors import PARTS
from serving.phrases import PageLanguage, phrase, preferred
from training import charts
from training.report import Chart

_HERE: Final = Path(__file__).parent
_DIGEST: Final = re.compile(r"[0-9a-f]{32,}")
_LANGUAGE_COOKIE: Final = "parley_language"

# Who may read the inbox; deciding is for reviewers.
OF_INBOX: Final = ("reviewer", "engineer", "viewer")

CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# A report is a page of a candidate's making: it may draw itself with its own styles, and nothing else.
REPORT_CSP: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


class PageRoute(APIRoute):
    """A route whose refusals are pages too, with the same status and the same words."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler with refusals drawn."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except ParleyError as error:
                return refused(request, error)
            except RequestValidationError:
                path = request.url.path[:80]
                return refused(request, NotFound("no such page", expected="a page of this application", came=path))

        return handler


def reads_inbox(person: Person) -> bool:
    """Whether this person may read the inbox; its links are shown to nobody else."""
    return bool(person.roles.intersection(OF_INBOX))


def page(request: Request, template: str, *, status: int = 200, **told: Any) -> HTMLResponse:
    """A page in the reader's language."""
    language = language_of(request)
    text = (
        _environment()
        .get_template(template)
        .render(
            t=lambda name: phrase(name, language),
            lang=language,
            path=request.url.path,
            switch=_with_language(request, "zh" if language == "en" else "en"),
            served=request.app.state.desk.doors.only or PARTS,
            **told,
        )
    )
    response = HTMLResponse(text, status_code=status, headers={"Content-Security-Policy": CSP})
    if request.query_params.get("lang") in ("en", "zh"):
        response.set_cookie(_LANGUAGE_COOKIE, language, max_age=31_536_000, path="/", httponly=True, samesite="strict")
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def refused(request: Request, error: ParleyError) -> Response:
    """A refusal as a page; to sign in is offered where that is what lacks."""
    told = problems.problem_of(error, path=request.url.path, request_id=problems.request_id_of(request))
    return page(request, "refused.html", status=error.http_status, problem=told, person=None)


def language_of(request: Request) -> PageLanguage:
    """`?lang=` if given, else what was chosen before, else what the browser asks for."""
    for told in (request.query_params.get("lang"), request.cookies.get(_LANGUAGE_COOKIE)):
        if told in ("en", "zh"):
            return "zh" if told == "zh" else "en"
    return preferred(request.headers.get("accept-language", ""))


def report_page(folder: Path) -> Response:
    """The report's own page, shut in: it cannot run, fetch, post or navigate anything."""
    try:
        text = (folder / "page.html").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound("the report has no page", expected="page.html", came=type(error).__name__) from error
    headers = {"Content-Security-Policy": REPORT_CSP, "Cross-Origin-Resource-Policy": "same-origin"}
    return HTMLResponse(text, headers=headers)


def picture(kind: Any, data: dict[str, Any]) -> Markup:
    """A chart as inline SVG (training.charts says which data each kind reads), which escapes every word itself."""
    return Markup(charts.draw(Chart(kind, "", "", data)))  # noqa: S704


def style() -> Response:
    """The style sheet."""
    text = (_HERE / "static" / "style.css").read_bytes()
    return Response(text, media_type="text/css; charset=utf-8", headers={"Cache-Control": "max-age=3600"})


def number(value: Any) -> str:
    """A figure as people read it: four digits, a dash for what was not measured."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,d}" if isinstance(value, int) else f"{value:,.4g}"


def count(value: float | None) -> str:
    """How many are expected: whole from ten on, one digit below; a dash for what is not known."""
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 10 else f"{value:,.1f}".removesuffix(".0")


def percent(value: float | None) -> str:
    """A share as people read it; a dash for what was not measured."""
    return "–" if value is None else f"{value:.1%}"


def span(low: Any, high: Any) -> str:
    """An interval as people read it."""
    return "–" if low is None and high is None else f"{number(low)} … {number(high)}"


def between(low: float | None, high: float | None) -> str:
    """An interval of counts as people read it."""
    return "–" if low is None or high is None else f"{count(low)} – {count(high)}"


def moment(value: Any, zone: tzinfo = UTC) -> str:
    """A time to the minute, by the clock of a zone, which it names."""
    if value is None:
        return "–"
    told = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{told.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _brief(value: Any) -> str:
    """The body of an entry as one readable line: digests by their first letters, nothing that is empty."""
    if isinstance(value, dict):
        told = {**value, **value.get("subject", {})} if isinstance(value.get("subject"), dict) else value
        kept = {name: one for name, one in told.items() if name != "subject" and one not in ("", None)}
        return ", ".join(f"{name}: {_brief(one)}" for name, one in sorted(kept.items()))[:900]
    if isinstance(value, str):
        return value[:12] + "…" if _DIGEST.fullmatch(value) else value
    return json.dumps(value, ensure_ascii=False, default=str)


def _with_language(request: Request, language: str) -> str:
    """This page in the other language; never a link that leads elsewhere, and never with a sign-in code in it."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("lang", "code")]
    path = "/" + request.url.path.lstrip("/")
    return path + "?" + urlencode([*kept, ("lang", language)])


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(_HERE / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, count=count, percent=percent, moment=moment, brief=_brief)
    environment.globals.update(span=span, between=between, reads_inbox=reads_inbox)
    return environment


def whole_number(told: str | None, *, name: str, least: int = 0) -> int | None:
    """A number of the query. Raises InputError when it is none."""
    if told is None:
        return None
    if not told.isascii() or not told.isdigit() or len(told) > 9 or int(told) < least:
        raise InputError(
            f"{name} is no number", expected=f"a whole number from {least}", came=repr(told)[:40], where=f"query {name}"
        )
    return int(told)
