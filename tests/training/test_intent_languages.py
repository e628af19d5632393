from __future__ import annotations

import numpy as np

from training import intent_languages
from training.intent_recipes import Asked, Said
from training.loaders.intent import Read


def _asked(*languages: str) -> Asked:
    """Rows that the first of two encoders reads well; the second sees nothing, nor do the n-grams."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, len(languages))
    heads = [3 * np.eye(4)[truth] + rng.normal(size=(len(truth), 4)), *(0.01 * rng.normal(size=(2, len(truth), 4)))]
    ids = [str(row) for row in range(len(truth))]
    said = Said(ids, truth, np.ones(len(truth)), languages, ids)
    none = np.zeros((len(truth), 0), dtype=np.float32)
    return Asked(None, Read((none, none), np.stack(heads, axis=1), np.zeros((len(truth), 4))), said)  # type: ignore[arg-type]


def test_one_language_lets_an_encoder_go_that_tells_it_nothing() -> None:
    found = intent_languages.HeldOut.everybody([_asked(*["en"] * 300)])

    assert found.mix[0] > 0
    assert found.mix[1] == 0


def test_of_several_languages_together_no_encoder_is_let_go_that_one_of_them_may_need() -> None:
    found = intent_languages.HeldOut.everybody([_asked(*["en", "zh"] * 150)])

    assert min(found.mix[:2]) > 0
