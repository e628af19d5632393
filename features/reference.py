"""What a short reply refers to: "yes, the second one" after a bot's question is the second option.

A reply is taken for a reference only if nothing in it is left that is not a yes, a no, a place in a list or a word of
courtesy. Whoever states a matter in own words is heard in these words; what cannot be resolved stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from features import questions
from features.wording import clean

# A longer reply says something of its own.
MOST_REPLY: Final = 60

Kind = Literal["yes", "no", "place", "filler"]


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def _counted(listed: str) -> dict[str, int]:
    return {word: place for place, word in enumerate(listed.split(), start=1)}


_CLAUSES = re.compile(r"[,.;:!?。、()\[\]#/\"“”]+|\s[-–—]+\s")
_WORD = re.compile(r"[a-z0-9']+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_ASIDE = re.compile(
    r"\b(?:(?:it )?(?:was|happened) )?(?:since |from |on |just )?(?:today|yesterday"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|this (?:morning|afternoon|evening|week)|last (?:night|week|month)"
    r"|(?:\w+ )?\w+ (?:minutes?|hours?|days?|weeks?|months?) ago|thank ya)\b"
)
_YES_PHRASE = re.compile(
    r"(?:(?:yes|yeah|yep) )?(?:that|it|this)(?:'s| is|s) (?:it|right|correct|the one|that|true"
    r"|what i (?:mean|meant|want|need))"
    r"|it (?:is|was)|i (?:do|did|am|have)|of course|exactly that"
)
_YES = _words(
    "yes yeah yep yeap yup yea ya yess yeh y sure correct right accurate true exactly indeed absolutely definitely"
    " affirmative agreed confirm confirmed"
)
_NO = _words("no nope nah n")
_NOT = _words("not isn't don't didn't doesn't wasn't none neither never")
_ORDINALS = {
    **_counted("first second third fourth fifth sixth seventh eighth ninth tenth"),
    **_counted("1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th"),
    "top": 1, "last": -1, "final": -1, "bottom": -1,
}  # fmt: skip
_NUMBERS = {
    **_counted("one two three four five six seven eight nine ten"),
    **{str(number): number for number in range(1, 21)},
}
_OF_TWO = _counted("former latter")
_LETTERS = _counted("a b c d e f g h")
_NAMING = _words("option number choice answer letter item")
_FILLERS = _NAMING | _words(
    "the a an one i i'd i'll i'm id ill im go going with take choose pick want would like need think guess mean meant"
    " it it's its is was that that's thats this be to for me my um umm uh er hm hmm mm well so oh ok okay please"
    " pls plz thanks thank you thx cheers just actually probably maybe believe do did am have problem issue case"
    " happened on are very sir madam"
)

# Possessive (*+): courtesy piled on courtesy is read once, not in every way in which it can be cut.
_ZH_BEFORE = (
    r"(?:嗯|哦|啊|呃|额|那就|那|就|我|要|想|选择|选项|选|应该|可能|大概|好像|是的|是|对的|对|没错|请|麻烦|帮"
    r"|说的|指的|问的|办理|办|咨询|属于|按|回复)*+"
)
_ZH_BEHIND = r"(?:吧|啊|呀|哦|呢|的|了|哈|谢谢[您你]?|麻烦了|问题|情况|业务|选项)*+"
_ZH_UNIT = r"(?:个|项|种|条|类|样|号|点)"
_ZH_PLACE = re.compile(
    rf"{_ZH_BEFORE}(?:第(?P<nth>[一二三四五六七八九十]|\d{{1,2}}){_ZH_UNIT}?|(?P<number>[一二三四五六七八九十]|\d{{1,2}})[号项]?"
    rf"|(?P<letter>[a-h])项?|(?P<last>最后面?|最末|末)(?:的|那|这|一)*{_ZH_UNIT}?"
    rf"|(?P<latter>后者|(?:后面|后边|后头|后|下面)(?:的|那|这|一)*{_ZH_UNIT})"
    rf"|(?P<former>前者|(?:前面|前边|前|上面)(?:的|那|这|一)*{_ZH_UNIT}))(?:那|这)?{_ZH_UNIT}?{_ZH_BEHIND}",
    re.IGNORECASE,
)
_ZH_YES = re.compile(
    rf"(?:嗯|哦|啊)*+(?:是这样|是这个|就是这个|就是这样|就是它|就是|是的|是|对的|对|没错|正是|确实|当然|需要)++{_ZH_BEHIND}"
)
_ZH_NO = re.compile(rf"(?:不是|不对|不用|不要|不需要|都不是|没有|不|没|否|错)++(?:这个|这样|那个)?{_ZH_BEHIND}")
_ZH_NOT = re.compile(r"不是|不选|不要|不")
_ZH_FILLER = re.compile(rf"(?:嗯|哦|啊|呃|好|请)*+{_ZH_BEHIND}(?:今天|昨天|刚才|刚刚)?")
_ZH_DIGITS = {digit: place for place, digit in enumerate("一二三四五六七八九十", start=1)}


@dataclass(frozen=True)
class _Meant:
    """One clause of a reply. place: from 1, -1 for the last; `lettered`, `of_two`: where alone it means that."""

    kind: Kind
    place: int = 0
    lettered: bool = False
    of_two: bool = False


def resolved(reply: str, *, asked: str) -> str:
    """The reply, or in its place the option that it chooses or the statement that it affirms.

    asked: the words of bot or agent before it, lines kept. A no adds nothing of what it denies.
    """
    if not asked or len(reply) > 2 * MOST_REPLY:
        return reply
    meant = _meant(clean(reply).casefold().replace("’", "'"))
    if meant is None:
        return reply
    question = questions.read(asked)
    if meant.kind == "yes":
        return question.affirmed or reply
    if (meant.of_two and len(question.options) != 2) or (meant.lettered and question.marked != "a"):
        return reply
    return question.option(meant.place) or reply


def _meant(said: str) -> _Meant | None:
    """A yes or one place, if the reply is nothing else; a no beside a place denies another one."""
    if len(said) > MOST_REPLY:
        return None
    clauses = [clause.strip() for clause in _CLAUSES.split(_ASIDE.sub(" ", said)) if clause.strip()]
    found = [_of_han(clause) if _HAN.search(clause) else _of_words(clause) for clause in clauses]
    if not found or any(one is None for one in found):
        return None
    places = {one for one in found if one and one.kind == "place"}
    kinds = {one.kind for one in found if one}
    if places:
        return places.pop() if len(places) == 1 else None
    return _Meant("yes") if "yes" in kinds and "no" not in kinds else None


def _of_words(clause: str) -> _Meant | None:
    """An English clause; None where a word is left that says something else."""
    if _YES_PHRASE.fullmatch(clause):
        return _Meant("yes")
    words = _WORD.findall(clause)
    denied = bool(words) and words[0] in _NO
    words = words[denied:]
    if any(word in _NOT for word in words):
        rest = [word for word in words if word not in _NOT and word not in _YES and not _is_place(word)]
        return _Meant("no") if _all_fillers(rest) else None
    yes = [word for word in words if word in _YES]
    rest = [word for word in words if word not in _YES and not _is_place(word)]
    if not words or not _all_fillers(rest) or (denied and yes):
        return _Meant("no") if denied and not words else None
    counted = any(word in _ORDINALS or word in _OF_TWO or (word in _NUMBERS and word != "one") for word in words)
    place = _place_in(words)
    return place if place or counted else _Meant("no" if denied else "yes" if yes else "filler")


def _is_place(word: str) -> bool:
    return word in _ORDINALS or word in _NUMBERS or word in _OF_TWO or word in _LETTERS


def _all_fillers(words: list[str]) -> bool:
    return all(word in _FILLERS for word in words)


def _place_in(words: list[str]) -> _Meant | None:
    """The one place that the words name: an ordinal, else a number, else a letter that stands for itself."""
    ordinals = {_ORDINALS[word] for word in words if word in _ORDINALS}
    of_two = {_OF_TWO[word] for word in words if word in _OF_TWO}
    numbers = {_NUMBERS[word] for word in words if word in _NUMBERS and word != "one"}
    if len(ordinals | of_two | numbers) > 1:
        return None
    if ordinals | numbers:
        return _Meant("place", (ordinals | numbers).pop())
    if of_two:
        return _Meant("place", of_two.pop(), of_two=True)
    return _spelled(words)


def _spelled(words: list[str]) -> _Meant | None:
    """`one`, or a letter: both are also words like any other, so `one` and `a` count only where they are named."""
    for place, word in enumerate(words):
        named = place == 0 or words[place - 1] in _NAMING or words[place - 1] in _YES
        if word == "one" and named:
            return _Meant("place", 1)
        if word in _LETTERS and (word != "a" or (named and words[place + 1 :] in ([], ["please"]))):
            return _Meant("place", _LETTERS[word], lettered=True)
    return None


def _of_han(clause: str) -> _Meant | None:
    """A Chinese clause; None where something is left that says something else."""
    clause = clause.replace(" ", "")
    if _ZH_YES.fullmatch(clause):
        return _Meant("yes")
    if _ZH_NO.fullmatch(clause):
        return _Meant("no")
    denied = _ZH_NOT.match(clause)
    if denied:
        return _Meant("no") if _ZH_PLACE.fullmatch(clause, denied.end()) else None
    place = _ZH_PLACE.fullmatch(clause)
    if place:
        return _zh_place(place)
    return _Meant("filler") if _ZH_FILLER.fullmatch(clause) else None


def _zh_place(place: re.Match[str]) -> _Meant:
    if number := place["nth"] or place["number"]:
        return _Meant("place", _ZH_DIGITS.get(number) or int(number))
    if letter := place["letter"]:
        return _Meant("place", _LETTERS[letter.lower()], lettered=True)
    if place["last"]:
        return _Meant("place", -1)
    return _Meant("place", 2 if place["latter"] else 1, of_two=True)
