"""Variations of a text: seeded, valid, each doing what its name says and nothing where there is nothing to do."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.intent_wordings import KINDS, varied

EN, ZH = (
    "I cannot reset the password of my account, it is 25 days",
    "我的银行卡密码忘了，怎么重置？已经3天没有收到验证码",
)


def _vary(kind: str, text: str = EN, language: str = "en", seed: int = 1) -> str:
    made = varied(text, kind=kind, language=language, seed=seed)
    assert made is not None
    return made


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(("language", "text"), [("en", EN), ("zh", ZH)])
def test_the_same_seed_gives_the_same_valid_text_and_it_differs_from_the_original(
    kind: str, language: str, text: str
) -> None:
    made = [varied(text, kind=kind, language=language, seed=3) for _ in range(2)]

    assert made[0] == made[1]
    if language in KINDS[kind].languages:
        assert made[0] is not None
        assert made[0] != text
        assert made[0].encode("utf-8").decode("utf-8") == made[0]
        assert not [c for c in made[0] if unicodedata.category(c) in ("Cc", "Cs", "Cn", "Co")]


@given(text=st.text(max_size=60), kind=st.sampled_from(sorted(KINDS)), language=st.sampled_from(["en", "zh", "other"]))
def test_no_text_is_too_strange_to_vary(text: str, kind: str, language: str) -> None:
    made = varied(text, kind=kind, language=language, seed=1)

    assert made is None or (made != text and made.strip())


def test_another_seed_makes_other_slips() -> None:
    assert len({_vary("typos", seed=seed) for seed in range(8)}) > 4


def test_typos_leave_the_number_of_words_and_most_letters_as_they_were() -> None:
    made = _vary("typos")

    assert len(made.split()) == len(EN.split())
    assert 1 <= sum(a != b for a, b in zip(made.split(), EN.split(), strict=True)) <= 3


def test_a_chinese_typo_is_another_character_of_the_same_sound() -> None:
    made = _vary("typos", "密", "zh")

    assert made == "蜜"


def test_recognised_speech_has_no_capitals_no_punctuation_and_numbers_in_words() -> None:
    english, chinese = _vary("speech recognition"), _vary("speech recognition", ZH, "zh")

    assert english == english.lower()
    assert not set("25,.?") & set(english)
    assert english.split()[-1] == "days" and "five" in english
    assert not set("3，？") & set(chinese)
    assert "三" in chinese


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "I want to know why it is slow", "I wanna know why it's slow"),
        ("en", "I am going to close your shop", "i'm gonna close yer shop"),
        ("zh", "怎么办", "咋办"),
        ("zh", "这是什么", "这是啥"),
    ],
)
def test_colloquial_wordings_are_those_of_the_street(language: str, text: str, said: str) -> None:
    assert _vary("colloquial", text, language) == said


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "I forgot my password", "I forgot my 密码"),
        ("zh", "我要退款", "我要refund"),
        ("zh", "银行卡", "bank card"),
        ("en", "discarded", None),
    ],
)
def test_one_whole_word_is_said_in_the_other_language(language: str, text: str, said: str | None) -> None:
    assert varied(text, kind="mixed languages", language=language, seed=1) == said


def test_simplified_and_traditional_characters_stand_for_each_other() -> None:
    assert _vary("other script", "账户余额", "zh") == "賬戶餘額"
    assert _vary("other script", "賬戶餘額", "zh") == "账户余额"
    assert varied("你好", kind="other script", language="zh", seed=1) is None


def test_full_width_characters_fold_back_to_the_same_text() -> None:
    made = _vary("full width")

    assert not any(c.isascii() for c in made)
    assert unicodedata.normalize("NFKC", made) == EN


def test_emoji_and_politeness_keep_the_text_whole() -> None:
    assert _vary("emoji").startswith(EN + " ")
    assert all(EN in _vary("politeness", seed=seed) for seed in range(6))
    assert ZH in _vary("politeness", ZH, "zh")
