"""Why a day is busier: reasons of what is issued, which add up to the difference that they explain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from data_contracts.errors import InputError
from flows import adjusting, calendar_events, issuing, reasons
from flows.calendar_events import Announcement
from flows.compose import Workspace
from tests.flows.test_adjusting import END, answered, place  # noqa: F401 - a fixture
from tests.flows.test_planners import PAUL

DAY, OTHER = ((END + timedelta(days=ahead)).date().isoformat() for ahead in (1, 3))


def told(place: Workspace, queue: str, *, day: str = DAY, against: str | None = None) -> dict[str, Any]:  # noqa: F811
    found = reasons.why(place, queue=queue, day=day, against=against)
    parts = sum(one["contacts"] for one in found["reasons"])
    assert parts == pytest.approx(found["expected"] - found["expected_against"], abs=0.3)  # the least are left out
    return found


def adjust(place: Workspace, change: str) -> None:  # noqa: F811
    adjusting.adjust(place, queue="billing", starts_at=END + timedelta(days=1), ends_at=END + timedelta(days=2),
                     change=change, kind="campaign", reason="the mailing goes out", person=PAUL)  # fmt: skip


def test_what_is_explained_is_what_is_issued_beside_what_came(place: Workspace) -> None:  # noqa: F811
    found = told(place, "billing")

    assert found["expected"] == pytest.approx(sum(answered(place, "billing", day=1)))
    assert found["expected_against"] == pytest.approx(sum(20 + hour for hour in range(9, 17)))


def test_what_planners_adjusted_is_a_reason_of_its_own(place: Workspace) -> None:  # noqa: F811
    before = told(place, "billing", against=OTHER)["expected"]
    adjust(place, "+50")

    for queue in ("billing", "*"):
        parts = {one["what"]: one["contacts"] for one in told(place, queue, against=OTHER)["reasons"]}
        assert parts[reasons.ADJUSTED] == pytest.approx(50.0, abs=0.01)
    assert told(place, "billing")["expected"] == pytest.approx(before + 50.0, abs=0.01)


def test_the_site_is_all_of_its_queues(place: Workspace) -> None:  # noqa: F811
    site, *queues = (told(place, queue) for queue in ("*", "billing", "sales"))

    for name in ("expected", "expected_against"):
        assert site[name] == pytest.approx(sum(one[name] for one in queues))


def test_a_day_that_was_announced_closed_says_so_and_nothing_else(place: Workspace) -> None:  # noqa: F811
    starts_at = END + timedelta(days=1)
    closure = Announcement("closure", "stocktaking", starts_at, starts_at + timedelta(days=1))
    calendar_events.announce(place, closure, person=PAUL)
    issuing.issue_and_tell(place, as_of=issuing.default_as_of(place))

    found = told(place, "billing")

    assert found["expected"] == 0.0
    assert [one["what"] for one in found["reasons"]] == [reasons.CLOSED]


def test_a_day_beyond_the_issue_is_refused(place: Workspace) -> None:  # noqa: F811
    with pytest.raises(InputError, match="does not reach so far"):
        reasons.why(place, queue="billing", day="2027-01-01", against=None)
