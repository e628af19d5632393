"""When customers first ask for something, through which channel and about what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from centre.simulation.parameters import WorldParams
from centre.simulation.people import Floats, Ints

SLOT_S = 1800
SLOTS = 48
HOLIDAYS_REPEAT_DAYS = 56


@dataclass(frozen=True)
class Calendar:
    """Local days of the period: seconds from the first local midnight to each midnight, one more at the end."""

    origin: datetime
    first_day: date
    midnights: tuple[int, ...]

    @property
    def days(self) -> int:
        """Days in the period."""
        return len(self.midnights) - 1

    @property
    def ends_s(self) -> int:
        """Seconds from the origin to the end of the period."""
        return self.midnights[-1]

    def day_of(self, at_s: float) -> int:
        """Number of the local day that holds this second."""
        return int(np.searchsorted(self.midnights, at_s, side="right")) - 1


def calendar(*, start: date, weeks: int, time_zone: str) -> Calendar:
    """The local days from `start` for `weeks` weeks, a day of 23 or 25 hours where the zone has one."""
    zone = ZoneInfo(time_zone)
    days = [start + timedelta(days=number) for number in range(7 * weeks + 1)]
    moments = [datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in days]
    return Calendar(moments[0], start, tuple(int((moment - moments[0]).total_seconds()) for moment in moments))


@dataclass(frozen=True)
class Needs:
    """First contacts in order of time: seconds from the origin, place of channel and of intent."""

    starts_s: Ints
    channels: Ints
    intents: Ints


def needs(params: WorldParams, *, days: Calendar, rng: np.random.Generator) -> Needs:
    """Draw first contacts: Poisson in each half hour around a mean that is itself random (overdispersed)."""
    mean = expected_needs(params, days=days, rng=rng)
    counts = rng.poisson(mean)
    day, slot, channel, group = (np.repeat(axis, counts.ravel()) for axis in _axes(counts.shape))
    starts = np.asarray(days.midnights)[day] + slot * SLOT_S + rng.integers(0, SLOT_S, size=len(day))
    order = np.argsort(starts, kind="stable")
    return Needs(starts[order], channel[order], _intents(params, group, rng)[order])


def expected_needs(params: WorldParams, *, days: Calendar, rng: np.random.Generator) -> Floats:
    """Mean number of first contacts by day, half hour, channel and group, with this run's random levels."""
    levels = np.exp(_day_levels(params, days.days, rng)) * _day_factors(params, days)
    noise = np.exp(rng.normal(0, params.interval_sd, (days.days, SLOTS)))
    by_slot = levels[:, None] * noise * params.contacts_per_weekday
    shares = np.array(list(params.channel_shares.values()))
    return np.asarray(
        by_slot[:, :, None, None]
        * (shares[:, None] * channel_shapes(params)).T[None, :, :, None]
        * _group_factors(params, days, rng)[:, :, None, :]
    )


def _axes(shape: tuple[int, ...]) -> list[Ints]:
    return [axis.ravel() for axis in np.indices(shape)]


def _intents(params: WorldParams, groups: Ints, rng: np.random.Generator) -> Ints:
    chosen = np.zeros(len(groups), dtype=np.int64)
    for place, group in enumerate(params.groups):
        members = [n for n, intent in enumerate(params.intents) if intent.group == group.id]
        weights = np.array([params.intents[n].share for n in members])
        here = groups == place
        chosen[here] = rng.choice(members, size=int(here.sum()), p=weights / weights.sum())
    return chosen


def _day_levels(params: WorldParams, count: int, rng: np.random.Generator) -> Floats:
    """Log level of each day, autoregressive of order one, stationary from the first day."""
    phi, sd = params.day_level_autocorrelation, params.day_level_sd
    shocks = rng.normal(0, sd, count)
    levels = np.zeros(count)
    for day in range(count):
        levels[day] = shocks[0] if day == 0 else phi * levels[day - 1] + np.sqrt(1 - phi**2) * shocks[day]
    return levels


def _day_factors(params: WorldParams, days: Calendar) -> Floats:
    return np.array([_day_factor(params, day, (days.first_day.weekday() + day) % 7) for day in range(days.days)])


def _day_factor(params: WorldParams, day: int, weekday: int) -> float:
    trend = float((1 + params.weekly_trend) ** (day / 7))
    factor, in_period = params.weekday_factors[weekday], day % HOLIDAYS_REPEAT_DAYS
    if in_period in params.holiday_days:
        return min(factor, params.holiday_factor) * trend
    return factor * trend * (params.after_holiday_factor if in_period - 1 in params.holiday_days else 1.0)


def channel_shapes(params: WorldParams) -> Floats:
    """Share of a day's contacts by half hour, one row a channel; each sums to 1."""
    written = np.repeat(np.array(params.email_hour_factors), 2)
    rows = [written if channel == "email" else live_shape(params) for channel in params.channel_shares]
    return np.array([row / row.sum() for row in rows])


def live_shape(params: WorldParams) -> Floats:
    """How voice and chat spread over the half hours of a day; 0 while closed, sums to 1."""
    opened = np.zeros(SLOTS)
    opened[2 * params.open_hour : 2 * params.close_hour] = _half_hours(np.array(params.hour_factors))
    return np.asarray(opened / opened.sum())


def _half_hours(hourly: Floats) -> Floats:
    """Half-hour values on the straight line through the middles of the hours."""
    middles = np.arange(len(hourly)) + 0.5
    return np.interp(np.arange(2 * len(hourly)) / 2 + 0.25, middles, hourly)


def _group_factors(params: WorldParams, days: Calendar, rng: np.random.Generator) -> Floats:
    """Share of each group by day and half hour: drifting by day, lifted by campaign and outage (sums then exceed 1)."""
    ids = [group.id for group in params.groups]
    shares = np.array([sum(i.share for i in params.intents if i.group == group) for group in ids])
    drift = np.exp(rng.normal(0, params.group_level_sd, (days.days, len(ids))))
    factors = np.repeat((shares / shares.sum() * drift)[:, None, :], SLOTS, axis=1)
    first, last = params.campaign_days
    for group, factor in params.campaign_factors.items():
        factors[first : last + 1, :, ids.index(group)] *= factor
    for start_h in params.outage_starts_h:
        day, slot = int(start_h // 24), int(start_h % 24 * 2)
        for group, factor in params.outage_factors.items():
            factors[day : day + 1, slot : slot + int(params.outage_hours * 2), ids.index(group)] *= factor
    return factors
