from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from centre.queueing import arrivals

DAY_S = 86_400
Floats = npt.NDArray[np.float64]


def logged(counts: npt.NDArray[np.int64]) -> Floats:
    """A moment for each of `counts[day, hour]` contacts."""
    day, hour = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    return day * DAY_S + hour * 3600.0 + 1800.0 * (np.arange(len(day)) % 2)


def varied(rng: np.random.Generator, *, days: int, day_sd: float, hour_sd: float, mean: float = 40.0) -> Floats:
    """Counts by day and hour whose levels are lognormal: another shape than the fitted gamma, the same two moments."""
    level = np.exp(rng.normal(0, 1, (days, 1)) * np.log1p(day_sd**2) ** 0.5 - np.log1p(day_sd**2) / 2)
    inner = np.exp(rng.normal(0, 1, (days, 24)) * np.log1p(hour_sd**2) ** 0.5 - np.log1p(hour_sd**2) / 2)
    return logged(rng.poisson(mean * level * inner))


def fitted(*at_s: Floats, days: int, first_weekday: int = 0) -> arrivals.Arrivals:
    stream = np.repeat(np.arange(len(at_s)), [len(own) for own in at_s])
    weekdays = (first_weekday + np.arange(days)) % 7
    return arrivals.fit(stream, np.concatenate(at_s), streams=len(at_s), weekdays=weekdays)


def stated(
    per_slot: Floats, *, day: float | tuple[float, ...], hour: float, shared: tuple[float, float]
) -> arrivals.Arrivals:
    """Arrivals whose truth is stated; of the days that were fitted nothing is known."""
    streams = len(per_slot)
    return arrivals.Arrivals(
        per_slot, np.ones(streams) * day, np.full(streams, hour), *shared, np.zeros((streams, 0, 24))
    )


def dispersion(counts: Floats) -> float:
    """Variance over mean."""
    return float(counts.var(ddof=1) / counts.mean())


def test_means_are_those_of_weekday_and_half_hour() -> None:
    # two Tuesdays and one Wednesday: three and one contacts at 9:30, then two at 23:59
    at_s = np.array([9.5, 9.6, 9.7, 7 * 24 + 9.9, 24 + 23.99, 24 + 23.995]) * 3600

    told = fitted(np.sort(at_s), days=8, first_weekday=1)

    assert told.per_slot[0, 1, 19] == 2.0
    assert told.per_slot[0, 2, 47] == 2.0
    assert told.per_slot.sum() == 4.0
    assert told.per_day[0].tolist() == [0, 2, 2, 0, 0, 0, 0]


def test_what_varies_with_the_day_and_what_with_the_hour_is_told_apart() -> None:
    told = fitted(varied(np.random.default_rng(3), days=1400, day_sd=0.2, hour_sd=0.1), days=1400)

    assert told.day_variance[0] == pytest.approx(0.04, rel=0.15)
    assert told.hour_variance[0] == pytest.approx(0.01, rel=0.15)


def test_means_that_were_fitted_on_three_weeks_do_not_hide_the_variance() -> None:
    found = [
        fitted(varied(np.random.default_rng(seed), days=21, day_sd=0.2, hour_sd=0.1), days=21).day_variance[0]
        for seed in range(60)
    ]

    assert np.mean(found) == pytest.approx(0.04, abs=3 * np.std(found) / 60**0.5)


def test_a_plain_poisson_process_has_no_levels() -> None:
    told = fitted(logged(np.random.default_rng(4).poisson(40.0, (700, 24))), days=700)

    assert told.day_variance[0] < 1e-3
    assert told.hour_variance[0] < 1e-3


def test_streams_that_rise_and_fall_together_are_told_from_those_that_do_not() -> None:
    rng = np.random.default_rng(5)
    level = rng.gamma(1 / 0.04, 0.04, (1400, 1)) * rng.gamma(1 / 0.02, 0.02, (1400, 24))
    together = [logged(rng.poisson(20.0 * level)) for _ in range(2)]
    apart = [varied(np.random.default_rng(seed), days=1400, day_sd=0.2, hour_sd=0.2) for seed in (6, 7)]

    same, other = fitted(*together, days=1400), fitted(*apart, days=1400)

    assert same.shared_day == pytest.approx(0.04, rel=0.15)
    assert same.shared_hour == pytest.approx(0.02, rel=0.15)
    assert other.shared_day < 0.004
    assert other.shared_hour < 0.002
    assert same.own(0) == pytest.approx((0.0, 0.0), abs=0.003)
    assert other.own(0) == pytest.approx((0.04, 0.04), abs=0.008)


def test_small_streams_show_together_what_none_of_them_shows_alone() -> None:
    """Forty streams of two contacts an hour: an hour that is busy for all is seen in their sum."""
    rng = np.random.default_rng(14)
    level = rng.gamma(1 / 0.05, 0.05, (70, 24))
    told = fitted(*(logged(rng.poisson(2.0 * level)) for _ in range(40)), days=70)

    again, _ = arrivals.drawn(told, first_weekday=0, days=70, seed=1, like=list(range(70)))

    counts = np.bincount((again // 3600).astype(int), minlength=70 * 24).astype(float)
    assert told.shared_hour == pytest.approx(0.05, rel=0.15)
    assert np.corrcoef(counts, level.ravel())[0, 1] > 0.65
    assert dispersion(counts) == pytest.approx(1 + 80 * 0.05, rel=0.15)


def test_drawn_counts_are_dispersed_as_fitted_by_hour_and_by_day() -> None:
    told = stated(np.full((2, 7, 48), 15.0), day=0.03, hour=0.02, shared=(0.03, 0.0))

    at_s, stream = arrivals.drawn(told, first_weekday=2, days=2000, seed=8)

    first = np.bincount((at_s[stream == 0] // 3600).astype(int), minlength=2000 * 24).astype(float)
    whole = np.bincount((at_s // DAY_S).astype(int), minlength=2000).astype(float)
    # worked by hand: an hour's mean is 30, a day's of both streams 1,440
    assert first.mean() == pytest.approx(30.0, rel=0.02)
    assert dispersion(first) == pytest.approx(1 + 30 * (1.03 * 1.02 - 1), rel=0.06)
    assert dispersion(first.reshape(2000, 24).sum(axis=1)) == pytest.approx(1 + 720 * 0.03 + 30 * 0.0206, rel=0.12)
    # of days that both share the variances add up as if it were one stream
    assert dispersion(whole) == pytest.approx(1 + 1440 * 0.03 + 30 * 0.0206, rel=0.12)


def test_what_is_drawn_is_found_again() -> None:
    rng = np.random.default_rng(9)
    told = stated(rng.uniform(2, 20, (3, 7, 48)), day=(0.02, 0.05, 0.03), hour=0.03, shared=(0.02, 0.01))

    at_s, stream = arrivals.drawn(told, first_weekday=0, days=1400, seed=1)
    again = arrivals.fit(stream, at_s, streams=3, weekdays=np.arange(1400) % 7)

    assert np.abs(again.per_slot / told.per_slot - 1).mean() < 0.03
    assert again.day_variance == pytest.approx(told.day_variance, abs=0.006)
    assert (again.shared_day, again.shared_hour) == pytest.approx((0.02, 0.01), abs=0.003)
    assert again.hour_variance == pytest.approx(told.hour_variance, abs=0.003)


def test_the_same_seed_draws_the_same_and_another_stream_changes_nothing() -> None:
    one = stated(np.full((1, 7, 48), 3.0), day=0.02, hour=0.02, shared=(0.01, 0.01))
    two = stated(np.full((2, 7, 48), 3.0), day=0.02, hour=0.02, shared=(0.01, 0.01))

    alone, _ = arrivals.drawn(one, first_weekday=0, days=10, seed=5)
    both, stream = arrivals.drawn(two, first_weekday=0, days=10, seed=5)

    assert alone.tolist() == both[stream == 0].tolist()
    assert alone.tolist() != arrivals.drawn(one, first_weekday=0, days=10, seed=6)[0].tolist()
    assert (np.diff(both) >= 0).all()


def test_a_day_that_is_played_again_is_as_busy_as_its_counts_tell() -> None:
    """Ten times 35 fitted weeks: the busy days stay the busy ones, and counts vary as they did in the log."""
    at_s = varied(np.random.default_rng(11), days=245, day_sd=0.3, hour_sd=0.2)
    told = fitted(at_s, days=245)
    logged_days = np.bincount((at_s // DAY_S).astype(int), minlength=245).astype(float)
    logged_hours = np.bincount((at_s // 3600).astype(int), minlength=245 * 24).astype(float)

    again, _ = arrivals.drawn(told, first_weekday=0, days=2450, seed=12, like=list(range(245)) * 10)

    days = np.bincount((again // DAY_S).astype(int), minlength=2450).astype(float)
    hours = np.bincount((again // 3600).astype(int), minlength=2450 * 24).astype(float)
    assert np.corrcoef(days, np.tile(logged_days, 10))[0, 1] > 0.97
    assert days.mean() == pytest.approx(logged_days.mean(), rel=0.01)
    assert dispersion(days) == pytest.approx(dispersion(logged_days), rel=0.1)
    assert dispersion(hours) == pytest.approx(dispersion(logged_hours), rel=0.1)


def test_days_without_a_level_of_their_own_are_new_days_whatever_was_counted() -> None:
    told = fitted(logged(np.full((70, 24), 40)), days=70)

    again, _ = arrivals.drawn(told, first_weekday=0, days=70, seed=13, like=list(range(70)))

    counts = np.bincount((again // 3600).astype(int), minlength=70 * 24).astype(float)
    assert dispersion(counts) == pytest.approx(1.0, abs=0.12)
