"""Local wall times to UTC, with a stated rule for the hours that a change of clocks skips or repeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from data_contracts.errors import InputError

RULE = "local times that a change of clocks skips are refused, those that it repeats mean the first unless the row says"


def zone(name: str) -> tzinfo:
    """The time zone of an IANA name. Raises InputError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise InputError(
            "unknown time zone", expected="an IANA name such as America/New_York", came=name, where="time zone"
        ) from error


def to_utc(wall: datetime, *, zone: tzinfo, second: bool = False) -> datetime:
    """The instant at which a clock on the wall showed a naive time; `second` picks the repeated hour's second run.

    Raises ValueError when the clock never showed it.
    """
    instant = wall.replace(tzinfo=zone, fold=1 if second else 0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise ValueError(f"{wall.isoformat()} was skipped by a change of clocks in {zone}")
    return instant


def is_repeated(wall: datetime, *, zone: tzinfo) -> bool:
    """Whether the clock on the wall showed this time twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return (first or timedelta()) > (second or timedelta())
