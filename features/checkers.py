"""Whose word counts how much, and when a word overturns another: people's statements of what a contact was about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Known answers that an agent must have met before their accuracy says anything; with fewer their word is taken whole.
FEWEST_KNOWN = 5
# Pseudo-answers, nine in ten right, in an agent's accuracy: five answers alone know it to twenty points.
PRIOR_RIGHT, PRIOR_ASKED = 4.5, 5.0
# What overturns a label that a person gave: so many agents, or statements of so much weight, within this time.
FLIP_AGENTS, FLIP_WEIGHT, FLIP_WITHIN = 2, 2.0, timedelta(days=90)


@dataclass(frozen=True)
class Statement:
    """One person's word: the label, who said it ("" for a file), when, and its weight (0 to 1)."""

    label: str
    agent: str
    at: datetime
    weight: float


def standing(said: Sequence[Statement]) -> str:
    """The label that stands after these statements, in order of time.

    The first word stands until two agents, or statements of weight 2, have said one other label within 90 days.
    """
    stands, against = said[0].label, defaultdict[str, list[Statement]](list)
    for one in said[1:]:
        if one.label == stands:
            continue
        recent = [*(old for old in against[one.label] if one.at - old.at <= FLIP_WITHIN), one]
        against[one.label] = recent
        agents = {old.agent for old in recent if old.agent}
        if len(agents) >= FLIP_AGENTS or sum(old.weight for old in recent) >= FLIP_WEIGHT:
            stands, against = one.label, defaultdict(list)
    return stands


def trust(said: pd.DataFrame) -> pd.Series:
    """How far each statement's agent is believed, 0 to 1, by their accuracy on known answers; 1 where it is unknown.

    said: rows of subject, label, agent ("" for a file). An answer is known where a file gives it, or two other agents
    agree on it and none of the others differs. One value a row of `said`.
    """
    import pandas as pd

    right: dict[str, list[bool]] = defaultdict(list)
    for _, rows in said[said["subject"].duplicated(keep=False)].groupby("subject"):
        pairs = list(zip(rows["agent"], rows["label"], strict=True))
        for agent, label in pairs:
            known = _known([other for other in pairs if other[0] != agent])
            if agent and known is not None:
                right[agent].append(label == known)
    accuracy = {agent: _accuracy(hits) for agent, hits in right.items() if len(hits) >= FEWEST_KNOWN}
    return pd.Series([accuracy.get(agent, 1.0) for agent in said["agent"]], index=said.index, dtype="float64")


def _known(others: Sequence[tuple[str, str]]) -> str | None:
    labels = {label for _, label in others}
    if len(labels) != 1 or (len(others) < FLIP_AGENTS and all(agent for agent, _ in others)):
        return None
    return next(iter(labels))


def _accuracy(hits: Sequence[bool]) -> float:
    return round((sum(hits) + PRIOR_RIGHT) / (len(hits) + PRIOR_ASKED), 6)
