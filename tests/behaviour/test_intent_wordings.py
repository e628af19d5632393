"""The intent model holds to its answers when the same matter is mistyped, misheard, or said as others would say it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.intent_wordings import KINDS, varied

Asked = list[dict[str, str]]
# Of answers, the least share that stays the same. What is folded before anything reads it changes none.
KEPT = {
    "typos": 0.85, "speech recognition": 0.85, "mixed languages": 0.85, "colloquial": 0.9, "politeness": 0.9,
    "other script": 0.97, "full width": 1.0, "emoji": 1.0,
}  # fmt: skip


def _best(model: Any, texts: list[str], language: str) -> list[str]:
    return [one["alternatives"][0]["intent"] for one in model.answer(texts, languages=[language] * len(texts))]


@pytest.mark.parametrize(
    ("kind", "language"), [(kind, language) for kind in KINDS for language in KINDS[kind].languages]
)
def test_an_answer_holds_when_the_words_vary(model: Any, asked: Asked, kind: str, language: str) -> None:
    texts = [one["text"] for one in asked if one["language"] == language]
    pairs = [(text, made) for text in texts if (made := varied(text, kind=kind, language=language, seed=3))]

    before, after = (_best(model, [pair[place] for pair in pairs], language) for place in (0, 1))

    assert len(pairs) >= 10
    assert np.mean([a == b for a, b in zip(before, after, strict=True)]) >= KEPT[kind], pairs


@pytest.mark.parametrize(
    ("simplified", "traditional"), [("我的银行卡丢了", "我的銀行卡丟了"), ("帮我重置登录密码", "幫我重置登錄密碼")]
)
def test_simplified_and_traditional_chinese_are_one_language(model: Any, simplified: str, traditional: str) -> None:
    one, other = model.answer([simplified, traditional], languages=["zh", "zh"])

    assert one == other


def test_a_message_of_emoji_alone_says_nothing(model: Any) -> None:
    answer = model.answer(["🙏🏽😡"], languages=["en"])[0]

    assert answer["abstained"]
    assert answer["reason"] == "there is no text"
