"""Who asks beside others over HTTP gets the answer that they would get alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from centre.clock import FixedClock
from tests.serving import house as houses
from tests.serving.house import Client, slot
from tests.training.learned import assert_alike

CLIENTS = 16


class Counting:
    """A model that counts how many texts it is asked at once."""

    def __init__(self, model: Any) -> None:
        self._model, self.max_chars, self.sizes = model, model.max_chars, []

    def answer(self, texts: list[str], *, languages: list[str]) -> list[dict[str, Any]]:
        self.sizes.append(len(texts))
        return list(self._model.answer(texts, languages=languages))


def test_sixteen_who_ask_at_once_are_answered_as_each_would_be_alone(
    model: Any, asked: list[dict[str, str]], home: Path, clock: FixedClock
) -> None:
    house, counting = houses.make(home, clock), Counting(model)
    house.shelf.put(slot("intent", counting))
    with house.open() as client, ThreadPoolExecutor(CLIENTS) as clients:
        together = list(clients.map(lambda one: _answer(client, one), asked))
        most = max(counting.sizes)
        alone = [_answer(client, one) for one in asked]

    assert most > 1, "nobody was taken together with others, so this shows nothing"
    for beside_others, one in zip(together, alone, strict=True):
        assert_alike(beside_others, one)
    assert len({one["intent"] for one in alone}) > 5
    assert any(one["abstained"] for one in alone)


def _answer(client: Client, one: dict[str, str]) -> dict[str, Any]:
    turns = [{"speaker": "customer", "text": one["text"]}]
    told = client.post("/v1/intent", {"contact_id": "c", "turns": turns, "language": one["language"]})
    assert told.status_code == 200, told.text
    return dict(told.json()["answer"])
