"""A request whose time is over ends by itself, is written down by whoever acts next, and may be made again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from centre.clock import FixedClock
from data_contracts.errors import NotApproved, StateConflict
from tests.training.lives import RITA, House
from training import promotion


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def asked(house: House) -> str:
    return str(house.request(house.register()).body["id"])


def test_what_nobody_decided_in_time_is_written_down_as_expired(house: House) -> None:
    request_id = asked(house)
    house.clock.advance(timedelta(days=13))
    assert promotion.expire(house.history, clock=house.clock) == []

    house.clock.advance(timedelta(days=1))
    (entry,) = promotion.expire(house.history, clock=house.clock)

    assert (entry.kind, entry.body["request"]) == ("promotion.expired", request_id)
    assert house.now.waiting() == []
    assert promotion.expire(house.history, clock=house.clock) == []


@pytest.mark.parametrize(("late", "again"), [(timedelta(days=14) - timedelta(seconds=1), False),
                                             (timedelta(days=14), True)])  # fmt: skip
def test_a_version_may_be_asked_for_again_once_its_request_expired(house: House, late: timedelta, again: bool) -> None:
    version = house.register()
    first = house.request(version).body["id"]
    house.clock.advance(late)
    if not again:
        with pytest.raises(StateConflict, match="open already"):
            house.request(version)
        return

    second = house.request(version).body["id"]

    assert [one.kind for one in house.history.entries()][1:] == ["promotion.expired", "promotion.requested"]
    assert (house.now.request(first).state, [one.id for one in house.now.waiting()]) == ("expired", [second])
    house.approve(second)
    house.promote(second)
    assert house.now.champion("intent") is not None


def test_an_approval_that_comes_too_late_writes_the_expiry_down_and_says_how_to_go_on(house: House) -> None:
    request_id = asked(house)
    house.clock.advance(timedelta(days=20))

    for _ in range(2):
        with pytest.raises(StateConflict, match="parley review request intent/1"):
            house.approve(request_id)
    with pytest.raises(StateConflict, match="expired"):
        promotion.reject(house.history, request_id, person=RITA, comment="late", clock=house.clock)

    assert [one.kind for one in house.history.entries()] == ["promotion.requested", "promotion.expired"]
    assert house.now.request(request_id).why == "nobody decided in time"


def test_an_approval_that_was_not_promoted_in_time_expires_and_says_so(house: House) -> None:
    request_id = asked(house)
    house.approve(request_id)
    house.clock.advance(timedelta(days=14))

    promotion.expire(house.history, clock=house.clock)

    assert house.now.request(request_id).why == "approved, but not promoted in time"
    with pytest.raises(NotApproved, match="expired"):
        house.promote(request_id)


def test_what_another_wrote_down_in_between_is_passed_over(house: House) -> None:
    for family in ("intent", "forecast"):
        house.request(house.register(family=family))
    house.clock.advance(timedelta(days=14))

    class Slow(FixedClock):
        """Before it tells the time, after the standing was read, another process writes everything down."""

        def now(self) -> datetime:
            promotion.expire(house.history, clock=house.clock)
            return super().now()

    written = promotion.expire(house.history, clock=Slow(house.clock.now()))

    assert written == []
    assert [one.kind for one in house.history.entries()].count("promotion.expired") == 2
