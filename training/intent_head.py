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

from training.loaders.intent import Floats, weighted
from training.loaders.intent import grams as counted_grams
from training.params import IntentParams

Labels = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
# With fewer rows a held-out share says nothing about strength: the middle one is taken.
FEWEST_ROWS_TO_CHOOSE = 200


@dataclass(frozen=True)
class Examples:
    """Rows to fit on: unit vectors (n, d), cleaned texts, label numbers, weights."""

    vectors: Floats
    texts: Sequence[str]
    labels: Labels
    weights: Doubles

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """These rows only."""
        return Examples(self.vectors[rows], [self.texts[i] for i in rows], self.labels[rows], self.weights[rows])


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
    strength: float
    gram_strength: float

    def arrays(self) -> dict[str, Floats]:
        """By the names under which the loader reads them."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def read(self, examples: Examples) -> tuple[Doubles, Doubles, Doubles]:
        """As the loader: raw scores (n, labels) of the two heads, and likeness (n, 2) to the closest centroids."""
        matrix = gram_matrix(examples.texts, inverse_share=self.inverse_share)
        of_vectors = examples.vectors @ self.vector_weights + self.vector_bias
        of_grams = np.asarray(matrix @ self.gram_weights + self.gram_bias, dtype=np.float64)
        closest = [(examples.vectors @ self.vector_centroids).max(axis=1), (matrix @ self.gram_centroids).max(axis=1)]
        return of_vectors.astype(np.float64), of_grams, np.column_stack(closest).astype(np.float64)


def fit(examples: Examples, *, label_count: int, params: IntentParams, seed: int) -> Head:
    """Two multinomial logistic regressions, weighted by label weight, one strength chosen on held-out rows.

    On one thread: the bytes are then those of any thread count, and on a busy machine two threads that wait for each
    other took three times as long.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    inverse_share = rarity(examples.texts, buckets=params.ngram_buckets)
    matrix = gram_matrix(examples.texts, inverse_share=inverse_share)
    told: dict[str, Any] = {"label_count": label_count, "params": params}
    with threadpool_limits(1):
        strength = _chosen(examples.vectors, examples, strengths=params.strengths, seed=seed, **told)
        of_vectors = _regression(examples.vectors, examples, strength=strength, **told)
        gram_strength = _chosen(matrix, examples, strengths=params.ngram_strengths, seed=seed, **told)
        of_grams = _regression(matrix, examples, strength=gram_strength, **told)
    near, near_grams = (_centroids(inputs, examples, label_count=label_count) for inputs in (examples.vectors, matrix))
    return Head(*of_vectors, *of_grams, inverse_share, near, near_grams, strength, gram_strength)


def _centroids(inputs: Any, examples: Examples, *, label_count: int) -> Floats:
    """The weighted mean row of each label, of length one: (columns, labels)."""
    from scipy.sparse import csr_matrix

    count = len(examples.labels)
    members = csr_matrix((examples.weights, (examples.labels, np.arange(count))), shape=(label_count, count))
    summed = members @ inputs
    dense = np.asarray(summed.todense() if hasattr(summed, "todense") else summed, dtype=np.float64)
    lengths = np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-12)
    return np.ascontiguousarray((dense / lengths).T, dtype=np.float32)


def rarity(texts: Sequence[str], *, buckets: int) -> Floats:
    """Smoothed inverse document frequency by bucket: log((1 + n) / (1 + texts with it)) + 1 (as scikit-learn's)."""
    found = [counted_grams(text, buckets=buckets)[0] for text in texts]
    with_it = np.bincount(np.concatenate(found), minlength=buckets)
    return (np.log((1 + len(texts)) / (1 + with_it)) + 1).astype(np.float32)


def gram_matrix(texts: Sequence[str], *, inverse_share: Floats) -> Any:
    """The weighted n-grams of all texts as a sparse matrix (n, buckets)."""
    from scipy.sparse import csr_matrix

    rows = [weighted(text, inverse_share=inverse_share) for text in texts]
    starts = np.cumsum([0] + [len(found) for found, _ in rows])
    columns = np.concatenate([found for found, _ in rows]) if rows else np.zeros(0, dtype=np.int64)
    values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0, dtype=np.float32)
    return csr_matrix((values, columns, starts), shape=(len(texts), len(inverse_share)))


def _chosen(
    inputs: Any, examples: Examples, *, strengths: Sequence[float], label_count: int, params: IntentParams, seed: int
) -> float:
    """The strength with the best held-out accuracy; the weaker head (smaller number) on a tie."""
    count = len(examples.labels)
    if count < FEWEST_ROWS_TO_CHOOSE or len(strengths) == 1:
        return strengths[len(strengths) // 2]
    order = np.random.default_rng(seed).permutation(count)
    held = round(params.choosing_share * count)
    known, asked = np.sort(order[held:]), np.sort(order[:held])

    def hits(strength: float) -> float:
        told: dict[str, Any] = {"strength": strength, "label_count": label_count, "params": params}
        weights, bias = _regression(inputs[known], examples.take(known), **told)
        right = (inputs[asked] @ weights + bias).argmax(axis=1) == examples.labels[asked]
        return float(examples.weights[asked] @ right)

    return max(sorted(strengths), key=hits)


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
