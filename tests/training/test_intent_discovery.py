"""Groups of the refused: found where they are, not where they are not, and told apart from known intents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from training import intent_discovery as discovery

Vectors = npt.NDArray[np.float64]
RNG_SEED = 3


def around(middle: int, count: int, *, spread: float = 0.4, seed: int = RNG_SEED) -> Vectors:
    """Unit rows about an axis of 40."""
    rng = np.random.default_rng([seed, middle])
    rows = np.eye(40)[middle] + spread * rng.normal(size=(count, 40)) / np.sqrt(40)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def known(count: int = 6) -> discovery.Known:
    """Intents on the first axes, eight rows each."""
    rows = np.vstack([around(axis, 8, seed=9) for axis in range(count)])
    return discovery.Known(rows, [f"known_{axis}" for axis in range(count) for _ in range(8)])


def test_two_matters_are_two_groups_the_larger_first_and_loners_belong_to_none() -> None:
    loners = np.vstack([around(axis, 1) for axis in range(25, 30)])
    rows = np.vstack([around(20, 6), loners, around(21, 9)])

    found = discovery.groups(rows, known=known(), least=5)

    assert [sorted(one.rows) for one in found] == [list(range(11, 20)), list(range(6))]
    assert [one.like for one in found] == ["", ""]


def test_a_group_smaller_than_asked_for_is_none() -> None:
    assert discovery.groups(around(20, 4), known=known(), least=5) == []
    assert len(discovery.groups(around(20, 5), known=known(), least=5)) == 1


def test_a_group_on_a_known_intent_says_which() -> None:
    (found,) = discovery.groups(around(2, 7), known=known(), least=5)

    assert (found.like, found.nearest) == ("known_2", "known_2")
    assert found.likeness > 0.5


def test_texts_that_have_nothing_in_common_make_no_group() -> None:
    rows = np.linalg.qr(np.random.default_rng(1).normal(size=(40, 40)))[0]

    assert discovery.groups(rows, known=known(), least=3) == []


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_and_a_single_text_make_no_group(count: int) -> None:
    assert discovery.groups(around(20, count), known=known(), least=1 + count) == []


def test_no_known_intent_is_needed() -> None:
    nobody = discovery.Known(np.zeros((0, 40)), [])
    (found,) = discovery.groups(around(20, 6), known=nobody, least=5)

    assert (found.like, found.nearest) == ("", "")


def test_where_known_intents_are_close_to_each_other_groups_are_cut_finer() -> None:
    close = np.vstack([0.75 * np.eye(40)[39] + 0.66 * around(axis, 8, spread=0.1, seed=9) for axis in range(6)])
    close = close / np.linalg.norm(close, axis=1, keepdims=True)
    labels = [f"known_{axis}" for axis in range(6) for _ in range(8)]

    assert discovery.cuts_of(discovery.Known(close, labels))[0] < discovery.cuts_of(known())[0]


def test_the_middle_text_is_shown_first_and_the_next_is_unlike_it() -> None:
    rows = np.vstack([around(20, 12, spread=0.1), around(20, 6, spread=0.9)])
    (found,) = discovery.groups(rows, known=known(), least=5)
    inside = rows[list(found.rows)]
    cosines = inside @ inside[0]

    assert found.telling[0] == 0
    assert cosines[found.telling[1]] == pytest.approx(min(cosines[: int(np.ceil(0.9 * len(inside)))]))


def test_the_same_texts_give_the_same_groups_in_any_order_of_theirs() -> None:
    rows = np.vstack([around(20, 6), around(21, 9), around(22, 5)])
    order = np.random.default_rng(5).permutation(len(rows))
    found = discovery.groups(rows, known=known(), least=5)
    again = discovery.groups(rows[order], known=known(), least=5)

    assert {frozenset(one.rows) for one in found} == {frozenset(order[list(one.rows)].tolist()) for one in again}
