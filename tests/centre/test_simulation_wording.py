from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from centre.simulation import noise, parameters, wording, world
from data_contracts.errors import NotFound

INTENTS = [intent.id for intent in parameters.load().intents]
QUIET = wording.Noise({"voice": 0.0, "chat": 0.0, "email": 0.0}, 0.0)


def said(bank: wording.Bank, templates: list[list[wording.Piece]]) -> set[str]:
    return {
        "".join(f"{literal}{{{slot}}}" if slot else literal for literal, slot in template) for template in templates
    }


@pytest.mark.parametrize(("language", "fewest"), [("en", 16), ("zh", 12)])
def test_every_intent_has_wordings_on_both_sides_of_the_cut_and_none_on_both(language: str, fewest: int) -> None:
    bank = wording.bank(language)

    for intent in [*INTENTS, world.novel_intent().id]:
        early, late = (said(bank, bank.templates(intent, late=side)) for side in (False, True))
        assert len(early | late) >= fewest
        assert len(late) >= 5
        assert not early & late


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_wording_belongs_to_two_intents(language: str) -> None:
    bank = wording.bank(language)

    counts: Counter[str] = Counter()
    for intent in INTENTS:
        counts.update(said(bank, bank.templates(intent, late=False)) | said(bank, bank.templates(intent, late=True)))

    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_novel_intent_has_120_unseen_wordings_apart_from_those_for_corrections(language: str) -> None:
    novel = world.novel_intent().id

    unseen = world.unseen_wordings(novel, language=language, count=120, seed=1)
    seen = world.wordings(novel, language=language, count=120, seed=1)

    assert len(set(unseen)) == len(set(seen)) == 120
    assert not set(unseen) & set(seen)
    assert unseen == world.unseen_wordings(novel, language=language, count=120, seed=1)
    assert unseen != world.unseen_wordings(novel, language=language, count=120, seed=2)


def test_no_simulated_customer_asks_for_the_novel_intent() -> None:
    assert world.novel_intent().id not in INTENTS


def test_wordings_of_an_intent_that_nobody_wrote_are_refused() -> None:
    with pytest.raises(NotFound, match="no wordings of this intent"):
        world.wordings("juggling", language="en", count=1, seed=1)


def test_more_wordings_than_the_bank_holds_are_refused_with_the_number_found() -> None:
    with pytest.raises(NotFound, match="not as many wordings"):
        world.wordings("card_lost", language="zh", count=1_000_000, seed=1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_recognised_speech_has_no_punctuation(language: str) -> None:
    roll = wording.dice(np.random.default_rng(1))

    for intent in INTENTS:
        text = wording.opening(intent, language=language, channel="voice", late=False, dice=roll, noise=QUIET)
        assert text.strip()
        assert not set(text) & set(".,!?，。！？")


def test_a_slip_changes_at_most_two_places_of_a_text() -> None:
    roll = wording.dice(np.random.default_rng(1))
    texts = ["please block my debit card today"] * 300

    slipped = [noise.slipped(text, dice=roll) for text in texts]

    assert len(set(slipped)) > 50
    assert all(abs(len(text) - len(texts[0])) <= 2 for text in slipped)


def test_chinese_wordings_hold_chinese_and_english_ones_do_not() -> None:
    for intent in INTENTS:
        chinese = world.wordings(intent, language="zh", count=30, seed=3)
        assert all(any("一" <= sign <= "鿿" for sign in text) for text in chinese)
        assert not any(
            "一" <= sign <= "鿿" for text in world.wordings(intent, language="en", count=30, seed=3) for sign in text
        )
