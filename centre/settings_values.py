"""How a setting's value is read from text or YAML, and when it cannot be meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from data_contracts.errors import InputError, UnknownParameter

# The least and the most that a number may be; what is not named has no bound on that side.
LEAST: Mapping[str, float] = {
    "threads": 1,
    "port": 0,
    "verdict_share": 0,
    "max_event_bytes": 1,
    "max_body_bytes": 1,
    "max_text_chars": 1,
    "session_hours": 1,
    "request_days": 1,
    "repeat_window_days": 0,
    "poll_s": 0.01,
}
MOST: Mapping[str, float] = {"port": 65_535, "verdict_share": 1}

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def refuse_unknown(name: str, *, known: Iterable[str], where: str) -> None:
    """Raises UnknownParameter, naming the known settings and the nearest, unless the name is one of them."""
    names = list(known)
    if name not in names:
        raise UnknownParameter(
            "unknown setting",
            expected="one of " + ", ".join(names),
            came=name,
            where=where,
            remedy=nearest(name, names),
        )


def nearest(name: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else "Remove it."


def typed(name: str, value: Any, *, kind: str, where: str) -> Any:
    """A value as its field's kind; text is parsed, as variables are always text. Raises InputError."""
    try:
        return _PARSERS[kind](value)
    except (TypeError, ValueError) as error:
        raise InputError(f"setting {name} has the wrong kind", expected=kind, came=repr(value), where=where) from error


def refuse_out_of_range(name: str, value: float) -> None:
    """Raises InputError for a number outside what the setting can mean (NaN is)."""
    least, most = LEAST.get(name, float("-inf")), MOST.get(name, float("inf"))
    if not least <= value <= most:
        raise _meaningless(name, value, expected=f"{least:g} to {most:g}")


def refuse_unknown_zone(name: str, *, where: str = "") -> None:
    """Raises InputError unless the name is an IANA time zone's. `where`: who gave it."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise _meaningless("time_zone", name, expected="an IANA name such as Europe/Paris", where=where) from error


def refuse_unknown_level(level: str) -> None:
    """Raises InputError unless the level is one of logging's."""
    if level not in LOG_LEVELS:
        raise _meaningless("log_level", level, expected="one of " + ", ".join(LOG_LEVELS))


def _meaningless(name: str, value: object, *, expected: str, where: str = "") -> InputError:
    where = where or f"PARLEY_{name.upper()} or settings.yaml"
    return InputError(f"setting {name} cannot be meant", expected=expected, came=str(value), where=where)


def _as_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if str(value).strip().lower() not in words:
        raise ValueError(value)
    return words[str(value).strip().lower()]


def _as_int(value: Any) -> int:
    if isinstance(value, (bool, float)):
        raise ValueError(value)
    return int(value)


def _as_float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    return float(value)


def _as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _as_text_or_none(value: Any) -> str | None:
    return None if value is None else _as_text(value)


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "Path": Path,
    "str": _as_text,
    "int": _as_int,
    "float": _as_float,
    "bool": _as_bool,
    "str | None": _as_text_or_none,
}
