"""What is usual, against twins written from the definitions and worlds whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from data_contracts.errors import InputError
from features import calendar, scale
from features.drift import AHEAD, MEMORIES, Drift, Law
from features.grid import Floats, History
from features.handling import Handling
from features.openness import Openness
from features.params import ForecastDataParams
from features.spread import Spread
from features.surface import MEMORY, NOISE, Surface
from features.today import Agreement
from features.walk import Walk, midnight

FIRST = date(2026, 1, 5)  # a Monday
PARAMS = ForecastDataParams()


def past(offered: Floats, *, late_h: Callable[[int, int], float] | None = None, interval_s: int = 7200) -> History:
    """Counts (queues, days, slots) as a history in which each is known when its interval ends, or so much later."""
    queues, days, slots = offered.shape
    known = np.full(offered.shape, np.inf)
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    for day in range(days):
        for slot in range(slots):
            ends = start + timedelta(days=day, seconds=interval_s * (slot + 1))
            late = timedelta(hours=late_h(day, slot)) if late_h else timedelta()
            known[:, day, slot] = np.where(np.isnan(offered[:, day, slot]), np.inf, (ends + late).timestamp())
    nothing = np.full(offered.shape, np.nan)
    names = tuple(f"q{number}" for number in range(queues))
    return History(names, offered, nothing, nothing, known, FIRST, interval_s, "UTC")


def walked(history: History, day: int) -> Walk:
    state = Walk(history, last_day=day + 60, params=PARAMS)
    state.advance(day)
    state.solve()
    return state


def weekly(days: int, *, slots: int = 12, level: float = 200.0, seed: int | None = None) -> Floats:
    """A week with a shape, closed on Sundays; with chance where a seed is given."""
    day, slot = np.arange(days)[:, None], np.arange(slots)[None, :]
    shape = 1.0 + 0.5 * np.sin(slot / slots * np.pi) + 0.3 * (day % 7 == 0) + 0.1 * (day % 7 == 4) * (slot > 6)
    mean = level * shape
    counts = mean if seed is None else np.random.default_rng(seed).poisson(mean).astype(float)
    return np.where(day % 7 == 6, np.nan, counts)


def test_chance_looks_alike_at_every_level_on_the_scale_and_comes_back() -> None:
    rng = np.random.default_rng(1)
    for mean in (5.0, 100.0, 5000.0):
        shape = 1.0 / scale.DISPERSION
        counts = rng.negative_binomial(shape, shape / (shape + mean), 20_000).astype(float)
        assert scale.scaled(counts).std() == pytest.approx(1.0, abs=0.06)
        assert scale.expected(scale.scaled(counts).mean(), size=np.float64(1.0)) == pytest.approx(mean, rel=0.03)
    assert scale.counted(scale.scaled(np.asarray([0.0, 3.0, 1e6]))) == pytest.approx([0.0, 3.0, 1e6])
    step = scale.scaled(np.asarray([1001.0])) - scale.scaled(np.asarray([1000.0]))
    assert scale.steepness(np.asarray([1000.0])) == pytest.approx(1000.0 * step, rel=0.01)


def test_the_calendar_knows_holidays_their_neighbours_and_chinas_moved_working_days() -> None:
    days = calendar.days(date(2025, 1, 20), 30, country="CN")
    told = {date(2025, 1, 20) + timedelta(days=n): n for n in range(30)}
    new_year, before, moved = (told[date(2025, *day)] for day in ((1, 29), (1, 27), (1, 26)))
    assert (days.is_holiday[new_year], days.is_before[before], days.weekday[moved]) == (1.0, 1.0, 6.0)
    working = [place for place, kind in enumerate(days.kinds) if kind == "holiday"][-1]
    assert days.columns[moved, working] == 1.0
    assert days.columns[told[date(2025, 2, 16)], working] == 0.0  # an ordinary Sunday
    plain = calendar.days(date(2025, 1, 20), 30, country=None)
    assert not plain.is_holiday.any()
    assert "holiday" not in plain.kinds
    with pytest.raises(InputError, match="ISO 3166"):
        calendar.days(FIRST, 3, country="ZZ")


def test_the_surface_is_the_discounted_ridge_regression_of_a_naive_twin() -> None:
    rng = np.random.default_rng(2)
    rows, courses = rng.normal(size=(9, 2)), 20.0 + rng.normal(size=(9, 4))
    rows[:, 0] = 1.0
    surface = Surface(1, 4, ("always", "weekday"))
    surface.tell(np.ones((1, 4), dtype=bool))
    for row, course in zip(rows, courses, strict=True):
        surface.pass_day()
        surface.add(row[None], course[None], queues=np.asarray([True]))
    surface.solve(span_days=9)

    weight = np.diag(MEMORY ** np.arange(8, -1, -1.0))
    waves = np.asarray([[np.cos(np.pi * k * (s + 0.5) / 4) for k in range(4)] for s in range(4)])
    waves /= np.sqrt((waves**2).sum(axis=0))
    level = scale.counted(np.asarray((weight @ courses).sum() / weight.sum() / 4.0))
    noisy = NOISE / scale.steepness(level) ** 2
    assert noisy > 1.0
    drag = {0: 0.1, 1: 0.1 * noisy * (1 + (1 / 4) ** 2)}
    for order, dragged in drag.items():
        twin = np.linalg.solve(
            rows.T @ weight @ rows + np.diag([1e-3, dragged]), rows.T @ weight @ (courses @ waves[:, order])
        )
        assert surface.coefficients[0, :, order] == pytest.approx(twin)
    assert surface.told_by(surface.course(np.asarray([[1.0, 2.0, 3.0, 4.0]]))) == pytest.approx(
        np.asarray([[1.0, 2.0, 3.0, 4.0]])
    )


def test_a_new_slot_is_taken_to_be_like_its_neighbour() -> None:
    surface = Surface(1, 3, ("always",))
    surface.tell(np.asarray([[True, True, False]]))
    for _ in range(50):
        surface.add(np.ones((1, 1)), np.asarray([[10.0, 12.0, 0.0]]), queues=np.asarray([True]))
    surface.tell(np.asarray([[True, True, True]]))
    surface.solve(span_days=50)
    assert surface.course(surface.orders(np.ones((1, 1))))[0] == pytest.approx([10.0, 12.0, 12.0], abs=0.01)


def test_a_new_queue_learns_its_weekdays_from_its_likes() -> None:
    busy = np.stack([weekly(84, level=level, seed=seed) for seed, level in enumerate((100.0, 200.0, 300.0, 150.0))])
    for one in busy[3:]:
        one[:76] = np.nan  # eight days old: one Monday, seen once
        one[77] *= 0.5  # and that was no usual one
    truth = weekly(92, level=150.0)[84]
    together = walked(past(busy), 84)
    alone = walked(past(busy[3:]), 84)

    told = [scale.counted(state.course(84))[-1].sum() for state in (together, alone)]

    assert abs(told[0] - truth.sum()) < 0.7 * abs(told[1] - truth.sum())


def test_the_law_of_drift_finds_how_much_lasts_and_never_more_than_all() -> None:
    rng = np.random.default_rng(3)
    law, drift, level = Law(), Drift(40, 4), np.zeros((40, 1))
    for _ in range(300):
        level = 0.8 * level + rng.normal(size=(40, 1))
        error = np.repeat(level, 4, axis=1)
        orders = np.zeros((40, 4))
        orders[:, 0] = error.sum(axis=1) / 2.0
        averages = np.zeros((len(MEMORIES), 40, 4))
        averages[:, :, 0] = drift.averages.sum(axis=2) / 2.0
        law.learn(0, averages, orders)
        drift.add(error, queues=np.ones(40, dtype=bool))
    last = np.zeros((len(MEMORIES), 40, 4))
    last[:, :, 0] = drift.averages.sum(axis=2) / 2.0

    kept = law.kept(last, ahead=0.0)[:, 0]

    assert np.corrcoef(kept, 2.0 * level[:, 0])[0, 1] > 0.9
    assert np.abs(kept).mean() < np.abs(2.0 * level).mean()
    steady = np.ones((len(MEMORIES), 1, 4))
    assert (law.kept(steady, ahead=0.0) <= 1.0 + 1e-9).all()
    assert law.kept(steady, ahead=0.0)[0, 0] > law.kept(steady, ahead=float(AHEAD[-1]))[0, 0]


def test_the_rest_of_a_day_is_its_expectation_given_the_beginning() -> None:
    rng = np.random.default_rng(4)
    slots, days = 12, 4000
    place = np.arange(slots)
    truth = 0.5 + 0.5 * np.exp(-np.abs(place[:, None] - place[None, :]) / 2.0) + 0.4 * np.eye(slots)
    errors = rng.multivariate_normal(np.zeros(slots), truth, size=days)
    agreement = Agreement(slots, interval_s=3600)
    for error in errors:
        agreement.add(error[None])
    came = np.where(place < 5, errors[:1], np.nan)

    told, left = agreement.rest(came)

    seen, rest = place < 5, place >= 5
    weights = np.linalg.solve(truth[np.ix_(seen, seen)], truth[np.ix_(seen, rest)])
    assert told[0, rest] == pytest.approx(errors[0, seen] @ weights, abs=0.12)
    twin = 1.0 - (weights * truth[np.ix_(seen, rest)]).sum(axis=0) / 1.4
    assert left[0, rest] == pytest.approx(twin, abs=0.06)


def test_with_nothing_seen_the_rest_is_as_usual() -> None:
    agreement = Agreement(4, interval_s=3600)
    told, left = agreement.rest(np.full((2, 4), np.nan))
    assert (told.tolist(), left.tolist()) == ([[0.0] * 4] * 2, [[1.0] * 4] * 2)
    assert agreement.rest(np.asarray([[3.0, np.nan, np.nan, np.nan]]))[0][0, 1] == 0.0  # nothing hangs together yet


def opened(days: list[bool], *, holidays: set[int] = frozenset()) -> Openness:  # type: ignore[assignment]
    state = Openness(1, 2, share=0.1)
    for day, is_open in enumerate(days):
        counts = np.asarray([[5.0, 0.0]]) if is_open else np.full((1, 2), np.nan)
        state.add(day, counts, weekday=day % 7, holiday=day in holidays, queues=np.asarray([True]))
    return state


def test_hours_and_days_are_open_by_habit() -> None:
    state = opened([day % 7 < 5 for day in range(28)])
    assert state.is_open(today=28, weekday=0, holiday=False).tolist() == [[True, False]]
    assert state.is_open(today=28, weekday=6, holiday=False).tolist() == [[False, False]]
    assert np.isnan(state.usable(np.asarray([[0.0, 0.0]]), weekday=0)).all()  # a day without anybody was closed
    assert np.isnan(state.usable(np.asarray([[3.0, 0.0]]), weekday=0))[0].tolist() == [False, True]


def test_a_queue_that_has_had_nobody_for_four_weeks_has_stopped() -> None:
    state = opened([day < 28 for day in range(57)])
    assert state.is_open(today=55, weekday=0, holiday=False).any()
    assert not state.is_open(today=57, weekday=0, holiday=False).any()


def test_a_queue_that_kept_its_holidays_will_keep_the_next() -> None:
    closed, worked = (opened([day != 9 or works for day in range(21)], holidays={9}) for works in (False, True))
    assert not closed.is_open(today=21, weekday=2, holiday=True).any()
    assert closed.is_open(today=21, weekday=2, holiday=False).any()
    assert worked.is_open(today=21, weekday=2, holiday=True).any()


def test_the_first_day_after_one_that_was_closed_against_habit_is_told() -> None:
    state = opened([day % 7 < 5 and day != 17 for day in range(18)])  # Thursday was closed
    assert state.after_closed(18, today=18, weekday=4).tolist() == [1.0]
    assert state.after_closed(21, today=18, weekday=0).tolist() == [0.0]  # Friday comes first
    plain = opened([day % 7 < 5 for day in range(21)])
    assert plain.after_closed(21, today=21, weekday=0).tolist() == [0.0]  # weekends are habit


def test_sizes_follow_the_errors_and_cover_what_they_say() -> None:
    rng = np.random.default_rng(5)
    spread, inside = Spread(1, 24), []
    for day in range(400):
        error = rng.normal(scale=1.0 if day < 200 else 2.0, size=(1, 24))
        sizes = spread.sizes()
        inside.append(float((np.abs(error) <= 1.2816 * sizes).mean()))
        spread.add(error, sizes=sizes)
    assert np.mean(inside[50:200]) == pytest.approx(0.8, abs=0.02)
    assert np.mean(inside[240:]) == pytest.approx(0.8, abs=0.02)
    assert spread.sizes().mean() == pytest.approx(2.0, rel=0.15)


def test_seconds_follow_the_hour_and_the_week() -> None:
    handling = Handling(1, 2)
    for day in range(60):
        handling.pass_day()
        longer = 1.2 if day >= 53 else 1.0
        handling.add(
            np.asarray([[100.0, 100.0]]), longer * np.asarray([[200.0, 400.0]]), cells=np.ones((1, 2), dtype=bool)
        )
    usual = handling.usual()[0] * handling.level()[0]
    assert usual == pytest.approx([240.0, 480.0], rel=0.08)
    assert usual[1] / usual[0] == pytest.approx(2.0, rel=0.1)
    assert np.isnan(Handling(1, 2).usual()).all()


def test_what_is_usual_is_found_where_nothing_moves() -> None:
    counts = weekly(70)
    state = walked(past(counts[None]), 70)
    assert scale.counted(state.course(70))[0] == pytest.approx(weekly(77)[70], rel=0.01)
    assert scale.counted(state.course(74))[0] == pytest.approx(weekly(77)[74], rel=0.01)


def test_what_becomes_known_late_is_taken_in_as_if_it_had_been_known_in_time() -> None:
    counts = weekly(70, seed=6)[None]
    late = walked(past(counts, late_h=lambda day, slot: 3.0), 70)
    late.take_in(known_s=midnight(late.past, 70) + 4 * 3600)
    late.solve()
    prompt = walked(past(counts), 70)
    assert scale.counted(late.course(70)) == pytest.approx(scale.counted(prompt.course(70)), rel=0.01)
    whole = walked(past(counts, late_h=lambda day, slot: 30.0), 70)  # of no day anything before the next is over
    assert whole.openness.is_open(today=70, weekday=0, holiday=False).all()
    assert scale.counted(whole.course(70)) == pytest.approx(scale.counted(prompt.course(70)), rel=0.05)


def test_nothing_of_an_origin_depends_on_a_later_day() -> None:
    counts = weekly(90, seed=7)[None]
    other = counts.copy()
    other[:, 60:] *= 7.0
    one, two = (walked(past(offered), 60) for offered in (counts, other))
    np.testing.assert_array_equal(one.course(60), two.course(60))
    np.testing.assert_array_equal(one.spread.sizes(), two.spread.sizes())


def test_an_outage_does_not_spoil_what_is_learned() -> None:
    counts = weekly(70, seed=8)[None]
    broken = counts.copy()
    broken[0, 65, 5:9] *= 8.0
    told = [scale.counted(walked(past(offered), 70).course(70))[0] for offered in (counts, broken)]
    assert told[1] == pytest.approx(told[0], rel=0.06)


@pytest.mark.parametrize("counts", [np.full((40, 12), 7.0), np.full((40, 12), 0.25)])
def test_a_constant_series_stays_as_it_is(counts: Any) -> None:
    state = walked(past(counts[None]), 40)
    assert scale.counted(state.course(40))[0] == pytest.approx(counts[0], rel=0.02, abs=0.02)
    assert np.isfinite(state.spread.sizes()).all()


def test_strange_hours_are_told_from_the_chance_of_the_day() -> None:
    rng = np.random.default_rng(9)
    agreement, slots = Agreement(12, interval_s=3600), 12
    for _ in range(500):
        agreement.add((rng.normal() + rng.normal(size=slots))[None])
    day = np.full((3, slots), np.nan)
    day[0, :6] = rng.normal() + rng.normal(size=6)
    day[1, :6] = [0.0, 0.0, 0.0, 6.0, 7.0, 8.0]
    usual, strange, unknown = agreement.strangeness(day, last=3)
    assert abs(usual) < 3.0
    assert strange == pytest.approx(7.0 / np.sqrt(1.0 + 1.0 / 3.0), rel=0.1)
    assert unknown == 0.0
