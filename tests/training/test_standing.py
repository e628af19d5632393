"""The standing is told by entries alone, and an entry that breaks a rule is refused though the right key signed it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from data_contracts.errors import NotApproved
from tests.training.lives import House
from training.standing import Standing, standing, standing_of
from training.subject import Scope


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def write(house: House, kind: str, actor: str = "mallory", **body: Any) -> None:
    """An entry that `promotion` would not have written, by one who holds the key."""
    house.history.append(kind, actor=actor, body=body, at=house.clock.now())


def test_the_same_entries_always_say_the_same(house: House) -> None:
    house.champion(marker="a")
    entries = house.history.entries()

    assert standing_of(entries) == standing_of(list(entries)) == standing(house.history)
    assert standing_of(entries[:2]).champion("intent") is None
    assert standing_of([]) == Standing()


def test_other_kinds_of_entries_are_passed_by(house: House) -> None:
    write(house, "person.erased", rows=3)

    assert house.now == Standing(sequence=1)


def test_what_waits_is_listed_oldest_first(house: House) -> None:
    first = house.request(house.register(family="forecast")).body["id"]
    second = house.request(house.register(family="intent")).body["id"]
    house.approve(second)

    assert [one.id for one in house.now.waiting()] == [first]
    assert [one.id for one in house.now.open_requests("intent")] == [second]


def test_what_is_late_by_the_clock_is_told_as_expired_before_anybody_writes_it_down(house: House) -> None:
    waits = house.request(house.register(family="forecast")).body["id"]
    approved = house.request(house.register(family="intent")).body["id"]
    house.approve(approved)
    end = house.now.request(waits).subject.expiry

    before, after = house.now.at(end - timedelta(seconds=1)), standing(house.history, at=end)

    assert before == house.now
    assert [one.id for one in before.waiting()] == [waits]
    assert (after.waiting(), after.open_requests("intent")) == ([], [])
    assert [after.request(one).state for one in (waits, approved)] == ["expired", "expired"]
    assert after.request(waits).decided_at == end
    assert house.now.request(waits).state == "requested"


def test_a_late_request_that_a_newer_one_voids_had_expired_and_one_of_another_family_is_left_to_be_written(
    house: House,
) -> None:
    old, other = (house.request(house.register(family=family)).body["id"] for family in ("intent", "forecast"))
    entry = house.history.entries()[0]
    house.clock.advance(timedelta(days=14))
    late = dict(entry.body, id="intent-1-again")
    write(house, "promotion.requested", **late)

    assert house.now.request(old).state == "expired"
    assert house.now.request(other).state == "requested"
    write(house, "promotion.expired", request=other, reason="nobody decided in time")
    assert house.now.request(other).state == "expired"


def _promoted(house: House, request_id: str, **change: Any) -> dict[str, Any]:
    held = house.now.request(request_id)
    told = {"request": request_id, "approval": held.approval, "family": held.family, "version": held.version,
            "artefact": held.subject.artefact}  # fmt: skip
    return {**told, **change}


@pytest.mark.parametrize(
    ("change", "why"),
    [({"artefact": "0" * 64}, "another version or artefact"), ({"version": "2"}, "another version or artefact"),
     ({"family": "forecast"}, "another version or artefact"), ({"approval": "0" * 64}, "another approval"),
     ({"request": "intent-9"}, "nobody had asked")],
)  # fmt: skip
def test_a_promotion_of_something_else_than_was_approved(house: House, change: dict[str, Any], why: str) -> None:
    request_id = house.request(house.register()).body["id"]
    house.approve(request_id)
    write(house, "promotion.promoted", **_promoted(house, request_id, **change))

    with pytest.raises(NotApproved, match=f"entry 3 .*{why}"):
        standing(house.history)


def test_a_promotion_without_approval_or_after_expiry(house: House) -> None:
    request_id = house.request(house.register()).body["id"]
    write(house, "promotion.promoted", **_promoted(house, request_id))
    with pytest.raises(NotApproved, match="requested"):
        standing(house.history)

    late = House(house.folder / "late")
    late.folder.mkdir(exist_ok=True)
    request_id = late.request(late.register()).body["id"]
    late.approve(request_id)
    late.clock.advance(timedelta(days=14))
    write(late, "promotion.promoted", **_promoted(late, request_id))
    with pytest.raises(NotApproved, match="expired"):
        standing(late.history)


@pytest.mark.parametrize(
    ("actor", "change", "why"),
    [("erin", {}, "who asked for it"), ("ERIN", {}, "who asked for it"),
     ("rita", {"roles": ["engineer"]}, "no reviewer"), ("rita", {"roles": None}, "not complete"),
     ("rita", {"subject": "0" * 64}, "not what was asked")],
)  # fmt: skip
def test_an_approval_that_breaks_a_rule(house: House, actor: str, change: dict[str, Any], why: str) -> None:
    request_id = house.request(house.register()).body["id"]
    body = {"request": request_id, "subject": house.now.request(request_id).subject.digest(), "comment": "",
            "roles": ["reviewer"]}  # fmt: skip
    write(house, "promotion.approved", actor, **{**body, **change})

    with pytest.raises(NotApproved, match=why):
        standing(house.history)


def _wider(body: dict[str, Any]) -> None:
    body["subject"] = {**body["subject"], "scope": {**body["subject"]["scope"], "share": 0.5}}


def _same_id(body: dict[str, Any]) -> None:
    body["subject"] = {**body["subject"]}


def _without(body: dict[str, Any]) -> None:
    body["subject"] = {key: value for key, value in body["subject"].items() if key != "policy"}


@pytest.mark.parametrize(
    ("change", "why"), [(_wider, "not that of its subject"), (_same_id, "used before"), (_without, "not complete")]
)
def test_a_request_that_is_not_what_it_says(house: House, change: Callable[[dict[str, Any]], None], why: str) -> None:
    entry = house.request(house.register(), scope=Scope(languages=("en",)))
    body = dict(entry.body)
    change(body)
    write(house, "promotion.requested", **body)

    with pytest.raises(NotApproved, match=why):
        standing(house.history)


def test_a_rollback_to_other_bytes_or_to_what_was_never_promoted(house: House) -> None:
    house.champion(marker="a")
    house.champion(marker="b")
    write(house, "promotion.rolled_back", family="intent", to="1", artefact="0" * 64)
    with pytest.raises(NotApproved, match="another artefact"):
        standing(house.history)


def test_an_unknown_decision_about_promotion_is_not_passed_by(house: House) -> None:
    write(house, "promotion.waved_through", family="intent")

    with pytest.raises(NotApproved, match="nobody knows"):
        standing(house.history)
