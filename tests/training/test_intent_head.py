from __future__ import annotations

from dataclasses import replace

import numpy as np

from training import intent_head
from training.intent_head import Examples, remembered
from training.params import IntentParams


def test_an_intent_with_few_rows_is_remembered_whole_and_of_many_an_even_part() -> None:
    labels = np.asarray([0, 1, 0, 1, 1, 1, 1])

    kept = remembered(labels, most=3)

    assert kept.tolist() == [0, 1, 2, 4, 6]


def test_what_all_intents_remember_together_is_bounded() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(5), 20)
    vectors = rng.normal(size=(100, 4)).astype(np.float32)
    examples = Examples((vectors,), [f"text {i}" for i in range(100)], labels, np.ones(100))
    params = replace(IntentParams(), remembered=10, remembered_most=15)

    head = intent_head.fit(examples, held=None, label_count=5, params=params)

    assert np.bincount(head.known_labels).tolist() == [3] * 5


def test_the_main_directions_keep_the_cosines_of_what_lies_in_them() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 20))  # thirty rows in four directions of twenty
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    basis = intent_head.main_directions(rows, count=4)

    assert basis.shape == (20, 4)
    assert np.allclose(basis.T @ basis, np.eye(4), atol=1e-5)
    assert np.allclose((rows @ basis) @ (rows @ basis).T, rows @ rows.T, atol=1e-5)
    assert intent_head.main_directions(rows, count=99).shape == (20, 20)
