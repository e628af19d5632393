"""What is done to a text before it is judged, as the contract's `normalise` lists it, in that order.

Each takes a text and gives a text or null. They are idempotent: a row that is checked twice is the same row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from data_contracts.errors import ContractError

Normaliser = Callable[[str], str | None]


def trim(text: str) -> str:
    """Without white space at either end."""
    return text.strip()


def nfc(text: str) -> str:
    """In Unicode's composed form: the same word typed on two machines becomes one text."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def lower(text: str) -> str:
    """In lower case."""
    return text.lower()


def language_tag(text: str) -> str:
    """A BCP 47 tag in lower case with hyphens: `zh_CN` and `zh-CN` become `zh-cn`."""
    return text.replace("_", "-").lower()


def empty_to_null(text: str) -> str | None:
    """Null for the empty text, which many exports write where there is no value."""
    return text or None


NORMALISERS: Final[Mapping[str, Normaliser]] = {
    "trim": trim,
    "nfc": nfc,
    "lower": lower,
    "language_tag": language_tag,
    "empty_to_null": empty_to_null,
}


@cache
def chain(names: tuple[str, ...]) -> Normaliser | None:
    """The named normalisers as one, stopping at null; None where there are none. ContractError for an unknown name."""
    unknown = [name for name in names if name not in NORMALISERS]
    if unknown:
        known = ", ".join(NORMALISERS)
        raise ContractError("unknown normaliser", expected=f"one of {known}", came=", ".join(unknown))
    steps = tuple(NORMALISERS[name] for name in names)
    return _in_turn(steps) if steps else None


def _in_turn(steps: tuple[Normaliser, ...]) -> Normaliser:
    def normalised(text: str) -> str | None:
        value: str | None = text
        for step in steps:
            if value is None:
                return None
            value = step(value)
        return value

    return normalised
