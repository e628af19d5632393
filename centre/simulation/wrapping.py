"""What agents click at wrap-up: an entry of the centre's list, chosen in haste."""

from __future__ import annotations

from centre.simulation.noise import Dice
from centre.simulation.parameters import WorldParams


class CodeList:
    """The list of `codes`, in its order; `dice` are draws of its own."""

    def __init__(self, params: WorldParams, *, dice: Dice) -> None:
        self.dice = dice
        self.hurried = (params.code_other, params.code_first)
        self.other = next(code.id for code in params.codes if not code.intents)
        self.first: dict[str, str] = {}
        for code in params.codes:
            self.first.setdefault(code.queue, code.id)
        self.by_intent = {intent: code.id for code in params.codes for intent in code.intents}

    def choice(self, intent: str, *, queue: str) -> str:
        """The entry for what the agent took the contact for, or in haste "other", or the first of the queue's list."""
        draw, (other, first) = self.dice(), self.hurried
        if draw < other:
            return self.other
        return self.first[queue] if draw < other + first else self.by_intent[intent]
