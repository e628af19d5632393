from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from training import intent_explained
from training.intent_figures import Answered, Answers


class _Explaining:
    """A model whose every word carries as much as it has letters, and that knows one training row."""

    threads = 2

    def explain(self, text: str, *, language: str) -> dict[str, Any]:
        words = [{"word": word, "weight": float(len(word))} for word in text.split()]
        return {"words": words, "nearest": [{"example_id": "t-1", "intent": "loan", "likeness": 0.91}]}


def _judged(rows: list[tuple[str, str, str, float]], taught: list[str] | None = None) -> tuple[pa.Table, Answered]:
    """Rows of text, true intent, said intent and confidence; and texts that taught."""
    texts, truth, guess, sure = zip(*rows, strict=True)
    none = np.zeros(len(rows), dtype=bool)
    said = Answers(guess, np.asarray(sure), none)
    by: dict[str, Any] = {"language": ["en"] * len(rows), "channel": ["chat"] * len(rows), "intent": truth}
    table = pa.table({
        "example_id": [f"c-{n}" for n in range(len(rows) + len(taught or []))],
        "text": [*texts, *(taught or [])],
        "part": ["judge"] * len(rows) + ["train"] * len(taught or []),
    })  # fmt: skip
    return table, Answered(truth, np.ones(len(rows)), by, frozenset(truth), said, said, said, None)


def _tables(rows: list[tuple[str, str, str, float]], taught: list[str] | None = None) -> tuple[Any, Any]:
    table, answered = _judged(rows, taught)
    words, pairs = intent_explained.figures(table, answered, model=_Explaining()).charts
    return words.data["rows"], pairs.data["rows"]


def test_the_words_of_an_intent_are_those_that_carried_its_right_answers_on_average() -> None:
    words, _ = _tables([
        ("my card", "card", "card", 0.9), ("card card please", "card", "card", 0.9),
        ("please my loan", "loan", "card", 0.9),
    ], ["my please"])  # fmt: skip

    # card: 4 in one text, 8 in the other; please: 6 in one of two; my: 2 in one of two
    assert words == [["card", "en", "2", "please 3.00, my 1.00"]]


@pytest.mark.parametrize(("count", "shown"), [(2, "–"), (3, "card 4.00")])
def test_a_word_that_few_texts_hold_is_not_shown(count: int, shown: str) -> None:
    texts = [f"card {n}" for n in range(count)]

    words, _ = _tables([(text, "card", "card", 0.9) for text in texts])

    assert words[0][3] == shown


def test_digits_and_texts_never_stand_in_a_report() -> None:
    rows = [(f"call 555123 about loan no{n}", "loan", "card", 0.9) for n in range(5)]

    told = str(_tables(rows, ["call 555123", "about 555123"]))

    assert "555123" not in told
    assert "call 555" not in told


def test_the_surest_errors_of_a_pair_are_told_by_reference_with_what_lies_near() -> None:
    rows = [("a card", "loan", "card", sure) for sure in (0.4, 0.9, 0.7)]

    _, pairs = _tables([*rows, ("a loan", "card", "loan", 0.99)])

    assert [row[:4] for row in pairs] == [
        ["loan", "card", "0.90", "c-1"], ["loan", "card", "0.70", "c-2"], ["card", "loan", "0.99", "c-3"],
    ]  # fmt: skip
    assert pairs[0][4] == "t-1: loan 0.91"


def test_a_model_without_errors_has_no_confused_pairs() -> None:
    assert _tables([("a card", "card", "card", 0.9)])[1] == []


def test_with_many_intents_few_texts_of_each_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intent_explained, "MOST_ROWS", 6)
    rows = [(f"word {n}", f"intent {n % 5}", f"intent {n % 5}", 0.9) for n in range(40)]

    words, _ = _tables(rows)

    assert [row[2] for row in words] == ["1"] * 5
