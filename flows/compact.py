"""Compact: move what the log took in to the archive, exactly once, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.compose import Workspace
from flows.operating import door, flow, task
from flows.telling import tell

if TYPE_CHECKING:
    from centre.compaction import Compacted


@flow("compact")
def compact(place: Workspace) -> Compacted:
    """Compact the log. Returns what was taken, repeated, quarantined, parked and freed."""
    done = move(place)
    say(place, done)
    return done


@door("move")
def move(place: Workspace) -> Compacted:
    """Log to archive; killed anywhere and begun again, every row arrives once."""
    from centre import compaction

    return compaction.compact(place.log, place.archive, clock=place.clock, quarantine=place.settings.quarantine_dir)


@task("say")
def say(place: Workspace, done: Compacted) -> None:
    """`log.compacted`, once for each batch that was made."""
    if done.batch is None:
        return
    counts = {
        "taken": done.taken,
        "repeated": done.repeated,
        "quarantined": done.quarantined,
        "parked": done.parked,
        "freed": done.freed,
    }
    tell(place, "log.compacted", f"batch/{done.batch}", {"batch": done.batch, **counts})
