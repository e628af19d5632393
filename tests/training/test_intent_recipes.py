from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_contracts.errors import InputError
from features.encoders import HashEncoder, OnnxEncoder
from tests.training import learned
from training import intent_recipes as recipes
from training.intent_recipes import Said, School

PARAMS = learned.params().intent


class _Tunable(OnnxEncoder):
    """An encoder of plain files, of which only the kind matters here."""

    def __init__(self) -> None:
        pass


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
    found, why = recipes.chosen(_said(*counts), base=_Tunable(), params=PARAMS)

    assert found == recipe
    assert "examples of the middle intent" in why


def test_an_encoder_that_cannot_be_tuned_stays_as_it_is() -> None:
    assert recipes.chosen(_said(9, 9), base=HashEncoder(), params=PARAMS)[0] == "frozen"
    with pytest.raises(InputError, match="cannot be tuned"):
        recipes.chosen(_said(9, 9), base=HashEncoder(), params=replace(PARAMS, recipe="full"))


def test_a_recipe_can_be_asked_for_and_an_unknown_one_names_the_known() -> None:
    assert recipes.chosen(_said(9, 9), base=_Tunable(), params=replace(PARAMS, recipe="full")) == ("full", "asked for")
    with pytest.raises(InputError, match="unknown recipe"):
        recipes.chosen(_said(9, 9), base=_Tunable(), params=replace(PARAMS, recipe="magic"))


def _school(tmp_path: Path) -> School:
    return School((HashEncoder(dimension=32),), ["a", "b"], PARAMS, 1, 1, tmp_path)


def test_folds_leave_a_fifth_of_each_intent_out_and_never_its_only_row(tmp_path: Path) -> None:
    said = _said(10, 5, 1)

    folds = recipes._folds(said, _school(tmp_path))

    assert [np.bincount(said.labels[fold], minlength=3).tolist() for fold in folds] == [[2, 1, 0], [2, 1, 0]]
    assert not set(folds[0]) & set(folds[1])


def test_rows_enough_that_were_held_out_calibrate_and_too_few_teach(tmp_path: Path) -> None:
    enough, few = _said(80, 80), _said(5, 5)

    for held, rows in ((enough, [160]), (few, [22, 22])):
        _, parts = recipes.learned_and_asked(_said(50, 50), held, recipe="frozen", school=_school(tmp_path))
        assert [len(part.said.texts) for part in parts] == rows
