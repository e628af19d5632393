"""Wall times: the hour that a change of clocks skips does not exist, the one that it repeats exists twice."""

# ruff: noqa: DTZ001 - a time on a wall has no zone: that is what is tested.
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from centre.intake import local_time
from data_contracts.errors import InputError

NEW_YORK = local_time.zone("America/New_York")


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        (datetime(2026, 1, 15, 9), datetime(2026, 1, 15, 14, tzinfo=UTC)),
        (datetime(2026, 7, 15, 9), datetime(2026, 7, 15, 13, tzinfo=UTC)),
        (datetime(2026, 3, 8, 1, 59), datetime(2026, 3, 8, 6, 59, tzinfo=UTC)),
        (datetime(2026, 3, 8, 3), datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ],
)
def test_a_wall_time_is_read_with_the_offset_of_its_day(wall: datetime, utc: datetime) -> None:
    assert local_time.to_utc(wall, zone=NEW_YORK) == utc
    assert not local_time.is_repeated(wall, zone=NEW_YORK)


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_a_skipped_wall_time_is_refused(minute: int) -> None:
    with pytest.raises(ValueError, match="skipped"):
        local_time.to_utc(datetime(2026, 3, 8, 2, minute), zone=NEW_YORK)


def test_a_repeated_wall_time_means_the_first_unless_the_second_is_asked_for() -> None:
    wall = datetime(2026, 11, 1, 1, 30)

    assert local_time.is_repeated(wall, zone=NEW_YORK)
    assert local_time.to_utc(wall, zone=NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert local_time.to_utc(wall, zone=NEW_YORK, second=True) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("wall", [datetime(2026, 11, 1, 0, 59), datetime(2026, 11, 1, 2), datetime(2026, 3, 8, 2, 30)])
def test_the_times_beside_the_repeated_hour_and_skipped_times_are_not_repeated(wall: datetime) -> None:
    assert not local_time.is_repeated(wall, zone=NEW_YORK)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime"])
def test_an_unknown_zone_is_refused_with_the_form_of_a_name(name: str) -> None:
    with pytest.raises(InputError, match="IANA"):
        local_time.zone(name)
