"""Proposed intents are accepted, merged or dropped, once; what agents typed is among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from centre import compaction
from centre.clock import FixedClock
from data_contracts.errors import EventConflict, InputError, NotFound, RowRefused, StateConflict
from features.labels import intent_labels
from features.params import LabelParams
from flows import discovering, intents, recalling
from flows.compose import Workspace
from flows.intents import Meant
from tests.flows import asked
from tests.flows.asked import ADA, COINS

MEANT = Meant("Crypto refund", "加密货币退款", critical=True)


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    return asked.new(home, clock)


def proposed(place: Workspace) -> str:
    """A cluster that waits."""
    asked.ask(place, COINS)
    told = discovering.propose(place, since=None, until=None, count=20, least=5, examples=3, person=ADA)
    return str(told["proposed"][0]["id"])


def labels(place: Workspace) -> list[dict[str, Any]]:
    """What a build would learn from now."""
    compaction.compact(place.log, place.archive, clock=place.clock, quarantine=place.settings.quarantine_dir)
    verdicts, segments, predictions, defined = (
        place.archive.read(name) for name in ("verdicts", "segments", "predictions", "intents")
    )
    found = intent_labels(
        verdicts, segments, predictions, params=LabelParams(), as_of=place.clock.now(), intents=defined
    )
    return list(found.to_pylist())


def test_an_accepted_cluster_is_an_intent_and_its_wordings_are_labels_of_less_weight(place: Workspace) -> None:
    told = intents.accept(place, proposed(place), meant=MEANT, person=ADA)

    assert (told["intent_id"], told["labels"], told["also_defined"]) == ("crypto_refund", 7, [])
    row = recalling.taxonomy(place)["crypto_refund"]
    assert (row["name_en"], row["name_zh"], row["critical"]) == ("Crypto refund", "加密货币退款", True)
    found = labels(place)
    assert {(one["label"], one["label_source"], one["asked"]) for one in found} == {
        ("crypto_refund", "clustered", "cluster")
    }
    assert {one["weight"] for one in found} == {LabelParams().weight_clustered}
    assert {one["contact_id"] for one in found} == {f"c-{n}" for n in range(7)}


def test_an_agents_own_word_outranks_an_accepted_cluster(place: Workspace) -> None:
    intents.accept(place, proposed(place), meant=MEANT, person=ADA)
    asked.type_in(place, "loan", about="p-3")

    found = {one["contact_id"]: one for one in labels(place)}

    assert (found["c-3"]["label"], found["c-3"]["weight"]) == ("loan", 1.0)
    assert found["c-4"]["label"] == "crypto_refund"


def test_a_proposal_is_decided_once(place: Workspace) -> None:
    one = proposed(place)
    intents.accept(place, one, meant=MEANT, person=ADA)
    before = place.log.head()

    with pytest.raises(StateConflict, match="accepted as crypto_refund by ada"):
        intents.accept(place, one, meant=Meant("Other"), person=ADA)
    with pytest.raises(StateConflict):
        intents.merge(place, one, into="loan", person=ADA)
    with pytest.raises(StateConflict):
        intents.drop(place, one, reason="no", person=ADA)
    assert place.log.head() == before


def test_of_two_decisions_at_once_one_is_refused_whole(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    one = proposed(place)
    as_it_was = intents.all_of(place)
    intents.accept(place, one, meant=MEANT, person=ADA)
    before = place.log.head()
    monkeypatch.setattr(intents, "all_of", lambda place: as_it_was)

    with pytest.raises(EventConflict):
        intents.drop(place, one, reason="no", person=ADA)
    assert place.log.head() == before


def test_merged_wordings_are_labels_of_the_intent_that_was_there(place: Workspace) -> None:
    told = intents.merge(place, proposed(place), into="loan", person=ADA)

    assert (told["state"], told["intent_id"], told["labels"]) == ("merged", "loan", 7)
    assert {one["label"] for one in labels(place)} == {"loan"}


def test_a_dropped_proposal_teaches_nothing_and_says_why(place: Workspace) -> None:
    one = proposed(place)
    intents.drop(place, one, reason="a campaign that is over", person=ADA)

    assert labels(place) == []
    assert intents.shown(place, one)["decided"]["reason"] == "a campaign that is over"


def test_a_drop_needs_a_reason(place: Workspace) -> None:
    with pytest.raises(InputError, match="why is it no intent"):
        intents.drop(place, proposed(place), reason=" ", person=ADA)


def test_a_shown_proposal_has_the_words_of_its_examples(place: Workspace) -> None:
    told = intents.shown(place, proposed(place))

    assert {one["text"] for one in told["examples"]} <= set(COINS)
    assert len(told["examples"]) == 3


def test_an_unknown_proposal_is_not_found(place: Workspace) -> None:
    for act in (
        lambda: intents.shown(place, "cluster-0"),
        lambda: intents.accept(place, "cluster-0", meant=MEANT, person=ADA),
        lambda: intents.merge(place, "cluster-0", into="loan", person=ADA),
        lambda: intents.drop(place, "cluster-0", reason="no", person=ADA),
    ):
        with pytest.raises(NotFound, match="no such proposal"):
            act()


@pytest.mark.parametrize(
    "meant", [Meant("Loan"), Meant("Borrowing", intent_id="loan"), Meant("card LOST"), Meant("New", name_zh="Loan")]
)
def test_a_name_that_is_taken_is_refused_and_the_remedy_is_to_merge(place: Workspace, meant: Meant) -> None:
    with pytest.raises(StateConflict, match=r"is there already.*merge ID --into"):
        intents.accept(place, proposed(place), meant=meant, person=ADA)


def test_a_name_without_letters_is_refused(place: Workspace) -> None:
    with pytest.raises(InputError, match="needs a name"):
        intents.accept(place, proposed(place), meant=Meant(" - "), person=ADA)


def test_a_name_longer_than_the_contract_takes_is_refused(place: Workspace) -> None:
    with pytest.raises(RowRefused):
        intents.accept(place, proposed(place), meant=Meant("x" * 300), person=ADA)


def test_an_unknown_parent_is_refused_by_the_nearest(place: Workspace) -> None:
    with pytest.raises(InputError, match=r"no such parent.*such as loan"):
        intents.accept(place, proposed(place), meant=Meant("Coins", parent_id="laon"), person=ADA)


def test_it_merges_neither_into_itself_nor_into_what_is_not_there_nor_into_what_was_replaced(place: Workspace) -> None:
    one = proposed(place)
    asked.define(place, "old_loan", "Old loan", deprecated_by="loan")

    with pytest.raises(InputError, match="does not merge into itself"):
        intents.merge(place, one, into=one, person=ADA)
    with pytest.raises(NotFound, match="such as loan"):
        intents.merge(place, one, into="laon", person=ADA)
    with pytest.raises(StateConflict, match="was replaced"):
        intents.merge(place, one, into="old_loan", person=ADA)


def test_the_first_intent_of_a_workspace_without_a_taxonomy_leaves_no_other_behind(
    home: Path, clock: FixedClock
) -> None:
    place = asked.new(home, clock, intents={})
    one = proposed(place)
    asked.ask(place, ["my card is gone"], start=50, intent="loan", abstained=False)
    asked.type_in(place, "card_lost", about="p-50")
    assert [row["label"] for row in labels(place)] == ["card_lost"]

    told = intents.accept(place, one, meant=MEANT, person=ADA)

    assert told["also_defined"] == ["card_lost"]
    assert {row["label"] for row in labels(place)} == {"card_lost", "crypto_refund"}


def test_a_name_that_agents_type_is_one_proposal_whatever_its_spelling(place: Workspace) -> None:
    asked.ask(place, COINS)
    for number, name in enumerate(["Crypto refund", "crypto refund", "crypto_refund ", "Crypto refund"]):
        asked.type_in(place, name, agent="kim" if number % 2 else "lee", about=f"p-{number}")

    (one,) = intents.listed(place)

    assert (one["origin"], one["name"], one["contacts_count"], one["agents_count"]) == ("agents", "Crypto refund", 4, 2)
    assert labels(place) == []


def test_a_known_name_is_no_proposal_and_a_misspelt_one_says_what_it_looks_like(place: Workspace) -> None:
    asked.ask(place, COINS)
    asked.type_in(place, "card_lost")
    assert intents.listed(place) == []

    asked.type_in(place, "Card Lost", about="p-1")
    assert [one["like"] for one in intents.listed(place)] == ["card_lost"]


def test_without_a_taxonomy_every_name_counts_and_none_is_proposed(home: Path, clock: FixedClock) -> None:
    place = asked.new(home, clock, intents={})
    asked.ask(place, COINS)
    asked.type_in(place, "crypto")

    assert intents.listed(place) == []


def test_an_accepted_name_makes_agents_words_labels_under_all_its_spellings(place: Workspace) -> None:
    asked.ask(place, COINS)
    asked.type_in(place, "Crypto refund", about="p-0")
    asked.type_in(place, "crypto-refund", agent="lee", about="p-1")
    (one,) = intents.listed(place)

    told = intents.accept(place, one["id"], meant=Meant("Crypto refund"), person=ADA)

    assert (told["intent_id"], told["also_called"]) == ("crypto_refund", ["Crypto refund", "crypto-refund"])
    found = labels(place)
    assert {(row["label"], row["label_source"], row["weight"]) for row in found} == {
        ("crypto_refund", "corrected", 1.0)
    }
    assert len(found) == 2
    assert [(row["id"], row["state"]) for row in intents.listed(place)] == [(one["id"], "accepted")]


def test_a_merged_name_stands_for_the_intent_from_then_on(place: Workspace) -> None:
    asked.ask(place, COINS)
    asked.type_in(place, "Card Lost")
    (one,) = intents.listed(place)
    intents.merge(place, one["id"], into="card_lost", person=ADA)
    asked.type_in(place, "Card Lost", about="p-1")

    assert recalling.intents_defined(place)["Card Lost"] == "card_lost"
    assert {row["label"] for row in labels(place)} == {"card_lost"}
    assert intents.listed(place, state="proposed") == []


def test_a_dropped_name_stays_dropped_however_often_it_is_typed(place: Workspace) -> None:
    asked.ask(place, COINS)
    asked.type_in(place, "asdf")
    intents.drop(place, intents.listed(place)[0]["id"], reason="a slip of the keyboard", person=ADA)
    asked.type_in(place, "ASDF", about="p-1")

    assert [one["state"] for one in intents.listed(place)] == ["dropped"]


def test_the_list_can_be_cut_to_a_state_and_refuses_another(place: Workspace) -> None:
    proposed(place)

    assert len(intents.listed(place, state="proposed")) == 1
    assert intents.listed(place, state="merged") == []
    with pytest.raises(InputError, match="proposed, accepted, merged, dropped"):
        intents.listed(place, state="open")
