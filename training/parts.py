"""A part of an issued forecast: what comes by a channel, or in a language, of a queue or of the site.

A part is a share of the whole, so parts add up in the mean; its quantiles are its own, as what the whole strays is
shared and what the part strays within it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import NormalDist
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from data_contracts.errors import NotFound
from training.aggregates import LEVELS, SITE, local_days

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
OFFERED, HANDLE = ("offered", "handle")


class Mix:
    """The shares of `features.mix`, to be asked for."""

    def __init__(self, table: pa.Table, *, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._shares: dict[str, dict[tuple[str, str], Floats]] = {}
        self._ratios: dict[tuple[str, str, str], float] = {}
        self._excess: dict[str, tuple[float, float]] = {}
        told = table.group_by(["queue", "channel", "language"], use_threads=False).aggregate(
            [("hour", "list"), ("share", "list"), ("handle_ratio", "max"), ("excess", "max"), ("day_excess", "max")]
        )
        for row in told.sort_by([(name, "ascending") for name in ("queue", "channel", "language")]).to_pylist():
            key, hours = (row["channel"], row["language"]), np.zeros(24 * 7)
            hours[row["hour_list"]] = row["share_list"]
            self._shares.setdefault(row["queue"], {})[key] = hours
            self._ratios[row["queue"], *key] = row["handle_ratio_max"]
            self._excess[row["queue"]] = (row["excess_max"], row["day_excess_max"])

    def parts(self, queue: str) -> list[tuple[str, str]]:
        """The (channel, language) that a queue is made of, the site of all its queues'."""
        queues = self._shares if queue == SITE else {queue: None}
        return sorted({part for one in queues for part in self._shares.get(one, {})})

    def wanted(self, queue: str, *, channel: str | None, language: str | None) -> list[tuple[str, str]]:
        """The parts of that channel and language, None meaning all. NotFound where there is none of them."""
        known = self.parts(queue)
        found = [part for part in known if channel in (None, part[0]) and language in (None, part[1])]
        if found:
            return found
        told = ", ".join(sorted({"/".join(part) for part in known})) or "none: its contacts were not told apart"
        raise NotFound("no such part of this queue", expected=f"one of {told}"[:500],
                       came="/".join(one or "any" for one in (channel, language))[:80],
                       where="query channel, language")  # fmt: skip

    def shares(
        self, queue: str, starts: Sequence[datetime], parts: Sequence[tuple[str, str]], *,
        effort: Mapping[str, float] | None = None,
    ) -> tuple[Floats, Floats]:  # fmt: skip
        """(intervals,) each: the share that these parts have of a queue's contacts, and the parts' handle time over the
        queue's (1 where they have no contact). effort: by channel the share of it that an agent is busy with them."""
        hours = np.asarray([_hour_of_week(start.astimezone(self._zone)) for start in starts], dtype=np.int64)
        told = self._shares.get(queue, {})
        nothing = np.zeros(len(hours))
        share = sum((told[part][hours] for part in parts if part in told), nothing)
        busy = effort or {}
        load = sum((busy.get(part[0], 1.0) * self._ratios[queue, *part] * told[part][hours]
                    for part in parts if part in told), nothing)  # fmt: skip
        whole = sum((self._ratios[queue, *part] * one[hours] for part, one in told.items()), nothing)
        ratio = np.where(share > 0, load / np.maximum(share, 1e-12) / np.maximum(whole, 1e-12), 1.0)
        return share, ratio

    def excess(self, queue: str, *, days: bool) -> float:
        """How many times a binomial's variance parts stray from their shares; of the site the largest of its queues."""
        queues = self._excess if queue == SITE else [queue]
        return max((self._excess.get(one, (1.0, 1.0))[int(days)] for one in queues), default=1.0)


def split(
    intervals: pa.Table, days: pa.Table, mix: Mix, *, queue: str, channel: str | None, language: str | None,
    time_zone: str,
) -> tuple[pa.Table, pa.Table]:  # fmt: skip
    """The part of a queue (`*`: the site) of issued tables: its intervals and its days, in the tables' own columns.

    Raises NotFound where the queue has no such part.
    """
    parts = mix.wanted(queue, channel=channel, language=language)
    if queue == SITE:
        own, share, ratio = _of_site(intervals, mix, parts)
    else:
        own = _rows(intervals, queue)
        share, ratio = mix.shares(queue, own["interval_start"].to_pylist(), parts)
    of_days = _rows(days, queue)
    whole, part = (_by_day(own, of_days, _column(own, "offered_mean") * one, time_zone) for one in (1.0, share))
    day_share = np.where(whole > 0, part / np.maximum(whole, 1e-12), 0.0)
    return (
        _part_of(own, share, ratio, excess=mix.excess(queue, days=False)),
        _part_of(of_days, day_share, None, excess=mix.excess(queue, days=True)),
    )


def part_quantiles(mean: Floats, quantiles: Floats, share: Floats, *, excess: float) -> Floats:
    """Quantiles (n, levels) of a share (n,) of a count whose mean (n,) and quantiles are given.

    On the scale on which chance looks alike at every level two causes add up by their squares (the law of total
    variance): what the whole strays, as it strays, and what the part does within it: a binomial's variance times
    `excess`, normal. All of a whole has the whole's own quantiles, nothing of it none.
    """
    from training.loaders.forecast import counted, scaled

    share = np.clip(share, 0.0, 1.0)[:, None]
    middle = quantiles[:, [LEVELS.index(0.5)]]
    common = (scaled(quantiles) - scaled(middle)) * share * _steepness(share * middle) / _steepness(middle)
    own = _steepness(share * middle) * np.sqrt(excess * share * (1.0 - share) * mean[:, None])
    normal = np.asarray([NormalDist().inv_cdf(level) for level in LEVELS])
    found = counted(scaled(share * middle) + np.sign(normal) * np.hypot(common, normal * own))
    return np.asarray(np.where(share >= 1.0, quantiles, np.where(share <= 0.0, 0.0, found)), dtype=np.float64)


def _steepness(count: Floats) -> Floats:
    """How far the scale moves with a contact."""
    from training.loaders.forecast import DISPERSION, SHIFT

    moved = (count + SHIFT) * (1.0 + DISPERSION * (count + SHIFT))
    return np.asarray(1.0 / np.sqrt(moved), dtype=np.float64)


def _of_site(intervals: pa.Table, mix: Mix, parts: list[tuple[str, str]]) -> tuple[pa.Table, Floats, Floats]:
    """The site's rows, and which share of each the parts of all queues make; no handle time, as the site has none."""
    import pyarrow.compute as pc

    own = _rows(intervals, SITE)
    place = {start: number for number, start in enumerate(own["interval_start"].to_pylist())}
    whole, part = np.zeros(len(place)), np.zeros(len(place))
    for queue in pc.unique(intervals["queue"]).to_pylist():
        if queue != SITE:
            mine = _rows(intervals, queue)
            starts, mean = mine["interval_start"].to_pylist(), _column(mine, "offered_mean")
            share, _ = mix.shares(queue, starts, parts)
            at = np.asarray([place[start] for start in starts], dtype=np.int64)
            np.add.at(whole, at, mean)
            np.add.at(part, at, mean * share)
    return own, np.where(whole > 0, part / np.maximum(whole, 1e-12), 0.0), np.ones(len(place))


def _part_of(rows: pa.Table, share: Floats, ratio: Floats | None, *, excess: float) -> pa.Table:
    import pyarrow as pa

    told: dict[str, Any] = {name: rows[name] for name in rows.column_names}
    mean = _column(rows, "offered_mean")
    told["offered_mean"] = pa.array(mean * share)
    quantiles = part_quantiles(mean, np.column_stack([_column(rows, one) for one in _names(OFFERED)]), share,
                               excess=excess)  # fmt: skip
    told |= {name: pa.array(quantiles[:, place]) for place, name in enumerate(_names(OFFERED))}
    if ratio is not None:
        told |= {name: pa.array(_column(rows, name) * ratio, from_pandas=True) for name in _names(HANDLE)
                 if name in told}  # fmt: skip
    return pa.table(told)


def _names(what: str) -> list[str]:
    return [f"{what}_q{round(1000 * level):03d}" for level in LEVELS]


def _by_day(own: pa.Table, of_days: pa.Table, values: Floats, time_zone: str) -> Floats:
    """Sums of the intervals' values by the days of a table."""
    place = {day: number for number, day in enumerate(local_days(of_days, time_zone))}
    at = np.asarray([place[day] for day in local_days(own, time_zone)], dtype=np.int64)
    return np.asarray(np.bincount(at, weights=values, minlength=len(place)), dtype=np.float64)


def _rows(table: pa.Table, queue: str) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.equal(table["queue"], queue))


def _column(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)


def _hour_of_week(local: datetime) -> int:
    return local.weekday() * 24 + local.hour
