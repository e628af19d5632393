"""How people vary their words: the same matter mistyped, misheard, said as friends talk, in two languages, politely.

Each kind is a function of text, language and a generator; what it may do stands in `intent_wordings.yaml`. The same
seed, kind and text give the same variation, whatever else is varied with it.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Random = random.Random
# Of an English text one word in six is mistyped, of a Chinese one a character in ten: a hasty message, no riddle.
WORDS_A_SLIP, CHARACTERS_A_SLIP = 6, 10
# A speaker hesitates about every eighth word.
WORDS_A_FILLER = 8
# Shorter words are hardly ever mistyped, and a slip in them makes another word.
SHORTEST_MISTYPED = 4
# The rows of a keyboard; a finger lands on a neighbour in its row.
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_DIGITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "zh": tuple("零一二三四五六七八九"),
}
_WORD = re.compile(r"[A-Za-z']+")
_DIGIT = re.compile(r"[0-9]")
# What a recogniser does not write: all but letters, digits, apostrophes and spaces.
_UNSPOKEN = re.compile(r"[^\w' ]|_")
_FULL_WIDTH = str.maketrans({" ": "　", **{c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}})


@dataclass(frozen=True)
class Kind:
    """One way to vary a text.

    dimension: "manner" where every word of the matter is still there, only said or written otherwise; "noise" where
    letters, sounds or a word are lost to whoever does not guess them. languages: those that know this kind. together:
    only where all of these are spoken does anybody talk like this.
    """

    vary: Callable[[str, str, Random], str]
    dimension: str
    languages: tuple[str, ...]
    name_zh: str
    together: bool = False


def varied(text: str, *, kind: str, language: str, seed: int) -> str | None:
    """The text as somebody else would have put it; None where this kind finds nothing to change in it.

    kind: a key of `KINDS`. language: en or zh; of others nothing is known, and the answer is None.
    """
    if language not in KINDS[kind].languages:
        return None
    made: str = KINDS[kind].vary(text, language, random.Random(f"{seed}:{kind}:{text}"))  # noqa: S311 - no secret
    return made if made != text and made.strip() else None


def mistyped(text: str, language: str, rng: Random) -> str:
    """Slips of the finger; in Chinese another character of the same sound, as an input method proposes it."""
    return _other_characters(text, rng) if language == "zh" else _slips(text, rng)


def misheard(text: str, language: str, rng: Random) -> str:
    """As speech recognition writes it: no capitals, no punctuation, numbers in words, hesitation, words that sound
    alike taken for each other."""
    heard = " ".join(_UNSPOKEN.sub(" ", text.lower()).split())
    heard = _DIGIT.sub(lambda found: _spoken(found.group(), language), heard)
    if language == "zh":
        return _hesitating_zh(_other_characters(heard, rng), rng)
    words = [_sounding_like(word, rng) for word in heard.split()]
    for _ in range(1 + len(words) // WORDS_A_FILLER):
        words.insert(rng.randrange(len(words) + 1), rng.choice(_tables()["fillers"]["en"]))
    return " ".join(words)


def colloquial(text: str, language: str, rng: Random) -> str:
    """As one talks among friends: contracted, clipped, with the words of the street."""
    spoken: Mapping[str, str] = _tables()["colloquial"][language]
    return _replaced(text, spoken, language=language)


def mixed(text: str, language: str, rng: Random) -> str:
    """One word of the other language, as people say it who live in both."""
    pairs: Mapping[str, str] = _tables()["counterparts"]
    other = pairs if language == "en" else {zh: en for en, zh in pairs.items()}
    found = sorted(word for word in other if _pattern(word, language).search(text))
    if not found:
        return text
    longest = [word for word in found if not any(word in longer and word != longer for longer in found)]
    word = rng.choice(longest)
    return _pattern(word, language).sub(other[word], text, count=1)


def in_the_other_script(text: str, language: str, rng: Random) -> str:
    """Simplified characters as traditional ones, and the other way round where the text is traditional."""
    scripts = _tables()["scripts"]
    simplified, traditional = scripts["simplified"], scripts["traditional"]
    made = text.translate(str.maketrans(simplified, traditional))
    return made if made != text else text.translate(str.maketrans(traditional, simplified))


def full_width(text: str, language: str, rng: Random) -> str:
    """Letters, digits and signs as wide as Chinese characters, as an input method left in that mode writes them."""
    return text.translate(_FULL_WIDTH)


def with_emoji(text: str, language: str, rng: Random) -> str:
    """One or two emoji at the end."""
    return text + " " + "".join(rng.choices(_tables()["emoji"], k=rng.choice((1, 2))))


def politely(text: str, language: str, rng: Random) -> str:
    """A greeting before, thanks behind, or both."""
    manners = _tables()["politeness"]
    before: str = rng.choice(manners["before"][language])
    behind: str = rng.choice(manners["behind"][language])
    return rng.choice((before + text, text + behind, before + text + behind))


MANNER, NOISE = "manner", "noise"
BOTH = ("en", "zh")
KINDS: Mapping[str, Kind] = {
    "typos": Kind(mistyped, NOISE, BOTH, "错别字"),
    "speech recognition": Kind(misheard, NOISE, BOTH, "语音识别噪声"),
    "colloquial": Kind(colloquial, MANNER, BOTH, "口语"),
    "mixed languages": Kind(mixed, NOISE, BOTH, "中英混用", together=True),
    "other script": Kind(in_the_other_script, MANNER, ("zh",), "繁简转换"),
    "full width": Kind(full_width, MANNER, BOTH, "全角字符"),
    "emoji": Kind(with_emoji, MANNER, BOTH, "表情符号"),
    "politeness": Kind(politely, MANNER, BOTH, "礼貌用语"),
}


def _slips(text: str, rng: Random) -> str:
    """At least one slip, in different words."""
    words = [found for found in _WORD.finditer(text) if len(found.group()) >= SHORTEST_MISTYPED]
    count = min(len(words), max(1, len(text.split()) // WORDS_A_SLIP))
    for found in sorted(rng.sample(words, count), key=lambda one: -one.start()):
        text = text[: found.start()] + _slip(found.group(), rng) + text[found.end() :]
    return text


def _slip(word: str, rng: Random) -> str:
    """A neighbouring key, two letters swapped, one doubled, one missing; never the first letter."""
    at = rng.randrange(1, len(word))
    how = rng.choice(("neighbour", "swap", "double", "missing"))
    if how == "neighbour":
        return word[:at] + _neighbour(word[at], rng) + word[at + 1 :]
    if how == "swap" and at + 1 < len(word):
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + (word[at] * 2 if how == "double" else "") + word[at + 1 :]


def _neighbour(letter: str, rng: Random) -> str:
    row = next((row for row in _KEYS if letter.lower() in row), string.ascii_lowercase)
    place = row.find(letter.lower())
    near = row[max(0, place - 1) : max(0, place)] + row[place + 1 : place + 2]
    return rng.choice(near)


def _other_characters(text: str, rng: Random) -> str:
    """At least one character for another of its sound, where any has one."""
    same: Mapping[str, str] = _same_sound()
    places = [place for place, character in enumerate(text) if character in same]
    made = list(text)
    for place in rng.sample(places, min(len(places), max(1, len(text) // CHARACTERS_A_SLIP))):
        made[place] = rng.choice(same[made[place]])
    return "".join(made)


def _spoken(digit: str, language: str) -> str:
    word = _DIGITS[language][int(digit)]
    return word if language == "zh" else f" {word} "


def _hesitating_zh(text: str, rng: Random) -> str:
    """A filler before, and one inside of a longer text."""
    fillers: Sequence[str] = _tables()["fillers"]["zh"]
    if len(text) > CHARACTERS_A_SLIP:
        at = rng.randrange(1, len(text))
        text = text[:at] + rng.choice(fillers) + text[at:]
    return rng.choice(fillers) + text


def _sounding_like(word: str, rng: Random) -> str:
    """In one case of two another word of its sound: a recogniser has the context to help it."""
    others = _sound_alike().get(word)
    return rng.choice(others) if others and rng.random() < 0.5 else word


def _replaced(text: str, words: Mapping[str, str], *, language: str) -> str:
    """All of these words replaced at once, longer ones first."""
    found = re.compile("|".join(_pattern(one, language).pattern for one in sorted(words, key=len, reverse=True)), re.I)
    return found.sub(lambda one: words[one.group().lower()], text)


@cache
def _pattern(word: str, language: str) -> re.Pattern[str]:
    """The word as such: in English not inside of another."""
    edge = r"\b" if language == "en" else ""
    return re.compile(f"{edge}{re.escape(word)}{edge}", re.IGNORECASE)


@cache
def _tables() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return told


@cache
def _same_sound() -> dict[str, str]:
    """Of each character the others of its sound."""
    groups = [group for group in _tables()["same_sound"] if len(group) > 1]
    return {one: group.replace(one, "") for group in reversed(groups) for one in group}


@cache
def _sound_alike() -> dict[str, list[str]]:
    groups: list[list[str]] = _tables()["sound_alike"]
    return {one: [other for other in group if other != one] for group in groups for one in group}
