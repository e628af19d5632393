from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_contracts.errors import NotEnoughData
from tests.training import learned
from training import intent_evaluation
from training.intent_evaluation import Labelled
from training.intent_refusal import auroc


def _texts(count: int, *, seed: int) -> Labelled:
    rng = np.random.default_rng(seed)
    labels = [str(one) for one in rng.choice(list(learned.TOPICS), count)]
    return Labelled([" ".join(rng.choice(learned.TOPICS[label], 3)) for label in labels], labels)


def _evaluate(tmp_path: Path, **told: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "valid": None, "test": _texts(200, seed=2), "oos": {"far": ["zzz qqq", "xxyy 123 zz"]}, "language": None,
        "params": learned.params().intent, "seed": 1, "threads": 1, "to": tmp_path, **told,
    }  # fmt: skip
    return intent_evaluation.evaluate(given.pop("train", _texts(300, seed=1)), **given)


def test_one_object_says_everything_about_a_model(tmp_path: Path) -> None:
    told = _evaluate(tmp_path)

    assert told["accuracy"] > 0.8
    assert told["recipe"] == "frozen"
    assert set(told["oos"]["far"]["recall"]) == {"0.01", "0.05", "0.10"}
    assert set(told["deployed"]) == {"false_refusal", "accuracy_on_answered", "coverage", "oos_recall"}
    assert {"macro_f1", "ece", "ece_expected", "train_s", "text_ms", "artefact_mb"} <= set(told)


def test_what_is_refused_and_what_is_answered_make_the_whole(tmp_path: Path) -> None:
    deployed = _evaluate(tmp_path)["deployed"]

    assert deployed["false_refusal"] + deployed["coverage"] == pytest.approx(1)


def test_strangers_are_told_from_texts_of_known_intents(tmp_path: Path) -> None:
    told = _evaluate(tmp_path)

    assert told["oos"]["far"]["auroc"] > 0.9
    assert told["oos"]["far"]["recall"]["0.01"] <= told["oos"]["far"]["recall"]["0.10"]


def test_the_texts_outside_change_nothing_but_their_own_figures(tmp_path: Path) -> None:
    one = _evaluate(tmp_path / "one")
    other = _evaluate(
        tmp_path / "other", oos={"near": ["my lost balance", "reset the loan"], "far": ["zzz qqq", "xxyy 123 zz"]}
    )

    assert one["oos"]["far"] == other["oos"]["far"]
    assert one["accuracy"] == other["accuracy"]
    assert (tmp_path / "one/payload/payload.json").read_bytes() == (
        tmp_path / "other/payload/payload.json"
    ).read_bytes()


def test_rows_to_calibrate_on_are_used_where_they_are_given(tmp_path: Path) -> None:
    _evaluate(tmp_path, valid=_texts(200, seed=3))

    assert learned.payload_of(tmp_path / "payload")["languages"]["en"]["rows"] == 200


def test_one_label_is_not_enough_and_nothing_to_ask_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="different labels"):
        _evaluate(tmp_path, train=Labelled(["a", "b"], ["x", "x"]))
    with pytest.raises(NotEnoughData, match="texts to be asked"):
        _evaluate(tmp_path, test=Labelled([], []))


def test_auroc_is_that_of_counting_pairs() -> None:
    rng = np.random.default_rng(4)
    own, strange = rng.integers(0, 6, 40).astype(float), rng.integers(0, 5, 30).astype(float)

    naive = np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a in own for b in strange])

    assert auroc(own, strange) == pytest.approx(naive)
