"""A workspace whose intent model was asked and refused: what proposals are tried on."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from centre.clock import Clock
from centre.people import Person
from centre.settings import keep
from data_contracts.events import Event
from flows.compose import Workspace, workspace

ADA = Person("ada", frozenset({"engineer"}))
COINS = [
    "refund my crypto coins", "refund the crypto coins now", "please refund crypto coins", "crypto coins refund",
    "can you refund crypto coins", "refund all my crypto coins", "refund of crypto coins please",
]  # fmt: skip
UNALIKE = ["quarterly vulcan", "jumping zebra", "wyvern mist", "oblique fjord", "hm", "xylophone", "okra bath"]
INTENTS = {"card_lost": "Card lost", "loan": "Loan"}


def new(home: Path, clock: Clock, *, intents: dict[str, str] | None = None) -> Workspace:
    """A workspace with a taxonomy (of `INTENTS`, unless told otherwise) and the hashing encoder."""
    place = workspace(home, clock=clock)
    keep(place.settings, name="encoder", value="hash-256")
    place = workspace(home, clock=clock)
    for intent_id, name in (INTENTS if intents is None else intents).items():
        define(place, intent_id, name)
    return place


def define(place: Workspace, intent_id: str, name: str, **told: Any) -> None:
    """A row of the taxonomy."""
    row = {"intent_id": intent_id, "revision": 0, "name_en": name, "critical": False, "automatable": False} | told
    say(place, f"{intent_id}-{row['revision']}", "intent.defined", row)


def ask(place: Workspace, texts: list[str], *, start: int = 0, **answer: Any) -> None:
    """Texts that the model was asked, a minute apart, and refused, unless told otherwise."""
    told = {"intent": None, "abstained": True, "reason": "too unlike what was learned"} | answer
    for number, text in enumerate(texts, start):
        row = {
            "prediction_id": f"p-{number}", "contact_id": f"c-{number}", "capability": "intent",
            "answer_source": "model", "version": "intent/1", "approval": "a1", "answer": json.dumps(told),
            "degraded": "[]",
            "features": json.dumps({"text": text, "turns": [{"speaker": "customer", "text": text}],
                                    "language": "en" if text.isascii() else "zh"}),
            "verdict_asked": False, "verdict_probability": 0.01,
        }  # fmt: skip
        say(place, f"p-{number}", "prediction.served", row, minutes=-10 * 60 + number % 600)


def type_in(place: Workspace, name: str, *, agent: str = "kim", about: str = "p-0") -> None:
    """An agent corrects an answer by a name of their own."""
    id_ = f"verdict-{place.log.head()}"
    row = {"verdict_id": id_, "prediction_id": about, "capability": "intent", "agent_id": agent, "verdict": "wrong",
           "instead": name, "prompted": False, "weight": 1.0}  # fmt: skip
    say(place, id_, "verdict.given", row)


def say(place: Workspace, id_: str, kind: str, data: dict[str, Any], *, minutes: float = 0) -> None:
    """An event in the log, some minutes before or after now."""
    now = place.clock.now()
    source = "parley/serving" if kind in ("prediction.served", "verdict.given") else "taxonomy"
    place.log.append([Event(id_, source, kind, now + timedelta(minutes=minutes), data)], received_at=now)
