"""A queueing centre played in many scenarios at once: first come, first served, skills, shifts, patience.

Each scenario is a lane, and all lanes take the same step together: the n-th contact of a slot goes to the agent who can
serve it and is free first, if the customer's patience lasts until then. In order of arrival this is what a centre does
that gives whoever becomes free the longest waiting contact of those the agent can serve (Kiefer and Wolfowitz 1955,
with impatience as in Baccelli and Hebuterne 1981): the engine's own rule with `LongestIdle`, and the same waits to
rounding. What it gives up for speed: priorities, chats side by side, transfers, repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from centre.staffing.load import Load

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TIMES: Final = 0
WORK: Final = 1
PATIENCE: Final = 2
# One slot that holds every horizon.
_FOREVER_S: Final = 10**12


@dataclass(frozen=True)
class Arriving:
    """Contacts of one interval in order of time, (contacts, lanes): seconds, queue, work, patience (-1 for none)."""

    at_s: Floats
    queue: Ints
    work_s: Floats
    patience_s: Floats


def arriving(load: Load, interval: int, *, seed: int) -> Arriving:
    """The contacts of an interval; each queue's luck is its own, and its first contacts' the same however many come."""
    parts = [_of_queue(load, queue, interval, seed) for queue in range(load.counts.shape[1])]
    at, work, patience = (np.concatenate([part[n] for part in parts]) for n in range(3))
    queue = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])[:, None]
    if len(parts) == 1:
        return Arriving(at, np.broadcast_to(queue, at.shape), work, patience)
    most = int(load.counts[:, :, interval].sum(axis=1).max(initial=0))
    order = np.argsort(at, axis=0, kind="stable")[:most]
    first, then, last = (np.take_along_axis(one, order, axis=0) for one in (at, work, patience))
    return Arriving(first, np.take_along_axis(np.broadcast_to(queue, at.shape), order, axis=0), then, last)


def _of_queue(load: Load, queue: int, interval: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Times (inf beyond the count), work and patience of one queue's contacts.

    Given their count, times of a Poisson process are uniform; sorted ones are sums of exponentials over their total.
    """
    count = load.counts[:, queue, interval]
    most, lanes = int(count.max(initial=0)), len(count)
    draw = [np.random.default_rng([seed, queue, interval, purpose]) for purpose in range(3)]
    sums = np.cumsum(draw[TIMES].standard_exponential((most + 1, lanes)), axis=0)
    there = np.arange(most)[:, None] < count
    share = sums[:-1] / sums[count, np.arange(lanes)]
    at = np.where(there, (interval + share) * load.interval_s, np.inf)
    cv = load.handle_cv[queue]
    sigma = np.sqrt(np.log1p(cv**2))
    level = np.log(load.handle_s[:, queue, interval]) - sigma**2 / 2
    work = np.exp(level + sigma * draw[WORK].standard_normal((most, lanes)))
    patience = draw[PATIENCE].standard_exponential((most, lanes)) * load.patience_s[queue]
    return at, work, np.where(there, patience, -1.0)


def answered(load: Load, *, present: Bools, serves: Bools, within_s: Floats, slot_s: int, seed: int) -> Ints:
    """Contacts answered within `within_s` (queues,) of queueing, by lane, queue and interval of queueing.

    `present`: agents by slots of `slot_s` from the horizon's start, a whole number of slots an interval; `serves`:
    agents by queues. An agent whose slot ends while taken finishes that contact.
    """
    lanes, queues, intervals = load.counts.shape
    floor = Floor(present, serves, slot_s=slot_s, lanes=lanes)
    found = np.zeros((lanes, queues, intervals), dtype=np.int64)
    each = load.interval_s // slot_s
    for interval in range(intervals):
        coming = arriving(load, interval, seed=seed)
        parts = _by_slot(coming, interval * each, each, slot_s)
        waits = np.concatenate([floor.take(part, slot) for slot, part in parts])
        queue = np.concatenate([part.queue for _, part in parts])
        for one in range(queues):
            found[:, one, interval] = ((waits <= within_s[one]) & (queue == one)).sum(axis=0)
    return found


def _by_slot(coming: Arriving, first: int, each: int, slot_s: int) -> list[tuple[int, Arriving]]:
    """The contacts of each slot of an interval; a lane with fewer than the others is filled up with nobody."""
    if each == 1:
        return [(first, coming)]
    parts = []
    begins = np.zeros(coming.at_s.shape[1], dtype=np.int64)
    for slot in range(first, first + each):
        ends = (coming.at_s < (slot + 1) * slot_s).sum(axis=0)
        rows = begins + np.arange(int((ends - begins).max(initial=0)))[:, None]
        nobody = rows >= ends
        at = np.minimum(rows, max(0, len(coming.at_s) - 1))
        when, work, patience = (
            np.take_along_axis(one, at, axis=0) for one in (coming.at_s, coming.work_s, coming.patience_s)
        )
        queue = np.take_along_axis(coming.queue, at, axis=0)
        parts.append((slot, Arriving(np.where(nobody, np.inf, when), queue, work, np.where(nobody, -1.0, patience))))
        begins = ends
    return parts


class Floor:
    """The agents of all lanes: when each is free next, in seconds from the horizon's start."""

    def __init__(self, present: Bools, serves: Bools, *, slot_s: int, lanes: int) -> None:
        """`present`: agents by slots; `serves`: agents by queues."""
        self._slot_s = slot_s
        self._resumes = _resumes(present, slot_s)
        self._unable = np.where(serves.T, 0.0, np.inf)
        self.free_s = np.zeros((lanes, len(present)))

    def take(self, coming: Arriving, slot: int) -> Floats:
        """Serve the contacts of one slot; their waits (contacts, lanes), inf for who gave up or was not there."""
        resumes = self._resumes[:, slot]
        near = np.flatnonzero(resumes < (slot + 3) * self._slot_s)
        free = np.ascontiguousarray(np.maximum(self.free_s[:, near], resumes[near]))
        waits = np.full(coming.at_s.shape, np.inf)
        if len(near):
            _serve(coming, free, self._unable[:, near], self._resumes[near], self._slot_s, waits)
            self.free_s[:, near] = free
        return waits


def serve(coming: Arriving, free_s: Floats) -> Floats:
    """Waits of the contacts with these agents, all able and present; `free_s` (lanes, agents) is written."""
    waits = np.full(coming.at_s.shape, np.inf)
    agents = free_s.shape[1]
    if agents:
        _serve(coming, free_s, np.zeros((1, agents)), np.zeros((agents, 1)), _FOREVER_S, waits)
    return waits


def _serve(coming: Arriving, free: Floats, unable: Floats, resumes: Floats, slot_s: int, waits: Floats) -> None:
    """Take contacts one after another in all lanes; `free` (lanes, agents) and `waits` are written."""
    lanes, agents = free.shape
    flat, row = free.reshape(-1), np.arange(lanes) * agents
    choosy, last, width = bool(unable.any()), resumes.shape[1] - 1, resumes.shape[1]
    horizon_s, table = float(resumes.shape[1] * slot_s), resumes.reshape(-1)
    for place in range(len(coming.at_s)):
        at = coming.at_s[place]
        able = free + unable.take(coming.queue[place], axis=0) if choosy else free
        agent = able.argmin(axis=1)
        cell = row + agent
        was = able.reshape(-1)[cell]
        begins = np.maximum(at, was)
        wait = begins - np.minimum(at, horizon_s)
        stays = wait <= coming.patience_s[place]
        ends = begins + coming.work_s[place]
        slot = np.minimum(np.minimum(ends, horizon_s) // slot_s, last).astype(np.int64)
        ends = np.maximum(ends, table[agent * width + slot])
        np.copyto(waits[place], wait, where=stays)
        flat[cell] = np.where(stays, ends, flat[cell])


def _resumes(present: Bools, slot_s: int) -> Floats:
    """For each agent and slot: 0 where present, else the start (seconds) of the next slot that is; inf for none."""
    agents, slots = present.shape
    found = np.zeros((agents, slots))
    ahead = np.full(agents, np.inf)
    for slot in range(slots - 1, -1, -1):
        ahead = np.where(present[:, slot], slot * slot_s, ahead)
        found[:, slot] = np.where(present[:, slot], 0.0, ahead)
    return found
