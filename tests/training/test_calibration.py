from __future__ import annotations

import numpy as np
import pytest

from training import calibration
from training.calibration import Scores


def _scores(count: int, *, heat: float, wrong: float, seed: int = 1) -> Scores:
    """Truths drawn from the softmax of the first head's scores; the model shouts them `heat` times too loud."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 4))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.asarray([rng.choice(4, p=row) for row in shares])
    lost = rng.random(count) < wrong
    truth[lost] = rng.integers(0, 4, lost.sum())
    return Scores(np.stack([heat * logits, np.zeros((count, 4))], axis=1), truth, np.ones(count))


def test_ece_of_two_bins_worked_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "BINS", 2)
    confidence, hits = np.asarray([0.2, 0.4, 0.8, 1.0]), np.asarray([0.0, 1.0, 1.0, 0.0])

    # bins: mean confidence 0.3 against 0.5 right, and 0.9 against 0.5 right, half of the rows each
    assert calibration.calibration_error(confidence, hits) == pytest.approx(0.5 * 0.2 + 0.5 * 0.4)


def test_ece_counts_rows_by_their_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "BINS", 1)

    found = calibration.calibration_error(
        np.asarray([0.5, 0.5]), np.asarray([1.0, 0.0]), weights=np.asarray([3.0, 1.0])
    )

    assert found == pytest.approx(0.25)


def test_a_calibrated_model_shows_the_expected_error_and_a_boaster_more() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.3, 1.0, 4000)
    honest = (rng.random(4000) < confidence).astype(float)
    boasted = (rng.random(4000) < confidence - 0.1).astype(float)

    expected = calibration.expected_error(confidence, seed=1)

    assert expected.low <= calibration.calibration_error(confidence, honest) <= expected.high
    assert calibration.calibration_error(confidence, boasted) - expected.mean == pytest.approx(0.1, abs=0.03)


def test_the_mix_undoes_a_model_that_shouts() -> None:
    a, _, wrong = calibration.best_mix(_scores(4000, heat=3.0, wrong=0.0))

    assert a == pytest.approx(1 / 3, rel=0.1)
    assert wrong < 0.03


def test_the_mix_makes_confidence_truthful_where_labels_are_wrong() -> None:
    mix = calibration.best_mix(_scores(4000, heat=3.0, wrong=0.2))
    fresh = _scores(4000, heat=3.0, wrong=0.2, seed=2)

    shares = fresh.shares(mix)

    right = shares.argmax(axis=1) == fresh.truth
    assert shares.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.02)


def test_five_rows_all_right_do_not_ask_for_certainty() -> None:
    few = Scores(np.stack([np.eye(5) * 2.0, np.zeros((5, 5))], axis=1), np.arange(5), np.ones(5))

    assert few.shares(calibration.best_mix(few)).max() < 0.99


def _heard(*loudness: float) -> calibration.Mix:
    """The mix of encoders of which each sees the truth this loud, in noise of its own, and a deaf head of n-grams."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, 600)
    seen = [loud * np.eye(4)[truth] + rng.normal(size=(600, 4)) for loud in loudness]
    return calibration.best_mix(Scores(np.stack([*seen, np.zeros((600, 4))], axis=1), truth, np.ones(600)))


def test_encoders_that_both_tell_something_are_both_heard_and_one_that_does_not_is_not_asked() -> None:
    both, one = _heard(2.0, 2.0), _heard(2.0, 0.0)

    assert min(both[:2]) > 0.3
    assert (one[0] > 0.3, one[1]) == (True, 0.0)


def test_heads_may_be_left_out_whatever_they_tell() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, 200)
    scores = Scores(
        np.stack([3 * np.eye(4)[truth], rng.normal(size=(200, 4)), np.zeros((200, 4))], axis=1), truth, np.ones(200)
    )

    assert calibration.best_mix(scores, only=[1])[0] == 0.0


def test_the_threshold_refuses_the_stated_share() -> None:
    confidence = np.linspace(0.001, 1.0, 1000)

    cut = calibration.threshold(confidence, refused_share=0.05)

    assert (confidence < cut).mean() == pytest.approx(0.05, abs=0.002)


def test_reliability_bins_hold_all_rows() -> None:
    bins = calibration.reliability(np.linspace(0, 1, 100), np.ones(100))

    assert sum(one["rows"] for one in bins) == 100
    assert len(bins) == calibration.BINS
