"""A planner's own list of events as the dataset `calendar_events` has them, for trying a forecast on: kept nowhere.

Unlike counts no row is left out: an event that is missing would be a day that nobody can explain.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from centre.intake import local_time
from centre.intake.reading import Record, records, refuse_not_text, unused_columns
from data_contracts.errors import RowRefused, UnknownParameter

if TYPE_CHECKING:
    import pyarrow as pa

DATASET = "calendar_events"
REQUIRED = ("kind", "name", "starts_at", "ends_at", "known_at")
OPTIONAL = ("queues", "calendar_event_id", "revision", "cancelled", "reason")
MOMENTS = ("starts_at", "ends_at", "known_at")
FLAGS = {"": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True}


def read(path: Path, *, time_zone: str | None) -> pa.Table:
    """The events of a CSV file: REQUIRED columns and, where there are, OPTIONAL ones; `queues` with ; between.

    known_at: since when planners knew of it like that. Times without an offset are wall times in `time_zone` (UTC).
    Without `calendar_event_id` each row is an event of its own; rows that share one are its revisions, in their order.
    Raises NotFound, NotText, MissingColumn, UnknownParameter for a column that nobody reads, and RowRefused naming line
    and column for a row that the contract refuses.
    """
    from data_contracts.arrow import table

    refuse_not_text(path)
    if unused := unused_columns(path, known=(*REQUIRED, *OPTIONAL), delimiter=","):
        raise UnknownParameter("unknown column", expected=", ".join((*REQUIRED, *OPTIONAL)), came="; ".join(unused),
                               where=f"{path}, line 1")  # fmt: skip
    return table(DATASET, list(_rows(path, local_time.zone(time_zone or "UTC"))))


def _rows(path: Path, zone: tzinfo) -> Iterator[dict[str, Any]]:
    revisions: dict[str, int] = {}
    for found in records(path, required=REQUIRED, optional=OPTIONAL, delimiter=","):
        if not isinstance(found, Record):
            raise RowRefused("a row is not whole", expected="as many fields as the header", came=found.message,
                             where=str(path))  # fmt: skip
        where = f"{path}, line {found.line}"
        row = _row({name: text.strip() for name, text in found.fields.items()}, zone, where=where, line=found.line)
        last = revisions.get(row["calendar_event_id"], -1)
        row["revision"] = last + 1 if row["revision"] is None else row["revision"]
        _refuse(row, last, where=where)
        revisions[row["calendar_event_id"]] = row["revision"]
        yield row


def _row(told: dict[str, str], zone: tzinfo, *, where: str, line: int) -> dict[str, Any]:
    """A row of the dataset; `revision` is None where the file does not say it."""
    moments = {name: _moment(told[name], zone, where=f"{where}, {name}") for name in MOMENTS}
    return {
        "calendar_event_id": told.get("calendar_event_id") or f"line-{line}",
        "revision": _number(told["revision"], where=f"{where}, revision") if told.get("revision") else None,
        "kind": told["kind"], "name": told["name"], **moments,
        "queues": [one.strip() for one in told.get("queues", "").split(";") if one.strip()] or None,
        "into": None,
        "cancelled": _flag(told.get("cancelled", ""), where=f"{where}, cancelled"),
        "reason": told.get("reason") or None,
        "happened_at": moments["known_at"], "source": "file", "event_id": f"line {line}", "backfilled": True,
        "simulated": False, "timeless": False,
    }  # fmt: skip


def _refuse(row: dict[str, Any], last: int, *, where: str) -> None:
    """Raises RowRefused for what the contract refuses, and for a revision that does not come after the last."""
    from data_contracts.checking import row_faults

    if row["kind"] == "merger":
        raise RowRefused("a merger is nothing to try a forecast on", came="merger", where=f"{where}, kind",
                         expected="counts under the name of what the queues became")  # fmt: skip
    if row["revision"] <= last:
        raise RowRefused("a revision comes twice or too late", expected=f"{last + 1} or more",
                         came=str(row["revision"]), where=f"{where}, revision")  # fmt: skip
    if faults := row_faults(DATASET, row, as_of=max(row[name] for name in MOMENTS)):
        raise RowRefused("this event cannot be", expected=faults[0].message, came=str(faults[0].value)[:80],
                         where=f"{where}, {faults[0].column}")  # fmt: skip


def _moment(text: str, zone: tzinfo, *, where: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
        return told if told.tzinfo else local_time.to_utc(told, zone=zone)
    except ValueError as error:
        raise RowRefused("not a moment", expected="2026-05-01 or 2026-05-01T09:00, a time that the clock showed",
                         came=text[:40], where=where) from error  # fmt: skip


def _number(text: str, *, where: str) -> int:
    if not text.isdecimal():
        raise RowRefused("not a revision", expected="0, 1, 2, ...", came=text[:40], where=where)
    return int(text)


def _flag(text: str, *, where: str) -> bool:
    if text.lower() not in FLAGS:
        raise RowRefused("neither yes nor no", expected="true or false", came=text[:40], where=where)
    return FLAGS[text.lower()]
