"""`GET /v1/forecast`: the issued forecast of a queue; what was issued is what is answered, nothing is computed here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from centre.people import Person
from data_contracts.errors import InputError, NotFound, TooLarge, UnavailableError
from data_contracts.events import stamp
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.envelope import Answer, Envelope, Reason, Source
from serving.formats import CONTENT, Format, accepted, written
from serving.forms import REFUSALS, Moment, Name, as_json, refusal
from serving.issued import GRAINS, SITE, Grain, Issue, Table
from serving.permission import Asked, outside_scope, reasons
from serving.slots import Slot

router = APIRouter(tags=["answers"], route_class=ApiRoute)

# A table that is older than this is told to be late: forecasts are issued each day.
LATE = timedelta(hours=36)

_EXAMPLE = {
    "answer": {
        "queue": "billing",
        "channel": None,
        "language": None,
        "issue_id": "20260501T000000Z",
        "issued_at": "2026-05-01T00:00:00Z",
        "adjustments": [],
        "intervals": [
            {"interval_start": "2026-05-01T09:00:00Z", "interval_s": 1800, "offered_q500": 21.0, "handle_q500": 312.0},
        ],
    },
    "source": "model",
    "version": "forecast/2",
    "approval": "9ac3…",
    "degraded": [],
    "prediction_id": "forecast-77ab…",
    "verdict_asked": False,
}


@router.get(
    "/v1/forecast",
    summary="Expected contacts and handle times",
    operation_id="read_forecast",
    response_model=Envelope,
    responses={
        200: {"content": {"application/json": {"example": _EXAMPLE}, **CONTENT}},
        404: refusal("No such queue, none issued"),
        **REFUSALS,
    },
)
async def read(
    desk: AtDesk,
    request: Request,
    person: Annotated[Person, allowed("service", "viewer", "planner", "engineer", "reviewer")],
    queue: Annotated[Name, Query(description="The queue's name", examples=["billing"])],
    since: Annotated[Moment, Query(alias="from", description="First interval begins at or after this time")],
    until: Annotated[Moment, Query(alias="to", description="Intervals begin before this time")],
    grain: Annotated[Grain, Query(description="Intervals as they were issued, or local days")] = "interval",
    issue: Annotated[Name | None, Query(description="An earlier issue, by its id; the current one without it")] = None,
    channel: Annotated[Name | None, Query(description="Only what comes by it", examples=["voice"])] = None,
    language: Annotated[Name | None, Query(description="Only what comes in it; `und`: untold", examples=["zh"])] = None,
    form: Annotated[Format | None, Query(alias="format", description="Else by Accept, else JSON")] = None,
) -> Response:
    """Mean and quantiles of offered contacts, and of handle time (seconds), of what begins in [from, to).

    The queue `*` is all of them together. By channel and language a part of a queue is told. A day and a part have
    their own distributions: quantiles do not add up, means do. CSV and Parquet hold the rows alone; while the forecast
    is switched off there are none.
    """
    started = time.perf_counter()
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    if since >= until:
        raise InputError(
            "an empty period",
            expected="from before to",
            came=f"{stamp(since)} to {stamp(until)}",
            where="query from, to",
            remedy="The period is half-open: [from, to).",
        )
    period = Period(queue, since, until, grain, issue, channel, language)
    form = form or accepted(request.headers.get("accept", ""))
    body, kind = await run_in_threadpool(_body, desk, period, form, started)
    return Response(body, media_type=kind, headers={"Vary": "Accept"})


@dataclass(frozen=True)
class Period:
    """What is asked for: what begins in [since, until), by the current issue or an earlier one."""

    queue: str
    since: datetime
    until: datetime
    grain: Grain
    issue: str | None
    channel: str | None = None
    language: str | None = None

    @property
    def is_part(self) -> bool:
        """Whether a part of the queue is asked for, not all of it."""
        return self.channel is not None or self.language is not None


def _body(desk: Desk, period: Period, form: Format, started: float) -> tuple[bytes, str]:
    answer = answered(desk, period)
    told = desk.served(answer, since=started)
    if form == "json":
        return as_json(told), "application/json"
    return written(rows_of(answer), form)


def rows_of(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer, each with its queue, and with the channel and language of a part; none while the forecast
    is switched off."""
    told = answer.answer or {"intervals": []}
    of = {name: told[name] for name in ("queue", "channel", "language") if told.get(name) is not None}
    return [{**of, **row, "interval_start": datetime.fromisoformat(row["interval_start"])}
            for row in told["intervals"]]  # fmt: skip


def answered(desk: Desk, asked: Period) -> Answer:
    """What may be answered of a period, by the model or the baseline as permission has it, and what is told beside.

    NotFound before the first issue, and for a queue or an issue that is not there; UnavailableError where the model
    that issued may not answer any more. Pages ask this too, so that they say what the interface says.
    """
    slot, now = desk.slot("forecast"), desk.now()
    if slot.off is not None:
        off: Reason = {"reason": "switched_off", "detail": "an engineer switched this off"}
        return _told(None, "off", asked, at=now, id_=desk.doors.new_id(), degraded=(*reasons(slot), off))
    issue = (
        desk.issued.named(asked.issue, grains=GRAINS if asked.is_part else (asked.grain,))
        if asked.issue
        else current(desk)
    )
    _refuse_disowned(issue, slot)
    outside = _outside(issue, slot, asked)
    if outside is not None:
        issue = issue.by_baseline()
    issue = _part(issue, asked)
    rows = _rows(issue, asked, most=desk.doors.limits.intervals)
    about = issue.about
    source: Source = "model" if about["source"] == "model" else "baseline"
    answer = {
        "queue": asked.queue,
        "channel": asked.channel,
        "language": asked.language,
        "issue_id": about["issue_id"],
        "issued_at": about["issued_at"],
        "adjustments": about.get("adjustments", []),
        "intervals": [{name: _plain(value) for name, value in row.items()} for row in rows],
    }
    degraded = _degraded(issue, slot, now, queue=asked.queue, outside=outside)
    if not rows:
        degraded = (*degraded, _nothing(issue.table(asked.grain), asked))
    return _told(answer, source, asked, at=now, id_=desk.doors.new_id(), degraded=degraded, about=about)


def current(desk: Desk) -> Issue:
    """The issue that answers now. NotFound before the first."""
    issue = desk.issued.current()
    if issue is None:
        raise NotFound("no forecast was issued yet", expected="an issued table", came="none",
                       where="issued forecasts", remedy="Run parley issue-forecast.")  # fmt: skip
    return issue


def _told(
    answer: dict[str, Any] | None,
    source: Source,
    asked: Period,
    *,
    at: datetime,
    id_: str,
    degraded: tuple[Reason, ...],
    about: dict[str, Any] | None = None,
) -> Answer:
    features = {"queue": asked.queue, "channel": asked.channel, "language": asked.language,
                "from": stamp(asked.since), "to": stamp(asked.until), "grain": asked.grain,
                "issue_id": about and about["issue_id"]}  # fmt: skip
    version = about["version"] if about and source == "model" else None
    if version is not None and "/" not in str(version):
        version = f"forecast/{version}"
    return Answer(
        capability="forecast",
        prediction_id=id_,
        answer=answer,
        source=source,
        features=features,
        at=at,
        version=version,
        approval=about["approval"] if about and source == "model" else None,
        degraded=degraded,
    )


def _part(issue: Issue, asked: Period) -> Issue:
    """The issue, or what of it is asked for; a queue that it does not know is `_rows`' to refuse."""
    if asked.is_part and asked.queue in issue.table("interval").queues:
        return issue.part(asked.queue, channel=asked.channel, language=asked.language)
    return issue


def _rows(issue: Issue, asked: Period, *, most: int) -> list[dict[str, Any]]:
    table = issue.table(asked.grain)
    if asked.queue not in table.queues:
        known = ", ".join(table.queues) or "none"
        raise NotFound(
            "no forecast for this queue",
            expected=f"one of {known}"[:500],
            came=asked.queue[:80],
            where="query queue",
            remedy="Name a queue that was forecast.",
        )
    rows = table.rows(asked.queue, since=asked.since, until=asked.until)
    if rows.num_rows > most:
        raise TooLarge(
            "a period with too many intervals",
            expected=f"at most {most}",
            came=str(rows.num_rows),
            where="query from, to",
            remedy="Ask for a shorter period.",
        )
    found: list[dict[str, Any]] = rows.to_pylist()
    return found


def _refuse_disowned(issue: Issue, slot: Slot) -> None:
    """A table that a model issued is answered only while that model stands approved and was not rolled back."""
    about = issue.about
    if about["source"] == "model" and (slot.promotion is None or about.get("artefact") not in slot.approved):
        raise UnavailableError(
            "the issued forecast comes from a model that may not answer any more",
            expected="an approved artefact",
            came=str(about.get("artefact"))[:16],
            where=str(about["issue_id"]),
            remedy="Issue the forecast again.",
        )


def _outside(issue: Issue, slot: Slot, asked: Period) -> Reason | None:
    """Why the model that issued the table may not answer for what is asked; None where it may, or where none issued it.

    A former champion's table keeps to the scope of that version's own approval; the site needs all queues in it.
    """
    if issue.about["source"] != "model" or slot.promotion is None:
        return None
    artefact = str(issue.about["artefact"])
    scope = slot.promotion.scope if slot.promotion.artefact == artefact else slot.approved[artefact]
    queues = issue.queues if asked.queue == SITE else (asked.queue,)
    told = (
        outside_scope(scope, Asked(queue=one, channel=asked.channel, language=asked.language, contact_id=one))
        for one in queues
    )
    return next((reason for reason in told if reason is not None), None)


def _nothing(table: Table, asked: Period) -> Reason:
    """Why no interval begins in a period: the queue is closed then, or the issue does not reach so far."""
    span = table.span
    if span is not None and span[0] <= asked.since and asked.until <= span[1]:
        return {"reason": "closed", "detail": "no interval is open in this period"}
    return {"reason": "outside_horizon", "detail": "no interval of the issued table begins in this period"}


def _degraded(issue: Issue, slot: Slot, now: datetime, *, queue: str, outside: Reason | None) -> tuple[Reason, ...]:
    told: list[Reason] = list(reasons(slot))
    champion = slot.promotion
    if outside is not None:
        told.append(outside)
    elif issue.about["source"] != "model":
        told.append(
            {
                "reason": "no_approved_model" if champion is None else "issued_before_promotion",
                "detail": "the median of earlier weeks answers",
            }
        )
    elif champion is None or champion.artefact != issue.about.get("artefact"):
        told.append({"reason": "issued_by_former_champion", "detail": "a new table was not issued yet"})
    elif champion.scope.overdue(now):
        told.append({"reason": "approval_overdue", "detail": f"to review by {champion.scope.until}"})
    issued_at = datetime.fromisoformat(str(issue.about["issued_at"]))
    if now - issued_at > LATE:
        told.append({"reason": "forecast_late", "detail": f"issued at {stamp(issued_at)}"})
    if adjusted := issue.about.get("adjustments"):
        told.append({"reason": "adjusted", "detail": ", ".join(adjusted)[:300]})
    told += [
        {"reason": "strange_today", "detail": f"{one['queue']} is {one['says']} by {abs(one['deviations'])} deviations"}
        for one in issue.about.get("anomalies", [])
        if queue in (one["queue"], SITE)
    ]
    return tuple(told)


def _plain(value: Any) -> Any:
    return stamp(value) if isinstance(value, datetime) else value
