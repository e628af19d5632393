"""Vague customers: what the bot asks and what they reply, in both languages, on both sides of the cut."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from centre.simulation import clarifying, parameters, wording
from features.dialogue import dialogue
from features.wording import clean

INTENTS = {intent.id: intent for intent in parameters.load().intents}
QUIET = wording.Noise({"voice": 0.0, "chat": 0.0, "email": 0.0}, 0.0)
BY_PLACE = clarifying.Manner(confirming=0.0, confirms_right=0.0, ordinal=0.5, number=0.5)
BY_YES = clarifying.Manner(confirming=1.0, confirms_right=1.0, ordinal=0.0, number=0.0)
BY_NO = clarifying.Manner(confirming=1.0, confirms_right=0.0, ordinal=0.0, number=0.0)
IN_OWN_WORDS = clarifying.Manner(confirming=0.0, confirms_right=0.0, ordinal=0.0, number=0.0)


def spoken(intent: str, *, language: str, late: bool, manner: clarifying.Manner, seed: int = 1) -> list[dict[str, Any]]:
    told = INTENTS[intent]
    dice = wording.dice(np.random.default_rng(seed))
    said = clarifying.dialogue(
        told, near=told.near, language=language, late=late, dice=dice, manner=manner, noise=QUIET
    )
    return [{"speaker": speaker, "text": text} for speaker, text in said]


def texts(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [text for value in part.values() for text in texts(value)]
    return list(part)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_intent_and_topic_has_words_on_both_sides_of_the_cut_and_none_on_both(language: str) -> None:
    early, late = (clarifying.sheet(language, late=side) for side in (False, True))

    for sheet in (early, late):
        assert set(sheet.options) == set(INTENTS)
        assert set(sheet.vague) == {intent.group for intent in INTENTS.values()}
        assert all(len(found) >= 2 for found in [*sheet.options.values(), *sheet.vague.values()])
    for name in clarifying.Sheet.__slots__:
        assert not set(texts(getattr(early, name))) & set(texts(getattr(late, name))), name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_option_belongs_to_two_intents(language: str) -> None:
    counts = Counter(text for side in (False, True) for text in texts(clarifying.sheet(language, late=side).options))

    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("manner", [BY_PLACE, BY_YES])
def test_whatever_form_the_question_has_the_reply_is_read_as_the_option_that_was_meant(
    language: str, late: bool, manner: clarifying.Manner
) -> None:
    options = clarifying.sheet(language, late=late).options
    for intent in INTENTS:
        for seed in range(25):
            turns = spoken(intent, language=language, late=late, manner=manner, seed=seed)
            opened, meant = dialogue(turns, max_chars=2000).split("\n")
            assert opened == clean(turns[0]["text"])
            assert meant in map(clean, options[intent]), turns


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("manner", [BY_NO, IN_OWN_WORDS])
def test_who_denies_or_answers_in_own_words_is_heard_in_them(language: str, manner: clarifying.Manner) -> None:
    for intent in INTENTS:
        for seed in range(10):
            turns = spoken(intent, language=language, late=False, manner=manner, seed=seed)
            own = [clean(turn["text"]) for turn in turns if turn["speaker"] == "customer"]
            assert dialogue(turns, max_chars=2000).split("\n") == own, turns


def test_the_same_seed_asks_the_same() -> None:
    def once(seed: int) -> list[dict[str, Any]]:
        return spoken("card_lost", language="en", late=False, manner=BY_PLACE, seed=seed)

    assert once(3) == once(3)
    assert len({str(once(seed)) for seed in range(20)}) > 10
