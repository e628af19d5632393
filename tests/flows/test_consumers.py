"""Who reads which intents is registered, and a promotion that takes an intent away names them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from data_contracts.errors import InputError, NotFound, RegistryUnavailable
from flows import consumers, deciding, intent_changes
from flows.compose import Workspace
from tests.flows import asked
from tests.flows.asked import ADA
from tests.training.reports import card, passed_report, payload_folder, report_folder
from training.registry import MemoryRegistry, VersionCard

INTENTS = {"refund_old": "Refund", "card_lost": "Card lost", "loan": "Loan"}


class Place(Workspace):
    """A workspace whose registry lives in memory."""

    registry: Any = None


@pytest.fixture
def place(home: Path, clock: FixedClock, tmp_path: Path) -> Place:
    from centre import settings

    asked.new(home, clock, intents=INTENTS).log.close()
    place = Place(settings.load(home), clock)
    place.registry = MemoryRegistry(tmp_path / "registry")
    return place


def version(place: Place, tmp_path: Path, *labels: str, champion: str = "none") -> VersionCard:
    """A version that answers these intents, trained on what is known now."""
    at = tmp_path / "-".join(labels)
    told = card(request={"as_of": place.clock.now().isoformat()})
    return place.registry.register(
        "intent", payload=payload_folder(at / "payload", labels=labels),
        report=report_folder(at / "report", passed_report(champion=champion)), card=told,
    )  # type: ignore[no-any-return] # fmt: skip


def register(place: Place, name: str, *reads: str, owner: str = "Mei") -> dict[str, Any]:
    return consumers.register(place, name, reads=reads, owner=owner, contact="", person=ADA)


def test_what_a_consumer_reads_is_kept_and_replaced_by_its_name(place: Place) -> None:
    assert not register(place, "self-service", "intent:loan, intent:refund_old")["replaced"]
    assert register(place, "self-service", "intent:loan", "card_lost")["replaced"]

    assert [one.to_json() for one in consumers.registered(place).values()] == [
        {"name": "self-service", "reads": ["intent:card_lost", "intent:loan"], "owner": "Mei", "contact": ""}
    ]


def test_a_removed_consumer_reads_nothing(place: Place) -> None:
    register(place, "self-service", "intent:loan")
    consumers.remove(place, "self-service", person=ADA)

    assert consumers.registered(place) == {}
    with pytest.raises(NotFound, match="no such consumer"):
        consumers.remove(place, "self-service", person=ADA)


@pytest.mark.parametrize(
    ("name", "reads", "why"),
    [
        ("x", "intent:laon", "such as loan"), ("x", "queue:loan", "intent:ID"), ("x", " , ", "reads something"),
        (" ", "intent:loan", "name cannot be used"), ("x" * 90, "intent:loan", "name cannot be used"),
        ("x", "intent:", "no such thing to read"),
    ],
)  # fmt: skip
def test_what_cannot_be_registered_is_refused(place: Place, name: str, reads: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        register(place, name, reads)
    assert consumers.registered(place) == {}


def changed(place: Place, tmp_path: Path) -> dict[str, Any]:
    """A version against a champion: refund_old goes for refund, card_lost gets another name, loan stays."""
    champion = version(place, tmp_path, "card_lost", "loan", "refund_old")
    place.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    asked.define(place, "refund", "Money back")
    asked.define(place, "refund_old", "Refund", revision=1, deprecated_by="refund")
    asked.define(place, "card_lost", "Card lost or stolen", revision=1)
    candidate = version(place, tmp_path, "card_lost", "loan", "refund", champion=champion.artefact)
    return intent_changes.of(place, candidate.version, champion=champion.artefact)


def test_what_comes_goes_and_is_renamed_is_told_with_who_reads_it(place: Place, tmp_path: Path) -> None:
    register(place, "self-service-refunds", "intent:refund_old")
    register(place, "queue-rule", "intent:card_lost", owner="")

    told = changed(place, tmp_path)

    assert told["against"] == "intent/1"
    assert intent_changes.lines(told) == [
        "drops refund_old (refund stands for it): read by self-service-refunds (owner Mei)",
        "renames card_lost from Card lost to Card lost or stolen: read by queue-rule",
        "adds refund",
    ]
    assert told["warnings"] == intent_changes.lines(told)[:1]


def test_what_nobody_reads_warns_nobody(place: Place, tmp_path: Path) -> None:
    register(place, "queue-rule", "intent:loan")

    told = changed(place, tmp_path)

    assert told["warnings"] == []
    assert [one["intent_id"] for one in told["dropped"]] == ["refund_old"]


def test_the_same_intents_under_the_same_names_are_no_change(place: Place, tmp_path: Path) -> None:
    champion = version(place, tmp_path, "card_lost", "loan")
    candidate = version(place, tmp_path, "loan", "card_lost", champion=champion.artefact)

    told = intent_changes.of(place, candidate.version, champion=champion.artefact)

    assert intent_changes.lines(told) == []


def test_a_first_version_takes_nothing_from_anybody(place: Place, tmp_path: Path) -> None:
    told = intent_changes.of(place, version(place, tmp_path, "loan").version, champion="none")

    assert (told["against"], intent_changes.lines(told)) == (None, [])


def test_a_request_that_is_shown_tells_what_changes_and_still_shows_without_the_registry(
    place: Place, tmp_path: Path
) -> None:
    made = version(place, tmp_path, "loan")
    place.people.add("rui", roles=["reviewer"], by="test", clock=place.clock)
    request = deciding.request(place, f"intent/{made.version}", person=ADA, credential="token:ada")

    assert deciding.shown(place, request["request_id"])["intents"]["against"] is None
    place.registry = _Gone()
    assert deciding.shown(place, request["request_id"])["intents"] is None


class _Gone:
    def get(self, family: str, version: str) -> None:
        raise RegistryUnavailable("the registry is gone")
