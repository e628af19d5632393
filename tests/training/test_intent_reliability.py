from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training import calibration, intent_reliability
from training.intent_figures import Answered, Answers


def _answered(rows: list[tuple[str, str, float, bool]]) -> Answered:
    """Judged rows: language, channel, confidence, whether the best guess is right."""
    languages, channels, confidence, right = zip(*rows, strict=True)
    said = Answers(
        ["a" if one else "b" for one in right], np.asarray(confidence), np.zeros(len(rows), dtype=bool)
    )  # fmt: skip
    other = Answers(["a"] * len(rows), np.ones(len(rows)), np.zeros(len(rows), dtype=bool))
    by: dict[str, Any] = {"language": languages, "channel": channels, "intent": ["a"] * len(rows)}
    return Answered(["a"] * len(rows), np.ones(len(rows)), by, frozenset("ab"), said, other, other, None)


def _rows(language: str, channel: str, *, count: int, said: float, right: float) -> list[Any]:
    return [(language, channel, said, place < right * count) for place in range(count)]


def test_each_language_and_channel_with_rows_enough_has_its_own_plot_and_figures() -> None:
    rows = _rows("en", "voice", count=200, said=0.9, right=0.6) + _rows("en", "chat", count=100, said=0.8, right=0.8)
    got = intent_reliability.figures(_answered(rows + _rows("zh", "chat", count=99, said=0.5, right=0.5)), seed=1)

    assert [one.title for one in got.charts[1:]] == [
        "Confidence and truth: en, chat", "Confidence and truth: en, voice"
    ]  # fmt: skip
    assert [one.name for one in got.metrics] == ["ece_excess_en_chat", "ece_excess_en_voice"]
    assert [row[:3] for row in got.charts[0].data["rows"]] == [["en", "chat", "100"], ["en", "voice", "200"]]


def test_a_channel_that_is_too_sure_shows_and_one_that_is_truthful_does_not() -> None:
    rng = np.random.default_rng(3)
    mixed = [("en", "chat", 0.8, bool(one)) for one in rng.random(400) < 0.8]
    got = intent_reliability.figures(
        _answered(mixed + _rows("en", "voice", count=400, said=0.9, right=0.6)), seed=1
    )  # fmt: skip

    chat, voice = got.metrics
    assert chat.low is not None and voice.low is not None
    assert chat.low < 0
    assert voice.low > 0.1


def test_few_rows_make_few_bins() -> None:
    got = intent_reliability.figures(_answered(_rows("en", "chat", count=100, said=0.8, right=0.8)), seed=1)

    assert [one["rows"] for one in got.charts[1].data["bins"]] == [20] * 5


def test_the_error_is_that_of_all_bins_whatever_the_plot_shows() -> None:
    (part,) = intent_reliability.parts(_answered(_rows("en", "chat", count=120, said=0.7, right=0.5)))

    assert part.error == pytest.approx(calibration.calibration_error(part.confidence, part.hits))


def test_without_rows_enough_anywhere_nothing_is_shown() -> None:
    got = intent_reliability.figures(_answered(_rows("en", "chat", count=50, said=0.8, right=0.8)), seed=1)

    assert not got.charts
    assert not got.metrics
