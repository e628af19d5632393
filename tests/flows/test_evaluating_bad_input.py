"""Any file may come: each ends with a right result, with what was left out counted and said, or with a clear word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_contracts.errors import InputError, NotEnoughData
from flows import evaluating
from flows.cli.app import run
from tests.training.learned import TOPICS

QUICK = (
    "intent.encoder=hash-64", "intent.multilingual=", "intent.ngram_buckets=512", "intent.strengths=[10]",
    "intent.ngram_strengths=[10]", "intent.folds=2",
)  # fmt: skip
KEYS = {
    "accuracy", "macro_f1", "ece", "ece_expected", "recipe", "oos", "deployed", "train_s", "text_ms", "artefact_mb",
}  # fmt: skip


def _rows(count: int = 40) -> list[tuple[str, str]]:
    """Texts that say their intent's words, the intents in turn."""
    labels = list(TOPICS)
    return [(" ".join(TOPICS[labels[i % 4]][:4]) + f" {i}", labels[i % 4]) for i in range(count)]


def _csv(path: Path, rows: list[tuple[str, str]], *, header: str = "text,label", end: str = "\n") -> Path:
    path.write_bytes((header + end + "".join(f"{text},{label}{end}" for text, label in rows)).encode())
    return path


def _evaluated(folder: Path, *, train: list[tuple[str, str]], test: list[tuple[str, str]] | None = None,
               **told: Any) -> dict[str, Any]:  # fmt: skip
    return evaluating.evaluate_intent(
        train=_csv(folder / "train.csv", train), test=_csv(folder / "test.csv", test or _rows(20)), valid=None,
        oos=told.get("oos", ()), changes=QUICK, language="en", seed=0, threads=1,
    )  # fmt: skip


def _remark(told: dict[str, Any], word: str) -> str:
    return next(one for one in told["remarks"] if word in one)


def test_odd_rows_are_counted_and_told_and_spoil_nothing(tmp_path: Path) -> None:
    odd = [
        ("😀", "loan"), ("​", "loan"), ("  ", "loan"), ("said but not named", "   "), ("loan " * 20_000, "loan"),
        (_rows()[0][0], "loan"), ("quite alone", "lonely"),
    ]  # fmt: skip
    asked = [*_rows(20), ("贷款" * 50_000, "loan"), ("what else is there", "never taught")]

    told = _evaluated(tmp_path, train=_rows() + odd, test=asked)

    assert told["accuracy"] > 0.8
    assert told["left_out"] == {str(tmp_path / "train.csv"): 2}
    assert "2 texts to learn from hold nothing" in _remark(told, "emoji")
    assert "1 texts stand under more than one label" in _remark(told, "more than one")
    assert "1 labels have one example" in _remark(told, "lonely")
    assert "train: 1 texts are longer than 1000 characters" in _remark(told, "train: 1 texts are longer")
    assert "test: 1 texts are longer" in _remark(told, "test: 1 texts are longer")
    assert "1 texts have a label that was never taught" in _remark(told, "never taught")


def test_to_refuse_a_text_whose_label_was_never_taught_is_no_false_refusal(tmp_path: Path) -> None:
    told = _evaluated(tmp_path, train=_rows(), test=[*_rows(20), *[(f"zzz {i} qqq", "foreign") for i in range(20)]])

    assert told["deployed"]["coverage"] < 0.8
    assert told["deployed"]["false_refusal"] < 0.3


def test_a_clean_file_is_remarked_on_by_nobody(tmp_path: Path) -> None:
    assert _evaluated(tmp_path, train=_rows())["remarks"] == []


def test_one_text_under_two_labels_teaches_neither_and_the_language_goes_to_a_person(tmp_path: Path) -> None:
    told = _evaluated(tmp_path, train=[("the very same text", label) for label in ("a", "b") for _ in range(20)])

    assert told["deployed"]["coverage"] == 0
    assert "language en goes to a person" in _remark(told, "a person")


@pytest.mark.parametrize(
    ("train", "word"),
    [
        ([("lost", "a"), ("found", "a")], "different labels"),
        ([("lost", "a"), ("found", "b")], "calibrate on"),
        ([("😀", "a"), ("lost", "b"), ("found", "b")], "different labels"),
    ],
)
def test_too_little_to_learn_from_is_said(tmp_path: Path, train: list[tuple[str, str]], word: str) -> None:
    with pytest.raises(NotEnoughData, match=word):
        _evaluated(tmp_path, train=train)


def test_a_file_of_one_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match=r"train\.csv"):
        _evaluated(tmp_path, train=[("lost", "a"), ("found", "a")])


def test_texts_outside_every_intent_that_are_none_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no row can be used"):
        _evaluated(tmp_path, train=_rows(), oos=(_csv(tmp_path / "oos.csv", [], header="text"),))


@pytest.mark.parametrize(("header", "end"), [("﻿text,label", "\n"), ("text,label", "\r\n"), ("text,label", "\r")])
def test_a_byte_order_mark_and_any_line_end_are_read(tmp_path: Path, header: str, end: str) -> None:
    path = _csv(tmp_path / "texts.csv", _rows(3), header=header, end=end)

    texts, labels, left_out = evaluating.texts_of(path, labelled=True)

    assert list(zip(texts, labels, strict=True)) == _rows(3)
    assert left_out == 0


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="named twice"):
        evaluating.texts_of(_csv(tmp_path / "texts.csv", [], header="text,label,label"), labelled=True)


def _asked_of_the_command(folder: Path, *options: str) -> int:
    train, test = _csv(folder / "train.csv", _rows()), _csv(folder / "test.csv", _rows(20))
    oos = _csv(folder / "oos.csv", [("zzz qqq", "")])
    sets = [part for change in QUICK for part in ("--set", change)]
    return run(["evaluate", "intent", "--train", str(train), "--test", str(test), "--oos", str(oos), *sets, *options])


def test_the_command_prints_one_object_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked_of_the_command(tmp_path, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert set(told) >= KEYS
    (outside,) = told["oos"].values()
    assert set(outside) == {"auroc", "recall"}
    assert set(outside["recall"]) == {"0.01", "0.05", "0.10"}
    assert set(told["deployed"]) == {"false_refusal", "accuracy_on_answered", "coverage", "oos_recall"}
    assert set(told["deployed"]["oos_recall"]) == set(told["oos"])


def test_the_command_tells_people_the_same_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked_of_the_command(tmp_path) == 0

    said = capsys.readouterr().out
    for word in ("40 texts of 4 labels", "accuracy", "perfectly calibrated", "false refusal", "oos.csv", "at 5%"):
        assert word in said


def test_many_labels_are_learned_by_their_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.intent_head.MOST_LABELS", 30)
    monkeypatch.setattr("training.intent_remarks.MOST_LABELS", 30)
    many = [(f"word{i} thing{i} again {j}", f"intent {i}") for i in range(40) for j in range(3)]

    told = _evaluated(tmp_path, train=many, test=many)

    assert told["accuracy"] > 0.95
    assert "mean of its texts" in _remark(told, "40 labels")
