from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf, log
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from centre.queueing import fitting
from centre.queueing.engine import Agent, run
from centre.queueing.patience import exponential_patience_s, kaplan_meier
from centre.queueing.policies import LongestIdle
from data_contracts.errors import NotEnoughData

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def segments(rows: list[tuple[str, datetime, float, float | None, str]]) -> pa.Table:
    queue, queued, wait, handle, outcome = zip(*rows, strict=True)
    return pa.table(
        {
            "queue": list(queue),
            "queued_at": pa.array(queued, pa.timestamp("us", "UTC")),
            "wait_s": pa.array(wait, pa.float64()),
            "handle_s": pa.array(handle, pa.float64()),
            "outcome": list(outcome),
        }
    )


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


def test_a_log_gives_rates_by_local_hour_and_lognormal_service() -> None:
    rows = []
    for week in range(2):
        at = MONDAY + timedelta(days=7 * week, hours=1)  # nine in the morning in Singapore
        rows += [("cards", at + timedelta(minutes=n), 0.0, 100.0 if n % 2 else 400.0, "answered") for n in range(30)]
    rows.append(("cards", MONDAY + timedelta(days=13), 40.0, None, "abandoned"))

    told = fitting.fit(segments(rows), time_zone="Asia/Singapore")["cards"]

    assert told.arrivals_per_hour[0, 9] == 30
    assert told.arrivals_per_hour[0, 8] == 0
    assert told.handle_log_mean == pytest.approx((log(100) + log(400)) / 2)
    assert told.mean_handle_s > 200
    assert told.patience_s == 40.0


def test_without_abandonments_patience_has_no_end() -> None:
    told = fitting.fit(segments([("q", MONDAY, 1.0, 60.0, "answered")] * 3), time_zone="UTC")["q"]

    assert (told.patience_s, told.patience) == (inf, None)


def test_a_queue_that_nobody_handled_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="too few handled contacts"):
        fitting.fit(segments([("q", MONDAY, 1.0, None, "abandoned")]), time_zone="UTC")


def test_what_was_fitted_is_found_again_in_contacts_drawn_from_it() -> None:
    rng = np.random.default_rng(5)
    truth = fitting.QueueFit(np.full((7, 24), 30.0), 1.0, log(200), 0.5, 100, 150.0, None)
    contacts = fitting.contacts({"q": truth}, first_weekday=0, days=14, rng=rng)

    service = fitting.FittedService({"q": truth}, rng)
    legs = run(contacts, agents=[Agent(frozenset({0}))] * 2, policy=LongestIdle(), service=service).legs
    rows = [
        (
            "q",
            MONDAY + timedelta(seconds=leg.queued_s),
            leg.wait_s,
            None if leg.agent is None else leg.ended_s - leg.answered_s,
            "abandoned" if leg.agent is None else "answered",
        )
        for leg in legs
    ]
    again = fitting.fit(segments(rows), time_zone="UTC")["q"]

    assert float(again.arrivals_per_hour.mean()) == pytest.approx(30, rel=0.03)
    assert again.dispersion == pytest.approx(1.0, abs=0.25)
    assert again.handle_log_mean == pytest.approx(log(200), abs=0.03)
    assert again.handle_log_sd == pytest.approx(0.5, abs=0.03)
    assert again.patience_s == pytest.approx(150, rel=0.06)


def test_the_anonymous_bank_gives_the_figures_that_the_world_states(real_data: Path) -> None:
    import csv

    (log_file,) = (real_data / "calls" / "anonymous_bank").glob("*.tsv")
    with log_file.open(encoding="utf-8") as lines:
        calls = [row for row in csv.DictReader(lines, delimiter="\t") if int(row["q_time"]) > 0]

    waits, gone = [int(row["q_time"]) for row in calls], [row["outcome"] == "HANG" for row in calls]
    assert exponential_patience_s(waits, abandoned=gone) == pytest.approx(340, abs=1)
