"""Customers' words: cleaned, made comparable, told apart by language, joined to one text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

Language = Literal["en", "zh", "other"]

# Frequent function words; those of the second list are no words of the first language.
_ENGLISH = "the i my is to a it of and you what how do can why have not with for your there"
_FOREIGN = (
    "der die und ich nicht ist ein eine mein wie kann le les est je ne pas mon ma une comment el los mi por qué que "
    "cómo il che non sono una della come posso o os não uma meu como het een ik niet mijn hoe och jag inte det"
)
_ENGLISH_WORDS = frozenset(_ENGLISH.split())
_FOREIGN_WORDS = frozenset(_FOREIGN.split())
_WORD = re.compile(r"[^\W\d_]+")
_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """The text as an encoder reads it: NFKC (full-width forms folded), control characters out, single spaces."""
    folded = unicodedata.normalize("NFKC", text)
    printable = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in folded)
    return _SPACES.sub(" ", printable).strip()


def normalise(text: str) -> str:
    """The form by which two texts count as the same one: `clean`, and case-folded."""
    return clean(text).casefold()


def language_of(text: str) -> Language:
    """English, Chinese or other, by script and function words; a text without any letter is `other`.

    A fifth of Han characters makes Chinese of a mixed text, as one Han character says about as much as an English word.
    """
    letters = [c for c in unicodedata.normalize("NFKC", text) if c.isalpha()]
    if not letters:
        return "other"
    if any("぀" <= c <= "ヿ" or "가" <= c <= "힣" for c in letters):
        return "other"
    if sum(_is_han(c) for c in letters) >= 0.2 * len(letters):
        return "zh"
    return "en" if _reads_english(text, letters) else "other"


def _is_han(character: str) -> bool:
    return "㐀" <= character <= "鿿" or "豈" <= character <= "﫿" or "\U00020000" <= character <= "\U0003ffff"


def _reads_english(text: str, letters: Sequence[str]) -> bool:
    if sum("a" <= c.lower() <= "z" for c in letters) < 0.9 * len(letters):
        return False
    words = _WORD.findall(text.casefold())
    foreign = sum(w in _FOREIGN_WORDS for w in words)
    return foreign < 2 or foreign <= sum(w in _ENGLISH_WORDS for w in words)


def dialogue(turns: Iterable[Mapping[str, Any]], *, max_chars: int) -> str:
    """What the customer has said so far, in one text: the customer's turns in order, cleaned, joined by a newline.

    turns: mappings with `speaker` (customer|agent|bot) and `text`. Turns of others are left out: a bot's greeting is no
    evidence of an intent. Cut at `max_chars` from the end, as people state their matter first.
    """
    said = (clean(str(turn["text"] or "")) for turn in turns if turn["speaker"] == "customer")
    return "\n".join(s for s in said if s)[:max_chars].strip()
