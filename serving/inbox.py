"""The reviewer's inbox: what waits, on what evidence, approve or reject with a comment, and the history."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from centre.people import Person, require
from data_contracts.errors import FourEyes, InputError, NotAllowed, NotFound, StateConflict
from serving import pages, sessions
from serving.desk import AtDesk, Desk
from serving.slots import FAMILIES
from training import promotion, standing
from training.four_eyes import REVIEWER, require_another, require_reviewer, require_strangers
from training.report import Report
from training.standing import Request as Asked
from training.standing import Standing

router = APIRouter(tags=["inbox"], route_class=pages.PageRoute, include_in_schema=False)
logger = logging.getLogger("parley.serving")

_LATELY: Final = 10
_PAGE: Final = 50


@router.get("/")
async def home(request: Request, desk: AtDesk) -> Response:
    """The first page: the inbox, or for those who do not read it the forecast."""
    person = await run_in_threadpool(sessions.holder, request, desk)
    reads = person is None or pages.reads_inbox(person)
    return RedirectResponse("/inbox" if reads else "/forecast", status_code=303)


@router.get("/static/style.css")
async def style() -> Response:
    """The style sheet of all pages."""
    return pages.style()


@router.get("/sign-in")
@router.get("/signin")
async def sign_in(request: Request, desk: AtDesk, code: str = "") -> Response:
    """Sign in by a one-time link; without a code, ask for one.

    The page goes on by itself instead of redirecting: a cookie that is strictly of this site would not be sent along
    when the link was opened from elsewhere. A browser that only looks ahead does not spend the code.
    """
    if not code or "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
        return pages.page(request, "sign_in.html", person=None)
    session, own_token = await run_in_threadpool(_let_in, code, desk)
    response = pages.page(request, "signed_in.html", person=None, own_token=own_token)
    sessions.set_cookie(response, session, request=request, desk=desk)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, desk: AtDesk) -> Response:
    """End the session, here and on the server."""
    _, token = await run_in_threadpool(sessions.signed_in, request, desk)
    await sessions.form(request, session=token)
    await run_in_threadpool(desk.doors.people.sign_out, token)
    response = RedirectResponse("/sign-in", status_code=303)
    sessions.clear_cookie(response)
    return response


@router.get("/inbox")
async def inbox(request: Request, desk: AtDesk) -> Response:
    """What waits, what answers now, and what was decided lately."""
    person, token = await _reader(request, desk)
    now = await run_in_threadpool(standing.standing, desk.doors.history, at=desk.now())
    decided = sorted(
        (one for one in now.requests.values() if one.state != "requested"),
        key=lambda one: one.decided_at or one.requested_at,
        reverse=True,
    )
    return pages.page(
        request,
        "inbox.html",
        person=person,
        token=sessions.form_token(token),
        waiting=now.waiting(),
        decided=decided[:_LATELY],
        answering=[(desk.slot(family), now.champion(family)) for family in FAMILIES],
    )


@router.get("/inbox/requests/{request_id}")
async def evidence(request: Request, request_id: str, desk: AtDesk, done: str = "") -> Response:
    """One request with its evidence, and the forms to decide it for whoever may."""
    person, token = await _reader(request, desk)
    now = await run_in_threadpool(standing.standing, desk.doors.history, at=desk.now())
    asked = now.request(request_id)
    folder, report = await run_in_threadpool(_report, asked, desk)
    return pages.page(
        request,
        "request.html",
        person=person,
        token=sessions.form_token(token),
        asked=asked,
        subject=asked.subject,
        subject_digest=asked.subject.digest(),
        report=report,
        has_page=folder is not None,
        changes=await run_in_threadpool(_changes, asked, desk),
        may_decide=await run_in_threadpool(_may_decide, person, asked, desk),
        done=done,
        compared=_compared(now, asked),
        longest=sessions.LONGEST_COMMENT,
    )


@router.post("/inbox/requests/{request_id}/approve")
async def approve(request: Request, request_id: str, desk: AtDesk) -> Response:
    """Sign the request, then have it promoted elsewhere."""
    person, fields = await _decision(request, desk)
    await run_in_threadpool(_refuse_other_subject, desk, request_id, fields.get("subject", ""))
    admissions = await run_in_threadpool(desk.doors.people.admissions)
    await run_in_threadpool(
        promotion.approve,
        desk.doors.history,
        request_id,
        person=person,
        comment=fields.get("comment", "").strip(),
        clock=desk.doors.clock,
        credential=person.credential,
        admissions=admissions,
        profile=desk.doors.settings.profile,
    )
    return _back(request_id, await run_in_threadpool(_act, desk, request_id))


@router.post("/inbox/requests/{request_id}/reject")
async def reject(request: Request, request_id: str, desk: AtDesk) -> Response:
    """Refuse the request, with the reason."""
    person, fields = await _decision(request, desk)
    await run_in_threadpool(
        promotion.reject,
        desk.doors.history,
        request_id,
        person=person,
        comment=fields.get("comment", "").strip(),
        clock=desk.doors.clock,
    )
    return _back(request_id, "is_rejected")


@router.get("/inbox/reports/{family}/{version}")
async def report(request: Request, family: str, version: str, desk: AtDesk) -> Response:
    """The report page of a version, shut in a sandbox."""
    await _reader(request, desk)
    if family not in FAMILIES or not version.isascii() or not version.isalnum():
        raise NotFound("no such report", expected="family and version", came=f"{family}/{version}"[:80])
    folder = await run_in_threadpool(_folder, family, version, desk)
    if folder is None:
        raise NotFound("no report of this version", expected="a registered version", came=f"{family}/{version}"[:80])
    return await run_in_threadpool(pages.report_page, folder)


@router.get("/inbox/history")
async def history(request: Request, desk: AtDesk, before: str | None = None) -> Response:
    """Every decision, the latest first, as the verified chain holds it."""
    person, token = await _reader(request, desk)
    until = pages.whole_number(before, name="before", least=1)
    entries = await run_in_threadpool(desk.doors.history.entries)
    shown = [one for one in reversed(entries) if until is None or one.sequence < until]
    more = shown[_PAGE - 1].sequence if len(shown) > _PAGE else None
    return pages.page(
        request,
        "history.html",
        person=person,
        token=sessions.form_token(token),
        entries=shown[:_PAGE],
        older=more,
        is_latest=until is None,
    )


def _let_in(code: str, desk: Desk) -> tuple[str, str]:
    """A session by a code; and for an invitation the person's own token, made here and shown once."""
    people, clock = desk.doors.people, desk.doors.clock
    if not people.is_invitation(code):
        return people.redeem(code, clock=clock)[1], ""
    person, own_token = people.accept(code, clock=clock)
    return people.redeem(people.invite(person.name, clock=clock), clock=clock)[1], own_token


async def _reader(request: Request, desk: Desk) -> tuple[Person, str]:
    person, token = await run_in_threadpool(sessions.signed_in, request, desk)
    return require(person, *pages.OF_INBOX), token


async def _decision(request: Request, desk: Desk) -> tuple[Person, dict[str, str]]:
    """Who decides, and the form's fields; for reviewers only."""
    person, token = await run_in_threadpool(sessions.signed_in, request, desk)
    require(person, REVIEWER)
    fields = await sessions.form(request, session=token)
    if len(fields.get("comment", "")) > sessions.LONGEST_COMMENT:
        raise InputError(
            "the comment is too long",
            expected=f"at most {sessions.LONGEST_COMMENT} characters",
            came=f"{len(fields['comment'])} characters",
            where="comment",
        )
    return person, fields


def _refuse_other_subject(desk: Desk, request_id: str, shown: str) -> None:
    """What is signed is what the page showed, not what the request may have become."""
    digest = standing.standing(desk.doors.history).request(request_id).subject.digest()
    if shown != digest:
        raise StateConflict(
            "this is not what the page showed",
            expected=digest[:16],
            came=shown[:16] or "nothing",
            where="form",
            remedy="Look at the evidence again, then decide.",
        )


def _act(desk: Desk, request_id: str) -> str:
    """Have the approved request promoted. That it cannot be started undoes no approval; the page says so."""
    try:
        desk.doors.act_on_approval(request_id)
    except Exception:
        logger.exception("an approved request could not be promoted", extra={"told": {"request": request_id}})
        return "act_failed"
    return "going_live"


def _back(request_id: str, done: str) -> Response:
    return RedirectResponse(f"/inbox/requests/{request_id}?done={done}", status_code=303)


def _changes(asked: Asked, desk: Desk) -> dict[str, Any] | None:
    """What an intent version changes for those who read intents."""
    if asked.family != "intent":
        return None
    return desk.doors.find_intent_changes(asked.version, asked.subject.champion)


def _may_decide(person: Person, asked: Asked, desk: Desk) -> bool:
    """Whether `promotion.approve` would take this person for the second pair of eyes."""
    admissions = desk.doors.people.admissions()
    try:
        require_reviewer(person.name, roles=person.roles)
        require_another(person.name, credential=person.credential, asked_by=asked.asked_by, asked_with=asked.credential)
        require_strangers(person.name, asked_by=asked.asked_by, since=asked.trained_at, admissions=admissions)
    except (NotAllowed, FourEyes):
        return False
    return asked.state == "requested"


def _compared(now: Standing, asked: Asked) -> str:
    """The champion that the candidate was compared with, by name where it is known."""
    digest = asked.subject.champion
    named = [f"{one.family}/{one.version}" for one in now.promotions if one.artefact == digest]
    return named[-1] if named else digest


def _folder(family: str, version: str, desk: Desk) -> Path | None:
    """The folder with report.json and page.html; the door may name a file in it."""
    found = desk.doors.find_report(family, version)
    if found is None:
        return None
    return found if found.is_dir() else found.parent


def _report(asked: Asked, desk: Desk) -> tuple[Path | None, Report | None]:
    """The report that was judged, read only if it is the one that the request names; its page's folder beside it."""
    folder = _folder(asked.family, asked.version, desk)
    if folder is None:
        return None, None
    try:
        read = Report.from_json((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InputError, json.JSONDecodeError) as error:
        logger.warning("a report cannot be read", extra={"told": {"request": asked.id, "why": str(error)[:300]}})
        return None, None
    return (folder, read) if read.digest() == asked.subject.report else (None, None)
