from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features import text as texts
from features.encoders import OnnxEncoder
from training import intent_tuning
from training.intent_tuning import Lesson, paired, words_of
from training.params import TuningParams

PARAMS = TuningParams(batch_intents=3)


def _lesson(intents: int = 6, each: int = 4) -> tuple[Lesson, np.ndarray]:
    labels = np.repeat(np.arange(intents), each)
    angles = labels * 0.3 + 0.01 * np.arange(len(labels)) % 0.05
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    return Lesson(
        [f"text {i} of {k}" for i, k in enumerate(labels)], labels, [f"name {k}" for k in range(intents)]
    ), vectors


def test_no_intent_is_twice_in_a_batch() -> None:
    lesson, vectors = _lesson()

    batches = paired(lesson, vectors=vectors, params=PARAMS, seed=1)

    assert all(len({pair[0].split()[-1] for pair in batch}) == len(batch) == 3 for batch in batches)


def test_partners_are_of_one_intent_and_never_the_same_text() -> None:
    lesson, vectors = _lesson()

    pairs = [pair for batch in paired(lesson, vectors=vectors, params=PARAMS, seed=1) for pair in batch]

    assert all(one != other and one.split()[-1] == other.split()[-1] for one, other in pairs)
    assert any(other.startswith("name") for _, other in pairs)


def test_an_intent_of_one_example_is_paired_with_its_name() -> None:
    lesson = Lesson(["hello", "a b", "a c"], np.asarray([0, 1, 1]), ["greeting", "other"])

    pairs = {pair for batch in paired(lesson, vectors=np.eye(3), params=PARAMS, seed=1) for pair in batch}

    assert [pair for pair in pairs if "hello" in pair] == [("hello", "greeting")]


def test_each_text_is_seen_as_often_as_asked() -> None:
    lesson, vectors = _lesson()

    batches = paired(lesson, vectors=vectors, params=replace(PARAMS, passes=10.0), seed=1)

    assert 2 * sum(map(len, batches)) == pytest.approx(10 * len(lesson.texts), rel=0.05)


def test_intents_that_are_alike_meet_more_often_than_others() -> None:
    lesson, vectors = _lesson()

    batches = paired(lesson, vectors=vectors, params=replace(PARAMS, passes=100.0), seed=1)

    met = Counter(
        pair for batch in batches for pair in {(a[0].split()[-1], b[0].split()[-1]) for a in batch for b in batch}
    )
    assert met[("2", "3")] > 3 * met[("0", "5")]


def test_the_seed_decides_the_pairs() -> None:
    lesson, vectors = _lesson()

    assert paired(lesson, vectors=vectors, params=PARAMS, seed=1) == paired(
        lesson, vectors=vectors, params=PARAMS, seed=1
    )
    assert paired(lesson, vectors=vectors, params=PARAMS, seed=1) != paired(
        lesson, vectors=vectors, params=PARAMS, seed=2
    )


def test_a_label_is_read_as_words() -> None:
    assert words_of("Refund_not-showing__up") == "refund not showing up"


@pytest.mark.slow
def test_tuning_draws_an_intents_texts_together_and_repeats_byte_for_byte(tmp_path: Path) -> None:
    said = {
        "card_lost": ["my card is gone", "I lost my card", "the wallet with my card was stolen"],
        "card_late": ["my card has not come", "where is the card I ordered", "still waiting for my card"],
    }
    lesson = Lesson(
        [one for texts_ in said.values() for one in texts_], np.repeat([0, 1], 3), ["card lost", "card late"]
    )
    before = texts.open_encoder(threads=2, cache=tmp_path / "cache").encode(lesson.texts)

    def tuned(name: str, share: float = 1.0) -> OnnxEncoder:
        params = TuningParams(passes=40.0, tuned_share=share)
        folder = intent_tuning.tune(
            texts.DEFAULT_ENCODER, lesson, vectors=before, params=params, seed=3, threads=2, to=tmp_path / name
        )
        return OnnxEncoder(folder, threads=2)

    one, again, halfway = tuned("one"), tuned("again"), tuned("halfway", share=0.5)
    after, between = one.encode(lesson.texts), halfway.encode(lesson.texts)

    def gap(vectors: np.ndarray) -> float:
        cosines = vectors @ vectors.T
        return float(cosines[:3, :3].mean() - cosines[:3, 3:].mean())

    assert gap(after) > gap(before) + 0.1
    assert gap(before) < gap(between) < gap(after)
    assert one.digest == again.digest


@pytest.mark.slow
def test_the_encoder_for_all_languages_is_tuned_too_and_its_words_stay(tmp_path: Path) -> None:
    lesson = Lesson(
        ["my card is gone", "我的卡丢了", "my card has not come", "我的卡还没到"], np.repeat([0, 1], 2),
        ["card lost", "card late"],
    )  # fmt: skip
    base = texts.open_encoder(texts.MULTILINGUAL, threads=2, cache=tmp_path / "cache")
    before = base.encode(lesson.texts)

    folder = intent_tuning.tune(
        texts.MULTILINGUAL, lesson, vectors=before, params=TuningParams(passes=20.0, learning_rate=3e-4), seed=3,
        threads=2, to=tmp_path / "tuned",
    )  # fmt: skip
    tuned = OnnxEncoder(folder, threads=2)
    after = tuned.encode(lesson.texts)

    assert (after[:2] @ after[2:].T).max() < (before[:2] @ before[2:].T).max() - 0.1
    assert float(after[0] @ after[1]) > float(before[0] @ before[1])
    assert tuned.name == texts.MULTILINGUAL and tuned.digest != base.digest
