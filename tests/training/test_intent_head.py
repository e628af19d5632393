from __future__ import annotations

import numpy as np

from training.intent_head import remembered


def _around(*angles: float) -> np.ndarray:
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def test_what_is_remembered_covers_an_intent_and_not_its_crowd() -> None:
    crowd, far = [0.0, 0.001, 0.002, 0.003, 0.004], [1.0, -1.0]

    kept = remembered(_around(*crowd, *far), np.zeros(7, dtype=np.int64), most=3)

    assert {5, 6} < set(kept.tolist()) and len(kept) == 3


def test_an_intent_with_few_rows_is_remembered_whole() -> None:
    labels = np.asarray([0, 1, 0, 1, 1])

    kept = remembered(_around(0.1, 0.2, 0.3, 0.4, 0.5), labels, most=2)

    assert {0, 2} < set(kept.tolist())
    assert np.bincount(labels[kept]).tolist() == [2, 2]


def test_of_rows_that_are_all_the_same_none_is_remembered_twice() -> None:
    kept = remembered(_around(*[0.5] * 6), np.zeros(6, dtype=np.int64), most=4)

    assert len(set(kept.tolist())) == 4
