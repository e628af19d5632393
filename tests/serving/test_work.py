"""Where models work: who waits is taken together, and nobody pays for another's text, model or impatience."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import closing
from typing import Any

import pytest

from data_contracts.errors import Overloaded
from serving.work import GROUP, Readers


class Model:
    """Repeats a text; fails on `bad`; remembers what it was asked together. `gate` holds it back."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.gate = threading.Event()

    def answer(self, texts: list[str], *, languages: list[str]) -> list[dict[str, Any]]:
        self.gate.wait(10)
        self.groups.append(texts)
        if "bad" in texts:
            raise ValueError("bad")
        return [{"said": text, "language": language} for text, language in zip(texts, languages, strict=True)]


def _readers(**changes: Any) -> Readers:
    return Readers("intent", **{"threads": 1, "waiting": 64, "wait_s": 5.0, **changes})


async def _all(*asked: Coroutine[Any, Any, Any], open_: threading.Event, after_s: float = 0.05) -> list[Any]:
    """What all get who ask while the model is held back, which it is for a moment."""
    told = asyncio.gather(*asked, return_exceptions=True)
    await asyncio.sleep(after_s)
    open_.set()
    return list(await told)


def test_those_who_wait_are_taken_together_in_turn_and_each_gets_the_own_answer() -> None:
    model, texts = Model(), [f"text {n}" for n in range(20)]
    with closing(_readers()) as readers:
        asked = [readers.answer(model, text, language="en") for text in texts]
        told = asyncio.run(_all(*asked, open_=model.gate))

    assert [one["said"] for one in told] == texts
    assert [text for group in model.groups for text in group] == texts
    assert max(map(len, model.groups)) == GROUP
    assert readers.depth == 0


def test_threads_share_what_waits() -> None:
    model, texts = Model(), [f"text {n}" for n in range(10)]
    with closing(_readers(threads=2)) as readers:
        asked = [readers.answer(model, text, language="en") for text in texts]
        asyncio.run(_all(*asked, open_=model.gate))

    assert max(map(len, model.groups)) <= 5


def test_a_text_that_a_model_fails_on_takes_no_other_down() -> None:
    model = Model()
    with closing(_readers()) as readers:
        asked = [readers.answer(model, text, language="en") for text in ("first", "good", "bad", "fine")]
        told = asyncio.run(_all(*asked, open_=model.gate))

    assert [type(one) for one in told] == [dict, dict, ValueError, dict]


def test_a_model_that_answers_too_few_has_failed_at_once() -> None:
    class Silent(Model):
        def answer(self, texts: list[str], *, languages: list[str]) -> list[dict[str, Any]]:
            return []

    with closing(_readers()) as readers, pytest.raises(ValueError, match="0 answers to 1 texts"):
        asyncio.run(readers.answer(Silent(), "text", language="en"))


def test_who_asked_the_old_model_is_answered_by_the_old_one() -> None:
    old, new = Model(), Model()
    new.gate.set()
    with closing(_readers()) as readers:
        asked = [readers.answer(model, f"{n}", language="en") for n, model in enumerate((old, old, new, old))]
        asyncio.run(_all(*asked, open_=old.gate))

    assert sorted(text for group in old.groups for text in group) == ["0", "1", "3"]
    assert new.groups == [["2"]]


def test_a_text_whose_caller_has_gone_is_not_read() -> None:
    model = Model()
    with closing(_readers(wait_s=0.02)) as readers:
        asked = [readers.answer(model, text, language="en") for text in ("running", "gone")]
        told = asyncio.run(_all(*asked, open_=model.gate, after_s=0.2))

    assert [type(one) for one in told] == [Overloaded, Overloaded]
    assert ["gone"] not in model.groups


def test_a_full_place_says_no_at_once() -> None:
    model = Model()
    with closing(_readers(waiting=1)) as readers:
        asked = [readers.answer(model, f"{n}", language="en") for n in range(4)]
        told = asyncio.run(_all(*asked, open_=model.gate))

    assert [isinstance(one, Overloaded) for one in told] == [False, False, True, True]
    with pytest.raises(Overloaded, match="2 requests before this one"):
        raise told[3]
