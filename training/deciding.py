"""How a decision is written: judged on what stands, and only if nothing was decided in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data_contracts.errors import StateConflict
from training.chain import Entry
from training.history import History
from training.standing import Standing, standing

# Each attempt that fails means that somebody else's entry was written, so this many need as many others at once.
ATTEMPTS = 20


@dataclass(frozen=True)
class Decision:
    """The entry that a judgement wants written."""

    kind: str
    actor: str
    body: Mapping[str, Any]
    at: datetime


def decide(history: History, judge: Callable[[Standing], Decision]) -> Entry:
    """Judge on the present standing and write; judge again when somebody else wrote first.

    `judge` refuses by raising, and that is never tried again. StateConflict after `ATTEMPTS` lost races.
    """
    for _ in range(ATTEMPTS):
        held = standing(history)
        decision = judge(held)
        try:
            return history.append(
                decision.kind, actor=decision.actor, body=decision.body, at=decision.at, after=held.sequence
            )
        except StateConflict as lost:
            last = lost
    raise last
