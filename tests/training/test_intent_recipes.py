from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_contracts.errors import InputError
from features import text as texts
from features.encoders import HashEncoder
from tests.training import learned
from training import intent_recipes as recipes
from training import intent_tuning
from training.intent_recipes import Said, School
from training.params import IntentParams, TuningParams

FAKE = learned.params().intent
PARAMS = replace(FAKE, encoder=texts.DEFAULT_ENCODER, multilingual="", languages=("en",))
TWO = replace(PARAMS, multilingual=texts.MULTILINGUAL)


def _said(*counts: int) -> Said:
    labels = np.repeat(np.arange(len(counts)), counts)
    return Said(
        [f"text {i}" for i in range(len(labels))],
        labels,
        np.ones(len(labels)),
        ["en"] * len(labels),
        [f"c-{i}" for i in range(len(labels))],
    )


@pytest.mark.parametrize(
    ("counts", "recipe"),
    [((1, 1, 9), "frozen"), ((5, 5, 5), "contrastive"), ((40, 40), "contrastive"), ((41, 41, 2), "full")],
)
def test_the_examples_of_the_middle_intent_choose_the_recipe(counts: tuple[int, ...], recipe: str) -> None:
    found, why = recipes.chosen(_said(*counts), params=PARAMS)

    assert found == recipe
    assert "examples of the middle intent" in why


def test_for_thousands_of_labels_no_encoder_is_tuned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes.intent_head, "MOST_LABELS", 3)

    assert recipes.chosen(_said(9, 9, 9), params=PARAMS)[0] == "contrastive"
    found, why = recipes.chosen(_said(9, 9, 9, 9), params=PARAMS)
    assert (found, why.partition(",")[0]) == ("frozen", "4 labels")


def test_an_encoder_that_cannot_be_tuned_stays_as_it_is() -> None:
    assert recipes.chosen(_said(9, 9), params=FAKE)[0] == "frozen"
    with pytest.raises(InputError, match="cannot be tuned"):
        recipes.chosen(_said(9, 9), params=replace(FAKE, recipe="full"))


def test_a_recipe_can_be_asked_for_and_an_unknown_one_names_the_known() -> None:
    assert recipes.chosen(_said(9, 9), params=replace(PARAMS, recipe="full")) == ("full", "asked for")
    with pytest.raises(InputError, match="unknown recipe"):
        recipes.chosen(_said(9, 9), params=replace(PARAMS, recipe="magic"))


def _school(tmp_path: Path, params: IntentParams = PARAMS) -> School:
    bases = tuple(HashEncoder(dimension=32) for _ in params.encoders)
    return School(bases, ["a", "b"], params, 1, 1, tmp_path)


def test_folds_leave_a_fifth_of_each_intent_out_and_never_its_only_row(tmp_path: Path) -> None:
    said = _said(10, 5, 1)

    folds = recipes._folds(said, _school(tmp_path), count=5)

    assert [np.bincount(said.labels[fold], minlength=3).tolist() for fold in folds] == [[2, 1, 0]] * 5
    assert len({row for fold in folds for row in fold}) == 15


def test_rows_enough_that_were_held_out_calibrate_and_too_few_teach(tmp_path: Path) -> None:
    enough, few = _said(80, 80), _said(5, 5)

    for held, rows in ((enough, [160]), (few, [22] * 5)):
        _, found = recipes.learned_and_asked(_said(50, 50), held, recipe="frozen", school=_school(tmp_path))
        assert [len(part.said.texts) for part in found.parts] == rows
        assert not found.untuned


def _pretended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tuning that changes nothing; how many rows each tuned encoder learned from is written down."""
    taught: list[int] = []

    def tune(base: str, lesson: intent_tuning.Lesson, **told: object) -> HashEncoder:
        taught.append(len(lesson.texts))
        return HashEncoder(dimension=32)

    monkeypatch.setattr(intent_tuning, "tune", tune)
    monkeypatch.setattr(recipes, "OnnxEncoder", lambda encoder, threads: encoder)
    return taught


def test_a_few_examples_tune_an_encoder_for_each_fold_that_is_used_and_the_others_are_read_untuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught = _pretended(monkeypatch)

    school = _school(tmp_path)
    school = replace(school, params=replace(school.params, lesson_texts=199))  # five folds would read 200
    _, found = recipes.learned_and_asked(_said(20, 20), _said(), recipe="contrastive", school=school)

    assert taught == [40, 32, 32]
    assert [len(part.said.texts) for part in found.untuned] == [8] * 5
    for part, same in zip(found.parts, found.untuned, strict=False):
        assert part.said.ids == same.said.ids


def test_where_lessons_are_short_an_encoder_is_tuned_for_every_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught, school = _pretended(monkeypatch), _school(tmp_path)
    school = replace(school, params=replace(school.params, lesson_texts=200))

    _, found = recipes.learned_and_asked(_said(20, 20), _said(), recipe="contrastive", school=school)

    assert taught == [40] + [32] * 5
    assert len(found.parts) == 5
    assert not found.untuned


def test_with_many_examples_one_encoder_is_tuned_and_its_head_learns_from_the_asked_fold_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught = _pretended(monkeypatch)

    made, found = recipes.learned_and_asked(_said(200, 200), _said(), recipe="full", school=_school(tmp_path))

    assert taught == [360]
    assert len(found.parts[0].said.texts) == 40
    asked, known = set(found.parts[0].said.ids), set(made.known_ids)
    assert asked & known


def test_few_examples_tune_both_encoders_each_in_its_way_and_many_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, tuple[float, float, bool]] = {}

    def tune(base: str, lesson: intent_tuning.Lesson, *, params: TuningParams, **_told: object) -> HashEncoder:
        told[base] = params.learning_rate, params.tuned_share, params.tune_words
        return HashEncoder(dimension=32)

    monkeypatch.setattr(intent_tuning, "tune", tune)
    monkeypatch.setattr(recipes, "OnnxEncoder", lambda encoder, threads: encoder)

    for recipe in ("full", "contrastive"):
        told.clear()
        recipes.learned(_said(20, 20), recipe=recipe, held=None, school=_school(tmp_path, TWO), name="encoder")
        few = {texts.DEFAULT_ENCODER: (3e-5, 1.0, False), texts.MULTILINGUAL: (3e-4, 0.7, False)}
        assert told == (few if recipe == "contrastive" else {texts.DEFAULT_ENCODER: (3e-5, 0.7, True)})


def test_a_language_that_no_row_is_in_is_read_by_the_encoder_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pretended(monkeypatch)
    english, school = _said(20, 20), _school(tmp_path, replace(TWO, languages=("en", "zh")))

    assert school.reading_abroad(english, recipe="frozen").abroad == 1
    assert school.reading_abroad(english, recipe="full").abroad == 1
    assert _school(tmp_path, TWO).reading_abroad(english, recipe="contrastive").abroad is None
    abroad = school.reading_abroad(english, recipe="contrastive")
    made = recipes.learned(english, recipe="contrastive", held=None, school=abroad, name="encoder")
    assert (abroad.abroad, len(made.encoders)) == (2, 3)
    assert made.encoders[2] is school.bases[1]
    assert school.bases[1] not in made.encoders[:2]
