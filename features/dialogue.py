"""The dialogue so far as one text: what the customer has said, with what short replies refer to put in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from features.reference import resolved
from features.wording import clean, shortened


def dialogue(turns: Iterable[Mapping[str, Any]], *, max_chars: int) -> str:
    """What the customer has said so far, in one text: the customer's turns in order, cleaned, joined by a newline.

    turns: mappings with `speaker` (customer|agent|bot) and `text`. Turns of others are left out, as a bot's greeting is
    no evidence of an intent, but a reply that only points at them ("yes", "the second one", 第二个) is read as what it
    points at (`reference.resolved`). At most `max_chars` characters, whole turns: see `_fitting`.
    """
    said = [text for text in _said(turns) if clean(text)]
    return "\n".join(_fitting(said, max_chars=max_chars))


def _said(turns: Iterable[Mapping[str, Any]]) -> list[str]:
    """The customer's turns, uncut, references resolved: by what the others said since the customer's turn before.

    Customers send one reply in several turns, so a question stays open until it is answered or another turn follows.
    """
    said: list[str] = []
    asked: list[str] = []
    answering = False
    for turn in turns:
        text = str(turn["text"] or "")
        if turn["speaker"] != "customer":
            asked = [*([] if answering else asked), text]
        else:
            meant = resolved(text, asked="\n".join(asked)) if asked else text
            asked = [] if meant != text else asked
            said.append(meant)
        answering = turn["speaker"] == "customer"
    return said


def _fitting(said: Sequence[str], *, max_chars: int) -> list[str]:
    """The turns that fit, cleaned: from the front as far as half the room, then from the back as far as the rest.

    People state their matter first, and what became of it last; account numbers and waiting lie between. The first turn
    always stays. A turn that is longer than all the room is cut to half of it, or, if it is the only one, to all of it.
    """
    cleaned = [clean(text) for text in said]
    if sum(map(len, cleaned)) + len(cleaned) - 1 <= max_chars:
        return cleaned
    most = max_chars if len(said) == 1 else max(1, (max_chars - 1) // 2)
    sizes = [(most if len(text) > max_chars else len(text)) + 1 for text in cleaned]
    first = max(1, _how_many(sizes, room=max_chars // 2 + 1))
    left = max_chars + 1 - sum(sizes[:first])
    last = _how_many(sizes[: first - 1 : -1], room=left)
    kept = [*range(first), *range(len(said) - last, len(said))]
    return [shortened(said[n], max_chars=most) if len(cleaned[n]) > max_chars else cleaned[n] for n in kept]


def _how_many(sizes: Sequence[int], *, room: int) -> int:
    """How many, from the first on, fit together."""
    for place, size in enumerate(sizes):
        room -= size
        if room < 0:
            return place
    return len(sizes)
