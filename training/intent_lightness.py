"""Whether an encoder may be made lighter: what its weights in 8 bits cost in right answers, text by text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.floating]
# Texts without which nothing is said, and the share of right answers that may be lost: two tenths of a point of 1,500
# texts are three of them.
FEWEST_ROWS, MOST_LOST = 1500, 0.002
STRENGTH = 10.0


@dataclass(frozen=True)
class Lightness:
    """What the lighter encoder was measured to cost: the share of right answers lost (negative: won), on these rows."""

    lost: float
    rows: int

    @property
    def allowed(self) -> bool:
        """Whether the lighter encoder may be used."""
        return self.rows >= FEWEST_ROWS and self.lost <= MOST_LOST


def measured(heavy: Vectors, light: Vectors, labels: Labels, *, seed: int) -> Lightness:
    """The paired loss: each half of the rows is answered by heads that learned from the other half, one an encoder.

    heavy, light: unit rows (n, d) of the same texts under either encoder. Both have seen the rows alike, so that what
    differs between them is the precision alone. Labels with one row are left out.
    """
    counts = np.bincount(labels)
    kept = np.flatnonzero(counts[labels] > 1)
    half = _halves(labels[kept], seed=seed)
    right = [_right(vectors[kept], labels[kept], half) for vectors in (heavy, light)]
    return Lightness(round(float(np.mean(right[0]) - np.mean(right[1])), 6) if len(kept) else 0.0, len(kept))


def _halves(labels: Labels, *, seed: int) -> npt.NDArray[np.bool_]:
    """Every other row of each label, in an order by chance."""
    rng = np.random.default_rng(seed)
    half = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        half[rng.permutation(np.flatnonzero(labels == label))[::2]] = True
    return half


def _right(vectors: Vectors, labels: Labels, half: npt.NDArray[np.bool_]) -> Sequence[bool]:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    right = np.zeros(len(labels), dtype=bool)
    with threadpool_limits(1):
        for taught in (half, ~half):
            model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-4).fit(vectors[taught], labels[taught])
            right[~taught] = model.predict(vectors[~taught]) == labels[~taught]
    return right.tolist()
