from __future__ import annotations

from typing import Any

import pytest

from centre.clock import FixedClock
from tests.serving import house as houses

QUESTIONS: dict[str, Any] = {
    "at": "2026-04-01T00:00:00+00:00", "version": "intent/1", "champion": True,
    "teach": [{"contact_id": f"c-{n}", "text": "hm", "guess": "card_lost", "confidence": 0.4} for n in range(3)],
    "settle": [{"contact_id": "c-9", "text": "my card", "label": "loan", "likely": "card_lost", "trust": 0.01}],
}  # fmt: skip


@pytest.fixture
def client(home: Any, clock: FixedClock) -> Any:
    with houses.make(home, clock, find_questions=lambda: QUESTIONS).open() as client:
        yield client


def test_an_agent_is_offered_what_would_teach_most_first(client: Any) -> None:
    told = client.get("/v1/labels/next?count=2", role="agent").json()

    assert [one["contact_id"] for one in told["questions"]] == ["c-0", "c-1"]
    assert (told["kind"], told["version"]) == ("teach", "intent/1")


def test_doubted_labels_are_asked_for_by_their_kind(client: Any) -> None:
    assert client.get("/v1/labels/next?kind=settle", role="agent").json()["questions"] == QUESTIONS["settle"]


@pytest.mark.parametrize("query", ["count=0", "count=many", "kind=guess"])
def test_what_makes_no_sense_is_refused(client: Any, query: str) -> None:
    assert client.get(f"/v1/labels/next?{query}", role="agent").status_code == 422


def test_viewers_do_not_read_customers_words(client: Any) -> None:
    assert client.get("/v1/labels/next", role="viewer").status_code == 403


def test_before_anybody_looked_there_is_nothing_to_ask(home: Any, clock: FixedClock) -> None:
    with houses.make(home, clock).open() as client:
        answer = client.get("/v1/labels/next", role="agent")

    assert (answer.status_code, answer.json()["remedy"]) == (404, "Run parley label next.")


@pytest.mark.parametrize(("contact", "asked"), [("c-1", "teach"), ("c-9", "settle"), ("c-77", None)])
def test_a_label_that_was_asked_for_is_kept_apart_from_what_agents_volunteer(
    home: Any, clock: FixedClock, contact: str, asked: str | None
) -> None:
    house = houses.make(home, clock, find_questions=lambda: QUESTIONS)
    said = {"contact_id": contact, "capability": "intent", "verdict": "labelled", "instead": "card_lost"}
    with house.open() as client:
        assert client.post("/v1/feedback", said, role="agent").status_code == 201

    assert house.events("verdict.given")[0].data["asked"] == asked
