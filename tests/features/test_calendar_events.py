"""Events that planners know of: read from when they were known, learned where they touched, and kept from spoiling."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from data_contracts.arrow import table
from features import forecast, scale
from features.calendar_events import KINDS, Effects, planned
from features.grid import Floats, History
from features.params import ForecastDataParams
from features.walk import Walk
from tests.features.centre import common
from tests.features.test_walk import FIRST, past, weekly

START = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
CAMPAIGN = KINDS.index("campaign")


def event(id_: str, first: float, last: float, *, known: float = 0.0, **told: Any) -> dict[str, Any]:
    """An event from one day of the history to another, known on a third."""
    row = {
        "calendar_event_id": id_, "revision": 0, "kind": "campaign", "name": id_, "queues": None, "cancelled": False,
        "reason": None, "starts_at": START + timedelta(days=first), "ends_at": START + timedelta(days=last),
    }  # fmt: skip
    return row | common(START + timedelta(days=known), START + timedelta(days=known)) | told


def events(*rows: dict[str, Any]) -> pa.Table:
    return table("calendar_events", list(rows))


def told(offered: Floats, rows: pa.Table, day: int) -> Walk:
    plain = past(offered)
    history = History(**{**plain.__dict__, "events": planned(rows, queues=plain.queues)})
    state = Walk(history, last_day=day + 60, params=ForecastDataParams())
    state.advance(day)
    state.solve()
    return state


def counts(state: Walk, day: int) -> Floats:
    return scale.counted(state.course(day))[0]


def campaigns(days: int, *on: int, by: float = 1.5) -> Floats:
    found = weekly(days)
    for day in on:
        found[day] *= by
    return found[None]


def test_an_event_touches_the_hours_that_it_covers_of_the_queues_that_it_names() -> None:
    found = planned(events(event("a", 1.0, 1.25, queues=["q1"])), queues=("q0", "q1"))
    assert found is not None
    starts = (START + timedelta(days=1)).timestamp() + 7200.0 * np.arange(12)
    touched = found.touched(starts, 7200, known_s=1e12)[CAMPAIGN]
    assert touched[0].tolist() == [0.0] * 12
    assert touched[1].tolist() == [1.0, 1.0, 1.0] + [0.0] * 9


def test_an_event_is_read_from_when_it_was_known_in_the_form_that_was_known() -> None:
    rows = events(
        event("a", 5.0, 6.0, known=2.0), event("a", 7.0, 8.0, known=3.0, revision=1),
        event("b", 5.0, 6.0, known=1.0), event("b", 5.0, 6.0, known=4.0, revision=1, cancelled=True),
    )  # fmt: skip
    found = planned(rows, queues=("q",))
    assert found is not None

    def days(known: float) -> list[int]:
        moment = (START + timedelta(days=known)).timestamp()
        return [
            day for day in range(10)
            if found.touched(np.asarray([(START + timedelta(days=day)).timestamp()]), 86_400, known_s=moment).any()
        ]  # fmt: skip

    assert (days(0.5), days(1.5), days(2.5), days(3.5), days(4.5)) == ([], [5], [5], [5, 7], [7])
    assert planned(events(), queues=("q",)) is None


def test_of_revisions_that_are_known_in_another_order_the_last_one_stands_alone() -> None:
    rows = events(event("a", 5.0, 6.0, known=1.0), event("a", 6.0, 7.0, known=4.0, revision=1),
                  event("a", 7.0, 8.0, known=3.0, revision=2))  # fmt: skip
    found = planned(rows, queues=("q",))
    assert found is not None
    starts = np.asarray([(START + timedelta(days=day)).timestamp() for day in range(10)])
    for known, days in ((2.0, [5]), (3.5, [7]), (5.0, [7])):
        moment = (START + timedelta(days=known)).timestamp()
        assert np.flatnonzero(found.touched(starts, 86_400, known_s=moment).any(axis=(0, 1))).tolist() == days


def test_an_effect_is_the_mean_error_of_touched_hours_drawn_to_none() -> None:
    effects, all_told = Effects(2), np.ones((2, 4), dtype=bool)
    touched = np.zeros((len(KINDS), 2, 4))
    touched[CAMPAIGN, 0] = [1.0, 1.0, 0.0, 0.0]
    for _ in range(8):
        effects.learn(touched, np.asarray([[3.0, 3.0, 9.0, 9.0]] * 2), all_told)
    # Eight times half a day: 4 days of an error of 3, against half a day of none, and the queue's own above it.
    everywhere = 12.0 / 4.5
    assert effects.of(touched)[0, 0] == pytest.approx((12.0 + 2.0 * everywhere) / 6.0)
    other = np.zeros_like(touched)
    other[CAMPAIGN, 1] = 1.0
    assert effects.of(other)[1] == pytest.approx([everywhere] * 4)  # a queue without one learns from the other


def test_a_campaign_that_was_announced_is_forecast_by_what_campaigns_brought() -> None:
    rows = events(*(event(f"c{day}", day, day + 1) for day in (30, 45, 70)))
    usual = counts(told(campaigns(70, 30, 45), events(event("x", 300, 301)), 70), 70)
    known = counts(told(campaigns(70, 30, 45), rows, 70), 70)
    assert known == pytest.approx(1.5 * weekly(71)[70], rel=0.08)
    assert usual == pytest.approx(weekly(71)[70], rel=0.08)


def test_a_campaign_does_not_spoil_the_days_after_it() -> None:
    rows = events(event("c68", 68, 69))
    clean, spoilt = (campaigns(70), campaigns(70, 68, by=2.5))
    plain = counts(told(clean, events(event("x", 300, 301)), 70), 70)
    with_event = counts(told(spoilt, rows, 70), 70)
    without = counts(told(spoilt, events(event("x", 300, 301)), 70), 70)
    assert np.abs(with_event - plain).sum() < 0.7 * np.abs(without - plain).sum()


def test_a_planned_closure_closes_the_hours_that_it_covers() -> None:
    rows = events(event("holiday works", 70.5, 71.0, kind="closure"))
    plain = past(weekly(70)[None])
    history = History(**{**plain.__dict__, "events": planned(rows, queues=plain.queues)})
    end = START + timedelta(days=70)
    design = forecast.design(history, horizon_start=end, horizon_end=end + timedelta(days=1), known_until=end,
                             params=ForecastDataParams())  # fmt: skip
    assert design["is_open"].to_pylist() == [True] * 6 + [False] * 6


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_closure_on_a_day_on_which_clocks_change_takes_the_hours_on_the_wall(day: date) -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = day - timedelta(days=70)
    from_ten, noon = (datetime(day.year, day.month, day.day, hour, tzinfo=zone) for hour in (10, 12))
    rows = events(event("works", 0, 1, kind="closure") | {"starts_at": from_ten, "ends_at": noon,
                                                          "known_at": from_ten - timedelta(days=300)})  # fmt: skip
    plain = past(np.full((1, 70, 24), 20.0), interval_s=3600)
    known_s = plain.known_s - plain.known_s.min() + datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()
    told = {"known_s": known_s, "first_day": first, "time_zone": "Europe/Berlin",
            "events": planned(rows, queues=plain.queues)}  # fmt: skip
    design = forecast.design(
        History(**{**plain.__dict__, **told}), horizon_start=from_ten.replace(hour=0),
        horizon_end=noon + timedelta(hours=8),
        known_until=from_ten.replace(hour=0), params=ForecastDataParams(time_zone="Europe/Berlin"),
    )  # fmt: skip
    closed = design.filter(pc.invert(design["is_open"]))["minute_of_day"].to_pylist()
    assert closed == [600.0, 660.0]


FRIDAYS = (32, 60, 81)  # of the history, each announced a week before
NEXT = 95  # a Friday again


def closed_fridays(days: int, *, closed: tuple[int, ...]) -> Floats:
    """Open on weekdays; on the Monday after a closed Friday 30% more come."""
    found = weekly(days)
    for day in range(days):
        if day % 7 > 4 or day in closed:
            found[day] = np.nan
        elif day - 3 in closed:
            found[day] *= 1.3
    return found[None]


def monday(origin: int, *closures: dict[str, Any], closed: bool = False) -> float:
    """What is told of the Monday after NEXT, over what Mondays bring; `closed`: NEXT was, as far as it has come."""
    rows = [event(f"works {day}", day, day + 1, known=day - 7, kind="closure") for day in FRIDAYS]
    past_days = closed_fridays(origin, closed=(*FRIDAYS, NEXT) if closed else FRIDAYS)
    state = told(past_days, events(*rows, *closures), origin)
    return float(counts(state, NEXT + 3).sum() / weekly(105)[98].sum())


def test_what_follows_a_closed_day_follows_an_announced_one_too() -> None:
    whole = event("works", NEXT, NEXT + 1, known=85, kind="closure")

    assert monday(98, closed=True) == pytest.approx(1.3, abs=0.06)  # it was closed, and nobody had announced it
    for origin in (88, 93, 95, 96, 98):  # from the week before to the Monday's own morning
        assert monday(origin, whole, closed=True) == pytest.approx(1.3, abs=0.06), origin


def test_what_is_no_announced_closed_day_is_followed_by_a_usual_one() -> None:
    whole = event("works", NEXT, NEXT + 1, known=85, kind="closure")
    half = {**whole, "ends_at": START + timedelta(days=NEXT + 0.5)}
    later = event("works", NEXT, NEXT + 1, known=94, kind="closure")
    saturday = event("works", NEXT + 1, NEXT + 2, known=85, kind="closure")  # closed by habit

    assert monday(93) == pytest.approx(1.0, abs=0.06)
    for other in (half, later, saturday, {**whole, "cancelled": True}, {**whole, "queues": ["another"]},
                  {**whole, "kind": "strike"}):  # fmt: skip
        assert monday(93, other) == pytest.approx(1.0, abs=0.06), other
