"""How the intent model behaves towards people: what must not change its answer, what must, and when it keeps silent."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from centre.simulation.world import novel_intent, unseen_wordings

Asked = list[dict[str, str]]

FOREIGN = {
    "en": [
        "what is the capital of France", "recommend me a good pasta recipe", "who won the football last night",
        "will it rain tomorrow in Paris", "tell me a joke about elephants", "how tall is Mount Everest",
        "play some jazz music", "what year did the Titanic sink",
    ],
    "zh": [
        "今天天气怎么样", "推荐一部好看的电影", "长城有多长", "讲个笑话给我听", "周杰伦的新歌是什么", "红烧肉怎么做",
    ],
}  # fmt: skip


def _said(model: Any, asked: Asked, change: Callable[[str], str] = str) -> list[dict[str, Any]]:
    answers = model.answer([change(one["text"]) for one in asked], languages=[one["language"] for one in asked])
    return list(answers)


def _best(answers: list[dict[str, Any]]) -> list[str]:
    return [one["alternatives"][0]["intent"] for one in answers]


def _full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_wordings_that_it_never_saw_are_understood(model: Any, asked: Asked, language: str) -> None:
    mine = [one for one in asked if one["language"] == language]

    right = [said == one["label"] for said, one in zip(_best(_said(model, mine)), mine, strict=True)]

    assert np.mean(right) >= 0.85


@pytest.mark.parametrize("change", [str.upper, str.lower, _full_width, lambda text: f"  {text}\n\n"])
def test_case_width_and_spaces_change_nothing(model: Any, asked: Asked, change: Callable[[str], str]) -> None:
    before, after = _said(model, asked), _said(model, asked, change)

    assert _best(before) == _best(after)
    gaps = [abs(a["confidence"] - b["confidence"]) for a, b in zip(before, after, strict=True)]
    assert max(gaps) < 1e-5


def test_a_decomposed_accent_is_the_same_letter(model: Any) -> None:
    text = "I can't use the café's terminal, my card is lost"

    one, other = (model.answer([unicodedata.normalize(f, text)], languages=["en"])[0] for f in ("NFC", "NFD"))

    assert one == other


@pytest.mark.parametrize("tail", [" please", "!!!", " 🙏", "，谢谢"])
def test_politeness_and_punctuation_hardly_ever_change_an_answer(model: Any, asked: Asked, tail: str) -> None:
    before, after = _best(_said(model, asked)), _best(_said(model, asked, lambda text: text + tail))

    assert np.mean([a == b for a, b in zip(before, after, strict=True)]) >= 0.95


@pytest.mark.parametrize(
    ("language", "plain", "more", "intent"),
    [
        ("en", "I have a question", "I have a question, I forgot my password", "password_reset"),
        ("en", "hello", "hello, I have lost my card", "card_lost"),
        ("en", "can you help me", "can you help me, the app keeps crashing", "app_crash"),
        ("zh", "你好，我想问一下", "你好，我想问一下，我的密码忘了", "password_reset"),
        ("zh", "请帮帮我", "请帮帮我，我的卡丢了", "card_lost"),
    ],
)
def test_a_telling_word_makes_its_intent_likelier(
    model: Any, language: str, plain: str, more: str, intent: str
) -> None:
    place = model.labels.index(intent)

    before, after = model.shares([plain, more], languages=[language] * 2)[:, place]

    assert after > before + 0.1


def test_what_somebody_says_last_in_correction_moves_the_answer(model: Any) -> None:
    place = model.labels.index("password_reset")
    texts = ["I have lost my card", "no, not my card, I forgot my password and need to reset it"]

    before, after = model.shares(texts, languages=["en"] * 2)[:, place]

    assert after > before + 0.3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_no_intent_covers_is_mostly_refused(model: Any, asked: Asked, language: str) -> None:
    foreign = model.answer(FOREIGN[language], languages=[language] * len(FOREIGN[language]))
    known = _said(model, [one for one in asked if one["language"] == language])

    pairs = [a["confidence"] < b["confidence"] for a in foreign for b in known]

    assert np.mean(pairs) >= 0.9  # the area under the curve of confidence
    assert np.mean([one["abstained"] for one in foreign]) >= 0.5


def test_an_intent_that_nobody_taught_is_refused_more_often_than_known_ones(model: Any, asked: Asked) -> None:
    texts = unseen_wordings(novel_intent().id, language="en", count=30, seed=1)

    foreign = model.answer(texts, languages=["en"] * len(texts))
    known = _said(model, [one for one in asked if one["language"] == "en"])

    assert np.mean([one["abstained"] for one in foreign]) > np.mean([one["abstained"] for one in known]) + 0.2


def test_refusals_of_known_intents_stay_few_in_both_languages(model: Any, asked: Asked) -> None:
    for language in ("en", "zh"):
        answers = _said(model, [one for one in asked if one["language"] == language])
        assert np.mean([one["abstained"] for one in answers]) <= 0.35, language


def test_an_answer_that_is_given_is_more_often_right_than_one_that_is_refused(model: Any, asked: Asked) -> None:
    answers = _said(model, asked)
    right = np.asarray([said == one["label"] for said, one in zip(_best(answers), asked, strict=True)])
    given = np.asarray([not one["abstained"] for one in answers])

    assert right[given].mean() >= 0.9
    assert given.all() or right[given].mean() >= right[~given].mean()


def test_a_text_alone_and_among_others_has_the_same_answer(model: Any, asked: Asked) -> None:
    together = _said(model, asked)

    alone = [model.answer([one["text"]], languages=[one["language"]])[0] for one in asked[::9]]

    assert [one["intent"] for one in together[::9]] == [one["intent"] for one in alone]
    gaps = [abs(a["confidence"] - b["confidence"]) for a, b in zip(together[::9], alone, strict=True)]
    assert max(gaps) < 1e-5


def test_a_text_of_a_million_characters_is_answered_and_not_choked_on(model: Any) -> None:
    answer = model.answer(["I lost my card. " * 60_000], languages=["en"])[0]

    assert answer["alternatives"][0]["intent"] == "card_lost"
