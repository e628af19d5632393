"""The text of a dialogue: the customer's words with what they refer to, whole turns, whole characters."""

from __future__ import annotations

import time
from typing import Any

import pytest

from features.dialogue import dialogue
from features.wording import clean, shortened

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
THUMB = "👍🏽"
HEART = "❤\ufe0f"
FLAG = "🇸🇬"
WALES = "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"
ACCENTED = "x\u0301\u0323"  # has no composed form


def turns(*said: str) -> list[dict[str, Any]]:
    """Turns written as "speaker: text"."""
    parted = [one.partition(": ") for one in said]
    return [{"speaker": speaker, "text": text} for speaker, _, text in parted]


def test_a_reply_is_read_as_the_option_that_it_chooses() -> None:
    told = turns("customer: I have a problem with my card", "bot: Is it 1. a lost card or 2. a declined payment?",
                 "customer: the second one")  # fmt: skip

    assert dialogue(told, max_chars=2000) == "I have a problem with my card\na declined payment"


def test_a_chinese_reply_is_read_as_the_option_that_it_chooses() -> None:
    told = turns("customer: 我的卡有问题", "agent: 请问是丢失还是刷卡被拒？", "customer: 后面那个")

    assert dialogue(told, max_chars=2000) == "我的卡有问题\n刷卡被拒"


def test_a_reply_refers_to_what_was_asked_since_the_customer_spoke_before() -> None:
    told = turns(
        "bot: Is it 1. a lost card or 2. a declined payment?", "customer: hello?", "bot: Hello!", "customer: 2"
    )

    assert dialogue(told, max_chars=2000) == "hello?\n2"


def test_a_question_in_several_turns_and_a_reply_in_several_turns_belong_together() -> None:
    told = turns("bot: Which one?", "bot: 1. a lost card", "bot: 2. a declined payment", "customer: hm", "customer: 2",
                 "customer: 1")  # fmt: skip

    assert dialogue(told, max_chars=2000) == "hm\na declined payment\n1"


def test_an_option_that_nobody_chose_is_not_in_the_text() -> None:
    told = turns("customer: hi", "bot: Is it a lost card?", "customer: no", "bot: Is it about a loan?", "customer: yes")

    assert dialogue(told, max_chars=2000) == "hi\nno\na loan"


def test_a_short_dialogue_is_whole() -> None:
    told = turns("customer: one", "customer: two", "customer: three")

    assert dialogue(told, max_chars=13) == "one\ntwo\nthree"


def test_a_long_dialogue_keeps_its_opening_and_its_latest_turns_whole() -> None:
    said = [f"turn {number} " + "x" * 20 for number in range(100)]
    text = dialogue(turns(*(f"customer: {one}" for one in said)), max_chars=300)

    kept = text.split("\n")
    assert len(text) <= 300
    assert kept[0] == said[0]
    assert kept[-1] == said[-1]
    assert set(kept) <= set(said)
    opening = next(place for place, one in enumerate(kept) if one != said[place])
    assert kept == said[:opening] + said[opening - len(kept) :]
    assert opening >= 4 <= len(kept) - opening


def test_what_was_chosen_last_stays_behind_a_long_tale() -> None:
    tale = [f"customer: {'it began like this ' * 10}{number}" for number in range(30)]
    told = turns(
        "customer: my card", *tale, "bot: Is it a lost card or a declined payment?", "customer: the second one"
    )

    text = dialogue(told, max_chars=500)

    assert text.startswith("my card\n")
    assert text.endswith("\na declined payment")
    assert len(text) <= 500


def test_a_single_turn_that_is_too_long_fills_the_room() -> None:
    assert dialogue(turns("customer: " + "a" * 5000), max_chars=2000) == "a" * 2000


def test_a_turn_that_is_too_long_leaves_room_for_the_latest() -> None:
    told = turns("customer: " + "a" * 5000, "bot: Is it about a loan?", "customer: yes")

    assert dialogue(told, max_chars=2000) == "a" * 999 + "\na loan"
    assert dialogue(turns("customer: " + "a" * 4000, "customer: " + "b" * 4000), max_chars=2000) == (
        "a" * 999 + "\n" + "b" * 999
    )


@pytest.mark.parametrize("whole", [FAMILY, THUMB, HEART, FLAG, WALES, ACCENTED, "각", "한", "é", "👍"])
@pytest.mark.parametrize("before", [0, 1])
def test_a_cut_never_parts_a_character(whole: str, before: int) -> None:
    said = "a" * before + whole * 50
    wholes = {clean("a" * before + whole * count) for count in range(51)}

    for limit in range(max(1, len(clean(whole))), 60):
        text = shortened(said, max_chars=limit)
        assert len(text) <= limit
        assert text in wholes
        assert dialogue(turns(f"customer: {said}"), max_chars=limit) == text


def test_a_cut_uses_the_room_that_there_is() -> None:
    assert shortened(FLAG * 50 + "卡" * 50, max_chars=9) == "卡" * 9
    assert shortened("卡" * 50, max_chars=9) == "卡" * 9
    assert shortened("a  \n b" * 50, max_chars=6) == "a ba b"
    assert shortened("ﷺ" * 50, max_chars=40) == clean("ﷺ" * 2)


def test_a_character_that_is_longer_than_all_the_room_is_cut() -> None:
    assert shortened("x" + "\u0301" * 100, max_chars=10) == "x" + "\u0301" * 9


def test_half_a_character_from_elsewhere_harms_nothing() -> None:
    halves = "card " + "\ud83d\ude00" * 10 + "\ud83d"

    assert {shortened(halves, max_chars=limit) for limit in range(4, 30)} == {"card"}


def test_reading_a_dialogue_takes_no_time() -> None:
    told = turns("customer: I have a problem with my card", "bot: Is it 1. a lost card or 2. a declined payment?",
                 "customer: yes, the second one")  # fmt: skip
    dialogue(told, max_chars=2000)

    began = time.perf_counter()
    for _ in range(200):
        dialogue(told, max_chars=2000)

    assert (time.perf_counter() - began) / 200 < 0.002  # a tenth of this where nothing else runs
