from __future__ import annotations

from math import inf, log
from pathlib import Path

import numpy as np
import pytest

from centre.queueing.patience import AT_RISK, estimate, exponential_patience_s, kaplan_meier
from data_contracts.errors import NotEnoughData


def test_kaplan_meier_is_what_a_hand_works_out() -> None:
    # at risk 5, 4, 2; one gives up at 2, one at 3 (one answered then), one at 7
    survival = kaplan_meier([2, 3, 3, 7, 9], abandoned=[True, True, False, True, False])

    assert survival.times_s.tolist() == [2, 3, 7]
    assert survival.share.tolist() == pytest.approx([4 / 5, 4 / 5 * 3 / 4, 4 / 5 * 3 / 4 * 1 / 2])
    assert survival.at(1.9) == 1.0
    assert survival.at(2) == pytest.approx(0.8)
    assert survival.at(100) == pytest.approx(0.3)
    assert survival.quantile_s(0.5) == 7
    assert survival.quantile_s(0.9) is None
    assert survival.standard_error[0] == pytest.approx((0.8 * 0.2 / 5) ** 0.5)


def test_patience_is_found_behind_the_censoring() -> None:
    rng = np.random.default_rng(1)
    patience, offered = rng.exponential(300, 40_000), rng.exponential(60, 40_000)
    waits, gone = np.minimum(patience, offered), patience < offered

    assert exponential_patience_s(waits, abandoned=gone) == pytest.approx(300, rel=0.04)
    assert kaplan_meier(waits, abandoned=gone).at(120) == pytest.approx(np.exp(-120 / 300), abs=0.02)
    assert float(np.mean(waits[gone])) < 60  # the naive mean of those who gave up is far off


def test_where_nobody_gives_up_patience_is_not_guessed() -> None:
    with pytest.raises(NotEnoughData, match="patience cannot be told"):
        kaplan_meier([3, 4], abandoned=[False, False])


def test_drawn_patience_follows_the_customers_and_not_an_exponential() -> None:
    """A fifth gives up within 5 s, the others are patient: the draw has both, where the log reaches and beyond it."""
    rng = np.random.default_rng(2)
    balks = rng.random(60_000) < 0.2
    patience = np.where(balks, rng.uniform(0, 5, 60_000), 5 + rng.exponential(400, 60_000))
    offered = rng.exponential(100, 60_000)

    told = estimate(np.minimum(patience, offered), abandoned=patience < offered)

    drawn = told.quantile_s((np.arange(10_000) + 0.5) / 10_000)
    for share in (0.1, 0.19, 0.3, 0.5, 0.7):
        assert np.quantile(drawn, share) == pytest.approx(np.quantile(patience, share), rel=0.08)
    # beyond the longest wait of the log nothing is known: the tail goes on as it went
    assert np.quantile(drawn, 0.95) == pytest.approx(np.quantile(patience, 0.95), rel=0.15)
    assert np.isfinite(drawn).all()


def test_the_tail_begins_where_too_few_still_wait() -> None:
    waits = np.arange(1.0, 101.0)

    told = estimate(waits, abandoned=np.ones(100, bool))

    assert told.survival.times_s.max() == 100 - AT_RISK + 1
    # after the median (50.5) everybody left, on average 25 s later
    assert told.tail_s == pytest.approx(25.0)
    assert told.one_s(0.9) == pytest.approx(71 - 25 * log(0.1 / 0.29))


def test_of_a_few_waits_patience_is_the_exponential_that_fits_them() -> None:
    told = estimate([10.0, 20.0, 30.0], abandoned=[True, False, True])

    assert told.one_s(0.5) == pytest.approx(30 * log(2))


def test_one_draw_is_what_many_are() -> None:
    told = estimate([2, 3, 3, 7, 9] * 20, abandoned=[True, True, False, True, False] * 20)
    levels = np.linspace(0.001, 0.999, 97)

    assert told.quantile_s(levels).tolist() == pytest.approx([told.one_s(level) for level in levels])
    assert (np.diff(told.quantile_s(levels)) >= 0).all()


def test_nobody_gives_up_where_nobody_ever_did() -> None:
    told = estimate([3.0, 4.0], abandoned=[False, False])

    assert told.quantile_s([0.0, 0.5, 0.999]).tolist() == [inf] * 3
    assert told.one_s(0.999) == inf


def test_the_anonymous_bank_gives_the_figures_that_the_world_states(real_data: Path) -> None:
    import csv

    (log_file,) = (real_data / "calls" / "anonymous_bank").glob("*.tsv")
    with log_file.open(encoding="utf-8") as lines:
        calls = [row for row in csv.DictReader(lines, delimiter="\t") if int(row["q_time"]) > 0]

    waits, gone = [int(row["q_time"]) for row in calls], [row["outcome"] == "HANG" for row in calls]
    assert exponential_patience_s(waits, abandoned=gone) == pytest.approx(340, abs=1)
