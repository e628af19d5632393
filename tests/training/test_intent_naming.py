"""A group is called by the words that stand out in it."""

from __future__ import annotations

from training import intent_naming

COINS = [
    "I want a refund of my crypto",
    "crypto refund please",
    "can my crypto get refunded, a refund",
    "refund crypto",
]
CARDS = ["I want a new card", "my card was lost", "can my card be blocked", "please block my card", "a card"] * 3
ZH = ["我的加密货币怎么退款", "请问加密货币能退款吗", "加密货币退款多久到账", "加密货币什么时候退款"]


def test_it_is_named_by_what_is_said_in_it_and_not_elsewhere() -> None:
    assert set(intent_naming.name(COINS, CARDS).split()) == {"crypto", "refund"}


def test_what_everybody_says_is_no_name() -> None:
    assert "want" not in intent_naming.name(COINS, CARDS)


def test_chinese_is_named_in_whole_words() -> None:
    name = intent_naming.name(ZH, ["我的银行卡丢了", "怎么挂失银行卡", "忘记密码怎么办"])

    assert name.split() == ["加密货币", "退款"]


def test_a_single_customers_words_are_no_name() -> None:
    said = [*COINS, "crypto refund for Bartholomew, Bartholomew, Bartholomew"]

    assert "bartholomew" not in intent_naming.name(said, CARDS)


def test_numbers_are_no_name() -> None:
    assert "4711" not in intent_naming.name([f"{text} 4711" for text in COINS], CARDS)


def test_texts_without_a_word_in_common_have_no_name() -> None:
    assert intent_naming.name(["alpha", "beta", "gamma"], CARDS) == ""
