"""From a table of segments to a centre that can be played: a log by hand, and the real calls of a bank."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from centre.intake import anonymous_bank
from centre.queueing import fitting, measures, playing
from centre.queueing.fitting import Fit
from centre.queueing.measures import QueueMeasures
from tests.centre.small_log import contacts, leg, segments

NINE = 9 * 3600.0


def test_a_log_gives_every_part_of_its_centre() -> None:
    legs, about = [], {}
    for n in range(200):
        at_s = n // 20 * 86_400 + NINE + n % 20 * 300.0
        gone, moved = n % 10 == 3, n % 5 == 0
        outcome = "abandoned" if gone else "transferred" if moved else "answered"
        legs.append(leg(at_s, contact=f"c{n}", outcome=outcome, wait_s=20.0, agent=f"a{n % 2}", handle_s=100.0))
        if moved:
            legs.append(leg(at_s + 120, queue="loans", contact=f"c{n}", sequence=1, agent="a2", handle_s=200.0))
        about[f"c{n}"] = {"channel": "voice", "customer_id": f"k{n}", "priority": 2 if n % 4 == 0 else 0}

    told = fitting.fit(segments(legs), time_zone="UTC", contacts=contacts(about), window_days=0.1)

    assert told.log.kinds == ("cards", "loans")
    assert told.arrivals.per_day.sum(axis=1) == pytest.approx([20 * 7, 0])  # what was handed on came not of itself
    assert told.following.transfers.share == pytest.approx([40 / 180, 0])
    assert told.patience[0].one_s(0.05) == 20.0
    assert told.patience[1].one_s(0.99) == np.inf
    assert told.handling.seconds(1, 2, 0.5) == pytest.approx(200.0)
    assert told.presence.serves.tolist() == [[True, False], [True, False], [False, True]]
    assert [values.tolist() for values, _ in told.priorities] == [[0, 2], [0, 2]]
    assert told.priorities[0][1].tolist() == [0.75, 1.0]
    assert (told.places, told.shares) == (1, (False, False))


def test_a_log_that_tells_neither_agents_nor_contacts_is_fitted_as_far_as_it_goes() -> None:
    plain = segments([leg(NINE + 60 * n) for n in range(30)]).select(
        ["queue", "queued_at", "wait_s", "handle_s", "outcome"]
    )

    told = fitting.fit(plain, time_zone="UTC")

    assert told.log.agents == ()
    assert told.arrivals.per_day.sum() == 30
    assert told.following.transfers.share.tolist() == [0.0]


@pytest.fixture(scope="module")
def bank(real_data: Path) -> Fit:
    """Three weeks of a bank's calls, as the intake reads them."""
    (log_file,) = (real_data / "calls" / "anonymous_bank").glob("*.tsv")
    read = anonymous_bank.read(log_file, source="bank", time_zone=None, clock_now=datetime.now(UTC))
    rows: dict[str, list[dict[str, Any]]] = {"segment.ended": [], "contact.ended": []}
    for event in read.events:
        rows.setdefault(event.type, []).append(dict(event.data))
    return fitting.fit(
        _table(rows["segment.ended"]), time_zone=anonymous_bank.HOME_ZONE, contacts=_table(rows["contact.ended"]),
        window_days=anonymous_bank.REPEAT_WINDOW_DAYS,
    )  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    names = sorted({name for row in rows for name in row})
    return pa.table({name: [row.get(name) for row in rows] for name in names})


@pytest.fixture(scope="module")
def figures(bank: Fit) -> Callable[[str], tuple[QueueMeasures, QueueMeasures]]:
    """A queue's measures in the log and in three weeks played."""
    real = measures.of(bank.log, at_work_s=bank.presence.at_work_s(bank.log), serves=bank.presence.serves, within_s=20)
    out = playing.play(bank, days=21, seed=1, as_logged=True)
    played = measures.of(out.log, at_work_s=out.at_work_s, serves=out.serves, within_s=20)
    return lambda queue: next(both for both in zip(real, played, strict=True) if both[0].queue == queue)


def test_the_banks_calls_are_fitted_as_they_were_published(bank: Fit) -> None:
    """Brown et al. 2005: lognormal service, overdispersed arrivals, customers with a priority, agents who differ."""
    kinds = bank.log.kinds
    stock, regular = kinds.index("stock_exchange"), kinds.index("regular")

    assert len(bank.log.agents) == 24
    assert bank.handling.log_mean[stock] > bank.handling.log_mean[regular]
    assert bank.arrivals.day_variance[regular] > 0.01
    assert set(bank.priorities[regular][0].tolist()) == {0, 1, 2}
    assert 0.05 < bank.handling.effects.std() < 0.5
    assert bank.presence.wrap_up is not None
    assert bank.presence.wrap_up.one_s(0.5) < 15


def test_the_simulated_bank_resembles_the_real_one(
    figures: Callable[[str], tuple[QueueMeasures, QueueMeasures]],
) -> None:
    """What was fitted comes out again, and what was not: how long they wait, how many give up."""
    real, played = figures("all")

    assert played.contacts_per_day == pytest.approx(real.contacts_per_day, rel=0.07)
    assert played.handle_s == pytest.approx(real.handle_s, rel=0.05)
    assert played.occupancy == pytest.approx(real.occupancy, abs=0.04)
    assert played.level_offered == pytest.approx(real.level_offered, abs=0.07)
    assert played.level_left == pytest.approx(real.level_left, abs=0.07)
    assert played.abandoned_share == pytest.approx(real.abandoned_share, abs=0.06)


def test_new_customers_of_the_bank_wait_longest_of_the_two_large_queues(
    figures: Callable[[str], tuple[QueueMeasures, QueueMeasures]],
) -> None:
    for place in (0, 1):
        assert figures("new_customers")[place].abandoned_share > 1.5 * figures("regular")[place].abandoned_share
