"""Accuracy with and without the turns before: counted on dialogues in which a customer answers somebody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.dialogue import dialogue
from tests.training import learned
from training import intent, intent_context

ASKED = "Is it 1. a lost card or 2. a declined payment?"


class Keyword:
    """Guesses the first label whose name is in the text, else `other`; counts what it was asked."""

    max_chars = 2000

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, texts: Sequence[str], *, languages: Sequence[str]) -> list[dict[str, Any]]:
        self.asked.extend(texts)
        guesses = [next((one for one in ("lost", "declined") if one in text), "other") for text in texts]
        return [{"alternatives": [{"intent": guess}]} for guess in guesses]


def row(label: str, *said: tuple[str, str], part: str = "judge", weight: float = 1.0) -> dict[str, Any]:
    turns = [{"speaker": speaker, "text": text} for speaker, text in said]
    return {
        "text": dialogue(turns, max_chars=2000), "turns": json.dumps(turns), "language": "en", "label": label,
        "weight": weight, "part": part,
    }  # fmt: skip


def chosen(label: str, reply: str, **told: Any) -> dict[str, Any]:
    return row(label, ("customer", "my card"), ("bot", ASKED), ("customer", reply), **told)


ROWS = [
    chosen("declined", "the second one"),
    chosen("lost", "1"),
    chosen("declined", "it was declined"),
    chosen("lost", "no idea"),
    row("lost", ("customer", "I lost it"), ("agent", "I see."), ("customer", "quickly please")),
    row("declined", ("bot", "Hello!"), ("customer", "declined")),
    row("lost", ("customer", "lost"), ("bot", "Thanks.")),
    row("lost", ("customer", "lost"), ("bot", "Thanks."), ("customer", " ")),
    row("lost", ("customer", "lost"), ("customer", "at sea")),
    chosen("declined", "2", part="train"),
]


def measured(rows: list[dict[str, Any]]) -> tuple[dict[str, float | None], Any]:
    found = intent_context.figures(pa.Table.from_pylist(rows), candidate=Keyword(), seed=1)
    return {metric.name: metric.value for metric in found.metrics}, found


def test_accuracy_with_and_without_context_is_that_of_counting() -> None:
    values, found = measured(ROWS)

    # Answering somebody: the first six. With context all but "no idea"; the last turn alone tells two of them.
    # "the second one" and "1" refer: both are right, and as typed neither is.
    assert values == {
        "accuracy_with_context": pytest.approx(5 / 6),
        "accuracy_without_context": pytest.approx(2 / 6),
        "accuracy_of_references": 1.0,
        "accuracy_of_references_as_typed": 0.0,
    }
    assert [metric.rows for metric in found.metrics] == [6, 6, 2, 2]
    assert found.limits == (
        "context: a customer answers a bot or an agent in 6 judged dialogues; in 2 of them a reply was read as what it "
        "refers to",
    )


def test_the_gain_by_context_is_compared_on_the_same_dialogues() -> None:
    _, found = measured(ROWS)

    told = {(one.metric, one.against): (one.candidate, one.other, one.rows) for one in found.comparisons}
    assert told == {
        ("accuracy_with_context", "accuracy_without_context"): (pytest.approx(5 / 6), pytest.approx(2 / 6), 6),
        ("accuracy_of_references", "accuracy_of_references_as_typed"): (1.0, 0.0, 2),
    }


def test_dialogues_in_which_nobody_refers_to_anything_have_no_figure_of_references() -> None:
    values, found = measured(ROWS[2:6])

    assert (values["accuracy_with_context"], values["accuracy_of_references"]) == (pytest.approx(3 / 4), None)
    assert len(found.comparisons) == 1


def test_a_label_of_more_weight_counts_for_more() -> None:
    values, _ = measured([chosen("declined", "the second one", weight=3.0), chosen("lost", "no idea", weight=1.0)])

    assert values["accuracy_with_context"] == pytest.approx(3 / 4)


@pytest.mark.parametrize("rows", [ROWS[6:], [{k: v for k, v in one.items() if k != "turns"} for one in ROWS],
                                  [{**one, "turns": None} for one in ROWS]])  # fmt: skip
def test_without_such_dialogues_the_report_says_so_and_has_no_figure(rows: list[dict[str, Any]]) -> None:
    values, found = measured(rows)

    assert set(values.values()) == {None}
    assert found.comparisons == ()
    assert found.limits == (intent_context.NONE,)


@pytest.mark.parametrize("context", [False, True])
def test_the_intent_report_shows_it(context: bool, tmp_path: Path) -> None:
    data = learned.write_intents(tmp_path / "d", rows=30, zh=False)
    rows = pq.read_table(data / "examples.parquet").to_pylist()
    if context:
        for one in rows:
            asked = f"Is it about {one['text']} or anything else?"
            one["turns"] = json.dumps([{"speaker": "bot", "text": asked}, {"speaker": "customer", "text": "the first"}])
        pq.write_table(pa.Table.from_pylist(rows), data / "examples.parquet")
    params = learned.params()
    intent.fit(data, params=params.intent, seed=7, threads=1, to=tmp_path / "m", encoder_cache=None)

    report = intent.judge(data, candidate=tmp_path / "m", champion=None, params=params, seed=7, threads=1)

    values = {metric.name: metric.value for metric in report.metrics}
    told = [one for one in report.limits if one.startswith("context: ")]
    if context:
        assert values["accuracy_with_context"] == pytest.approx(values["accuracy"])
        assert (values["accuracy_without_context"] or 0) < 0.5
        assert told == ["context: a customer answers a bot or an agent in 24 judged dialogues; in 24 of them a reply "
                        "was read as what it refers to"]  # fmt: skip
    else:
        assert (values["accuracy_with_context"], told) == (None, [intent_context.NONE])
