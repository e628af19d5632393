"""Customers who are vague, the bot that asks back, and what they reply: a place in a list, yes or no, or own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from centre.simulation.noise import Dice
from centre.simulation.parameters import Intent
from centre.simulation.wording import Noise, opening, split

Turn = tuple[str, str]  # speaker and text

FILES: Final = {language: Path(__file__).with_name(f"clarifications_{language}.yaml") for language in ("en", "zh")}


@dataclass(frozen=True, slots=True)
class Manner:
    """How often a bot asks to confirm one intent instead of listing some, how often that is the right one, and how
    customers choose from a list: the chance of an ordinal and of a number; the rest answers in own words."""

    confirming: float
    confirms_right: float
    ordinal: float
    number: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is said in one language on one side of the cut."""

    vague: Mapping[str, list[str]]  # by group
    options: Mapping[str, list[str]]  # by intent
    choices: Mapping[int, list[str]]  # by number of options
    confirmations: list[str]
    ordinals: Mapping[int, list[str]]  # by place, from 1
    numbers: Mapping[int, list[str]]
    affirmed: list[str]
    denied: list[str]


@lru_cache(maxsize=4)
def sheet(language: str, *, late: bool) -> Sheet:
    """The sheet of a language before or after the cut, read once. No text stands on both sides."""
    told: dict[str, Any] = yaml.safe_load(FILES[language].read_text(encoding="utf-8"))
    return Sheet(**{name: _side(part, late=late) for name, part in told.items()})


def _side(part: Any, *, late: bool) -> Any:
    if isinstance(part, dict):
        return {key: _side(value, late=late) for key, value in part.items()}
    return split(part)[late]


def dialogue(
    intent: Intent, *, near: Sequence[str], language: str, late: bool, dice: Dice, manner: Manner, noise: Noise
) -> list[Turn]:
    """Three turns: the customer is vague, the bot asks, the customer replies and so means `intent`.

    near: intents with which the bot takes it to be confused, one or more; it names one or two of them.
    """
    said = sheet(language, late=late)
    own_words = opening(intent.id, language=language, channel="chat", late=late, dice=dice, noise=noise)
    if dice() < manner.confirming:
        asked, reply = _confirmed(intent.id, near, own_words, said=said, dice=dice, manner=manner)
    else:
        asked, reply = _chosen(intent.id, near, own_words, said=said, dice=dice, manner=manner)
    return [("customer", _one(said.vague[intent.group], dice)), ("bot", asked), ("customer", reply)]


def _confirmed(
    intent: str, near: Sequence[str], own_words: str, *, said: Sheet, dice: Dice, manner: Manner
) -> tuple[str, str]:
    """The bot guesses: yes, or no and what it is instead."""
    right = dice() < manner.confirms_right
    guess = intent if right else _one(near, dice)
    asked = _one(said.confirmations, dice).format(_one(said.options[guess], dice))
    return asked, _one(said.affirmed, dice) if right else _one(said.denied, dice) + own_words


def _chosen(
    intent: str, near: Sequence[str], own_words: str, *, said: Sheet, dice: Dice, manner: Manner
) -> tuple[str, str]:
    """The bot lists what it could be, in any order."""
    others = list(near[: 1 + int(dice() * 2)])
    others.insert(int(dice() * (len(others) + 1)), intent)
    options = [_one(said.options[one], dice) for one in others]
    asked = _one(said.choices[len(options)], dice).format(*options)
    place, kind = others.index(intent) + 1, dice()
    if kind < manner.ordinal:
        return asked, _one(said.ordinals[place], dice)
    return asked, _one(said.numbers[place], dice) if kind < manner.ordinal + manner.number else own_words


def _one(among: Sequence[str], dice: Dice) -> str:
    return among[int(dice() * len(among))]
