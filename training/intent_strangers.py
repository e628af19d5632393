"""What gives a stranger away: learned by leaving intents out, one part of them after the other.

No text from outside is needed, nor may one be used: to a model that was not taught an intent, its texts are strangers,
close ones mostly. How much each sign (`loader.signs`) tells differs from centre to centre: where intents are far apart
it is how sure the model is, where they are many and alike it is how near the nearest example lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training import intent_head
from training.calibration import Mix
from training.intent_head import Examples, Head
from training.loaders.intent import ENCODER_SIGNS, SIGNS, familiarity, heard, signs
from training.params import IntentParams

Doubles = npt.NDArray[np.float64]
# Parts into which the intents fall; fewer intents than twice this teach nothing about strangers.
PARTS = 4
# Rows of each intent that are looked at: what a sign tells is learned long before it, and time grows with the rows.
MOST_ROWS = 40
# Of the rows of the intents that stay, the share that is held out.
HELD_SHARE = 0.25
# How strongly the weights are drawn to none.
DRAG = 1e-3


@dataclass(frozen=True)
class _Split:
    """Rows that teach, held-out rows of the same intents, and rows of the intents that were left out."""

    taught: npt.NDArray[np.int64]
    known: npt.NDArray[np.int64]
    strange: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Strangers:
    """What leaving intents out taught: the weights of the signs, and what such weights make of rows that did not teach
    them: how familiar held-out rows of the intents that stayed look, and rows of those that were left out."""

    weights: list[float]
    known: Doubles
    strange: Doubles


def weights(examples: Examples, *, mix: Mix, params: IntentParams, seed: int) -> list[float]:
    """One weight of at least 0 for each of `loader.signs`; all alike where there are too few intents to leave any out.

    examples: training rows under the encoders as they came: a fine-tuned one has seen the intents that are left out.
    mix: by which the encoders that are heard are known, and the scores weighed.
    """
    return met(examples, mix=mix, params=params, seed=seed).weights


def met(examples: Examples, *, mix: Mix, params: IntentParams, seed: int) -> Strangers:
    """The weights, and their worth where they are tried on parts that did not teach them; arguments as in `weights`."""
    few = _fewer(examples)
    told = [_tails(few, split, mix=mix, params=params) for split in _splits(few.labels, seed=seed)]
    if not told:
        alike = [1.0] * (len(SIGNS) + len(ENCODER_SIGNS) * len(heard(mix)))
        return Strangers(alike, np.zeros(0), np.zeros(0))
    tried = [_tried(told[:place] + told[place + 1 :], part) for place, part in enumerate(told)] if len(told) > 1 else []
    return Strangers(
        [round(float(one), 4) for one in _together(told)],
        np.concatenate([np.zeros(0), *(known for known, _ in tried)]),
        np.concatenate([np.zeros(0), *(strange for _, strange in tried)]),
    )


def _together(told: Sequence[tuple[Doubles, Doubles]]) -> Doubles:
    return _separating(np.vstack([known for known, _ in told]), np.vstack([strange for _, strange in told]))


def _tried(others: Sequence[tuple[Doubles, Doubles]], part: tuple[Doubles, Doubles]) -> tuple[Doubles, Doubles]:
    """Familiarity of one part's rows, known and strange, by the weights that the other parts teach."""
    taught = _together(others)
    return part[0] @ taught, part[1] @ taught


def _fewer(examples: Examples) -> Examples:
    rows = [np.flatnonzero(examples.labels == label) for label in np.unique(examples.labels)]
    kept = np.concatenate([one[np.unique(np.linspace(0, len(one) - 1, MOST_ROWS).astype(int))] for one in rows])
    return examples.take(np.sort(kept))


def _splits(labels: npt.NDArray[np.int64], *, seed: int) -> list[_Split]:
    names = np.unique(labels)
    if len(names) < 2 * PARTS:
        return []
    rng = np.random.default_rng(seed)
    part = dict(zip(names.tolist(), rng.permutation(len(names)) % PARTS, strict=True))
    of_row, held = np.asarray([part[int(one)] for one in labels]), rng.random(len(labels)) < HELD_SHARE
    made = []
    for number in range(PARTS):
        taught = np.flatnonzero((of_row != number) & ~held)
        known = np.flatnonzero((of_row != number) & held & np.isin(labels, labels[taught]))
        made.append(_Split(taught, known, np.flatnonzero(of_row == number)))
    return [one for one in made if len(one.known)]


def _tails(examples: Examples, split: _Split, *, mix: Mix, params: IntentParams) -> tuple[Doubles, Doubles]:
    """Log tail shares of each sign, of the held-out rows and of the strangers, among the held-out rows."""
    head = _head(examples.take(split.taught), params)
    known, strange = (
        signs(head.read(examples.take(rows)), mix=mix, arrays=head.arrays()) for rows in (split.known, split.strange)
    )
    tables = [sorted(column.tolist()) for column in known.T]

    def tail(told: Doubles) -> Doubles:
        alone = [familiarity(told[:, [place]], tables=[table], weights=[1.0]) for place, table in enumerate(tables)]
        return np.column_stack(alone)

    return tail(known), tail(strange)


def _head(taught: Examples, params: IntentParams) -> Head:
    """Heads of the middle strengths over the labels that are left."""
    names = np.unique(taught.labels)
    again = Examples(taught.vectors, taught.texts, np.searchsorted(names, taught.labels), taught.weights)
    return intent_head.fit(again, held=None, label_count=len(names), params=params)


def _separating(known: Doubles, strange: Doubles) -> Doubles:
    """Logistic regression, known against strange, both of equal weight, no weight below 0 (L-BFGS-B)."""
    from scipy.optimize import minimize

    rows, truth = np.vstack([known, strange]), np.r_[np.ones(len(known)), np.zeros(len(strange))]
    share = np.where(truth == 1, 0.5 / len(known), 0.5 / len(strange))

    def loss(told: Doubles) -> tuple[float, Doubles]:
        weight, bias = told[:-1], told[-1]
        score = rows @ weight + bias
        missed = share @ np.where(truth == 1, np.logaddexp(0, -score), np.logaddexp(0, score))
        slope = share * (1.0 / (1.0 + np.exp(-score)) - truth)
        return float(missed + 0.5 * DRAG * weight @ weight), np.r_[rows.T @ slope + DRAG * weight, slope.sum()]

    start, bounds = np.r_[np.full(rows.shape[1], 0.1), 1.0], [(0.0, None)] * rows.shape[1] + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[:-1]
    return np.asarray(found if found.any() else np.ones(rows.shape[1]), dtype=np.float64)
