"""Deciding at the command line: asked, approved by another, promoted, traced, rolled back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from centre.clock import FixedClock
from centre.people import Person
from data_contracts.errors import FourEyes, InputError, NotFound, StateConflict
from data_contracts.events import Event
from flows import admitting, concluding, deciding, diagnosing, promoting, runs, tracing
from flows.compose import Workspace
from flows.runs import Run
from tests.training.reports import card, passed_report, payload_folder, report_folder
from training.chain import stamped
from training.registry import MemoryRegistry

ADA = Person("ada", frozenset({"engineer"}))
RUI = Person("rui", frozenset({"reviewer"}))
BOTH = Person("bo", frozenset({"engineer", "reviewer"}))


class Place(Workspace):
    """A workspace whose registry lives in memory."""

    registry: Any = None


@pytest.fixture
def place(home: Path, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    from centre import settings

    place = Place(settings.load(home), clock)
    place.registry = MemoryRegistry(tmp_path / "registry")
    for person in (ADA, RUI, BOTH):
        place.people.add(person.name, roles=sorted(person.roles), by="test", clock=clock)
    monkeypatch.setattr(promoting, "policy_digest", lambda family: passed_report(family=family).policy)
    return place


def register(place: Place, tmp_path: Path, *, marker: str = "a", **told: Any) -> str:
    """A version that passed against today's champion."""
    report = passed_report(champion=place.standing().champion_digest("intent"))
    at = tmp_path / marker
    made = place.registry.register(
        "intent", payload=payload_folder(at / "payload", marker=marker), report=report_folder(at / "report", report),
        card=card(**told),
    )  # fmt: skip
    return f"intent/{made.version}"


def promoted(place: Place, version: str) -> dict[str, Any]:
    asked = deciding.request(place, version, person=ADA, credential="token:ada")
    deciding.approve(place, asked["request_id"], person=RUI, comment="read it", credential="token:rui")
    return promoting.write(place, asked["request_id"])


def test_a_version_goes_from_request_to_champion_and_the_alias_follows(place: Place, tmp_path: Path) -> None:
    version = register(place, tmp_path)

    told = promoted(place, version)
    promoting.mirror_alias(place, "intent")

    champion = place.standing().champion("intent")
    assert champion is not None
    assert f"intent/{champion.version}" == version
    assert told["approval"] == champion.approval
    assert place.registry.alias("intent") == champion.version
    assert deciding.waiting(place) == []


@pytest.mark.parametrize("has_champion", [True, False])
def test_an_alias_that_was_moved_by_hand_is_found_and_mended(place: Place, tmp_path: Path, has_champion: bool) -> None:
    held = register(place, tmp_path, marker="a")
    if has_champion:
        promoted(place, held)
        register(place, tmp_path, marker="b", run_id="run-b")
    place.registry.set_alias("intent", "2" if has_champion else "1")

    with pytest.raises(diagnosing.Wrong, match="doctor --mend"):
        diagnosing.aliases(place)
    entries = len(place.chain.entries()) if has_champion else 0
    diagnosing.mend(place)

    assert diagnosing.aliases(place) == "as the chain says"
    assert place.registry.alias("intent") == ("1" if has_champion else None)
    assert not has_champion or len(place.chain.entries()) == entries


def test_acting_on_an_approval_a_second_time_changes_nothing(place: Place, tmp_path: Path) -> None:
    first = promoted(place, register(place, tmp_path))
    entries = len(place.chain.entries())

    again = promoting.write(place, first["request_id"])

    assert again == first
    assert len(place.chain.entries()) == entries


def test_who_asked_does_not_approve_even_as_a_reviewer(place: Place, tmp_path: Path) -> None:
    asked = deciding.request(place, register(place, tmp_path), person=BOTH, credential="token:bo")

    with pytest.raises(FourEyes):
        deciding.approve(place, asked["request_id"], person=BOTH, comment="mine", credential="token:other")


def test_who_asked_cannot_make_the_reviewer_that_is_needed(place: Place, clock: FixedClock, tmp_path: Path) -> None:
    version = register(place, tmp_path, trained_by="bo", trained_at=clock.now().isoformat())
    asked = deciding.request(place, version, person=BOTH, credential="token:bo")
    clock.advance(timedelta(minutes=1))
    mallory, _ = admitting.accept(place, admitting.add(place, "mallory", roles=["reviewer"], by="bo").invitation)
    grace, _ = admitting.accept(place, admitting.add(place, "grace", roles=["reviewer"], by="rui").invitation)

    with pytest.raises(FourEyes, match="let in for it"):
        deciding.approve(place, asked["request_id"], person=mallory, comment="", credential="token:mallory")
    told = deciding.approve(place, asked["request_id"], person=grace, comment="", credential="token:grace")

    assert told["approved_by"] == "grace"
    assert place.chain.entries()[-1].body["admitted"] == [{"by": "rui", "at": stamped(clock.now())}]


def test_who_was_let_in_before_the_training_may_approve(place: Place, clock: FixedClock, tmp_path: Path) -> None:
    grace, _ = admitting.accept(place, admitting.add(place, "grace", roles=["reviewer"], by="bo").invitation)
    clock.advance(timedelta(minutes=1))
    version = register(place, tmp_path, trained_by="bo", trained_at=clock.now().isoformat())
    asked = deciding.request(place, version, person=BOTH, credential="token:bo")

    told = deciding.approve(place, asked["request_id"], person=grace, comment="", credential="token:grace")

    assert told["approved_by"] == "grace"


def test_what_is_shown_is_what_an_approval_signs(place: Place, tmp_path: Path) -> None:
    asked = deciding.request(place, register(place, tmp_path), person=ADA, credential="token:ada")

    shown = deciding.shown(place, asked["request_id"])

    for part in ("artefact", "report", "champion", "policy", "scope", "dvc_lock", "contracts", "commit", "expires_at"):
        assert part in shown["signs"]


def test_unnamed_a_rollback_goes_to_the_version_before_and_then_to_the_baseline(place: Place, tmp_path: Path) -> None:
    first = register(place, tmp_path, marker="a")
    promoted(place, first)
    second = register(place, tmp_path, marker="b", run_id="run-b")
    promoted(place, second)

    back = deciding.roll_back(place, "intent", to="", person=ADA, reason="worse on the phone")
    baseline = deciding.roll_back(place, "intent", to="baseline", person=ADA, reason="a drill")

    assert back["answers"] == first
    assert baseline["answers"] == "baseline"
    with pytest.raises(NotFound):
        deciding.version_before(place, "intent")


def test_a_capability_is_switched_off_and_on_again(place: Place) -> None:
    deciding.switch(place, "off", "route", person=ADA, reason="it answers nonsense")
    while_off = place.standing().is_off("routing")
    deciding.switch(place, "on", "route", person=ADA, reason="the fix is in")

    assert while_off
    assert not place.standing().is_off("routing")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_switch_says_why_as_a_rollback_does(place: Place, tmp_path: Path, reason: str) -> None:
    promoted(place, register(place, tmp_path))

    with pytest.raises(InputError, match="reason"):
        deciding.switch(place, "off", "route", person=ADA, reason=reason)
    with pytest.raises(InputError, match="reason"):
        deciding.roll_back(place, "intent", to="baseline", person=ADA, reason=reason)

    assert not place.standing().is_off("route")


def test_a_switch_knows_two_states(place: Place) -> None:
    with pytest.raises(InputError, match="off or on"):
        deciding.switch(place, "maybe", "route", person=ADA, reason="")


def test_an_expired_approval_promotes_nobody(place: Place, clock: FixedClock, tmp_path: Path) -> None:
    asked = deciding.request(place, register(place, tmp_path), person=ADA, credential="token:ada")
    deciding.approve(place, asked["request_id"], person=RUI, comment="", credential="token:rui")
    clock.advance(timedelta(days=place.settings.request_days))

    with pytest.raises(StateConflict, match="expired"):
        promoting.write(place, asked["request_id"])

    assert place.standing().champion("intent") is None


def test_what_nobody_decided_for_twenty_days_is_expired_everywhere_and_asked_for_again(
    place: Place, clock: FixedClock, tmp_path: Path
) -> None:
    version = register(place, tmp_path)
    first = deciding.request(place, version, person=ADA, credential="token:ada")["request_id"]
    clock.advance(timedelta(days=20))

    shown, standing = deciding.shown(place, first), tracing.versions(place)[0]["standing"]
    with pytest.raises(StateConflict, match="parley review request intent/1"):
        deciding.approve(place, first, person=RUI, comment="at last", credential="token:rui")
    again = deciding.request(place, version, person=ADA, credential="token:ada")

    assert (shown["state"], standing) == ("expired", "expired")
    assert again["state"] == "requested"
    assert [one["request_id"] for one in deciding.waiting(place)] == [again["request_id"]]
    assert tracing.versions(place)[0]["standing"] == "requested"


def test_whoever_lists_what_waits_writes_down_what_expired(place: Place, clock: FixedClock, tmp_path: Path) -> None:
    deciding.request(place, register(place, tmp_path), person=ADA, credential="token:ada")
    clock.advance(timedelta(days=place.settings.request_days) - timedelta(seconds=1))
    in_time = deciding.waiting(place)
    clock.advance(timedelta(seconds=1))

    late = deciding.waiting(place)

    assert (len(in_time), late) == (1, [])
    assert [entry.kind for entry in place.chain.entries()] == ["promotion.requested", "promotion.expired"]


def test_who_holds_no_signing_key_is_told_what_expired_and_writes_nothing(
    place: Place, clock: FixedClock, tmp_path: Path
) -> None:
    from training.signing import PRIVATE

    deciding.request(place, register(place, tmp_path), person=ADA, credential="token:ada")
    clock.advance(timedelta(days=20))
    (place.settings.keys_dir / PRIVATE).unlink()

    assert deciding.waiting(Place(place.settings, clock)) == []
    assert [entry.kind for entry in place.chain.entries()] == ["promotion.requested"]
    assert not (place.settings.keys_dir / PRIVATE).exists()


def test_where_nothing_was_ever_decided_listing_makes_no_key(place: Place) -> None:
    assert deciding.waiting(place) == []
    assert not place.settings.keys_dir.exists()


def test_a_run_that_ends_writes_down_what_expired_meanwhile(place: Place, clock: FixedClock, tmp_path: Path) -> None:
    asked = deciding.request(place, register(place, tmp_path), person=ADA, credential="token:ada")
    clock.advance(timedelta(days=20))
    run = runs.create(place.settings, run=Run("r", families=("intent",), reason="x", requester="ada"), at=clock.now())

    concluding.finish(place, run)

    assert place.chain.entries()[-1].kind == "promotion.expired"
    assert place.chain.entries()[-1].body["request"] == asked["request_id"]


def test_a_run_from_a_dirty_tree_or_one_that_asks_nobody_says_so() -> None:
    run = Run(run_id="r", families=("intent",), reason="x", requester="ada")

    assert concluding.why_not_asked(run) == ""
    assert "dirty" in concluding.why_not_asked(Run(**{**run.to_json(), "dirty": True}))
    assert "--no-request" in concluding.why_not_asked(Run(**{**run.to_json(), "options": {"no_request": True}}))


def test_an_answer_is_traced_to_the_one_who_approved_it(place: Place, clock: FixedClock, tmp_path: Path) -> None:
    asked = {"as_of": "2026-04-30T00:00:00+00:00", "archive_batch": 3}
    version = register(place, tmp_path, request=asked)
    told = promoted(place, version)
    row = {
        "prediction_id": "p-1", "contact_id": "c-1", "capability": "intent", "answer_source": "model",
        "version": version, "approval": told["approval"], "answer": '{"intent": "card"}', "confidence": 0.9,
        "features": '{"text": "where is my card"}', "degraded": "[]", "verdict_asked": False,
        "verdict_probability": 0.01,
    }  # fmt: skip
    event = Event("p-1", "parley/serving", "prediction.served", clock.now(), row)
    place.log.append([event], received_at=clock.now())

    traced = tracing.prediction_trace(place, "p-1")

    assert traced["answer"]["answer"] == {"intent": "card"}
    assert traced["features_as_served"] == {"text": "where is my card"}
    assert traced["approval"]["approved_by"] == "rui"
    assert traced["data"]["archive_batch"] == 3
    assert traced["code"]["commit"] == place.registry.get("intent", "1").card["commit"]


def test_an_id_that_nobody_served_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        tracing.prediction_trace(place, "p-0")


@pytest.mark.parametrize("version", ["intent", "intent/", "intent/x", "weather/1", "intent/1/2"])
def test_a_version_is_family_and_number(version: str) -> None:
    with pytest.raises(InputError, match="intent/3"):
        tracing.named(version)
