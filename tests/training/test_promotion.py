"""The life of a version, and every way in which somebody could try to cut it short or make it up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from centre.people import Person
from data_contracts.errors import (
    FourEyes,
    InputError,
    NotAllowed,
    NotApproved,
    NotFound,
    NotSignedIn,
    ParleyError,
    RegistryUnavailable,
    StateConflict,
    TamperedArtefact,
)
from tests.training.lives import ERIN, RITA, RUTH, House
from tests.training.reports import DATA, passed_report
from training import promotion
from training.policy import GatePolicy
from training.subject import Scope


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def asked(house: House, **told: Any) -> str:
    return str(house.request(house.register(), **told).body["id"])


def test_a_version_goes_from_request_to_champion_and_the_alias_follows(house: House) -> None:
    version = house.register()
    request_id = house.request(version).body["id"]
    approval = house.approve(request_id)
    entry = house.promote(request_id)

    champion = house.now.champion("intent")
    assert champion is not None
    assert (champion.version, champion.artefact, champion.approval) == ("1", version.artefact, approval.digest)
    assert (champion.request_id, champion.sequence, champion.approved_by) == (request_id, entry.sequence, "rita")
    assert [one.kind for one in house.history.entries()] == [
        "promotion.requested", "promotion.approved", "promotion.promoted"]  # fmt: skip
    assert house.registry.alias("intent") == "1"


def test_an_approval_signs_everything_the_version_rests_on(house: House) -> None:
    version = house.register()
    request_id = house.request(version, scope=Scope(languages=("en",), share=0.5)).body["id"]
    request = house.now.request(request_id)
    approval = house.approve(request.id)

    told = request.subject
    assert (told.artefact, told.report, told.champion) == (version.artefact, version.report, "none")
    assert (told.dvc_lock, told.contracts, told.commit) == ("d" * 64, "b" * 64, "c" * 40)
    assert (told.feature_service, told.scope.share) == ("intent_v1@" + "a" * 8, 0.5)
    assert told.expires_at == "2026-05-15T00:00:00.000000+00:00"
    assert approval.body["subject"] == told.digest()


def test_an_approval_signs_the_conditions_too(house: House) -> None:
    version = house.register()
    request_id = house.request(version, conditions=("read twenty answers a day", "ask again in June")).body["id"]

    approval = house.approve(request_id)

    told = house.now.request(request_id).subject
    assert told.conditions == ("read twenty answers a day", "ask again in June")
    assert approval.body["subject"] == told.digest() != replace(told, conditions=told.conditions[:1]).digest()


class TestWhatMayNotBeRequested:
    @pytest.mark.parametrize(
        ("told", "why"),
        [({"dirty": True}, "uncommitted"), ({"dirty": None}, "uncommitted"), ({"dirty": 0}, "uncommitted"),
         ({"commit": ""}, "commit"), ({"dvc_lock": None}, "dvc_lock"), ({"trained_by": ""}, "trained_by")],
    )  # fmt: skip
    def test_a_version_that_cannot_be_traced(self, house: House, told: dict[str, Any], why: str) -> None:
        with pytest.raises(StateConflict, match=why):
            house.request(house.register(**told))
        assert house.history.entries() == ()

    def test_a_held_report_with_its_reasons(self, house: House) -> None:
        held = passed_report(verdict="held", reasons=("beats the baseline: too few rows",))

        with pytest.raises(StateConflict, match="too few rows"):
            house.request(house.register(report=held))

    def test_a_report_that_is_not_the_registered_one(self, house: House) -> None:
        version = house.register(report=passed_report(verdict="held", reasons=("x",)))

        with pytest.raises(TamperedArtefact, match="not the report"):
            house.request(version, report=passed_report())

    def test_a_report_judged_against_another_champion(self, house: House) -> None:
        house.champion(marker="a")

        with pytest.raises(StateConflict, match="judge it again"):
            house.request(house.register(marker="b", report=passed_report(champion="none")))

    def test_the_champions_own_bytes(self, house: House) -> None:
        first = house.champion(marker="a")
        same = passed_report(champion=first.artefact)

        with pytest.raises(StateConflict, match="champion already"):
            house.request(house.register(marker="a", report=same))

    def test_a_version_whose_request_is_open(self, house: House) -> None:
        version = house.register()
        house.request(version)

        with pytest.raises(StateConflict, match="open already"):
            house.request(version)

    @pytest.mark.parametrize("scope", [Scope(), Scope(languages=("en", "fr")), Scope(languages=("zh",))])
    def test_a_scope_with_languages_that_did_not_pass(self, house: House, scope: Scope) -> None:
        version = house.register(report=passed_report(answers_in=("en",), abstains_in=("zh",)))

        with pytest.raises(StateConflict, match="passed only in en"):
            house.request(version, scope=scope)
        assert house.request(version, scope=Scope(languages=("en",)))

    def test_everybody_where_only_a_pilot_is_supported(self, house: House) -> None:
        version = house.register(report=passed_report(allowed_use="pilot"))

        with pytest.raises(StateConflict, match="randomised share"):
            house.request(version, scope=Scope(languages=("en", "zh")))
        assert house.request(version, scope=Scope(languages=("en", "zh"), share=0.99))

    @pytest.mark.parametrize(("profile", "fine"), [("local", True), ("test", True), ("cluster", False), ("", False)])
    def test_simulated_evidence_outside_of_local_and_test(self, house: House, profile: str, fine: bool) -> None:
        version = house.register(report=passed_report(data=replace(DATA, simulated="all")))
        if fine:
            assert house.request(version, profile=profile)
            return
        with pytest.raises(StateConflict, match="simulated"):
            house.request(version, profile=profile)

    def test_evidence_that_is_partly_real_may_go_to_a_cluster(self, house: House) -> None:
        version = house.register(report=passed_report(data=replace(DATA, simulated="some")))

        assert house.request(version, profile="cluster")


class TestWhoMayApprove:
    @pytest.mark.parametrize(
        "person",
        [Person("rita", frozenset({"engineer"})), Person("rita", frozenset()),
         Person("bot", frozenset({"reviewer", "service"}))],
        ids=["an engineer", "nobody", "a service that calls itself reviewer"],
    )  # fmt: skip
    def test_only_a_person_who_reviews(self, house: House, person: Person) -> None:
        with pytest.raises(NotAllowed):
            house.approve(asked(house), person=person)

    @pytest.mark.parametrize("name", ["ruth", "Ruth", "RUTH ", "ｒｕｔｈ"])
    def test_never_the_requester_however_spelled(self, house: House, name: str) -> None:
        request_id = asked(house, requester="ruth")

        with pytest.raises(FourEyes):
            house.approve(request_id, person=Person(name, RUTH.roles))

    def test_not_who_trained_it_when_a_service_asked_in_their_place(self, house: House) -> None:
        version = house.register(trained_by="ruth")
        request_id = house.request(version, requester="retrain").body["id"]

        with pytest.raises(FourEyes):
            house.approve(request_id, person=RUTH)
        assert house.approve(request_id, person=RITA)

    def test_not_by_the_credential_that_asked(self, house: House) -> None:
        request_id = asked(house, credential="token-1")

        with pytest.raises(FourEyes, match="same credential"):
            house.approve(request_id, credential="token-1")
        assert house.approve(request_id, credential="token-2")

    def test_not_without_a_credential(self, house: House) -> None:
        with pytest.raises(NotSignedIn):
            house.approve(asked(house), credential="")

    def test_not_twice_and_not_what_does_not_exist(self, house: House) -> None:
        request_id = asked(house)
        house.approve(request_id)

        with pytest.raises(StateConflict, match="is approved"):
            house.approve(request_id, person=RUTH)
        with pytest.raises(NotFound, match="Waiting now"):
            house.approve("intent-9-aaaa")

    @pytest.mark.parametrize(("late", "fine"), [(timedelta(days=14) - timedelta(seconds=1), True),
                                                (timedelta(days=14), False)])  # fmt: skip
    def test_not_after_the_request_expired(self, house: House, late: timedelta, fine: bool) -> None:
        request_id = asked(house)
        house.clock.advance(late)
        if fine:
            assert house.approve(request_id)
            return
        with pytest.raises(StateConflict, match="expired"):
            house.approve(request_id)

    def test_not_on_simulated_evidence_once_the_house_is_real(self, house: House) -> None:
        version = house.register(report=passed_report(data=replace(DATA, simulated="all")))
        request_id = house.request(version).body["id"]

        with pytest.raises(StateConflict, match="simulated"):
            house.approve(request_id, profile="cluster")


class TestPromotion:
    @pytest.fixture
    def approved(self, house: House) -> str:
        request_id = asked(house)
        house.approve(request_id)
        return request_id

    def nobody_is_champion(self, house: House, error: type[ParleyError], request_id: str, **told: Any) -> None:
        with pytest.raises(error):
            house.promote(request_id, **told)
        assert house.now.champion("intent") is None
        assert house.registry.alias("intent") is None

    def test_needs_an_approval(self, house: House) -> None:
        self.nobody_is_champion(house, NotApproved, asked(house))

    def test_happens_once(self, house: House, approved: str) -> None:
        house.promote(approved)

        with pytest.raises(NotApproved, match="promoted"):
            house.promote(approved)

    def test_not_after_expiry_which_is_written_down(self, house: House, approved: str) -> None:
        house.clock.advance(timedelta(days=14))

        self.nobody_is_champion(house, StateConflict, approved)
        assert house.now.request(approved).state == "expired"

    def test_not_under_another_policy_which_voids_the_request(self, house: House, approved: str) -> None:
        self.nobody_is_champion(house, StateConflict, approved, policy_digest=GatePolicy("intent", ()).digest())
        assert house.now.request(approved).state == "superseded"
        assert "policy changed" in house.now.request(approved).why

    @pytest.mark.parametrize("roles", [frozenset(), frozenset({"engineer"}), frozenset({"reviewer", "service"})])
    def test_not_when_the_approver_no_longer_reviews(self, house: House, approved: str, roles: frozenset[str]) -> None:
        self.nobody_is_champion(house, NotAllowed, approved, roles_of=lambda name: roles)

    def test_asks_for_the_roles_of_the_approver_and_nobody_else(self, house: House, approved: str) -> None:
        house.promote(approved, roles_of=lambda name: RITA.roles if name == "rita" else frozenset())

        assert house.now.champion("intent") is not None

    def test_not_when_a_byte_was_changed_since(self, house: House, approved: str) -> None:
        changed = house.folder / "registry" / "intent" / "1" / "payload" / "weights" / "head.txt"
        changed.write_text("b" + changed.read_text()[1:])

        self.nobody_is_champion(house, TamperedArtefact, approved)

    def test_not_when_the_registry_shows_another_report(self, house: House, approved: str) -> None:
        card = house.registry.get("intent", "1")
        house.registry._cards["intent", "1"] = replace(card, report="0" * 64)

        self.nobody_is_champion(house, TamperedArtefact, approved)

    def test_not_while_the_registry_is_down(self, house: House, approved: str) -> None:
        house.registry.down = True
        with pytest.raises(RegistryUnavailable):
            house.promote(approved)
        house.registry.down = False

        assert house.promote(approved)

    def test_not_on_simulated_evidence_in_a_real_house(self, house: House) -> None:
        version = house.register(report=passed_report(data=replace(DATA, simulated="all")))
        request_id = house.request(version).body["id"]
        house.approve(request_id)

        self.nobody_is_champion(house, StateConflict, request_id, profile="cluster")

    def test_an_alias_that_cannot_follow_is_no_error(self, house: House, approved: str, monkeypatch: Any) -> None:
        def refuse(family: str, version: str | None) -> None:
            raise RegistryUnavailable("gone just now")

        monkeypatch.setattr(house.registry, "set_alias", refuse)

        house.promote(approved)

        assert house.now.champion("intent") is not None

    def test_voids_what_waited_for_the_same_family_alone(self, house: House, approved: str) -> None:
        other = house.request(house.register(family="forecast")).body["id"]
        house.promote(approved)

        assert house.now.request(other).state == "requested"


def test_a_new_request_voids_the_one_that_waits_even_if_approved(house: House) -> None:
    first = asked(house)
    house.approve(first)
    second = house.request(house.register(marker="b")).body["id"]

    assert house.now.request(first).state == "superseded"
    assert second in house.now.request(first).why
    with pytest.raises(NotApproved, match="superseded"):
        house.promote(first)


def test_a_rejection_says_why_and_ends_the_request_even_if_approved(house: House) -> None:
    request_id = asked(house)
    house.approve(request_id)

    with pytest.raises(InputError, match="why"):
        promotion.reject(house.history, request_id, person=RITA, comment=" ", clock=house.clock)
    with pytest.raises(NotAllowed):
        promotion.reject(house.history, request_id, person=ERIN, comment="no", clock=house.clock)
    promotion.reject(house.history, request_id, person=RITA, comment="zh is weak", clock=house.clock)

    assert (house.now.request(request_id).state, house.now.request(request_id).why) == ("rejected", "zh is weak")
    with pytest.raises(NotApproved):
        house.promote(request_id)


def test_superseding_by_hand_voids_the_family_and_no_other(house: House) -> None:
    ours = asked(house)
    other = house.request(house.register(family="forecast")).body["id"]

    promotion.supersede(house.history, family="intent", reason="the gates changed", clock=house.clock)

    assert (house.now.request(ours).state, house.now.request(other).state) == ("superseded", "requested")
