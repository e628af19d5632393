"""What the refused have in common is proposed, once, and what is not new is told as what it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from centre import compaction
from centre.clock import FixedClock
from data_contracts.errors import InputError
from flows import discovering, intents
from flows.compose import Workspace
from tests.flows import asked
from tests.flows.asked import ADA, COINS, UNALIKE


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return asked.new(home, clock)


def propose(place: Workspace, **told: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"since": None, "until": None, "count": 20, "least": 5, "examples": 3}
    return discovering.propose(place, **usual | told, person=ADA)


def compacted(place: Workspace) -> None:
    compaction.compact(place.log, place.archive, clock=place.clock, quarantine=place.settings.quarantine_dir)


@pytest.mark.parametrize("archived", [False, True])
def test_refused_texts_that_belong_together_are_proposed_under_their_own_words(
    place: Workspace, archived: bool
) -> None:
    asked.ask(place, [*COINS, *UNALIKE])
    if archived:
        compacted(place)

    told = propose(place)

    (one,) = told["proposed"]
    assert (told["asked_count"], told["refused_count"], one["wordings_count"]) == (14, 14, 7)
    assert set(one["name"].split()) == {"refund", "crypto", "coins"}
    assert one["languages"] == ["en"]
    assert one["share_of_refused"] == 0.5
    assert told["ungrouped"] == 7


def test_the_log_holds_references_and_no_customers_words(place: Workspace) -> None:
    asked.ask(place, COINS)
    propose(place)

    (stored,) = place.log.read(types=["intent.proposed"])
    assert not any(text in str(stored.event.data) for text in COINS)
    assert set(stored.event.data["members"]) == {f"prediction:p-{n}" for n in range(7)}


def test_asked_again_it_proposes_nothing_again(place: Workspace) -> None:
    asked.ask(place, COINS)
    (first,) = propose(place)["proposed"]

    again = propose(place)

    assert again["proposed"] == []
    assert [(one["id"], one["state"]) for one in again["seen"]] == [(first["id"], "proposed")]
    assert place.log.read(types=["intent.proposed"])[1:] == []


def test_a_proposal_that_gains_wordings_stays_one_proposal(place: Workspace) -> None:
    asked.ask(place, COINS)
    (first,) = propose(place)["proposed"]
    asked.ask(place, [f"{text} today" for text in COINS], start=20)

    again = propose(place)

    assert again["proposed"] == []
    assert [(one["id"], one["wordings_count"]) for one in again["grown"]] == [(first["id"], 14)]
    assert [one["wordings_count"] for one in intents.listed(place)] == [14]


def test_what_was_accepted_or_dropped_is_not_proposed_again(place: Workspace) -> None:
    asked.ask(place, COINS)
    (first,) = propose(place)["proposed"]
    intents.accept(place, first["id"], meant=intents.Meant("Crypto refund"), person=ADA)
    asked.ask(place, [f"{text} today" for text in COINS], start=20)

    again = propose(place)

    assert (again["proposed"], again["grown"]) == ([], [])
    assert [(one["state"], one["intent_id"]) for one in again["seen"]] == [("accepted", "crypto_refund")]


def test_nothing_refused_is_said_and_nothing_written(place: Workspace) -> None:
    asked.ask(place, COINS, intent="card_lost", abstained=False)
    before = place.log.head()

    told = propose(place)

    assert (told["asked_count"], told["refused_count"], told["proposed"]) == (7, 0, [])
    assert place.log.head() == before


def test_one_text_a_thousand_times_is_no_intent_but_is_told(place: Workspace) -> None:
    asked.ask(place, ["talk to a human"] * 1000)

    told = propose(place)

    assert (told["refused_count"], told["wordings_count"], told["proposed"]) == (1000, 1, [])
    assert [(one["text"], one["contacts_count"]) for one in told["repeated"]] == [("talk to a human", 1000)]


def test_texts_that_all_differ_propose_nothing(place: Workspace) -> None:
    asked.ask(place, UNALIKE)

    told = propose(place)

    assert (told["proposed"], told["ungrouped"]) == ([], 7)


def test_what_lies_outside_the_window_does_not_count(place: Workspace) -> None:
    asked.ask(place, COINS)

    assert propose(place, until=place.clock.now() - timedelta(days=1))["refused_count"] == 0


def test_a_window_that_ends_before_it_begins_is_refused(place: Workspace) -> None:
    now = place.clock.now()

    with pytest.raises(InputError, match="this window is empty"):
        propose(place, since=now, until=now - timedelta(days=1))


def test_a_group_on_a_known_intent_is_told_as_that_and_not_proposed(place: Workspace) -> None:
    asked.ask(place, [f"{text}!" for text in COINS], start=100, intent="loan", abstained=False)
    for number in range(100, 107):
        asked.type_in(place, "loan", about=f"p-{number}")
    asked.ask(place, COINS)
    compacted(place)

    told = propose(place)

    assert told["proposed"] == []
    assert [one["like"] for one in told["like"]] == ["loan"]


CARE = "may be critical: 0.3 above 0.1, card_lost most of all"


@pytest.mark.parametrize(
    ("unlike", "near", "is_proposed"), [(0, 0.0, False), (2, 0.0, True), (0, discovering.NEAR, True)]
)
def test_what_is_refused_out_of_care_alone_is_no_new_intent_where_a_known_one_is_near(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, unlike: int, near: float, is_proposed: bool
) -> None:
    monkeypatch.setattr(discovering, "NEAR", near)
    asked.ask(place, COINS[unlike:], reason=CARE)
    asked.ask(place, COINS[:unlike], start=50)

    told = propose(place)

    assert (len(told["proposed"]), len(told["like"])) == ((1, 0) if is_proposed else (0, 1))


def test_a_name_in_two_languages_has_both(place: Workspace) -> None:
    asked.ask(place, [*COINS, *(f"{text} 加密货币退款" for text in COINS)])

    (one,) = propose(place)["proposed"]

    assert one["languages"] == ["en", "zh"]
    assert "加密货币" in one["name"]
