"""Why a day is busier than another: worlds in which the one reason is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from data_contracts.errors import InputError, NotFound
from features import explaining
from features.calendar_events import planned
from features.explaining import DRIFT, EVENTS, Explained
from features.grid import Floats, History
from features.params import ForecastDataParams
from tests.features.test_calendar_events import event, events
from tests.features.test_walk import FIRST, past, weekly

NOW = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=70)  # a Monday


def told(offered: Floats, *, day: int, against: int | None = None, history: History | None = None) -> Explained:
    days = [None if one is None else NOW.date() + timedelta(days=one) for one in (day, against)]
    return explaining.explained(
        history or past(offered), queue="q0", day=days[0] or date.min, against=days[1], known_until=NOW,
        params=ForecastDataParams(),
    )  # fmt: skip


def test_a_monday_is_busier_by_the_day_of_the_week() -> None:
    found = told(weekly(70)[None], day=0, against=1)
    first = found.reasons[0]
    assert first.what == "the day of the week"
    assert first.contacts == pytest.approx(weekly(71)[70].sum() - weekly(72)[71].sum(), rel=0.05)
    assert found.expected - found.expected_against == pytest.approx(first.contacts, rel=0.05)
    assert sum(abs(one.contacts) for one in found.reasons[1:]) < 0.1 * first.contacts


def test_a_level_that_rose_is_told_by_how_the_last_days_went() -> None:
    risen = weekly(70)
    risen[63:] *= 1.3
    found = told(risen[None], day=1)
    reasons = {one.what: one.contacts for one in found.reasons}
    assert reasons[DRIFT] > 0.1 * found.expected
    assert "last 28 open days" in found.against


def test_an_announced_campaign_is_told_as_an_event() -> None:
    offered = weekly(70)
    offered[50] *= 1.6
    plain = past(offered[None])
    rows = events(event("then", 50, 51), event("now", 71, 72))
    history = History(**{**plain.__dict__, "events": planned(rows, queues=plain.queues)})
    found = told(offered[None], day=1, against=2, history=history)
    reasons = {one.what: one.contacts for one in found.reasons}
    assert reasons[EVENTS] > 0.2 * found.expected_against


def test_a_day_that_is_announced_to_be_closed_is_told_as_the_forecast_tells_it() -> None:
    offered = weekly(70)
    plain = past(offered[None])
    rows = events(event("works", 71, 71.5, kind="closure"))
    history = History(**{**plain.__dict__, "events": planned(rows, queues=plain.queues)})
    usual, closed = told(offered[None], day=1), told(offered[None], day=1, history=history)
    assert closed.expected == pytest.approx(usual.expected / 2, rel=0.1)
    assert {one.what: one.contacts for one in closed.reasons}[EVENTS] == pytest.approx(-usual.expected / 2, rel=0.1)
    against = told(offered[None], day=2, against=1, history=history)
    assert against.expected_against == pytest.approx(closed.expected)
    assert {one.what: one.contacts for one in against.reasons}[EVENTS] > 0.4 * against.expected


def test_the_usual_days_are_those_of_which_counts_were_known() -> None:
    counts = weekly(70)[None]
    late = past(counts, late_h=lambda day, slot: 1000.0 if day >= 60 else 0.0)
    other = counts.copy()
    other[:, 60:] *= 0.0
    blind = past(other, late_h=lambda day, slot: 1000.0 if day >= 60 else 0.0)
    assert told(counts, day=1, history=late) == told(counts, day=1, history=blind)


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(InputError, match="over"):
        told(weekly(70)[None], day=-1)
    for day, against in ((400, None), (1, 400)):
        with pytest.raises(InputError, match="far ahead"):
            told(weekly(70)[None], day=day, against=against)
    assert told(weekly(70)[None], day=366).expected > 0
    with pytest.raises(NotFound, match="q0"):
        explaining.explained(past(weekly(70)[None]), queue="mail", day=NOW.date(), against=None, known_until=NOW,
                             params=ForecastDataParams())  # fmt: skip
