"""A forecast added up: queues to the site, intervals to the day, in the mean and in the quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training import scenarios
from training.scenarios import Told

Floats = npt.NDArray[np.float64]
# How the site, all queues together, is named where queues are.
SITE = "*"
# The quantiles of an issued table, which names them so: offered_q025 is the 2.5% quantile.
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
# Futures from which the site's quantiles are read: the 2.5% quantile of 1,000 is known to half a point of probability.
FUTURES = 1000


@dataclass(frozen=True)
class Added:
    """Tables of `queue`, `interval_start`, `interval_s`, the mean and quantiles (n, levels): the site by interval, and
    queues and site by local day (an interval of that day's length)."""

    site: dict[str, Any]
    days: dict[str, Any]


def added(design: pa.Table, model: Any, quantiles: Floats, *, time_zone: str, seed: int) -> Added:
    """From a design's rows and a model's quantiles of volume; the same seed gives the same figures."""
    told, keys = _told(design, model, quantiles, time_zone)
    starts, place = np.unique(_micros(design), return_inverse=True)
    mean = model.mean(quantiles)
    site_mean = np.bincount(place, weights=mean)
    site_quantiles = _site_quantiles(told, place, len(starts), seed)
    interval_s = int(design["interval_s"][0].as_py())
    site = _table([SITE] * len(starts), starts, np.full(len(starts), interval_s), site_mean, site_quantiles)
    by_group = np.bincount(told.group, weights=mean)
    by_day = np.concatenate([by_group, np.bincount(told.day_of_group, weights=by_group)])
    return Added(site, _days(keys, by_day, np.concatenate([told.group_totals, told.day_totals]), time_zone))


def summed(design: pa.Table, futures: Floats, *, quantiles: Sequence[float], time_zone: str) -> Added:
    """From possible counts of each row (n, possibilities), each a future of all rows together."""
    starts, place = np.unique(_micros(design), return_inverse=True)
    keys, group = _groups(design, time_zone)
    each_day = sorted({day for _, day in keys})
    day_of_group = np.asarray([each_day.index(day) for _, day in keys])
    site = scenarios.sums(futures.T, place, len(starts))
    by_group = scenarios.sums(futures.T, group, len(keys))
    by_day = np.concatenate([by_group, scenarios.sums(by_group, day_of_group, len(each_day))], axis=1)
    interval_s = np.full(len(starts), int(design["interval_s"][0].as_py()))
    return Added(
        _table([SITE] * len(starts), starts, interval_s, site.mean(axis=0), scenarios.quantiles_of(site, quantiles)),
        _days(keys, by_day.mean(axis=0), scenarios.quantiles_of(by_day, quantiles), time_zone),
    )


def hanging(intervals: pa.Table, days: pa.Table, *, time_zone: str) -> tuple[float, float]:
    """How far good and bad luck come together in an issued forecast, by its own widths: the share of an interval's
    variance that its queue's day has in common, and that of the queues' days that all have; means over the days.

    intervals, days: the issued tables, the site among their queues.
    """
    import pyarrow.compute as pc

    mine, own = (table.filter(pc.not_equal(table["queue"], SITE)) for table in (intervals, days))
    keys, group = _groups(mine, time_zone)
    totals = dict(
        zip(zip(own["queue"].to_pylist(), local_days(own, time_zone), strict=True), _issued(own), strict=True)
    )
    of_site = days.filter(pc.equal(days["queue"], SITE))
    site = dict(zip(local_days(of_site, time_zone), _issued(of_site), strict=True))
    each_day = sorted({day for _, day in keys})
    told = Told(
        _issued(mine), group, np.asarray([each_day.index(day) for _, day in keys]),
        np.stack([totals[key] for key in keys]), np.stack([site[day] for day in each_day]), LEVELS,
    )  # fmt: skip
    return float(scenarios.shared_by_day(told).mean()), float(scenarios.shared_by_queues(told).mean())


def _issued(table: pa.Table) -> Floats:
    """(rows, LEVELS): the quantiles of an issued table."""
    return np.column_stack([_column(table, f"offered_q{round(1000 * level):03d}") for level in LEVELS])


def _groups(design: pa.Table, time_zone: str) -> tuple[list[tuple[str, str]], npt.NDArray[np.int64]]:
    """The queues' local days that occur, in order, and which of them each row is of."""
    rows = list(zip(design["queue"].to_pylist(), local_days(design, time_zone), strict=True))
    keys = sorted(set(rows))
    place = {key: number for number, key in enumerate(keys)}
    return keys, np.asarray([place[key] for key in rows], dtype=np.int64)


def _told(design: pa.Table, model: Any, quantiles: Floats, time_zone: str) -> tuple[Told, list[tuple[str, str]]]:
    """The forecast with its groups, each a queue's local day, and their names."""
    keys, group = _groups(design, time_zone)
    each_day = sorted({day for _, day in keys})
    day_of_group = np.asarray([each_day.index(day) for _, day in keys])
    mean = np.bincount(group, weights=model.mean(quantiles))
    spread, site_spread = (_mean_of(_column(design, name), group) for name in ("day_spread", "site_spread"))
    totals = model.day_totals(mean, spread=spread)
    site = model.day_totals(np.bincount(day_of_group, weights=mean), spread=_mean_of(site_spread, day_of_group))
    return Told(quantiles, group, day_of_group, totals, site, tuple(model.quantiles)), keys


def _site_quantiles(told: Told, place: npt.NDArray[np.int64], count: int, seed: int) -> Floats:
    """(intervals, levels) of the sums over queues: day by day, as futures of different days have nothing in common."""
    found = np.zeros((count, len(told.levels)))
    day = told.day_of_group[told.group]
    for one in np.unique(day):
        mine = day == one
        part = _part(told, mine, int(one))
        futures = scenarios.drawn(part, count=FUTURES, seed=seed + int(one))
        slots, within = np.unique(place[mine], return_inverse=True)
        found[slots] = scenarios.quantiles_of(scenarios.sums(futures, within, len(slots)), told.levels)
    return found


def _part(told: Told, rows: npt.NDArray[np.bool_], day: int) -> Told:
    """One day of it."""
    groups, group = np.unique(told.group[rows], return_inverse=True)
    return Told(
        told.quantiles[rows], group, np.zeros(len(groups), dtype=np.int64), told.group_totals[groups],
        told.day_totals[[day]], told.levels,
    )  # fmt: skip


def _days(keys: list[tuple[str, str]], mean: Floats, quantiles: Floats, time_zone: str) -> dict[str, Any]:
    """The table of days: of the queues (`keys`), and after them the site's."""
    each_day = sorted({day for _, day in keys})
    names = [*(queue for queue, _ in keys), *([SITE] * len(each_day))]
    starts, lengths = zip(*(_span(day, time_zone) for day in (*(day for _, day in keys), *each_day)), strict=True)
    return _table(names, np.asarray(starts), np.asarray(lengths), mean, quantiles)


def _table(queues: list[str], starts: Any, lengths: Any, mean: Any, quantiles: Floats) -> dict[str, Any]:
    return {
        "queue": pa.array(queues, pa.string()),
        "interval_start": pa.array(starts, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "interval_s": pa.array(lengths, pa.int64()), "mean": mean, "quantiles": quantiles,
    }  # fmt: skip


def local_days(design: pa.Table, time_zone: str) -> list[str]:
    """The local day of each row, ISO."""
    import pyarrow.compute as pc

    wall = pc.local_timestamp(design["interval_start"].cast(pa.timestamp("us", tz=time_zone)))
    return [str(day) for day in pc.strftime(wall, format="%Y-%m-%d").to_pylist()]


def _span(day: str, time_zone: str) -> tuple[int, int]:
    """When a local day begins, in microseconds since 1970, and how many seconds it has: 23 or 25 hours twice a year."""
    zone, first = ZoneInfo(time_zone), date.fromisoformat(day)
    start, end = (datetime.combine(one, time(), tzinfo=zone).timestamp() for one in (first, first + timedelta(days=1)))
    return int(start * 1_000_000), int(end - start)


def _micros(design: pa.Table) -> npt.NDArray[np.int64]:
    return np.asarray(design["interval_start"].cast(pa.int64()).to_numpy(), dtype=np.int64)


def _column(design: pa.Table, name: str) -> Floats:
    return np.asarray(design[name].to_numpy(zero_copy_only=False), dtype=np.float64)


def _mean_of(values: Floats, group: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(np.bincount(group, weights=values) / np.bincount(group), dtype=np.float64)
