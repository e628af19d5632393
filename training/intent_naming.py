"""What a group of texts is called: the words that stand out in it, in each of its languages.

Class-based TF-IDF (Grootendorst 2022), by the share of the group's wordings that hold a term: a customer who repeats a
word names nothing twice. Chinese is cut into its two to four characters, as no word list is at hand. A term must
stand in a fifth of the wordings and in three of them, so that no single customer's words become a name.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from features.wording import normalise

SHARE, FEWEST = 0.2, 3
MOST_TERMS = 3
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_HAN = re.compile("[\u3400-\u9fff]+")
_SIZES = (2, 3, 4)
# Characters of grammar: a term that begins or ends with one is no name.
_HAN_GRAMMAR = frozenset(
    "的了吗呢吧啊我你您他她它这那是在有就也都和与要想请把被让给会能可以不没怎么什为何哪几个一下到说看给被呀好帮需为从"
)
# The same for English: words that say how a thing is asked, not what.
_ENGLISH = """
a about after again all also am an and any are as at be because been before but by can can't cannot could did do does
doesn't doing don't for from get got had has have having he hello help her hey hi him his how i i'd i'll i'm i've if in
into is isn't it it's its just know let like me more most my need no not now of on one only or our out over please she
should so some tell than thank thanks that that's the their them then there these they thing this those to too up us
very want was wasn't way we were what what's when where whether which who why will with won't work would yes you your
"""
_GRAMMAR = frozenset(_ENGLISH.split())


def name(texts: Sequence[str], others: Sequence[str]) -> str:
    """At most three terms, in the order in which customers say them; "" where none stands out.

    texts: the wordings of a group in one language. others: texts of that language that are not in the group.
    """
    inside, outside = _holding(texts), _holding(others)
    total = len(texts) + len(others)
    common = {term: n for term, n in inside.items() if n >= max(FEWEST, SHARE * len(texts))}
    worth = {term: n / len(texts) * math.log(1 + total / (n + outside[term])) for term, n in common.items()}
    chosen: list[str] = []
    for term in sorted(worth, key=lambda term: (-worth[term] * _weight(term), term)):
        if len(chosen) < MOST_TERMS and not any(_overlap(term, one) for one in chosen):
            chosen.append(term)
    return " ".join(sorted(chosen, key=lambda term: (_usual_place(term, texts), term)))


def _holding(texts: Sequence[str]) -> Counter[str]:
    """How many of the texts hold each term."""
    return Counter(term for text in texts for term in _terms(normalise(text)))


def _terms(text: str) -> set[str]:
    words = {word for word in _WORD.findall(_HAN.sub(" ", text)) if len(word) > 2 and word not in _GRAMMAR}
    han = (run[start : start + size] for run in _HAN.findall(text) for size in _SIZES
           for start in range(len(run) - size + 1))  # fmt: skip
    return words | {term for term in han if not _HAN_GRAMMAR & {term[0], term[-1]}}


def _weight(term: str) -> float:
    """Of a Chinese word and its parts, which stand in the same texts, the longest."""
    return 1.0 + 0.25 * (len(term) - 2) if _HAN.fullmatch(term) else 1.0


def _overlap(one: str, other: str) -> bool:
    """Parts of one word, or forms of it: refund and refunds, 加密货 and 密货币."""
    if _HAN.fullmatch(one) and _HAN.fullmatch(other):
        return bool(set(one) & set(other))
    return one.startswith(other) or other.startswith(one)


def _usual_place(term: str, texts: Sequence[str]) -> float:
    """Where in a text the term stands, 0 to 1, on average."""
    places = [place / len(text) for text in map(normalise, texts) if (place := text.find(term)) >= 0]
    return round(sum(places) / len(places), 6)
