"""How a routing decision is drawn: exact probabilities first, then one draw that can be replayed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Chosen:
    """The agent that was drawn, and the exact probability with which this policy draws that agent."""

    agent_id: str
    propensity: float
    policy: str
    # Whether the draw left the best score, to learn.
    explored: bool


def generator(contact_id: str, attempt: int, *, seed: int) -> np.random.Generator:
    """Randomness of one decision: the same contact and attempt always draw the same."""
    told = hashlib.sha256(f"route|{seed}|{attempt}|{contact_id}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(told[:16]))


def greedy_propensities(scores: Mapping[str, float], *, exploration: float) -> dict[str, float]:
    """Epsilon-greedy: `exploration` spread evenly over all, the rest over the best (ties share it). Sums to 1."""
    if not scores:
        return {}
    top = max(scores.values())
    best = {agent for agent, score in scores.items() if score == top}
    return {
        agent: exploration / len(scores) + ((1.0 - exploration) / len(best) if agent in best else 0.0)
        for agent in scores
    }


def by_score(scores: Mapping[str, float], *, exploration: float, draw: np.random.Generator) -> Chosen:
    """Draw by the model's scores."""
    chances = greedy_propensities(scores, exploration=exploration)
    agent_id = _drawn(chances, draw)
    explored = scores[agent_id] < max(scores.values())
    return Chosen(agent_id, chances[agent_id], f"epsilon-greedy-{exploration:g}", explored)


def by_chances(
    chances: Mapping[str, float], *, scores: Mapping[str, float], policy: str, draw: np.random.Generator
) -> Chosen:
    """Draw by the chances of the model's own, judged policy, normalised to a sum of exactly what is drawn from."""
    total = sum(chances.values())
    agent_id = _drawn(chances, draw)
    return Chosen(agent_id, min(chances[agent_id] / total, 1.0), policy, scores[agent_id] < max(scores.values()))


def by_idle(idle_s: Mapping[str, float], *, draw: np.random.Generator) -> Chosen:
    """The baseline: who has been idle longest; equally long ones draw lots, and the propensity says so."""
    chances = {agent: chance for agent, chance in greedy_propensities(idle_s, exploration=0.0).items() if chance > 0}
    agent_id = _drawn(chances, draw)
    return Chosen(agent_id, chances[agent_id], "longest-idle", False)


def _drawn(chances: Mapping[str, float], draw: np.random.Generator) -> str:
    """One agent with exactly these chances; agents in the order of their ids, so that a replay draws the same."""
    agents: Sequence[str] = sorted(agent for agent, chance in chances.items() if chance > 0)
    edges = np.cumsum([chances[agent] for agent in agents])
    place = int(np.searchsorted(edges, draw.random() * edges[-1], side="right"))
    return agents[min(place, len(agents) - 1)]
