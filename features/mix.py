"""What a queue's demand is made of: which share of it comes by which channel and in which language, and when.

A queue is forecast as a whole, as parts of it are small and chance rules them; its parts are shares of that forecast
(top-down by forecast proportions; Hyndman and Athanasopoulos 2021, "Forecasting: principles and practice", section
11.2). A share is known by hour of the local week, drawn to its hour of any day, and that to the queue's own, as far as
the cells of the past differ by chance only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import demand, mergers
from features.records import Tables, frame, known

if TYPE_CHECKING:
    import pandas as pd

    from features.params import ForecastDataParams

Floats = npt.NDArray[np.float64]
HOURS = 24 * 7
# What a contact counts for after another day has passed: a half after ten weeks.
MEMORY = 0.99
# Contacts of the broader share in a narrower one: as many as the cells bear out, within these.
LEAST_PULL, MOST_PULL = 2.0, 1000.0
# A channel that came so often in its busiest hour (of the day, or of the week) is closed in another in which it never
# came, or as good as never: a call that began before closing and is transferred after it opens no line.
BUSIEST_CONTACTS = 20.0
SELDOM = 0.02
# Contacts of the queue's own handle time in a part's.
SHRINK_CONTACTS = 50.0
# The language of a contact whose language nobody told (ISO 639: undetermined).
UNKNOWN_LANGUAGE = "und"

SCHEMA = pa.schema(
    [
        ("queue", pa.string()),
        ("channel", pa.string()),
        ("language", pa.string()),
        ("hour", pa.int64()),
        ("share", pa.float64()),
        ("handle_ratio", pa.float64()),
        ("excess", pa.float64()),
        ("day_excess", pa.float64()),
    ]
)


def of(tables: Tables, *, params: ForecastDataParams, as_of: datetime) -> pa.Table:
    """SCHEMA: a row a queue, channel, language and hour of the local week (0: Monday from midnight), of what was known.

    share: of the queue's contacts in that hour; all parts of a queue and hour make 1. handle_ratio: the part's handle
    time over the queue's. excess, day_excess: how many times more than by chance (a binomial's) a part's count strays
    from its share of the queue's, in an hour and in a day; 1 at least. Empty where no contact with a queue is known.
    """
    names = mergers.renamed(known(tables, "calendar_events", as_of=as_of), until=as_of)
    entries = demand.entries(tables, as_of=as_of, names=names)
    if not len(entries):
        return pa.Table.from_pylist(_of_volumes(tables, names, as_of=as_of), schema=SCHEMA)
    entries = _placed(demand.recent(entries, "entered_at", params=params), params)
    rows = [row for _, own in entries.groupby("queue", sort=True) for row in _of_queue(own)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _of_volumes(tables: Tables, names: Mapping[str, str], *, as_of: datetime) -> list[dict[str, Any]]:
    """Counts say the channel of a queue at most: each has its share of what was counted, at every hour alike."""
    told = frame(known(tables, "volumes", as_of=as_of), ["queue", "channel", "offered_count"])
    told = mergers.under_new_names(told[told["channel"].notna()], names)
    counted = told.groupby(["queue", "channel"])["offered_count"].sum()
    share: dict[Any, float] = (counted / counted.groupby("queue").transform("sum")).dropna().to_dict()
    return [
        {"queue": queue, "channel": channel, "language": UNKNOWN_LANGUAGE, "hour": at, "share": float(one),
         "handle_ratio": 1.0, "excess": 1.0, "day_excess": 1.0}
        for (queue, channel), one in share.items() for at in range(HOURS)
    ]  # fmt: skip


def _placed(entries: pd.DataFrame, params: ForecastDataParams) -> pd.DataFrame:
    """With part (channel and language), day, hour of the local week, and weight by age."""
    local = entries["entered_at"].dt.tz_convert(params.time_zone)
    placed: pd.DataFrame = entries.assign(
        language=entries["language"].fillna(UNKNOWN_LANGUAGE),
        day=local.dt.tz_localize(None).dt.normalize(),
        hour=local.dt.weekday * 24 + local.dt.hour,
    )
    age = (placed["day"].max() - placed["day"]).dt.days
    return placed.assign(weight=MEMORY**age)


def _of_queue(own: pd.DataFrame) -> list[dict[str, Any]]:
    parts = sorted(set(zip(own["channel"], own["language"], strict=True)))
    place = own.set_index(["channel", "language"]).index.map({part: number for number, part in enumerate(parts)})
    part, hour = place.to_numpy(dtype=np.int64), own["hour"].to_numpy(dtype=np.int64)
    counts = np.zeros((len(parts), HOURS))
    np.add.at(counts, (part, hour), own["weight"].to_numpy())
    share = shares(counts, channels=[channel for channel, _ in parts])
    excess = [_excess(own, part, share, by=by) for by in ("hour", "day")]
    ratio = _handle_ratios(own, part, len(parts))
    return [
        {"queue": str(own["queue"].iloc[0]), "channel": channel, "language": language, "hour": at,
         "share": float(share[number, at]), "handle_ratio": float(ratio[number]),
         "excess": excess[0], "day_excess": excess[1]}
        for number, (channel, language) in enumerate(parts) for at in range(HOURS)
    ]  # fmt: skip


def shares(counts: Floats, *, channels: Sequence[str]) -> Floats:
    """(parts, hours of the week), each hour summing to 1, of weighted counts (parts, hours of the week).

    channels: of each part. At three in the morning nobody calls a line that is closed: what little comes then is mail.
    """
    whole = counts.sum(axis=1, keepdims=True) / max(float(counts.sum()), 1e-9)
    of_day = counts.reshape(len(counts), 7, 24).sum(axis=1)
    by_hour = _drawn(of_day, np.broadcast_to(whole, of_day.shape))
    found = _drawn(counts, np.tile(by_hour, (1, 7)))
    kept = np.where(_closed(counts, channels), 0.0, found)
    told = kept.sum(axis=0)
    return np.asarray(np.where(told > 0, kept / np.maximum(told, 1e-12), found), dtype=np.float64)


def _closed(counts: Floats, channels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(parts, hours of the week): whether the part's channel never comes then, on any day or on that one, though others
    do."""
    found = np.zeros(counts.shape, dtype=np.bool_)
    for channel in set(channels):
        mine = np.asarray([one == channel for one in channels])
        came, all_ = counts[mine].sum(axis=0), counts.sum(axis=0)
        of_day = _never(came.reshape(7, 24).sum(axis=0), all_.reshape(7, 24).sum(axis=0))
        found[mine] = np.tile(of_day, 7) | _never(came, all_)
    return found


def _never(came: Floats, all_: Floats) -> npt.NDArray[np.bool_]:
    """Of counts by hour, a channel's and all channels'."""
    busiest = float(came.max())
    return np.asarray((came <= SELDOM * busiest) & (all_ > came) & (busiest >= BUSIEST_CONTACTS), dtype=np.bool_)


def _drawn(counts: Floats, broader: Floats) -> Floats:
    """Each cell's own shares, drawn to the broader ones by `pull` contacts."""
    pull = _pull(counts, broader)
    found: Floats = (counts + pull * broader) / (counts.sum(axis=0) + pull)
    return found


def _pull(counts: Floats, broader: Floats) -> float:
    """Contacts of the broader share in a cell's: where cells differ by chance only, many; by moments of a
    Dirichlet-multinomial, whose cells go together by a correlation of 1 / (1 + pull) (Mosimann 1962)."""
    total = counts.sum(axis=0)
    expected = total * broader
    told = (broader > 1e-9) & (broader < 1.0 - 1e-9) & (total > 0)
    strayed = float((np.square(counts - expected)[told] / (broader * (1.0 - broader))[told]).sum())
    chance, together = (float(np.broadcast_to(one, told.shape)[told].sum()) for one in (total, total * (total - 1.0)))
    correlation = (strayed - chance) / together if together > 0 else 0.0
    return float(np.clip(1.0 / correlation - 1.0 if correlation > 0 else MOST_PULL, LEAST_PULL, MOST_PULL))


def _excess(own: pd.DataFrame, part: npt.NDArray[np.int64], share: Floats, *, by: str) -> float:
    """Mean squared error of a part's count, given the queue's, over what a binomial of its share would make."""
    hour, day = own["hour"].to_numpy(dtype=np.int64), own["day"].to_numpy()
    cell = np.unique(day, return_inverse=True)[1] * (24 if by == "hour" else 1) + (hour % 24 if by == "hour" else 0)
    cell = np.unique(cell, return_inverse=True)[1]
    came, expected, chance = (np.zeros((len(share), int(cell.max()) + 1)) for _ in range(3))
    np.add.at(came, (part, cell), 1.0)
    for number, row in enumerate(share):
        np.add.at(expected[number], cell, row[hour])
        np.add.at(chance[number], cell, (row * (1.0 - row))[hour])
    told = chance > 0
    return max(1.0, float(np.square(came - expected)[told].sum() / max(float(chance[told].sum()), 1e-9)))


def _handle_ratios(own: pd.DataFrame, part: npt.NDArray[np.int64], count: int) -> Floats:
    """(parts,): mean handle time over the queue's, drawn to 1 where few were handled."""
    handle, weight = own["handle_s"].to_numpy(dtype=np.float64), own["weight"].to_numpy()
    told = ~np.isnan(handle)
    if not told.any():
        return np.ones(count)
    mean = float(np.average(handle[told], weights=weight[told]))
    seconds, contacts = (
        np.bincount(part[told], weights=one[told], minlength=count) for one in (weight * handle, weight)
    )
    found: Floats = (seconds / max(mean, 1e-9) + SHRINK_CONTACTS) / (contacts + SHRINK_CONTACTS)
    return found
