"""What a routing policy would have earned, learned from decisions that another policy made by chance.

Truth here: the mean reward of the target policy over the same contacts and eligible agents (DESIGN section 6).
Estimators: inverse propensity (IPS; Horvitz and Thompson 1952), self-normalised (SNIPS; Swaminathan and Joachims 2015),
doubly robust (DR; Dudik, Langford and Li 2011). All need the exact chance with which the logged agent was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_contracts.errors import InputError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Decisions:
    """n logged decisions over m candidate rows (all eligible agents of all decisions, one after another).

    of: the decision number of each candidate row, (m,), ascending. chosen: the candidate row that was chosen, (n,).
    propensity: its chance under the logging policy, (n,), above 0. reward: what came of it, (n,).
    """

    of: Integers
    chosen: Integers
    propensity: Floats
    reward: Floats

    def __post_init__(self) -> None:
        if len(self.propensity) and not (self.propensity > 0).all():
            raise InputError("a chosen agent had no chance", expected="propensities in (0, 1]",
                             came=f"{float(self.propensity.min()):g}")  # fmt: skip
        if not (self.of[self.chosen] == np.arange(len(self.chosen))).all():
            raise InputError("a chosen agent is not among the eligible", expected="one chosen row a decision, in order")

    @property
    def starts(self) -> Integers:
        """First candidate row of each decision."""
        return np.searchsorted(self.of, np.arange(len(self.chosen)))


@dataclass(frozen=True)
class Valued:
    """One policy on these decisions: rows to average (`doubly_robust`, `weighted_reward` over `weight`)."""

    doubly_robust: Floats
    weighted_reward: Floats
    weight: Floats
    cut_share: float  # of the decisions, whose weight was above the limit

    @property
    def effective_count(self) -> float:
        """Kish's effective sample size: (sum w)^2 / sum w^2."""
        squares = float(self.weight @ self.weight)
        return float(self.weight.sum() ** 2 / squares) if squares > 0 else 0.0


def valued(decisions: Decisions, *, target: Floats, predicted: Floats, max_weight: float) -> Valued:
    """Value a policy.

    target: its chance of each candidate row, (m,), summing to 1 in each decision. predicted: a model's reward of each
    candidate row, (m,), learned on other rows; DR is right if either it or the propensities are. Weights above
    `max_weight` are cut: a little bias for much less noise.
    """
    per_decision = _sums(decisions, target)
    if not np.allclose(per_decision, 1.0, atol=1e-6):
        raise InputError("a policy's chances must sum to one in each decision", came=f"{float(per_decision.min()):g}")
    raw = target[decisions.chosen] / decisions.propensity
    weight = np.minimum(raw, max_weight)
    direct = _sums(decisions, target * predicted)
    return Valued(
        doubly_robust=direct + weight * (decisions.reward - predicted[decisions.chosen]),
        weighted_reward=weight * decisions.reward,
        weight=weight,
        cut_share=float(np.mean(raw > max_weight)) if len(raw) else 0.0,
    )


def best_of(decisions: Decisions, value: Floats) -> Floats:
    """The policy that always takes the highest value in each decision; equals share. NaN counts as the lowest."""
    filled = np.where(np.isnan(value), -np.inf, value)
    best = np.maximum.reduceat(filled, decisions.starts) if len(decisions.chosen) else np.zeros(0)
    marks = (filled == best[decisions.of]).astype(np.float64)
    shares: Floats = marks / _sums(decisions, marks)[decisions.of]
    return shares


def softmax_of(decisions: Decisions, value: Floats, *, temperature: float, explore_share: float) -> Floats:
    """The policy of a routing payload: a softmax of the value, mixed with a share of uniform choice."""
    highest = np.maximum.reduceat(value, decisions.starts) if len(decisions.chosen) else np.zeros(0)
    raised = np.exp((value - highest[decisions.of]) / temperature)
    counts = _sums(decisions, np.ones(len(value)))
    return (1 - explore_share) * raised / _sums(decisions, raised)[decisions.of] + explore_share / counts[decisions.of]


def _sums(decisions: Decisions, values: Floats) -> Floats:
    return np.bincount(decisions.of, weights=values, minlength=len(decisions.chosen)).astype(np.float64)
