"""`POST /v1/route`: which of the eligible agents should take this contact? Logged with its exact propensity, first."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response

from centre.people import Person
from data_contracts.errors import EventConflict, InputError, StateConflict, TooLarge
from data_contracts.events import Event, canonical_json
from serving import envelope
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.deciding import Decision, RouteAsked, decide
from serving.desk import AtDesk, Desk
from serving.envelope import SOURCE, Answer, Envelope
from serving.forms import REFUSALS, as_json, refusal

router = APIRouter(tags=["answers"], route_class=ApiRoute)


_EXAMPLE = {
    "answer": {
        "agent_id": "a-1",
        "decision_id": "decision-4be1…",
        "propensity": 0.975,
        "policy": "softmax",
        "policy_version": "routing/2",
        "explored": False,
        "eligible": ["a-1", "a-2"],
        "scores": {"a-1": 0.71, "a-2": 0.64},
        "excluded": {},
        "reason": "",
    },
    "source": "model",
    "version": "routing/2",
    "approval": "77aa…",
    "degraded": [],
    "prediction_id": "route-4be1…",
    "verdict_asked": False,
}


@router.post(
    "/v1/route",
    summary="The agent for a contact",
    operation_id="route_contact",
    response_model=Envelope,
    responses={
        200: {"content": {"application/json": {"example": _EXAMPLE}}},
        409: refusal("This contact and attempt were asked with another body"),
        **REFUSALS,
    },
)
async def route(asked: RouteAsked, desk: AtDesk, person: Annotated[Person, allowed("service")]) -> Response:
    """The agent to offer the contact to. Asking again with the same body gives the same answer; nothing is drawn twice.

    Say what became of it with the event `decision.followed` or `decision.overridden` (revision 1 of the decision).
    """
    since = time.perf_counter()
    _refuse_unusable(asked, desk)
    digest = envelope.digest_of(asked.model_dump(mode="json"))
    key = _prediction_id(asked)
    while key in desk.under_way:
        await asyncio.wait([desk.under_way[key]])
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    desk.under_way[key] = done
    try:
        told = await _former(key, digest, desk) or await _decided(asked, key, digest, desk, since)
    finally:
        del desk.under_way[key]
        done.set_result(None)
    return Response(as_json(told), media_type="application/json")


async def _former(key: str, digest: str, desk: Desk) -> dict[str, Any] | None:
    """The answer that was given before to this contact and attempt; StateConflict when it was asked otherwise."""
    row = await asyncio.to_thread(desk.recall.at_hand, key)
    if row is None:
        return None
    former = envelope.features_of(row)
    if former.get("request") != digest:
        raise StateConflict(
            "this contact and attempt were routed with another body",
            expected="the same body, or a new attempt",
            came="another body",
            where="contact_id, attempt",
            remedy="Count attempt up to route the contact again.",
        )
    return envelope.envelope_of(row)


async def _decided(asked: RouteAsked, key: str, digest: str, desk: Desk, since: float) -> dict[str, Any]:
    """Decide, write decision and prediction, answer. If another process was faster, its answer is the answer."""
    decision = await decide(asked, desk)
    answer = _answer(asked, decision, key, digest)
    try:
        return await desk.served_durably(answer, beside=[_decision_event(asked, decision, answer)], since=since)
    except EventConflict:
        former = await _former(key, digest, desk)
        if former is None:
            raise
        return former


def _answer(asked: RouteAsked, decision: Decision, key: str, digest: str) -> Answer:
    chosen, slot = decision.chosen, decision.slot
    by_model = decision.source == "model"
    told = (
        None
        if decision.source == "off"
        else {
            "agent_id": chosen.agent_id if chosen else None,
            "decision_id": _decision_id(key),
            "propensity": chosen.propensity if chosen else None,
            "policy": chosen.policy if chosen else None,
            "policy_version": slot.version if by_model else None,
            "explored": bool(chosen and chosen.explored),
            "eligible": decision.eligible,
            "scores": decision.scores,
            "excluded": decision.excluded,
            "reason": decision.reason,
        }
    )
    return Answer(
        capability="route",
        prediction_id=key,
        answer=told,
        source=decision.source,
        at=decision.at,
        features={"request": digest, "asked": asked.model_dump(mode="json"), **decision.matrix},
        version=slot.version if by_model else None,
        approval=slot.approval if by_model else None,
        degraded=decision.degraded,
        contact_id=asked.contact_id,
    )


def _decision_event(asked: RouteAsked, decision: Decision, answer: Answer) -> Event:
    chosen = decision.chosen
    idle_s = {agent.agent_id: agent.idle_s for agent in asked.agents if agent.agent_id in set(decision.eligible)}
    data = {
        "decision_id": _decision_id(answer.prediction_id),
        "revision": 0,
        "contact_id": asked.contact_id,
        "attempt": asked.attempt,
        "queue": asked.queue,
        "eligible": canonical_json(decision.eligible),
        "scores": canonical_json(decision.scores),
        "idle_s": canonical_json(idle_s),
        "chosen_agent_id": chosen.agent_id if chosen else None,
        "propensity": chosen.propensity if chosen else None,
        "policy": chosen.policy if chosen else ("off" if decision.source == "off" else "nobody-eligible"),
        "policy_version": answer.version,
        "prediction_id": answer.prediction_id,
        "followed": None,
        "actual_agent_id": None,
    }
    return Event(
        id=_decision_id(answer.prediction_id),
        source=SOURCE,
        type="decision.made",
        time=decision.at,
        data=data,
        subject=asked.contact_id,
    )


def _prediction_id(asked: RouteAsked) -> str:
    """One id for one contact and attempt: it is what makes asking again harmless, in this process and in others."""
    return "route-" + envelope.digest_of([asked.contact_id, asked.attempt])[:32]


def _decision_id(prediction_id: str) -> str:
    return "decision-" + prediction_id.removeprefix("route-")


def _refuse_unusable(asked: RouteAsked, desk: Desk) -> None:
    most = desk.doors.limits.agents
    if len(asked.agents) > most:
        raise TooLarge(
            "too many agents",
            expected=f"at most {most} agents",
            came=str(len(asked.agents)),
            where="agents",
            remedy="Send those who are available.",
        )
    names = [agent.agent_id for agent in asked.agents]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(
            "an agent came twice",
            expected="each agent once",
            came=", ".join(twice)[:200],
            where="agents",
            remedy="Send each agent once, in one state.",
        )
