from __future__ import annotations

import numpy as np
import pytest

from training import intent_lightness
from training.intent_lightness import Lightness


def _clouds(*, spread: float, rows: int = 1600, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 8
    vectors = np.eye(8)[labels] + spread * rng.normal(size=(rows, 8))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def test_an_encoder_that_says_the_same_costs_nothing() -> None:
    vectors, labels = _clouds(spread=0.4)

    found = intent_lightness.measured(vectors, vectors, labels, seed=1)

    assert (found.lost, found.rows, found.allowed) == (0.0, 1600, True)


def test_an_encoder_that_sees_less_costs_right_answers_and_is_not_allowed() -> None:
    vectors, labels = _clouds(spread=0.3)
    noisy = vectors + 0.3 * np.random.default_rng(5).normal(size=vectors.shape)

    found = intent_lightness.measured(vectors, noisy, labels, seed=1)

    assert found.lost > 0.02
    assert not found.allowed


@pytest.mark.parametrize(
    ("lost", "rows", "allowed"), [(0.002, 1500, True), (0.0021, 1500, False), (-0.01, 1499, False)]
)
def test_two_tenths_of_a_point_on_fifteen_hundred_rows_is_the_limit(lost: float, rows: int, allowed: bool) -> None:
    assert Lightness(lost, rows).allowed is allowed
