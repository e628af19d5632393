"""Figures for a report, made from rows."""

from __future__ import annotations

import numpy as np
import pytest

from training import evidence

RIGHT = np.array([1, 1, 1, 0] * 50, dtype=float)
OTHER = np.array([1, 0, 1, 0] * 50, dtype=float)


def test_a_metric_has_its_interval_rows_and_words() -> None:
    made = evidence.metric("accuracy", numerators=RIGHT, seed=1, unit="share", says="right over rows")

    assert (made.value, made.rows, made.unit, made.says) == (0.75, 200, "share", "right over rows")
    assert made.low is not None and made.high is not None and made.low < 0.75 < made.high


def test_a_comparison_tells_both_figures_and_how_it_was_made() -> None:
    made = evidence.comparison(
        "accuracy", against="baseline", candidate=RIGHT, other=OTHER, better="higher", seed=1, blocks=["a", "b"] * 100
    )

    assert (made.candidate, made.other, made.difference, made.rows) == (0.75, 0.5, 0.25, 200)
    assert "by block" in made.method


def test_slices_add_up_to_the_whole_and_are_sorted() -> None:
    values = ["zh", "en", "en", "en"] * 50

    made = evidence.slices("language", values=values, metric="accuracy", against="baseline", candidate=RIGHT,
                           other=OTHER, seed=1)  # fmt: skip

    assert [(one.value, one.rows) for one in made] == [("en", 150), ("zh", 50)]
    assert made[0].candidate == pytest.approx(100 / 150)
    assert made[1].difference == 0.0


def test_a_slice_of_one_row_has_figures_and_no_interval() -> None:
    made = evidence.slices("queue", values=["a"] * 199 + ["b"], metric="accuracy", against="absolute", candidate=RIGHT,
                           seed=1)  # fmt: skip

    assert (made[1].rows, made[1].candidate, made[1].low, made[1].p_worse) == (1, 0.0, None, None)
