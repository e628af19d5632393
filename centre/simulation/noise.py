"""How words get lost on the way: slips of the keyboard, mistakes of speech recognition. Uniform draws come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

Dice = Callable[[], float]

_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE: Final = {
    key: "".join(row[max(0, place - 1) : place] + row[place + 1 : place + 2])
    for row in _ROWS
    for place, key in enumerate(row)
}
_PUNCTUATION: Final = str.maketrans("", "", '.,!?;:"()，。！？；：、（）“”')


def slipped(text: str, *, dice: Dice) -> str:
    """English with one or two slips: a neighbouring key, a letter swapped, doubled or left out."""
    for _ in range(1 + (dice() < 0.3)):
        place = int(dice() * len(text))
        if 0 < place < len(text) - 1 and text[place].isascii() and text[place].isalpha():
            text = text[:place] + _slip(text[place], text[place + 1], dice()) + text[place + 2 :]
    return text


def _slip(here: str, after: str, kind: float) -> str:
    if kind < 0.35:
        beside = _BESIDE[here.lower()]
        return beside[int(kind / 0.35 * len(beside))] + after
    if kind < 0.60:
        return after + here
    return after if kind < 0.80 else here + here + after


def confused(text: str, *, pairs: Mapping[str, Sequence[str]], chance: float, dice: Dice) -> str:
    """Text in which, with `chance` each, a word or sign is taken for one that sounds alike."""
    for heard, alike in pairs.items():
        if heard in text and dice() < chance:
            text = text.replace(heard, alike[int(dice() * len(alike))], 1)
    return text


def recognised(text: str, *, dice: Dice, chance: float) -> str:
    """English as a recogniser writes it: no capitals, no marks, a word dropped or cut now and then, hesitations."""
    words = text.translate(_PUNCTUATION).lower().split()
    heard = []
    for word in words:
        draw = dice()
        if draw < chance * 0.4 and len(words) > 4:
            continue
        heard.append(word[:-1] if draw < chance * 0.7 and len(word) > 3 else word)
        if draw > 0.985:
            heard.append("um" if draw > 0.992 else "uh")
    return " ".join(heard)


def unmarked(text: str) -> str:
    """Chinese as a recogniser writes it: without punctuation."""
    return text.translate(_PUNCTUATION)
