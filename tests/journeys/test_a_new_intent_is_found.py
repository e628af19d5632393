"""Customers want what no intent covers; Parley finds it among the refused, an engineer names it, and it is learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from centre.simulation import world
from features.wording import normalise
from tests.journeys.asking import answered_by_model, ask, champion
from tests.journeys.desk import Desk
from tests.journeys.small_centre import write_events

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.timeout(1800)]

NEW = world.novel_intent()


QUICK = ("--set", "intent.recipe=frozen", "--json")


@pytest.fixture
def desk(new_desk: Callable[[str], Desk], tmp_path: Path) -> Desk:
    """A centre of its own, as what is accepted here would teach other journeys; its first intent model answers."""
    desk = new_desk("found-anew")
    write_events(tmp_path / "events.jsonl", weeks=4)
    desk.parley("ingest", "events", tmp_path / "events.jsonl")
    run = desk.parley("retrain", "intent", "--reason", "first", *QUICK, person="ada").told
    desk.parley("review", "approve", run["outcomes"]["intent"]["request"], person="rui")
    return desk


def test_what_was_refused_becomes_an_intent_that_the_next_version_adds(desk: Desk) -> None:
    languages = desk.parley("report", str(champion(desk, "intent")), "--json").told["answers_in"]
    texts = [
        (text, language)
        for language in languages
        for text in world.wordings(NEW.id, language=language, count=60, seed=11)
    ]

    with desk.serving() as client:
        answered_by_model(client, desk, "I forgot my password")
        refused = sum(ask(client, desk, text, language)["answer"]["abstained"] for text, language in texts)

    told = desk.parley("intents", "propose", "--json", person="ada").told
    print(f"\n{refused} of {len(texts)} refused; {told}")
    assert refused >= 20
    assert sum(one["wordings_count"] for one in told["proposed"]) >= refused // 2
    assert desk.parley("intents", "propose", "--json", person="ada").told["proposed"] == []
    found, *others = sorted(told["proposed"], key=lambda one: -one["wordings_count"])
    shown = desk.parley("intents", "show", found["id"], "--json").told
    wanted = {normalise(text) for text, _ in texts}
    assert sum(normalise(one["text"]) in wanted for one in shown["examples"]) >= 0.8 * len(shown["examples"])

    named = ("--name-en", "Found anew", "--name-zh", "新需求")
    desk.parley("intents", "accept", found["id"], *named, code=4)
    desk.parley("intents", "accept", found["id"], *named, person="kim", code=4)
    accepted = desk.parley("intents", "accept", found["id"], *named, "--json", person="ada").told
    assert (accepted["intent_id"], accepted["labels"]) == ("found_anew", found["wordings_count"])
    for one in others:
        desk.parley("intents", "merge", one["id"], "--into", "found_anew", person="ada")

    desk.parley("consumers", "register", "self-service", "--reads", "intent:card_lost", person="ada")
    desk.parley("absorb-feedback", person="ada")
    run = desk.parley("retrain", "intent", "--reason", "a new intent", *QUICK, person="ada").told
    # Whether so few texts pass a gate is not the matter here: the report tells what the version changes either way.
    report = desk.parley("report", f"intent/{run['outcomes']['intent']['version']}", "--json").told
    assert [one["intent_id"] for one in report["intents"]["added"]] == ["found_anew"]
    assert report["intents"]["dropped"] == report["intents"]["warnings"] == []
