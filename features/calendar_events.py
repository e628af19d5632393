"""Events that planners know of: which hours they touch, as far as was known, and how far their kind moves demand.

An effect is learned on the hours that events of a kind touched, as an error of what was told without them: of each
queue its own, drawn to that of all queues. What an event explains is taken out before anything else is learned from its
hours, so that an outage or a campaign does not spoil what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.grid import Flags, Floats, Whole

KINDS = ("campaign", "mailing", "release", "outage", "closure", "strike", "pay_day", "opening", "other")
CLOSURE = KINDS.index("closure")
# Touched days by which an effect is drawn to none (of all queues), and a queue's own to that of all.
BELIEF_DAYS = 0.5
OWN_BELIEF_DAYS = 2.0
# What an event counts for after another day: campaigns of two years ago say little of today's.
MEMORY = 0.998


@dataclass(frozen=True)
class Planned:
    """Events as rows: kind, queues (events, queues), from and to when, and from and to when it was known like that."""

    kind: Whole
    queues: Flags
    starts_s: Floats
    ends_s: Floats
    known_s: Floats
    until_s: Floats

    def touched(self, starts_s: Floats, interval_s: int, *, known_s: float) -> Floats:
        """(kinds, queues, slots): the share of each interval that events of the kind cover, as known at that moment."""
        found = np.zeros((len(KINDS), self.queues.shape[1], len(starts_s)))
        for event in np.flatnonzero((self.known_s <= known_s) & (known_s < self.until_s)):
            ends = np.minimum(starts_s + interval_s, self.ends_s[event])
            share = np.clip((ends - np.maximum(starts_s, self.starts_s[event])) / interval_s, 0.0, 1.0)
            if share.any():
                found[self.kind[event]][self.queues[event]] += share
        return np.minimum(found, 1.0)

    def any_of(self, kind: int, start_s: float, end_s: float, *, known_s: float) -> bool:
        """Whether an event of the kind, as known at that moment, reaches into [start_s, end_s)."""
        known = (self.known_s <= known_s) & (known_s < self.until_s) & (self.kind == kind)
        return bool((known & (self.starts_s < end_s) & (self.ends_s > start_s)).any())


def planned(events: pa.Table, *, queues: Sequence[str]) -> Planned | None:
    """Rows of the dataset `calendar_events` for these queues; a later revision replaces an earlier one once it is
    known. None without events.
    """
    order = ("calendar_event_id", "revision", "known_at")
    rows = sorted(events.to_pylist(), key=lambda row: tuple(row[name] for name in order))
    if not rows:
        return None
    until, soonest = [], np.inf
    for row, after in zip(reversed(rows), [None, *reversed(rows[1:])], strict=True):
        later = after is not None and after["calendar_event_id"] == row["calendar_event_id"]
        soonest = min(soonest, after["known_at"].timestamp()) if after is not None and later else np.inf
        until.append(soonest)
    until.reverse()
    kept = [place for place, row in enumerate(rows) if row["kind"] in KINDS and not row["cancelled"]]

    def moments(name: str) -> Floats:
        return np.asarray([rows[place][name].timestamp() for place in kept], dtype=np.float64)

    return Planned(
        np.asarray([KINDS.index(rows[place]["kind"]) for place in kept], dtype=np.int64),
        np.asarray([[rows[place]["queues"] is None or queue in rows[place]["queues"] for queue in queues]
                    for place in kept], dtype=bool).reshape(len(kept), len(queues)),
        moments("starts_at"), moments("ends_at"), moments("known_at"), np.asarray(until)[kept],
    )  # fmt: skip


class Effects:
    """What was learned of each kind, by queue: sums over touched slots, in days."""

    def __init__(self, queues: int) -> None:
        self._errors = np.zeros((len(KINDS), queues))
        self._days = np.zeros((len(KINDS), queues))

    def pass_day(self) -> None:
        """Another day has passed."""
        self._errors *= MEMORY
        self._days *= MEMORY

    def learn(self, touched: Floats, error: Floats, told: Flags) -> None:
        """A day's errors (queues, slots) on the scale, told without any effect, NaN where unknown."""
        known = ~np.isnan(error)
        slots = np.maximum(told.sum(axis=1), 1)
        left = np.where(known, error, 0.0)
        self._errors += (touched * left).sum(axis=2) / slots
        self._days += (touched**2 * known).sum(axis=2) / slots

    def of(self, touched: Floats) -> Floats:
        """(queues, slots): by how much these events move a day's course, on the scale."""
        everywhere = self._errors.sum(axis=1) / (self._days.sum(axis=1) + BELIEF_DAYS)
        own = (self._errors + OWN_BELIEF_DAYS * everywhere[:, None]) / (self._days + OWN_BELIEF_DAYS)
        found: Floats = (touched * own[:, :, None]).sum(axis=0)
        return found
