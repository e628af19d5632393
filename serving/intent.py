"""`POST /v1/intent`: what does the customer want, judging by the turns so far?"""

from __future__ import annotations

import logging
import time
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from centre.people import Person
from data_contracts.errors import Overloaded, TooLarge
from features import text as texts
from serving.authentication import allowed
from serving.bodies import ApiRoute
from serving.desk import AtDesk, Desk
from serving.envelope import Answer, Envelope, Reason, Source
from serving.forms import REFUSALS, Channel, Id, Name, as_json, primary_language
from serving.permission import Asked, Permission, permitted, reasons, switched_off
from serving.slots import Slot

router = APIRouter(tags=["answers"], route_class=ApiRoute)
logger = logging.getLogger("parley.serving")

NOTHING_SAID: Final = "the customer has said nothing yet"


class Turn(BaseModel):
    """One turn of the dialogue."""

    model_config = ConfigDict(extra="forbid")

    speaker: Literal["customer", "agent", "bot"]
    text: str


class IntentAsked(BaseModel):
    """The dialogue so far. Without `language` it is told from the text."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "contact_id": "c-1029",
                    "turns": [
                        {"speaker": "bot", "text": "How can we help?"},
                        {"speaker": "customer", "text": "I cannot log in, my password is gone"},
                    ],
                    "channel": "chat",
                },
                {
                    "contact_id": "c-1031",
                    "turns": [
                        {"speaker": "customer", "text": "I have a problem with my card"},
                        {"speaker": "bot", "text": "Is it 1. a lost card or 2. a declined payment?"},
                        {"speaker": "customer", "text": "the second one"},
                    ],
                },
                {"contact_id": "c-1030", "turns": [{"speaker": "customer", "text": "我的密码忘了"}], "language": "zh"},
            ]
        },
    )

    contact_id: Id
    turns: Annotated[list[Turn], Field(min_length=1)]
    language: Annotated[str, Field(min_length=2, max_length=35)] | None = None
    channel: Channel | None = None
    queue: Name | None = None
    business_unit: Name | None = None


_EXAMPLE = {
    "answer": {
        "intent": "password_reset",
        "confidence": 0.93,
        "abstained": False,
        "reason": "",
        "alternatives": [{"intent": "account_locked", "confidence": 0.04}],
        "language": "en",
    },
    "source": "model",
    "version": "intent/3",
    "approval": "5d0c…",
    "degraded": [],
    "prediction_id": "9f2c51d0a7e84c1b9f2c51d0a7e84c1b",
    "verdict_asked": False,
}


@router.post(
    "/v1/intent",
    summary="The intent of a contact",
    operation_id="ask_intent",
    response_model=Envelope,
    responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}, **REFUSALS},
)
async def ask(asked: IntentAsked, desk: AtDesk, person: Annotated[Person, allowed("service")]) -> Response:
    """What the customer wants, how sure the model is, and what else it could be. It may abstain: then ask a person.

    Send all turns so far: "yes, the second one" is understood from what the bot or the agent asked before it.
    """
    since = time.perf_counter()
    _refuse_too_long(asked, desk)
    told = await _answer(asked, desk)
    return Response(as_json(desk.served(told, since=since)), media_type="application/json")


async def _answer(asked: IntentAsked, desk: Desk) -> Answer:
    slot, now = desk.slot("intent"), desk.now()
    turns = [turn.model_dump() for turn in asked.turns]
    text = texts.dialogue(turns, max_chars=_max_chars(slot, desk))
    language = _language(asked.language, text)
    scope = Asked(
        unit=asked.business_unit,
        queue=asked.queue,
        channel=asked.channel,
        language=language,
        contact_id=asked.contact_id,
    )
    permission = permitted(slot, scope, at=now) if text else _unsaid(slot)
    source: Source = permission.source
    degraded: tuple[Reason, ...] = permission.degraded
    told: dict[str, Any] | None = None
    if source == "model":
        told = await _ask_model(slot, text, language, desk)
        if told is None:
            source, degraded = "baseline", (*degraded, {"reason": "model_failed", "detail": "see the log"})
    if source == "baseline":
        told = _abstained(language, str(degraded[-1]["reason"]).replace("_", " ") if text else NOTHING_SAID)
    return Answer(
        capability="intent",
        prediction_id=desk.doors.new_id(),
        answer=told,
        source=source,
        at=now,
        features={
            "turns": turns,
            "text": text,
            "language": language,
            "language_told": asked.language,
            "channel": asked.channel,
            "queue": asked.queue,
            "business_unit": asked.business_unit,
        },
        version=slot.version if source == "model" else None,
        approval=slot.approval if source == "model" else None,
        degraded=degraded,
        contact_id=asked.contact_id,
        confidence=float(told["confidence"]) if source == "model" and told else None,
    )


def _unsaid(slot: Slot) -> Permission:
    """Nothing was said yet: no model is asked, and no scope counts, for silence is in no language."""
    if slot.off is not None:
        return switched_off(slot)
    return Permission("baseline", (*reasons(slot), {"reason": "nothing_said", "detail": NOTHING_SAID}))


async def _ask_model(slot: Slot, text: str, language: str, desk: Desk) -> dict[str, Any] | None:
    """The model's answer, or None when it failed: then the baseline answers and says so. Overloaded goes through."""
    try:
        return dict(await desk.readers.answer(slot.model, text, language=language))
    except Overloaded:
        raise
    except Exception:
        logger.exception("the intent model failed", extra={"told": {"version": slot.version}})
        return None


def _abstained(language: str, reason: str) -> dict[str, Any]:
    """The baseline of intent: a person decides. Same form as a model's answer (training.loaders.intent)."""
    return {
        "intent": None,
        "confidence": 0.0,
        "abstained": True,
        "reason": reason,
        "alternatives": [],
        "language": language,
    }


def _language(told: str | None, text: str) -> str:
    """The language as the models name it: `zh-CN` and `zh_TW` are zh."""
    if told is None:
        return texts.language_of(text)
    primary = primary_language(told)
    return primary if primary in ("en", "zh") else "other"


def _max_chars(slot: Slot, desk: Desk) -> int:
    return int(getattr(slot.model, "max_chars", 0) or desk.doors.settings.max_text_chars)


def _refuse_too_long(asked: IntentAsked, desk: Desk) -> None:
    longest, most = desk.doors.settings.max_text_chars, desk.doors.limits.turns
    if len(asked.turns) > most:
        raise TooLarge(
            "too many turns",
            expected=f"at most {most} turns",
            came=str(len(asked.turns)),
            where="turns",
            remedy="Send the last ones.",
        )
    for place, turn in enumerate(asked.turns):
        if len(turn.text) > longest:
            raise TooLarge(
                "a turn is too long",
                expected=f"at most {longest} characters",
                came=f"{len(turn.text)} characters",
                where=f"turns/{place}/text",
                remedy="Send what was said in shorter turns.",
            )
