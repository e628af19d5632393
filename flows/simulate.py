"""Simulate: let the simulated centre work for some weeks, take in what it recorded, and compact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from data_contracts.errors import InputError
from flows.compact import move, say
from flows.compose import Workspace
from flows.operating import flow, task
from flows.receiving import keep_zone, refuse_mixing

if TYPE_CHECKING:
    from centre.compaction import Compacted
    from data_contracts.events import Event

EVENTS_AT_ONCE = 50_000
# A year of a mid-sized centre is a few million events: more is a mistake more often than a wish.
MOST_WEEKS = 104


@dataclass(frozen=True)
class Simulated:
    """Events that were new to the log and those that it held, and what compaction made of them."""

    taken: int
    repeated: int
    compacted: Compacted


@flow("simulate")
def simulate(place: Workspace, *, weeks: int, seed: int, start: date) -> Simulated:
    """The same weeks, seed and start are the same events: simulated again, nothing is added."""
    taken, repeated = record(place, weeks=weeks, seed=seed, start=start)
    done = move(place)
    say(place, done)
    return Simulated(taken, repeated, done)


@task("record")
def record(place: Workspace, *, weeks: int, seed: int, start: date) -> tuple[int, int]:
    """Simulate into the log, in pieces that fit into memory."""
    from centre.simulation import parameters, world

    if not 1 <= weeks <= MOST_WEEKS:
        raise InputError("too few or too many weeks", expected=f"1 to {MOST_WEEKS}", came=str(weeks), where="--weeks")
    refuse_mixing(place, simulated=True)
    keep_zone(place, parameters.load().time_zone)
    taken = repeated = 0
    for piece in pieces(world.simulate(weeks=weeks, seed=seed, start=start), EVENTS_AT_ONCE):
        added = place.log.append(piece, received_at=place.clock.now())
        taken, repeated = taken + added.taken, repeated + added.repeated
    return taken, repeated


def pieces(events: Iterable[Event], size: int) -> Iterator[list[Event]]:
    """The events in lists of at most `size`."""
    left = iter(events)
    while piece := list(islice(left, size)):
        yield piece
