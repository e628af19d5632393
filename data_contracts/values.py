"""One value at a time: from what JSON, CSV or Python give to what a column's Arrow type holds.

Nothing is guessed: a number is not a text, a time without an offset is not a time. Each reader raises `ValueError` with
what it expected. The row path (HTTP) and the table path (batches) read by the same functions, so they cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import pyarrow as pa

from data_contracts.contracts import Column
from data_contracts.events import canonical_json
from data_contracts.normalisers import Normaliser, chain

Reader = Callable[[Any], Any]

INT64_LIMIT: Final = 2**63


def text(value: object) -> str:
    """A text that UTF-8 can hold."""
    if not isinstance(value, str):
        raise ValueError("text")
    if not value.isascii():
        _encodable(value)
    return value


def whole_number(value: object) -> int:
    """A whole number of 64 bits; 3.0 is one, since JSON does not tell them apart."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -INT64_LIMIT <= value < INT64_LIMIT:
        raise ValueError("a whole number of 64 bits")
    return value


def number(value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a finite number")
    try:
        told = float(value)
    except OverflowError as error:
        raise ValueError("a finite number") from error
    if not math.isfinite(told):
        raise ValueError("a finite number")
    return told


def flag(value: object) -> bool:
    """true or false; 0 and 1 are numbers."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def moment(value: object) -> datetime:
    """An instant, in UTC: an aware datetime or RFC 3339 text with an offset."""
    expected = "a time with its offset such as 2026-05-01T09:00:00Z"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(expected) from error
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(expected)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(expected) from error


def day(value: object) -> date:
    """A calendar day: a date or text such as 2026-05-01."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError("a day such as 2026-05-01") from error
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("a day such as 2026-05-01")
    return value


def texts(value: object) -> list[str]:
    """A list of texts, none of them null."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of texts")
    return [text(item) for item in value]


def json_text(value: object) -> str:
    """JSON: a text is taken as written, anything else is written canonically."""
    if isinstance(value, str):
        return text(value)
    try:
        told = canonical_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("JSON") from error
    return text(told)


READERS: Final[Mapping[pa.DataType, Reader]] = {
    pa.string(): text,
    pa.int64(): whole_number,
    pa.float64(): number,
    pa.bool_(): flag,
    pa.date32(): day,
    pa.timestamp("us", tz="UTC"): moment,
    pa.list_(pa.string()): texts,
}


def reader(column: Column) -> Reader:
    """What reads one value of this column: typed, then normalised. Null goes in and comes out."""
    typed: Reader = json_text if column.holds_json else READERS[column.arrow]
    normalise = chain(column.normalisers)
    if normalise is None:
        return lambda value: None if value is None else typed(value)
    if column.arrow == pa.list_(pa.string()):
        return lambda value: None if value is None else _normalised_items(typed(value), normalise)
    return lambda value: None if value is None else normalise(typed(value))


def _normalised_items(items: list[str], normalise: Normaliser) -> list[str]:
    return [told for told in map(normalise, items) if told is not None]


def _encodable(value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("text that UTF-8 can hold") from error
