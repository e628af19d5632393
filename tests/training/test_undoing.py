"""Going back: fast, by one person who may, and never to what was not approved."""

from __future__ import annotations

from pathlib import Path

import pytest

from centre.people import Person
from data_contracts.errors import InputError, NotAllowed, NotApproved, NotSignedIn, StateConflict
from tests.training.lives import ERIN, RITA, House
from training import undoing


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def grown(house: House) -> House:
    """Two champions, one after the other, and a version that was approved and never promoted."""
    house.champion(marker="a")
    house.champion(marker="b")
    return house


def back(house: House, to: str, person: Person = ERIN, reason: str = "worse since noon") -> None:
    undoing.roll_back(house.history, house.registry, "intent", to=to, person=person, reason=reason, clock=house.clock)


def version(house: House) -> str | None:
    champion = house.now.champion("intent")
    return champion.version if champion else None


def test_one_engineer_rolls_back_to_an_approved_version_under_its_own_approval(grown: House) -> None:
    first, second = grown.now.promotions

    back(grown, "1")

    champion = grown.now.champion("intent")
    assert champion is not None
    assert (champion.version, champion.approval, champion.artefact) == ("1", first.approval, first.artefact)
    assert champion.sequence > second.sequence
    assert grown.registry.alias("intent") == "1"


def test_rolling_back_to_the_baseline_leaves_no_champion_and_no_alias(grown: House) -> None:
    back(grown, "baseline")

    assert (version(grown), grown.registry.alias("intent")) == (None, None)
    back(grown, "2")
    assert version(grown) == "2"


def test_nobody_rolls_back_to_what_was_only_registered_or_only_approved(grown: House) -> None:
    registered = grown.register(marker="c")
    with pytest.raises(NotApproved, match="1, 2"):
        back(grown, registered.version)

    grown.approve(grown.request(registered).body["id"])
    with pytest.raises(NotApproved):
        back(grown, registered.version)
    assert version(grown) == "2"


def test_rolling_back_to_where_one_is_changes_nothing(grown: House) -> None:
    with pytest.raises(StateConflict, match="already"):
        back(grown, "2")
    back(grown, "baseline")
    with pytest.raises(StateConflict):
        back(grown, "baseline")


@pytest.mark.parametrize(
    ("person", "error"),
    [(Person("vic", frozenset({"viewer"})), NotAllowed), (None, NotSignedIn),
     (Person("bot", frozenset({"engineer", "service"})), NotAllowed)],
)  # fmt: skip
def test_who_may_not_act_undoes_nothing(grown: House, person: Person, error: type[Exception]) -> None:
    with pytest.raises(error):
        back(grown, "1", person=person)
    with pytest.raises(error):
        undoing.switch(grown.history, "intent", False, person=person, reason="x", clock=grown.clock)


def test_an_act_says_why(grown: House) -> None:
    with pytest.raises(InputError, match="reason"):
        back(grown, "1", reason="  ")


def test_a_rollback_needs_no_registry(grown: House) -> None:
    grown.registry.down = True

    back(grown, "1")

    assert version(grown) == "1"


def test_a_rollback_voids_what_was_judged_against_the_one_before(grown: House) -> None:
    request_id = grown.request(grown.register(marker="c")).body["id"]

    back(grown, "1")

    assert grown.now.request(request_id).state == "superseded"


def test_a_revoked_champion_leaves_the_baseline_and_never_comes_back(grown: House) -> None:
    with pytest.raises(NotAllowed):
        undoing.revoke(grown.history, grown.registry, "intent", "2", person=ERIN, reason="leak", clock=grown.clock)
    undoing.revoke(grown.history, grown.registry, "intent", "2", person=RITA, reason="leak", clock=grown.clock)

    assert (version(grown), grown.registry.alias("intent")) == (None, None)
    with pytest.raises(NotApproved):
        back(grown, "2")
    with pytest.raises(StateConflict, match="revoked"):
        grown.request(grown.register(marker="b", run_id="another-run"))
    back(grown, "1")


def test_revoking_an_earlier_version_leaves_the_champion(grown: House) -> None:
    undoing.revoke(grown.history, grown.registry, "intent", "1", person=RITA, reason="leak", clock=grown.clock)

    assert (version(grown), grown.registry.alias("intent")) == ("2", "2")
    assert [one.version for one in grown.now.approved_versions("intent")] == ["2"]
    with pytest.raises(NotApproved):
        undoing.revoke(grown.history, grown.registry, "intent", "1", person=RITA, reason="x", clock=grown.clock)


def test_a_retired_champion_stays_approved(grown: House) -> None:
    undoing.retire(grown.history, grown.registry, "intent", person=ERIN, reason="season over", clock=grown.clock)

    assert version(grown) is None
    with pytest.raises(StateConflict):
        undoing.retire(grown.history, grown.registry, "intent", person=ERIN, reason="x", clock=grown.clock)
    back(grown, "2")


@pytest.mark.parametrize("name", ["routing", "route"])
def test_a_capability_is_switched_off_and_on_by_its_own_or_its_familys_name(house: House, name: str) -> None:
    def switch(on: bool) -> None:
        undoing.switch(house.history, name, on, person=ERIN, reason="incident 7", clock=house.clock)

    switch(False)
    assert house.now.is_off("route")
    assert house.now.is_off("routing")
    assert not house.now.is_off("intent")
    with pytest.raises(StateConflict, match="off already"):
        switch(False)
    switch(True)
    assert not house.now.is_off("route")
    with pytest.raises(StateConflict, match="on already"):
        switch(True)


def test_an_unknown_capability_names_the_known_ones(house: House) -> None:
    with pytest.raises(InputError, match="intent, route, forecast"):
        undoing.switch(house.history, "coffee", False, person=ERIN, reason="x", clock=house.clock)
