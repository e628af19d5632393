"""The two heads of an intent model, and how they are fitted: numbers in, numbers out.

One reads the sentence vector, one the character n-grams; `calibration` mixes their scores by language. The sentence
encoder that ships by default knows English: on SMP2017 (Chinese) its head alone reaches 59%, the n-grams 85%, and on
Banking77 the two together are half a point better than the vectors alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.loaders.intent import CROWD, Floats, Integers, Read, grams, weighted
from training.params import IntentParams

Labels = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Counted = tuple[Integers, Floats]  # of one text: buckets, and 1 + log of their counts
# With fewer held-out rows nothing is said about strength: the middle one is taken.
FEWEST_ROWS_TO_CHOOSE = 100


@dataclass(frozen=True)
class Examples:
    """Rows to fit on: unit vectors (n, d), cleaned texts, label numbers, weights."""

    vectors: Floats
    texts: Sequence[str]
    labels: Labels
    weights: Doubles

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """These rows only."""
        return Examples(self.vectors[rows], [self.texts[row] for row in rows], self.labels[rows], self.weights[rows])


@dataclass(frozen=True)
class Head:
    """The arrays of a payload (float32) and the strength that was chosen."""

    vector_weights: Floats  # (d, labels)
    vector_bias: Floats
    gram_weights: Floats  # (buckets, labels)
    gram_bias: Floats
    inverse_share: Floats  # (buckets,)
    vector_centroids: Floats  # (d, labels), each of length one
    gram_centroids: Floats  # (buckets, labels), each of length one
    known_vectors: Floats  # (m, d), training rows that are remembered
    known_labels: Labels  # (m,)
    known_crowding: Floats  # (m,), mean cosine to the nearest of the others
    strength: float
    gram_strength: float

    def arrays(self) -> dict[str, Floats]:
        """By the names under which the loader reads them."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def read(self, examples: Examples) -> Read:
        """What the two heads see, as the loader sees it."""
        matrix = gram_matrix(counted(examples.texts, buckets=len(self.inverse_share)), inverse_share=self.inverse_share)
        return Read(
            vectors=examples.vectors,
            of_vectors=(examples.vectors @ self.vector_weights + self.vector_bias).astype(np.float64),
            of_grams=np.asarray(matrix @ self.gram_weights + self.gram_bias, dtype=np.float64),
            gram_likeness=np.asarray(matrix @ self.gram_centroids, dtype=np.float64),
        )


def fit(examples: Examples, *, held: Examples | None, label_count: int, params: IntentParams) -> Head:
    """Two multinomial logistic regressions, weighted by label weight, each of the strength that `held` bears out.

    held: rows that taught nothing, later ones where there is time: customers find new words, and a random share of the
    rows that teach asks for too strong a head. Without them, or with few, the middle strengths are taken. On one
    thread: the bytes are then those of any thread count, and on a busy machine two threads that wait for each other
    took three times as long.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    taught = counted(examples.texts, buckets=params.ngram_buckets)
    inverse_share = rarity(taught, buckets=params.ngram_buckets)
    matrix = gram_matrix(taught, inverse_share=inverse_share)
    asked = None
    if held is not None:
        asked = gram_matrix(counted(held.texts, buckets=params.ngram_buckets), inverse_share=inverse_share)
    told: dict[str, Any] = {"label_count": label_count, "params": params, "examples": examples, "held": held}
    with threadpool_limits(1):
        vectors_asked = None if held is None else held.vectors
        strength, of_vectors = _chosen(examples.vectors, vectors_asked, strengths=params.strengths, **told)
        gram_strength, of_grams = _chosen(matrix, asked, strengths=params.ngram_strengths, **told)
        known = remembered(examples, most=params.remembered)
    near, near_grams = (_centroids(inputs, examples, label_count=label_count) for inputs in (examples.vectors, matrix))
    return Head(
        *of_vectors, *of_grams, inverse_share, near, near_grams, known[0], known[1], known[2], strength, gram_strength
    )


def remembered(examples: Examples, *, most: int) -> tuple[Floats, Labels, Floats]:
    """At most that many rows of each label, evenly spaced in their order: vectors, labels, and their crowding."""
    rows = [np.flatnonzero(examples.labels == label) for label in np.unique(examples.labels)]
    kept = np.sort(np.concatenate([one[np.unique(np.linspace(0, len(one) - 1, most).astype(int))] for one in rows]))
    vectors = np.ascontiguousarray(examples.vectors[kept], dtype=np.float32)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    count = min(CROWD, len(kept) - 1)
    crowding = np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1)
    return vectors, examples.labels[kept], crowding.astype(np.float32)


def _centroids(inputs: Any, examples: Examples, *, label_count: int) -> Floats:
    """The weighted mean row of each label, of length one: (columns, labels)."""
    from scipy.sparse import csr_matrix

    count = len(examples.labels)
    members = csr_matrix((examples.weights, (examples.labels, np.arange(count))), shape=(label_count, count))
    summed = members @ inputs
    dense = np.asarray(summed.todense() if hasattr(summed, "todense") else summed, dtype=np.float64)
    lengths = np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-12)
    return np.ascontiguousarray((dense / lengths).T, dtype=np.float32)


def counted(texts: Sequence[str], *, buckets: int) -> list[Counted]:
    """The hashed n-grams of each cleaned text."""
    return [grams(text, buckets=buckets) for text in texts]


def rarity(taught: Sequence[Counted], *, buckets: int) -> Floats:
    """Smoothed inverse document frequency by bucket: log((1 + n) / (1 + texts with it)) + 1 (as scikit-learn's)."""
    with_it = np.bincount(np.concatenate([found for found, _ in taught]), minlength=buckets)
    return (np.log((1 + len(taught)) / (1 + with_it)) + 1).astype(np.float32)


def gram_matrix(texts: Sequence[Counted], *, inverse_share: Floats) -> Any:
    """The weighted n-grams of all texts as a sparse matrix (n, buckets)."""
    from scipy.sparse import csr_matrix

    rows = [weighted(one, inverse_share=inverse_share) for one in texts]
    starts = np.cumsum([0] + [len(found) for found, _ in rows])
    columns = np.concatenate([found for found, _ in rows]) if rows else np.zeros(0, dtype=np.int64)
    values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0, dtype=np.float32)
    return csr_matrix((values, columns, starts), shape=(len(texts), len(inverse_share)))


def _chosen(
    inputs: Any,
    asked: Any | None,
    *,
    examples: Examples,
    held: Examples | None,
    strengths: Sequence[float],
    label_count: int,
    params: IntentParams,
) -> tuple[float, tuple[Floats, Floats]]:
    """The strength with the best accuracy on `held`, with its weights and bias; the smaller one on a tie."""
    if held is None or len(held.labels) < FEWEST_ROWS_TO_CHOOSE:
        strengths = [strengths[len(strengths) // 2]]
    fitted = {
        strength: _regression(inputs, examples, strength=strength, label_count=label_count, params=params)
        for strength in sorted(strengths)
    }
    if held is None or asked is None or len(fitted) == 1:
        return next(iter(fitted.items()))

    def hits(strength: float) -> float:
        weights, bias = fitted[strength]
        return float(held.weights @ ((asked @ weights + bias).argmax(axis=1) == held.labels))

    best = max(sorted(fitted), key=hits)
    return best, fitted[best]


def _regression(
    inputs: Any, examples: Examples, *, strength: float, label_count: int, params: IntentParams
) -> tuple[Floats, Floats]:
    """Weights (columns, labels) and bias. A label without rows gets weight 0 and a bias that it cannot win with."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=params.max_iterations, tol=1e-3)
    model.fit(inputs, examples.labels, sample_weight=examples.weights)
    weights = np.zeros((inputs.shape[1], label_count), dtype=np.float32)
    bias = np.full(label_count, -1e3, dtype=np.float32)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two labels: the second's half against the first's
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
    weights[:, model.classes_] = coefficients.T
    bias[model.classes_] = intercepts
    return weights, bias
