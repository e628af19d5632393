"""The heads of an intent model, and how they are fitted: numbers in, numbers out.

One reads each encoder's sentence vectors, the last the character n-grams; `calibration` mixes their scores by language.
An encoder that knows English alone reaches 59% on SMP2017 (Chinese), the n-grams 85%, a multilingual one 91%, and it
with the n-grams 92%; on Banking77 the n-grams add half a point to the vectors.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
# Above so many labels their mean rows stand for them: the memory of a regression grows with labels x columns, its time
# with labels x columns x rows. 1,000 labels of two rows take it 73 s and 2.7 GB, 2,500 more than ten minutes.
MOST_LABELS = 1000
# What a cosine to a mean row is multiplied by: calibration finds how sure that is, from a start of this order.
MEAN_SCALE = 20.0


@dataclass(frozen=True)
class Examples:
    """Rows to fit on: each encoder's unit vectors (n, d), cleaned texts, label numbers, weights."""

    vectors: tuple[Floats, ...]
    texts: Sequence[str]
    labels: Labels
    weights: Doubles

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """These rows only."""
        vectors = tuple(one[rows] for one in self.vectors)
        return Examples(vectors, [self.texts[row] for row in rows], self.labels[rows], self.weights[rows])


@dataclass(frozen=True)
class VectorHead:
    """What is learned on one encoder's vectors."""

    weights: Floats  # (d, labels)
    bias: Floats
    centroids: Floats  # (d, labels), each of length one
    known_basis: Floats  # (d, k), the main directions of the training rows that are remembered
    known_vectors: Floats  # (m, k), those rows in them
    known_crowding: Floats  # (m,), mean cosine to the nearest of the others
    strength: float

    def scores(self, vectors: Floats) -> Floats:
        """Raw scores (n, labels)."""
        return np.asarray(vectors @ self.weights + self.bias, dtype=np.float32)


@dataclass(frozen=True)
class Head:
    """The heads on each encoder and the one on n-grams, all of float32, as the loader finds them."""

    of_vectors: tuple[VectorHead, ...]
    gram_weights: Floats  # (buckets, labels)
    gram_bias: Floats
    gram_centroids: Floats  # (buckets, labels), each of length one
    inverse_share: Floats  # (buckets,)
    known_rows: Labels  # (m,), which training rows are remembered
    known_labels: Labels  # (m,)
    gram_strength: float

    def arrays(self, *, places: Collection[int] | None = None) -> dict[str, npt.NDArray[Any]]:
        """By the names under which the loader reads them; of the encoders at these places (all when left out)."""
        own = ("gram_weights", "gram_bias", "gram_centroids", "inverse_share", "known_labels")
        found = {name: getattr(self, name) for name in own}
        for place, head in enumerate(self.of_vectors):
            if places is not None and place not in places:
                continue
            found |= {f"{name}_{place}": value for name, value in vars(head).items() if isinstance(value, np.ndarray)}
        return found

    def read(self, examples: Examples) -> Read:
        """What the heads see, as the loader sees it."""
        matrix = gram_matrix(counted(examples.texts, buckets=len(self.inverse_share)), inverse_share=self.inverse_share)
        of_vectors = [head.scores(vectors) for head, vectors in zip(self.of_vectors, examples.vectors, strict=True)]
        scores = [*of_vectors, matrix @ self.gram_weights + self.gram_bias]
        return Read(
            vectors=examples.vectors,
            scores=np.stack([np.asarray(one, dtype=np.float64) for one in scores], axis=1),
            gram_likeness=np.asarray(matrix @ self.gram_centroids, dtype=np.float64),
        )


def fit(
    examples: Examples, *, held: Examples | None, label_count: int, params: IntentParams,
    named: tuple[Floats, ...] | None = None,
) -> Head:  # fmt: skip
    """Multinomial logistic regressions, weighted by label weight, each of the strength that `held` bears out.

    held: rows that taught nothing, later ones where there is time: customers find new words, and a random share of the
    rows that teach asks for too strong a head. Without them, or with few, the middle strengths are taken. named: each
    encoder's vectors of the labels' names (labels, d), which teach as one example more. On one thread: the bytes are
    then those of any thread count, and on a busy machine two threads that wait for each other took three times as long.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    taught = counted(examples.texts, buckets=params.ngram_buckets)
    inverse_share = rarity(taught, buckets=params.ngram_buckets)
    matrix = gram_matrix(taught, inverse_share=inverse_share)
    asked = None
    if held is not None:
        asked = gram_matrix(counted(held.texts, buckets=params.ngram_buckets), inverse_share=inverse_share)
    told: dict[str, Any] = {"label_count": label_count, "params": params, "held": held}
    most = min(params.remembered, max(1, params.remembered_most // label_count))
    known = remembered(examples.labels, most=most)
    with threadpool_limits(1):
        of_vectors = tuple(
            _vector_head(place, examples, known=known, names=None if named is None else named[place], **told)
            for place in range(len(examples.vectors))
        )
        taught_by = _Lesson(matrix, examples.labels, examples.weights)
        gram_strength, of_grams = _chosen(taught_by, asked, strengths=params.ngram_strengths, **told)
        near = _centroids(matrix, examples.labels, examples.weights, label_count=label_count)
    return Head(of_vectors, *of_grams, near, inverse_share, known, examples.labels[known], gram_strength)


@dataclass(frozen=True)
class _Lesson:
    """Inputs of one head with their labels and weights."""

    inputs: Any
    labels: Labels
    weights: Doubles


def _vector_head(
    place: int, examples: Examples, *, known: Labels, names: Floats | None, label_count: int, params: IntentParams,
    held: Examples | None,
) -> VectorHead:  # fmt: skip
    vectors = examples.vectors[place]
    lesson = _Lesson(vectors, examples.labels, examples.weights)
    if names is not None:
        every = np.arange(label_count)
        lesson = _Lesson(np.vstack([vectors, names]), np.concatenate([lesson.labels, every]),
                         np.concatenate([lesson.weights, np.ones(label_count)]))  # fmt: skip
    asked = None if held is None else held.vectors[place]
    strength, (weights, bias) = _chosen(
        lesson, asked, strengths=params.strengths, label_count=label_count, params=params, held=held
    )
    basis = main_directions(vectors[known], count=params.remembered_width)
    kept = np.ascontiguousarray(vectors[known] @ basis, dtype=np.float32)
    near = _centroids(vectors, examples.labels, examples.weights, label_count=label_count)
    return VectorHead(weights, bias, near, basis, kept, crowding(kept), strength)


def remembered(labels: Labels, *, most: int) -> Labels:
    """At most that many rows of each label, evenly spaced in their order."""
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.sort(np.concatenate([one[np.unique(np.linspace(0, len(one) - 1, most).astype(int))] for one in rows]))


def main_directions(vectors: Floats, *, count: int) -> Floats:
    """At most that many orthogonal directions (d, count) in which these rows (m, d) say most, the last one first."""
    _, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    return np.ascontiguousarray(directions[:, -count:], dtype=np.float32)


def crowding(vectors: Floats) -> Floats:
    """The mean cosine of each row (m, k) to the nearest of the others: (m,)."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    count = min(CROWD, len(vectors) - 1)
    return np.asarray(np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1), dtype=np.float32)


def _centroids(inputs: Any, labels: Labels, weights: Doubles, *, label_count: int) -> Floats:
    """The weighted mean row of each label, of length one: (columns, labels)."""
    from scipy.sparse import csr_matrix

    count = len(labels)
    members = csr_matrix((weights, (labels, np.arange(count))), shape=(label_count, count))
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
    lesson: _Lesson,
    asked: Any | None,
    *,
    held: Examples | None,
    strengths: Sequence[float],
    label_count: int,
    params: IntentParams,
) -> tuple[float, tuple[Floats, Floats]]:
    """The strength with the best accuracy on `held`, with its weights and bias; the smaller one on a tie."""
    if held is None or len(held.labels) < FEWEST_ROWS_TO_CHOOSE or label_count > MOST_LABELS:
        strengths = [strengths[len(strengths) // 2]]
    fitted = {
        strength: _regression(lesson, strength=strength, label_count=label_count, params=params)
        for strength in sorted(strengths)
    }
    if held is None or asked is None or len(fitted) == 1:
        return next(iter(fitted.items()))

    def hits(strength: float) -> float:
        weights, bias = fitted[strength]
        return float(held.weights @ ((asked @ weights + bias).argmax(axis=1) == held.labels))

    best = max(sorted(fitted), key=hits)
    return best, fitted[best]


def _regression(lesson: _Lesson, *, strength: float, label_count: int, params: IntentParams) -> tuple[Floats, Floats]:
    """Weights (columns, labels) and bias. A label without rows gets weight 0 and a bias that it cannot win with."""
    import warnings

    from sklearn.linear_model import LogisticRegression

    if label_count > MOST_LABELS:
        return _means(lesson, label_count=label_count)
    inputs = lesson.inputs
    # A gradient of a mean over many labels is small from the start: at 1e-3 nothing was learned of CLINC150's 150.
    model = LogisticRegression(C=strength, max_iter=params.max_iterations, tol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few rows of many labels are no mistake here
        model.fit(inputs, lesson.labels, sample_weight=lesson.weights)
    weights = np.zeros((inputs.shape[1], label_count), dtype=np.float32)
    bias = np.full(label_count, -1e3, dtype=np.float32)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two labels: the second's half against the first's
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
    weights[:, model.classes_] = coefficients.T
    bias[model.classes_] = intercepts
    return weights, bias


def _means(lesson: _Lesson, *, label_count: int) -> tuple[Floats, Floats]:
    """As `_regression`, by the cosine to each label's mean row (prototypes: Snell, Swersky and Zemel 2017)."""
    near = _centroids(lesson.inputs, lesson.labels, lesson.weights, label_count=label_count)
    bias = np.full(label_count, -1e3, dtype=np.float32)
    bias[np.unique(lesson.labels)] = 0.0
    return np.float32(MEAN_SCALE) * near, bias
