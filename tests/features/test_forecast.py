"""Designs against a naive twin, a worked example, clocks that change and days off."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from data_contracts.arrow import table
from data_contracts.errors import InputError, NotEnoughData
from features import demand, forecast
from features.params import ForecastDataParams
from tests.features.centre import START, common, tiny_centre

HALF = timedelta(minutes=30)


def volumes(
    days: int, count: Callable[[datetime], float | None], *, start: date, zone: str = "UTC", interval_s: int = 1800,
    queue: str = "q",
) -> dict[str, pa.Table]:  # fmt: skip
    """Counts for each interval of so many local days; None makes no row."""
    rows: list[dict[str, Any]] = []
    moment, end = (
        datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for day in (start, start + timedelta(days=days))
    )
    while moment < end:
        told = count(moment.astimezone(ZoneInfo(zone)))
        after = moment + timedelta(seconds=interval_s)
        if told is not None:
            row = {"queue": queue, "interval_start": moment, "interval_s": interval_s, "offered_count": float(told)}
            rows.append(row | common(moment, after))
        moment = after
    return {"volumes": table("volumes", rows)}


def office(local: datetime) -> float | None:
    """Open on weekdays from 8 to 18; so many as the day of the month and the hour."""
    return float(local.day + local.hour) if local.weekday() < 5 and 8 <= local.hour < 18 else None


def design(
    given: dict[str, pa.Table], origin: datetime, *, days: int = 1, params: ForecastDataParams | None = None
) -> list[dict[str, Any]]:
    params = params or ForecastDataParams()
    past = demand.intervals(given, params=params, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    ask = {"horizon_start": origin, "horizon_end": origin + timedelta(days=days), "known_until": origin}
    told: list[dict[str, Any]] = forecast.design(past, params=params, **ask).to_pylist()
    return told


def test_the_lags_are_the_same_slot_of_the_last_six_same_weekdays() -> None:
    given = volumes(70, office, start=date(2026, 1, 5))
    origin = datetime(2026, 3, 11, tzinfo=UTC)
    for row in design(given, origin):
        start = row["interval_start"]
        twin = [office(start - timedelta(weeks=k)) for k in range(1, 7)]
        if office(start) is None:
            assert not row["is_open"]
            continue
        assert row["is_open"]
        assert [row[f"lag_{k}"] for k in range(1, 7)] == twin
        assert row["lag_median"] == statistics.median(v for v in twin if v is not None)
        assert row["ahead_h"] == pytest.approx((start - origin) / timedelta(hours=1))


def test_a_holiday_without_anybody_is_stepped_over() -> None:
    off = date(2026, 3, 4)
    given = volumes(70, lambda t: None if t.date() == off else office(t), start=date(2026, 1, 5))
    noon = design(given, datetime(2026, 3, 11, tzinfo=UTC))[24]
    assert noon["lag_1"] == office(datetime(2026, 2, 25, 12, tzinfo=UTC))
    assert noon["lag_6"] == office(datetime(2026, 1, 21, 12, tzinfo=UTC))


def test_the_same_hours_are_those_on_the_wall_when_clocks_change() -> None:
    given = volumes(120, office, start=date(2026, 1, 5), zone="America/New_York")
    params = ForecastDataParams(time_zone="America/New_York")
    origin = datetime(2026, 3, 11, tzinfo=ZoneInfo("America/New_York"))  # three days after the clocks went forward
    rows = [row for row in design(given, origin, params=params) if row["is_open"]]
    assert rows[0]["interval_start"] == datetime(2026, 3, 11, 12, tzinfo=UTC)  # 8:00 in summer
    assert rows[0]["minute_of_day"] == 8 * 60
    assert rows[0]["lag_1"] == office(datetime(2026, 3, 4, 8, tzinfo=UTC))
    assert len(rows) == 20


def test_days_on_which_clocks_change_have_their_own_length() -> None:
    zone = ZoneInfo("America/New_York")
    given = volumes(420, lambda t: 5.0, start=date(2025, 3, 3), zone="America/New_York")
    params = ForecastDataParams(time_zone="America/New_York")
    spring, autumn = datetime(2026, 3, 8, tzinfo=zone), datetime(2025, 11, 2, tzinfo=zone)
    past = demand.intervals(given, params=params, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    for midnight, count in ((spring, 46), (autumn, 50)):
        ends = midnight + timedelta(days=1)
        told = forecast.design(past, horizon_start=midnight, horizon_end=ends, known_until=midnight, params=params)
        assert told.num_rows == count
        assert told["lag_median"].to_pylist() == [5.0] * count


@pytest.mark.parametrize("hours", [2, 4, 24])
@pytest.mark.parametrize("change", [date(2025, 11, 2), date(2026, 3, 8)])
def test_long_intervals_stay_on_the_wall_clock_over_a_change_of_clocks(hours: int, change: date) -> None:
    zone = ZoneInfo("America/New_York")
    walls = [
        datetime(change.year, change.month, change.day, hour, tzinfo=zone) + timedelta(days=day)
        for day in range(-80, 20) for hour in range(0, 24, hours)
    ]  # fmt: skip
    walls = [wall for wall in walls if wall.astimezone(UTC).astimezone(zone).hour == wall.hour]
    rows = [
        {"queue": "q", "interval_start": wall.astimezone(UTC), "interval_s": 3600 * hours, "offered_count": 9.0}
        | common(wall.astimezone(UTC), wall.astimezone(UTC) + timedelta(hours=hours + 1)) for wall in walls
    ]  # fmt: skip
    params = ForecastDataParams(time_zone="America/New_York", interval_s=3600 * hours)
    past = demand.intervals({"volumes": table("volumes", rows)}, params=params, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    assert past["interval_start"].to_pylist() == [wall.astimezone(UTC) for wall in walls]
    start, end = (datetime.combine(change + timedelta(days=day), datetime.min.time(), tzinfo=zone) for day in (-3, 10))
    told = forecast.design(past, horizon_start=start, horizon_end=end, known_until=start, params=params)
    expected = [wall.astimezone(UTC) for wall in walls if start <= wall < end]
    assert told["interval_start"].to_pylist() == expected


def test_intervals_lie_on_the_local_clock_where_it_runs_half_an_hour_beside_the_others() -> None:
    zone, start = ZoneInfo("Asia/Kolkata"), date(2026, 1, 5)
    given = volumes(30, lambda local: float(local.hour), start=start, zone="Asia/Kolkata", interval_s=1800)
    params = ForecastDataParams(time_zone="Asia/Kolkata", interval_s=3600)
    past = demand.intervals(given, params=params, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    hour = past.filter(pc.equal(past["interval_start"], datetime(2026, 1, 10, 9, tzinfo=zone)))
    assert hour["offered_count"].to_pylist() == [18.0]
    origin = datetime(2026, 2, 2, tzinfo=zone)
    told = forecast.design(past, horizon_start=origin, horizon_end=origin + timedelta(days=1), known_until=origin,
                           params=params)  # fmt: skip
    assert told["lag_1"].to_pylist() == [2.0 * hour for hour in range(24)]


def test_a_horizon_in_which_no_interval_begins_has_no_rows() -> None:
    given = volumes(40, office, start=date(2026, 1, 5))
    past = demand.intervals(given, params=ForecastDataParams(), as_of=datetime(2030, 1, 1, tzinfo=UTC))
    late = datetime(2026, 2, 10, 23, 45, tzinfo=UTC)
    told = forecast.design(past, horizon_start=late, horizon_end=late + timedelta(minutes=15), known_until=late,
                           params=ForecastDataParams())  # fmt: skip
    assert told.num_rows == 0
    assert set(told.column_names) >= set(forecast.DESIGN_COLUMNS)


def test_origins_that_go_back_in_time_are_refused() -> None:
    given = volumes(40, office, start=date(2026, 1, 5))
    past = demand.intervals(given, params=ForecastDataParams(), as_of=datetime(2030, 1, 1, tzinfo=UTC))
    days = [datetime(2026, 2, day, tzinfo=UTC) for day in (10, 9)]
    asked = [forecast.Asked(day, day, day + timedelta(days=1)) for day in days]
    with pytest.raises(InputError, match="go back"):
        next(forecast.designs(past, asked=asked, params=ForecastDataParams()))


def test_what_is_told_at_an_origin_is_the_same_bytes_whatever_comes_later() -> None:
    """The future is deleted, multiplied and shuffled; counts and events of it."""
    origin = datetime(2026, 3, 11, 11, tzinfo=UTC)
    given = volumes(90, office, start=date(2026, 1, 5))
    params = ForecastDataParams(country="US")
    past = demand.intervals(given, params=params, as_of=datetime(2030, 1, 1, tzinfo=UTC))
    known = pc.less_equal(past["known_at"], pa.scalar(origin, past.schema.field("known_at").type))
    later = past.filter(pc.invert(known))
    counts = np.asarray(later["offered_count"])
    place = later.schema.get_field_index("offered_count")
    futures = [
        past.filter(known),
        pa.concat_tables([past.filter(known), later.set_column(place, "offered_count", pa.array(counts * 9.0))]),
        pa.concat_tables([later.set_column(place, "offered_count", pa.array(counts[::-1])), past.filter(known)]),
    ]
    ask = {"horizon_start": origin, "horizon_end": origin + timedelta(days=20), "known_until": origin}
    told = [forecast.design(one, params=params, **ask) for one in (past, *futures)]
    for other in told[1:]:
        assert [one.name for one in other.schema] == [one.name for one in told[0].schema]
        for name in other.column_names:
            np.testing.assert_array_equal(np.asarray(other[name]), np.asarray(told[0][name]), err_msg=name)


def test_what_is_usual_follows_a_level_that_rose_and_the_hours_of_today() -> None:
    def risen(local: datetime) -> float | None:
        return None if office(local) is None else 100.0 if local.date() < date(2026, 3, 4) else 150.0

    given = volumes(70, risen, start=date(2026, 1, 5))
    before, soon, later = (design(given, datetime(2026, 3, day, tzinfo=UTC))[24] for day in (4, 5, 11))
    assert before["usual"] == pytest.approx(100.0, abs=1.0)
    assert before["drift_2d"] == pytest.approx(0.0, abs=0.1)
    assert 100.0 < soon["usual"] < later["usual"] < 151.0
    assert soon["drift_2d"] > 5.0 * soon["drift_20d"] > 0.5
    morning, noon = (design(given, datetime(2026, 3, 4, hour, tzinfo=UTC)) for hour in (0, 12))
    told = {row["interval_start"]: row for row in noon}
    at_two = datetime(2026, 3, 4, 14, tzinfo=UTC)
    assert told[at_two]["usual"] > next(row for row in morning if row["interval_start"] == at_two)["usual"]
    assert told[at_two]["today_shift"] > 0.0
    assert before["usual_day_total"] == pytest.approx(2000, rel=0.01)
    assert before["position_in_day"] == pytest.approx(8 / 20, abs=0.01)


def test_counts_that_are_known_late_are_not_read_early() -> None:
    given = volumes(70, office, start=date(2026, 1, 5))
    told = given["volumes"]
    late = pa.array(
        [known + timedelta(days=9) for known in told["known_at"].to_pylist()], told.schema.field("known_at").type
    )
    delayed = {"volumes": told.set_column(told.column_names.index("known_at"), "known_at", late)}
    noon = design(delayed, datetime(2026, 3, 11, tzinfo=UTC))[24]
    assert noon["lag_1"] == office(datetime(2026, 2, 25, 12, tzinfo=UTC))


def test_public_holidays_and_their_neighbours_are_marked_where_a_country_is_given() -> None:
    given = volumes(120, office, start=date(2026, 5, 4))
    params = ForecastDataParams(country="US")
    told = {
        row["interval_start"].date(): row
        for row in design(given, datetime(2026, 7, 1, tzinfo=UTC), days=5, params=params)
    }
    marks = [(told[date(2026, 7, d)]["is_holiday"], told[date(2026, 7, d)]["is_day_before_holiday"]) for d in (1, 2, 3)]
    assert marks == [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]  # the 4th is a Saturday, kept on Friday
    assert not any(row["is_holiday"] for row in design(given, datetime(2026, 7, 3, tzinfo=UTC)))
    with pytest.raises(InputError, match="ISO 3166"):
        design(given, datetime(2026, 7, 3, tzinfo=UTC), params=ForecastDataParams(country="ZZ"))


def test_shorter_intervals_are_added_up_and_longer_ones_are_kept() -> None:
    five = volumes(3, lambda t: 1.0, start=date(2026, 3, 2), interval_s=300)
    hourly = volumes(3, lambda t: 1.0, start=date(2026, 3, 2), interval_s=3600)
    end = datetime(2026, 4, 1, tzinfo=UTC)
    halves = demand.intervals(five, params=ForecastDataParams(), as_of=end)
    hours = demand.intervals(hourly, params=ForecastDataParams(), as_of=end)
    assert (halves.num_rows, set(halves["offered_count"].to_pylist())) == (144, {6.0})
    assert (hours.num_rows, set(hours["interval_s"].to_pylist())) == (72, {3600})


def test_contacts_are_counted_as_a_naive_twin_counts_them() -> None:
    tables = tiny_centre(days=14)
    told = demand.intervals(tables, params=ForecastDataParams(), as_of=START + timedelta(days=40)).to_pylist()
    twin: dict[tuple[str, datetime], list[float]] = {}
    for leg in tables["segments"].to_pylist():
        at = leg["queued_at"]
        slot = at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)
        twin.setdefault((leg["queue"], slot), []).append(leg["handle_s"])
    counted = {(row["queue"], row["interval_start"]): row for row in told}
    assert sum(row["offered_count"] for row in told) == tables["contacts"].num_rows
    for key, handled in twin.items():
        assert counted[key]["offered_count"] == len(handled)
        assert counted[key]["handle_s"] == pytest.approx(statistics.fmean(handled))
        assert counted[key]["is_open"]
    night = [row for row in told if row["interval_start"].hour < 7]
    assert not any(row["is_open"] for row in night)


def test_a_transferred_contact_is_offered_to_both_queues_once() -> None:
    tables = tiny_centre(days=7)
    leg = tables["segments"].to_pylist()[0]
    moved = leg | {"segment_id": "x", "sequence": 1, "queue": "other"}
    again = leg | {"segment_id": "y", "sequence": 2}
    more = tables | {"segments": pa.concat_tables([tables["segments"], table("segments", [moved, again])])}
    before, after = (
        demand.intervals(t, params=ForecastDataParams(), as_of=START + timedelta(days=40)) for t in (tables, more)
    )
    total = dict.fromkeys(("q1", "q2", "other"), 0.0)
    for row in after.to_pylist():
        total[row["queue"]] += row["offered_count"]
    assert total["other"] == 1.0
    assert total["q1"] + total["q2"] == sum(before["offered_count"].to_pylist())


@pytest.mark.parametrize("started", [datetime(1975, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)])
def test_a_contact_with_an_impossible_time_changes_no_count_and_asks_for_no_centuries(started: datetime) -> None:
    tables, as_of = tiny_centre(), datetime(2030, 1, 1, tzinfo=UTC)
    contacts = tables["contacts"].to_pylist()
    odd = {**contacts[0], "contact_id": "odd", "event_id": "odd", "started_at": started, "ended_at": started}
    spoilt = {**tables, "contacts": table("contacts", [*contacts, odd])}

    told, plain = (demand.intervals(given, params=ForecastDataParams(), as_of=as_of) for given in (spoilt, tables))

    assert told.equals(plain)


def test_days_are_never_split_between_parts() -> None:
    given = volumes(50, office, start=date(2026, 1, 5), zone="America/New_York")
    params = ForecastDataParams(time_zone="America/New_York")
    told = demand.intervals(given, params=params, as_of=datetime(2030, 1, 1, tzinfo=UTC)).to_pylist()
    parts: dict[date, set[str]] = {}
    for row in told:
        parts.setdefault(row["interval_start"].astimezone(ZoneInfo("America/New_York")).date(), set()).add(row["part"])
    assert all(len(found) == 1 for found in parts.values())
    order = [next(iter(parts[day])) for day in sorted(parts)]
    assert order == sorted(order, key=["train", "calibrate", "judge"].index)
    assert order.count("judge") == round(0.2 * len(order))


def test_an_empty_or_naive_horizon_is_refused() -> None:
    given = volumes(20, office, start=date(2026, 1, 5))
    with pytest.raises(InputError, match="horizon"):
        design(given, datetime(2026, 1, 20, tzinfo=UTC), days=0)
    with pytest.raises(NotEnoughData):
        demand.intervals({}, params=ForecastDataParams(), as_of=datetime(2030, 1, 1, tzinfo=UTC))


def test_the_median_of_six_reaches_its_known_figure_on_a_banks_calls(real_data: Path) -> None:
    from centre.intake import volume_csv
    from data_contracts.events import dataset_row

    path = real_data / "volume" / "bank_calls" / "calls_5min.csv"
    if not path.is_file():
        pytest.skip("no bank_calls/calls_5min.csv")
    zone = "America/New_York"
    taken = volume_csv.read(path, source="b", time_zone=zone, clock_now=datetime(2026, 1, 1, tzinfo=UTC))
    params = ForecastDataParams(time_zone=zone)
    given = {"volumes": table("volumes", [dataset_row(event) for event in taken.events])}
    past = demand.intervals(given, params=params, as_of=datetime(2026, 1, 1, tzinfo=UTC))
    grid = forecast.history(past, params=params)
    actual = {row["interval_start"]: row["offered_count"] for row in past.to_pylist() if row["part"] == "judge"}
    errors, total = 0.0, 0.0
    for day in sorted({moment.astimezone(ZoneInfo(zone)).date() for moment in actual}):
        start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        ends = start + timedelta(days=1)
        told = forecast.design(grid, horizon_start=start, horizon_end=ends, known_until=start, params=params)
        for row in told.select(["interval_start", "lag_median"]).to_pylist():
            if row["interval_start"] in actual:
                errors += abs(np.nan_to_num(row["lag_median"]) - actual[row["interval_start"]])
                total += actual[row["interval_start"]]
    assert 0.05 < errors / total < 0.07  # 6.0% on these days; the data's own notes give 6.6% on the 60 after them
