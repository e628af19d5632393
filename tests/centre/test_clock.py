"""The clock: aware, in UTC, and still when it is told to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from centre.clock import FixedClock, SystemClock


def test_the_system_clock_tells_an_aware_time_in_utc_that_does_not_run_backwards() -> None:
    first, second = SystemClock().now(), SystemClock().now()

    assert first.tzinfo is UTC
    assert first <= second


def test_a_fixed_clock_stands_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))

    assert clock.now() == clock.now() == datetime(2026, 5, 1, tzinfo=UTC)
    assert clock.advance(timedelta(hours=1)) == clock.now() == datetime(2026, 5, 1, 1, tzinfo=UTC)


def test_a_fixed_clock_tells_utc_whatever_zone_it_was_set_in() -> None:
    clock = FixedClock(datetime(2026, 5, 1, 2, tzinfo=timezone(timedelta(hours=2))))

    assert clock.now().isoformat() == "2026-05-01T00:00:00+00:00"


def test_a_clock_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 5, 1))  # noqa: DTZ001 - the fault under test
