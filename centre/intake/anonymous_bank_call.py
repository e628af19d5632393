"""One row of the anonymous bank's call log: what its times, types and outcomes mean, or why it cannot be taken."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from centre.intake import local_time

COLUMNS = (
    "vru+line",
    "call_id",
    "customer_id",
    "priority",
    "type",
    "date",
    "vru_entry",
    "vru_exit",
    "vru_time",
    "q_start",
    "q_exit",
    "q_time",
    "outcome",
    "ser_start",
    "ser_exit",
    "ser_time",
    "server",
)

# Types of call as the file's own description names them; each is routed as a queue of its own.
QUEUES = {
    "PS": "regular",
    "PE": "regular_english",
    "IN": "internet",
    "NE": "stock_exchange",
    "NW": "new_customers",
    "TT": "call_back",
}

OUTCOMES = {"AGENT": "answered", "HANG": "abandoned", "PHANTOM": "phantom"}

# How the file writes "nobody" and "never". A pair of times is "never" only when both are midnight.
NO_SERVER, NO_CUSTOMER = "NO_SERVER", "0"

# The three spells of a call: its first and last time, and the seconds that the file gives for it.
SPELLS = (("vru_entry", "vru_exit", "vru_time"), ("q_start", "q_exit", "q_time"), ("ser_start", "ser_exit", "ser_time"))

Spell = tuple[datetime, datetime]

_DATE = re.compile(r"[0-9]{6}")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})")


class BadRow(ValueError):
    """Why a row cannot be taken: the column, the rule and the message."""

    def __init__(self, column: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.column, self.rule = column, f"{column}.{rule}"


@dataclass(frozen=True)
class Call:
    """One call. Spells are (from, until) in UTC, None where the call never was there; seconds are the file's own."""

    contact_id: str
    customer_id: str | None
    priority: int
    topic: str
    outcome: str
    server: str | None
    vru: Spell
    queued: Spell | None
    served: Spell | None
    wait_s: float
    service_s: float

    @property
    def queue(self) -> str:
        """The queue of this type of call."""
        return QUEUES[self.topic]

    @property
    def ended(self) -> datetime:
        """The last moment at which the log saw the call."""
        return max(spell[1] for spell in (self.vru, self.queued, self.served) if spell is not None)


def call(fields: Mapping[str, str], *, zone: tzinfo) -> Call:
    """The call that a row tells of, its wall times read in `zone`. Raises BadRow."""
    for name in ("vru+line", "call_id", "customer_id", "server"):
        if not fields[name]:
            raise BadRow(name, "not_empty", f"{name} is empty")
    vru, queued, served = _spells(fields, zone)
    if vru is None:
        raise BadRow("vru_entry", "not_empty", "the call never entered the VRU")
    return Call(
        contact_id=f"{fields['vru+line']}-{fields['call_id']}-{fields['date']}",
        customer_id=None if fields["customer_id"] == NO_CUSTOMER else fields["customer_id"],
        priority=_whole(fields, "priority"),
        topic=_one_of(fields, "type", QUEUES),
        outcome=OUTCOMES[_one_of(fields, "outcome", OUTCOMES)],
        server=None if fields["server"] == NO_SERVER else fields["server"],
        vru=vru,
        queued=queued,
        served=served,
        wait_s=float(fields["q_time"]),
        service_s=float(fields["ser_time"]),
    )


def _spells(fields: Mapping[str, str], zone: tzinfo) -> list[Spell | None]:
    """The spells in UTC. A clock that jumps by more than half a day from one time to the next has passed midnight."""
    day = _day(fields)
    clock = day + _time_of_day(fields, "vru_entry")
    read: list[Spell | None] = []
    for first, last, seconds in SPELLS:
        start, end = _time_of_day(fields, first), _time_of_day(fields, last)
        length_s = _whole(fields, seconds)
        if first != "vru_entry" and not start and not end:
            read.append(None)
            continue
        begun = _nearest(day + start, clock)
        clock = _nearest(day + end, begun)
        _refuse_contradiction(fields, last, seconds, apart=(clock - begun).total_seconds(), length_s=length_s)
        read.append((_utc(begun, first, zone), _utc(clock, last, zone)))
    return read


def _nearest(wall: datetime, to: datetime) -> datetime:
    """The wall time on the day that brings it nearest to another."""
    half, whole = timedelta(hours=12), timedelta(days=1)
    if wall < to - half:
        return wall + whole
    return wall - whole if wall > to + half else wall


def _refuse_contradiction(fields: Mapping[str, str], last: str, seconds: str, *, apart: float, length_s: int) -> None:
    if apart < 0:
        raise BadRow(last, "not_before_start", f"{last} {fields[last]} lies {-apart:.0f} s before its start")
    if apart != length_s:
        raise BadRow(seconds, "agrees", f"{seconds} says {length_s} s, its two times are {apart:.0f} s apart")


def _utc(wall: datetime, column: str, zone: tzinfo) -> datetime:
    try:
        return local_time.to_utc(wall, zone=zone)
    except ValueError as error:
        raise BadRow(column, "existed", str(error)) from error


def _day(fields: Mapping[str, str]) -> datetime:
    text = fields["date"]
    if _DATE.fullmatch(text):
        try:
            return datetime(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))  # noqa: DTZ001 - a wall's date
        except ValueError:
            pass  # no such day: told below, as any other wrong date
    raise BadRow("date", "type", f"a date is yymmdd of the 1900s; came {text!r}")


def _time_of_day(fields: Mapping[str, str], column: str) -> timedelta:
    parts = _TIME.fullmatch(fields[column])
    if parts is None:
        raise BadRow(column, "type", f"a time is h:mm:ss; came {fields[column]!r}")
    hours, minutes, seconds = map(int, parts.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise BadRow(column, "range", f"no clock shows {fields[column]}")
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _whole(fields: Mapping[str, str], column: str) -> int:
    try:
        return int(fields[column])
    except ValueError as error:
        raise BadRow(column, "type", f"a whole number was expected; came {fields[column]!r}") from error


def _one_of(fields: Mapping[str, str], column: str, known: Collection[str]) -> str:
    if fields[column] not in known:
        raise BadRow(column, "one_of", f"one of {', '.join(known)} was expected; came {fields[column]!r}")
    return fields[column]
