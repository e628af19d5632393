"""Ingest: read files of a known format, take them into the log all or nothing a file, and compact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError, NotFound
from flows.compact import move, say
from flows.compose import Workspace
from flows.operating import flow, task

if TYPE_CHECKING:
    from centre.compaction import Compacted

# A file of a month of calls is 100,000 events: one transaction each file up to this, several above.
EVENTS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Taken:
    """One file: rows taken into the log, rows that it held already, faults of the reader, period, rule of known_at."""

    path: str
    taken: int
    repeated: int
    faults: tuple[Any, ...]
    period: tuple[str, str] | None
    known_at_rule: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ingested:
    """All files, and what compaction made of them."""

    files: tuple[Taken, ...]
    compacted: Compacted


@flow("ingest")
def ingest(
    place: Workspace, form: str, paths: Sequence[Path], *, source: str | None, time_zone: str | None
) -> Ingested:
    """Read each file whole before anything of it is written; then take it in, and move the log to the archive."""
    files = [take(place, form, path, source=source, time_zone=time_zone) for path in paths]
    done = move(place)
    say(place, done)
    return Ingested(tuple(files), done)


@task("take {path}")
def take(place: Workspace, form: str, path: Path, *, source: str | None, time_zone: str | None) -> Taken:
    """One file into the log; what its reader refused goes to quarantine."""
    from data_contracts import quarantine

    read = reading(place, form, path, source=source, time_zone=time_zone)
    events = list(read.events)
    faults = tuple(read.faults)
    refuse_mixing(place, simulated=any(event.simulated for event in events))
    now = place.clock.now()
    taken = repeated = 0
    for start in range(0, len(events), EVENTS_AT_ONCE):
        added = place.log.append(events[start : start + EVENTS_AT_ONCE], received_at=now)
        taken, repeated = taken + added.taken, repeated + added.repeated
    if faults:
        quarantine.store(faults, folder=place.settings.quarantine_dir, batch=f"{path.stem}-{now:%Y%m%dT%H%M%S}")
    period = _period(read.period)
    return Taken(str(path), taken, repeated, faults, period, read.known_at_rule, read.notes)


def reading(place: Workspace, form: str, path: Path, *, source: str | None, time_zone: str | None) -> Any:
    """The reader of a format, opened on a file. Raises InputError naming the formats, NotFound without the file."""
    from centre.intake import FORMATS

    if form not in FORMATS:
        raise InputError("unknown format", expected=", ".join(sorted(FORMATS)), came=form, where="FORMAT")
    if not path.is_file():
        raise NotFound("no such file", expected="a readable file", came="none", where=str(path))
    return FORMATS[form](
        path,
        source=source or form,
        time_zone=time_zone or named_zone(place),
        clock_now=place.clock.now(),
    )


def named_zone(place: Workspace) -> str | None:
    """The workspace's zone where its settings name one; None leaves each format its own."""
    named = place.settings.time_zone
    return None if named == type(place.settings)().time_zone else named


def refuse_mixing(place: Workspace, *, simulated: bool) -> None:
    """Simulated and real records share a workspace only where a setting says so; reports say so then."""
    if place.settings.mix_simulated:
        return
    for stored in place.log.read(limit=200):
        backfilled = stored.event.backfilled
        if backfilled and stored.event.simulated != simulated:
            raise InputError(
                "simulated and real records do not share a workspace",
                expected="simulated" if stored.event.simulated else "real",
                came="simulated" if simulated else "real",
                where=str(place.settings.home),
                remedy="use another PARLEY_HOME, or set mix_simulated; reports will then say so",
            )


def _period(period: Any) -> tuple[str, str] | None:
    if not period:
        return None
    first, last = period
    return (str(getattr(first, "isoformat", lambda: first)()), str(getattr(last, "isoformat", lambda: last)()))
