"""Files that come in: opened and gone through once before anything is written, then taken into the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError
from data_contracts.events import RESERVED_SOURCE
from flows.compose import Workspace

if TYPE_CHECKING:
    from centre.compaction import Compacted
    from centre.intake import Intake

# One transaction up to this many events of a file (a month of calls is 100,000); above, it is taken in pieces, and a
# file that stops half-way is simply given again: what is held already is not taken twice.
EVENTS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Opened:
    """A file that can be read: what its format found in it."""

    path: Path
    intake: Intake
    zone: str | None = None


@dataclass(frozen=True)
class Taken:
    """One file: events taken, events held already, rows that its reader refused, period, rule of known_at, notes."""

    path: str
    taken: int
    repeated: int
    faults: tuple[Any, ...]
    period: tuple[str, str] | None
    known_at_rule: str
    notes: tuple[str, ...] = ()


def open_files(
    place: Workspace, form: str, paths: Sequence[Path], *, source: str | None, time_zone: str | None
) -> list[Opened]:
    """Open every file of a format; one that cannot be read stops all of them, before anything is written.

    Raises InputError naming the formats, and what the format's reader raises (NotText, MissingColumn, TooLarge, …).
    """
    from centre.intake import FORMATS, OWN_ZONES

    if form not in FORMATS:
        raise InputError("unknown format", expected=", ".join(sorted(FORMATS)), came=form, where="FORMAT")
    zone = time_zone or named_zone(place) or OWN_ZONES.get(form)
    now, read = place.clock.now(), FORMATS[form]
    _refuse_platforms_name(source)
    return [Opened(path, read(path, source=source or form, time_zone=zone, clock_now=now), zone) for path in paths]


def take(place: Workspace, opened: Opened) -> Taken:
    """One file into the log; what its reader refused goes to quarantine with rule and value."""
    from data_contracts import quarantine

    intake, now = opened.intake, place.clock.now()
    taken = repeated = 0
    while piece := list(islice(intake.events, EVENTS_AT_ONCE)):
        refuse_mixing(place, simulated=any(event.simulated for event in piece))
        added = place.log.append(piece, received_at=now)
        taken, repeated = taken + added.taken, repeated + added.repeated
    if intake.faults:
        batch = f"{opened.path.stem}-{now:%Y%m%dT%H%M%S}"
        where = place.settings.quarantine_dir
        quarantine.store(intake.faults, folder=where, batch=batch, given_in=str(opened.path.absolute()))
    period = (intake.period[0].isoformat(), intake.period[1].isoformat()) if intake.period else None
    notes = (*intake.notes, *keep_zone(place, opened.zone))
    return Taken(str(opened.path), taken, repeated, intake.faults, period, intake.known_at_rule, notes)


def refuse_nothing_kept(place: Workspace, files: Sequence[Taken], compacted: Compacted) -> None:
    """Raises InputError where rows were refused and nothing was taken, nor held already: that is no success.

    Events that were taken count only if a rule of their contract did not refuse each of them afterwards.
    """
    refused = sum(len(one.faults) for one in files) + compacted.quarantined
    if not refused or _kept(files, compacted):
        return
    raise InputError(
        "nothing of what was given could be taken",
        expected="at least one row that keeps the rules",
        came=f"{refused} refused of {refused}",
        where=", ".join(one.path for one in files),
        remedy=f"{place.settings.quarantine_dir} tells each row's rule and value: mend the file and ingest it again",
    )


def _kept(files: Sequence[Taken], compacted: Compacted) -> bool:
    """Whether anything of these files is held. Compaction also counts what came over HTTP: alone it proves nothing."""
    taken, repeated = sum(one.taken for one in files), sum(one.repeated for one in files)
    archived = compacted.taken + compacted.repeated + compacted.parked
    return bool(repeated or (taken and (archived or taken > compacted.quarantined)))


def named_zone(place: Workspace) -> str | None:
    """The workspace's zone where its settings name one; None leaves each format its own."""
    named = place.settings.time_zone
    return None if named == type(place.settings)().time_zone else named


def keep_zone(place: Workspace, zone: str | None) -> tuple[str, ...]:
    """The first zone that a source states becomes the workspace's: its days are the centre's days, not Greenwich's.

    Returns the note that says so; nothing where the workspace names a zone already.
    """
    from centre.settings import keep

    if zone is None or named_zone(place) is not None or zone == place.settings.time_zone:
        return ()
    place.settings = keep(place.settings, name="time_zone", value=zone)
    return (f"the days of this workspace are counted in {zone} from now on (time_zone in settings.yaml)",)


def refuse_mixing(place: Workspace, *, simulated: bool) -> None:
    """Simulated and real history share a workspace only where a setting says so; reports say so then."""
    if place.settings.mix_simulated:
        return
    for stored in place.log.read(limit=200):
        if stored.event.backfilled and stored.event.simulated != simulated:
            raise InputError(
                "simulated and real records do not share a workspace",
                expected="simulated" if stored.event.simulated else "real",
                came="simulated" if simulated else "real",
                where=str(place.settings.home),
                remedy="use another PARLEY_HOME, or set mix_simulated; reports will then say so",
            )


def _refuse_platforms_name(source: str | None) -> None:
    if source is not None and source.startswith(RESERVED_SOURCE):
        expected = f"a name that does not begin {RESERVED_SOURCE}"
        raise InputError("this source belongs to the platform", expected=expected, came=source, where="--source")
