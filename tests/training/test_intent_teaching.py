from __future__ import annotations

import numpy as np
import pytest

from training import intent_teaching


def _shares(*best: float) -> np.ndarray:
    return np.asarray([[one, 1.0 - one] for one in best])


def test_doubt_is_greatest_between_two_equal_guesses() -> None:
    assert intent_teaching.doubt(_shares(0.5, 0.75, 1.0)) == pytest.approx([1.0, 0.5, 0.0])


def test_one_label_alone_leaves_no_doubt() -> None:
    assert intent_teaching.doubt(np.ones((3, 1))).tolist() == [0, 0, 0]


def test_of_fewer_texts_than_are_asked_for_all_come_in_the_order_of_doubt() -> None:
    found = intent_teaching.most_telling(_shares(0.9, 0.5, 0.7), np.eye(3), count=5, seed=1)

    assert found.tolist() == [1, 2, 0]


def _groups(sizes: tuple[int, ...], *, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = np.repeat(np.eye(len(sizes)), sizes, axis=0) + 0.05 * rng.normal(size=(sum(sizes), len(sizes)))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_texts_that_say_the_same_are_asked_once() -> None:
    vectors = _groups((20, 5, 5))

    found = intent_teaching.most_telling(_shares(*[0.5] * 30), vectors, count=3, seed=1)

    assert sorted(vectors[found].argmax(axis=1).tolist()) == [0, 1, 2]


def test_what_the_model_is_sure_of_is_not_asked() -> None:
    vectors = _groups((100, 100))
    sure = _shares(*[0.99] * 100, *[0.6] * 100)

    found = intent_teaching.most_telling(sure, vectors, count=4, seed=1)

    assert (found >= 100).all()


def test_the_same_texts_and_seed_give_the_same_questions() -> None:
    vectors, shares = _groups((40, 40, 40)), _shares(*np.linspace(0.5, 1, 120))

    one, other = (intent_teaching.most_telling(shares, vectors, count=8, seed=3).tolist() for _ in range(2))

    assert one == other
