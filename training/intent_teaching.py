"""Which texts to label next: those that the model is unsure of, and that are unlike each other.

Zhdanov 2019, "Diverse mini-batch Active Learning": the most doubtful texts, several times as many as are asked for,
fall into as many groups as are asked for, and the middle one of each is asked. On Banking77 so chosen labels
teach as much as twice as many random ones (`make bench-intent-labels`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
# Doubtful texts looked at for each that is asked: with 5, labels to 85% on Banking77 rise by a fifth, with 20 the same.
LOOKED_AT = 10


def doubt(shares: Doubles) -> Doubles:
    """How unsure the model is of each text, 0 to 1: one less the distance between its two best guesses.

    shares: probabilities (n, labels). The margin tells more of what a label would teach than entropy, which counts
    doubts among intents that are out of the question (Settles 2009).
    """
    if shares.shape[1] < 2:
        return np.zeros(len(shares))
    ordered = np.partition(shares, -2, axis=1)
    return np.asarray(1.0 - (ordered[:, -1] - ordered[:, -2]), dtype=np.float64)


def most_telling(shares: Doubles, vectors: npt.NDArray[np.floating], *, count: int, seed: int) -> Rows:
    """At most `count` rows whose labels would teach most, the most doubtful first.

    shares: probabilities (n, labels) by the model as it is. vectors: unit rows (n, d), by which texts are alike. All
    rows, in the order of doubt, where there are no more than `count`. The same input and seed give the same rows.
    """
    unsure = doubt(shares)
    order = np.argsort(-unsure, kind="stable")
    if len(order) <= count:
        return order
    near = order[: LOOKED_AT * count]
    chosen = near[_middles(vectors[near], weights=unsure[near], groups=count, seed=seed)]
    return chosen[np.argsort(-unsure[chosen], kind="stable")]


def _middles(vectors: npt.NDArray[np.floating], *, weights: Doubles, groups: int, seed: int) -> Rows:
    """The row nearest to the middle of each group; fewer where two middles have the same row."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        found = KMeans(groups, n_init=1, random_state=seed).fit(vectors, sample_weight=np.maximum(weights, 1e-6))
        return np.unique(found.transform(vectors).argmin(axis=0)).astype(np.int64)
