"""The pages for those who plan: the forecast and the staffing plan, as people read them each morning."""

from __future__ import annotations

import time
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from centre.people import Person, require
from data_contracts.errors import InputError
from serving import forecast, forecast_page, formats, pages, sessions, staffing, staffing_page
from serving.desk import AtDesk, Desk
from serving.formats import Format
from serving.issued import GRAINS, Grain

router = APIRouter(tags=["workforce"], route_class=pages.PageRoute, include_in_schema=False)

# Who may read what `GET /v1/forecast` and `GET /v1/staffing` tell.
_READERS: Final = ("service", "viewer", "planner", "engineer", "reviewer")
_FORMS: Final[tuple[Format, ...]] = ("csv", "parquet")


# What a query chooses to see.
OfForecast = Annotated[forecast_page.Asked, Depends()]


@router.get("/forecast")
async def forecast_of(request: Request, desk: AtDesk, asked: OfForecast) -> Response:
    """The forecast of a queue, or of what comes by a channel or in a language: two weeks, a day, what was said."""
    person, token = await _reader(request, desk)
    told = await run_in_threadpool(forecast_page.shown, desk, asked, pages.language_of(request))
    return pages.page(request, "forecast.html", person=person, token=sessions.form_token(token), **told)


@router.get("/forecast/rows")
async def forecast_rows(
    request: Request, desk: AtDesk, asked: OfForecast, grain: str = "interval", form: str = "csv"
) -> Response:
    """The rows that the page draws, to take along; an answer like any other, so it is written down."""
    await _reader(request, desk)
    body, kind = await run_in_threadpool(_rows, desk, asked, _grain(grain), _form(form))
    return _file(body, kind, f"forecast-{grain}.{form}")


@router.get("/staffing")
async def staffing_of(request: Request, desk: AtDesk, queue: str = "", day: str = "", plan: str = "") -> Response:
    """The staffing plan: a day of a queue, the whole in figures, and who works when for those who may see it."""
    person, token = await _reader(request, desk)
    asked = staffing_page.Asked(queue, day, plan)
    told = await run_in_threadpool(staffing_page.shown, desk, asked, pages.language_of(request), person)
    return pages.page(request, "staffing.html", person=person, token=sessions.form_token(token), **told)


@router.get("/staffing/rows")
async def staffing_rows(
    request: Request, desk: AtDesk, plan: str = "", view: str = "intervals", form: str = "csv"
) -> Response:
    """The intervals of a plan, or its roster, to take along."""
    person, _ = await _reader(request, desk)
    if view not in ("intervals", "roster"):
        raise InputError("no such view", expected="intervals or roster", came=view[:40], where="query view")
    if view == "roster":
        require(person, *staffing.OF_ROSTER)
    made = await run_in_threadpool(staffing.found, desk, plan or None)
    rows = staffing.rows_of(made, "roster" if view == "roster" else "intervals")
    return _file(*await run_in_threadpool(formats.written, rows, _form(form)), f"staffing-{view}.{form}")


async def _reader(request: Request, desk: Desk) -> tuple[Person, str]:
    person, token = await run_in_threadpool(sessions.signed_in, request, desk)
    return require(person, *_READERS), token


def _rows(desk: Desk, asked: forecast_page.Asked, grain: Grain, form: Format) -> tuple[bytes, str]:
    started = time.perf_counter()
    answer = forecast.answered(desk, forecast_page.chosen(desk, asked).period(grain))
    desk.served(answer, since=started)
    return formats.written(forecast.rows_of(answer), form)


def _grain(told: str) -> Grain:
    for grain in GRAINS:
        if told == grain:
            return grain
    raise InputError("no such grain", expected=" or ".join(GRAINS), came=told[:40], where="query grain")


def _form(told: str) -> Format:
    for form in _FORMS:
        if told == form:
            return form
    raise InputError("no such form", expected=" or ".join(_FORMS), came=told[:40], where="query form")


def _file(body: bytes, kind: str, name: str) -> Response:
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
