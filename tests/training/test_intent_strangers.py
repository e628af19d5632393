from __future__ import annotations

import numpy as np
import pytest

from tests.training import learned
from training import intent_strangers
from training.intent_head import Examples
from training.loaders.intent import ENCODER_SIGNS, SIGNS, familiarity

PARAMS = learned.params().intent
MIX = (1.0, 0.2, 0.02)


def _examples(intents: int, *, each: int = 12, spread: float = 0.3, seed: int = 3) -> Examples:
    """Intents as clouds around directions of their own; every text says its intent's word."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(intents, 16))
    labels = np.repeat(np.arange(intents), each)
    vectors = centres[labels] + spread * rng.normal(size=(len(labels), 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Examples(
        (vectors,), [f"word{label} and so on {i}" for i, label in enumerate(labels)], labels, np.ones(len(labels))
    )


def test_every_sign_has_a_weight_of_at_least_nothing_and_some_tell_something() -> None:
    found = intent_strangers.weights(_examples(16), mix=MIX, params=PARAMS, seed=1)

    assert len(found) == len(SIGNS) + len(ENCODER_SIGNS)
    assert min(found) >= 0
    assert max(found) > 0


def test_the_same_rows_and_seed_give_the_same_weights() -> None:
    one, other = (intent_strangers.weights(_examples(12), mix=MIX, params=PARAMS, seed=1) for _ in range(2))

    assert one == other


@pytest.mark.parametrize(("intents", "alike"), [(7, True), (8, False)])
def test_with_too_few_intents_to_leave_any_out_all_signs_weigh_alike(intents: int, alike: bool) -> None:
    found = intent_strangers.weights(_examples(intents), mix=MIX, params=PARAMS, seed=1)

    assert (len(set(found)) == 1) is alike


def test_weights_are_tried_on_intents_that_did_not_teach_them() -> None:
    examples = _examples(16, spread=0.1)

    met = intent_strangers.met(examples, mix=MIX, params=PARAMS, seed=1)

    assert len(met.strange) == len(examples.labels)  # each intent was left out once
    assert met.known.mean() > met.strange.mean()


def test_with_too_few_intents_nothing_is_tried() -> None:
    met = intent_strangers.met(_examples(7), mix=MIX, params=PARAMS, seed=1)

    assert len(met.known) == len(met.strange) == 0


def test_a_sign_that_tells_strangers_apart_outweighs_one_that_is_noise() -> None:
    rng = np.random.default_rng(5)
    noise = [rng.normal(size=400) for _ in range(2)]
    known, strange = (
        np.column_stack([rng.normal(size=400), noise[0]]),
        np.column_stack([rng.normal(-2, 1, 400), noise[1]]),
    )

    telling, other = intent_strangers._separating(known, strange)

    assert telling > 10 * other


def test_familiarity_is_the_weighted_sum_of_log_tail_shares_worked_by_hand() -> None:
    # of 3 quantiles one lies at or below 1.5: (1 + .5) / 4; of the other sign's three none: .5 / 4
    found = familiarity(np.asarray([[1.5, 0.0]]), tables=[[1, 2, 3], [1, 2, 3]], weights=[2.0, 0.5])

    assert found[0] == pytest.approx(2 * np.log(1.5 / 4) + 0.5 * np.log(0.5 / 4))
