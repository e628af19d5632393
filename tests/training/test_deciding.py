"""A decision is written on what it was judged on, or judged again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_contracts.errors import StateConflict
from tests.training.lives import RITA, RUTH, House
from training.deciding import Decision, decide
from training.history import MemoryHistory
from training.standing import Standing

AT = datetime(2026, 5, 1, tzinfo=UTC)


def test_it_judges_again_when_somebody_else_wrote_first() -> None:
    history, seen = MemoryHistory(), []

    def judge(held: Standing) -> Decision:
        seen.append(held.sequence)
        if len(seen) == 1:
            history.append("note", actor="other", body={}, at=AT)
        return Decision("note", actor="me", body={}, at=AT)

    entry = decide(history, judge)

    assert (seen, entry.sequence) == ([0, 1], 2)


def test_a_refusal_is_not_tried_again() -> None:
    seen = []

    def judge(held: Standing) -> Decision:
        seen.append(held.sequence)
        raise StateConflict("no")

    with pytest.raises(StateConflict, match="no"):
        decide(MemoryHistory(), judge)
    assert seen == [0]


def test_it_gives_up_when_it_loses_every_race() -> None:
    history = MemoryHistory()

    def judge(held: Standing) -> Decision:
        history.append("note", actor="other", body={}, at=AT)
        return Decision("note", actor="me", body={}, at=AT)

    with pytest.raises(StateConflict, match="in between"):
        decide(history, judge)


def test_of_two_reviewers_at_once_one_approves_and_the_other_is_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    request_id = house.request(house.register()).body["id"]
    told: list[str] = []

    def approve(person: object) -> None:
        try:
            house.approve(request_id, person=person)
            told.append("approved")
        except StateConflict:
            told.append("refused")

    reviewers = [threading.Thread(target=approve, args=(person,)) for person in (RITA, RUTH)]
    for reviewer in reviewers:
        reviewer.start()
    for reviewer in reviewers:
        reviewer.join()

    assert sorted(told) == ["approved", "refused"]
    assert len(house.history.entries()) == 2
