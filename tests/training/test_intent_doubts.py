from __future__ import annotations

import numpy as np
import pytest

from training import intent_doubts

NAMES = ["balance", "card", "loan", "rare"]


def _rows(each: int = 60, *, wrong: int = 12, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clouds around three directions, the labels they have and the places where those were changed."""
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(3), each)
    vectors = np.eye(3)[true] + 0.25 * rng.normal(size=(len(true), 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    told, changed = true.copy(), rng.choice(len(true), wrong, replace=False)
    told[changed] = (told[changed] + 1) % 3
    return vectors, told, changed


def _doubted(vectors: np.ndarray, labels: np.ndarray) -> list[intent_doubts.Doubt]:
    ids = [f"c-{place}" for place in range(len(labels))]
    return intent_doubts.doubted(vectors, labels, ids=ids, names=NAMES, seed=1)


def test_changed_labels_are_found_and_few_others() -> None:
    vectors, told, changed = _rows()

    found = {int(one.example_id[2:]) for one in _doubted(vectors, told)}

    assert len(found & set(changed)) >= 11
    assert len(found - set(changed)) <= 4


def test_a_doubt_names_what_it_is_instead_and_the_least_trusted_comes_first() -> None:
    vectors, told, changed = _rows()

    found = _doubted(vectors, told)

    true = {int(place): NAMES[(told[place] - 1) % 3] for place in changed}
    assert all(one.likely == true[int(one.example_id[2:])] for one in found if int(one.example_id[2:]) in true)
    assert [one.trust for one in found] == sorted(one.trust for one in found)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_rows_give_the_same_doubts(seed: int) -> None:
    vectors, told, _ = _rows(seed=seed)

    assert _doubted(vectors, told) == _doubted(vectors, told)


def test_labels_with_few_rows_are_not_doubted_and_one_label_alone_never_is() -> None:
    vectors, told, _ = _rows()
    told[:4] = 3

    assert not any(one.label == "rare" for one in _doubted(vectors, told))
    assert _doubted(vectors[:20], np.zeros(20, dtype=np.int64)) == []
