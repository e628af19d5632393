"""What customers say: wordings by intent and language, with slots, manners, slips of keyboard and recognition."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, Final

import numpy as np
import yaml

from centre.simulation.noise import Dice, confused, recognised, slipped, unmarked
from data_contracts.errors import NotFound

Piece = tuple[str, str | None]

FILES: Final = {language: Path(__file__).with_name(f"utterances_{language}.yaml") for language in ("en", "zh")}
STALE_TURNS: Final = 3000  # turns without a new text after which a bank counts as exhausted
EARLY_SHARE: Final = 0.66  # of an intent's wordings, those that occur before the cut


@dataclass(frozen=True, slots=True)
class Noise:
    """How often words get lost: texts with slips by channel, words misheard."""

    typo_chance: Mapping[str, float]
    asr_chance: float


class Bank:
    """The wordings of one language: intent -> templates, already cut into literal and slot."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.slots: dict[str, list[str]] = {name: [str(v) for v in values] for name, values in told["slots"].items()}
        self.manners: dict[str, list[str]] = told["manners"]
        self.turns: dict[str, list[str]] = told["turns"]
        self.typos: dict[str, list[str]] = told["typos"]
        self.sounds: dict[str, list[str]] = told["sounds"]
        self.early: dict[str, list[list[Piece]]] = {}
        self.late: dict[str, list[list[Piece]]] = {}
        for intent, templates in told["intents"].items():
            early, late = split(templates)
            self.early[intent] = [_parsed(template) for template in early]
            self.late[intent] = [_parsed(template) for template in late]

    def templates(self, intent: str, *, late: bool) -> list[list[Piece]]:
        """The templates of an intent on one side of the cut. Raises NotFound for an intent without wordings."""
        side = self.late if late else self.early
        if intent not in side:
            raise NotFound("no wordings of this intent", expected=", ".join(sorted(side)), came=intent)
        return side[intent]

    def fill(self, template: list[Piece], dice: Dice) -> str:
        """The template's text with a value drawn for each slot."""
        said = []
        for literal, slot in template:
            said.append(literal)
            if slot is not None:
                values = self.slots[slot]
                said.append(values[int(dice() * len(values))])
        return "".join(said)


def split(templates: list[str]) -> tuple[list[str], list[str]]:
    """Wordings before and after the cut, in the order of their digests: the same for every seed and every run."""
    ordered = sorted(templates, key=lambda template: hashlib.sha256(template.encode()).hexdigest())
    early = round(EARLY_SHARE * len(ordered))
    return ordered[:early], ordered[early:]


@lru_cache(maxsize=2)
def bank(language: str) -> Bank:
    """The bank of a language, read once."""
    return Bank(yaml.safe_load(FILES[language].read_text(encoding="utf-8")))


def dice(rng: np.random.Generator) -> Dice:
    """An endless cheap source of uniforms in [0, 1)."""

    def rolls() -> Iterator[float]:
        while True:
            yield from rng.random(8192).tolist()

    return rolls().__next__


def _parsed(template: str) -> list[Piece]:
    return [(literal, slot) for literal, slot, _, _ in Formatter().parse(template)]


def opening(intent: str, *, language: str, channel: str, late: bool, dice: Dice, noise: Noise) -> str:
    """What a customer says first, as the channel brings it: recognised speech, typed chat or a written mail."""
    words = bank(language)
    templates = words.templates(intent, late=late)
    text = words.fill(templates[int(dice() * len(templates))], dice)
    if channel == "voice":
        return _heard(text, language, words, dice, noise.asr_chance)
    said = _with_manners(text, channel, words, dice)
    return _typed(said, language, words, dice) if dice() < noise.typo_chance[channel] else said


def answer(*, language: str, channel: str, dice: Dice) -> str:
    """What the bot (voice, chat) or the agent (email) says to that."""
    said = bank(language).turns["agent" if channel == "email" else "bot"]
    return said[int(dice() * len(said))]


def addition(*, language: str, channel: str, dice: Dice) -> str:
    """What a customer adds when the bot has answered."""
    words = bank(language)
    said = words.turns["customer"][int(dice() * len(words.turns["customer"]))]
    return said.lower().rstrip(".!") if channel == "voice" else said


def distinct(intent: str, *, language: str, late: bool, count: int, seed: int) -> list[str]:
    """`count` different typed wordings of an intent from one side of the cut, the same for the same seed.

    Raises NotFound when the bank does not hold as many.
    """
    roll = dice(np.random.default_rng(seed))
    words, found, turn, news = bank(language), dict[str, None](), 0, 0
    templates = words.templates(intent, late=late)
    while len(found) < count and turn - news < STALE_TURNS:
        text = words.fill(templates[turn % len(templates)], roll)
        said = text if turn % 3 == 0 else _with_manners(text, "chat", words, roll)
        turn += 1
        if said not in found:
            found[said], news = None, turn
    if len(found) < count:
        raise NotFound("not as many wordings", expected=str(count), came=str(len(found)), where=f"{intent}, {language}")
    return list(found)


def _with_manners(text: str, channel: str, words: Bank, dice: Dice) -> str:
    """A greeting before and thanks behind, more often in a mail than in a chat."""
    often = 0.75 if channel == "email" else 0.3
    before, behind = words.manners[f"{channel}_before"], words.manners[f"{channel}_behind"]
    opened = before[int(dice() * len(before))] + text if dice() < often else text
    return opened + behind[int(dice() * len(behind))] if dice() < often else opened


def _typed(text: str, language: str, words: Bank, dice: Dice) -> str:
    alike = confused(text, pairs=words.typos, chance=0.5, dice=dice)
    return alike if language == "zh" else slipped(alike, dice=dice)


def _heard(text: str, language: str, words: Bank, dice: Dice, chance: float) -> str:
    alike = confused(text, pairs=words.sounds, chance=2 * chance, dice=dice)
    fillers = words.manners["voice_before"]
    begun = fillers[int(dice() * len(fillers))] + alike if dice() < 0.4 else alike
    return unmarked(begun) if language == "zh" else recognised(begun, dice=dice, chance=chance)
