"""An engineer's own counts, forecast as they would have been: figures against twins, and every kind of odd file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from centre.intake import counts
from data_contracts.errors import InputError, NotEnoughData
from flows.cli.app import run
from flows.evaluating_forecast import evaluate_forecast, table_of

START = datetime(2026, 1, 5)  # noqa: DTZ001 - a wall clock's, as in the file
KEYS = {
    "wape", "mae", "rest_of_day_wape", "coverage", "mean_width", "pinball", "baselines", "train_s", "peak_mb",
}  # fmt: skip
GRAINS = {"interval", "30min", "60min", "day"}


def office(moment: datetime) -> float:
    """Open on weekdays from 8 to 18, more on Mondays and at noon, with a level that rises."""
    if moment.weekday() > 4 or not 8 <= moment.hour < 18:
        return np.nan
    shape = 1.0 + 0.4 * np.sin((moment.hour + moment.minute / 60 - 8) / 10 * np.pi) + 0.3 * (moment.weekday() == 0)
    return 40.0 * shape * 1.004 ** (moment - START).days


def write(
    path: Path, mean: Callable[[datetime], float] = office, *, days: int = 70, minutes: int = 30, queues: int = 1,
    seed: int = 0, chance: bool = True,
) -> Path:  # fmt: skip
    rng, lines = np.random.default_rng(seed), ["interval_start,queue,offered_count"]
    for queue in range(queues):
        for step in range(days * 24 * 60 // minutes):
            moment = START + timedelta(minutes=minutes * step)
            if not np.isnan(expected := mean(moment)):
                lines.append(f"{moment.isoformat()},q{queue},{rng.poisson(expected) if chance else expected:g}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def told(
    path: Path, *, test_days: int = 10, step: int = 1, update_at: str | None = None, **other: Any
) -> dict[str, Any]:
    return evaluate_forecast(
        history=path, test_days=test_days, origin_step_days=step, update_at=update_at, seed=0, threads=1,
        country=other.get("country"), time_zone=other.get("time_zone"), rivals=other.get("rivals", False),
        changes=other.get("changes", ("forecast.rounds=20",)), events=other.get("events"), page=other.get("page"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return told(write(tmp_path_factory.mktemp("counts") / "counts.csv"), update_at="11:00")


def test_one_object_says_all_that_is_judged(found: dict[str, Any]) -> None:
    assert set(found) >= KEYS
    assert set(found["wape"]) == set(found["mae"]) == GRAINS
    assert set(found["baselines"]) == {
        "last_week", "mean_of_four", "median_of_six", "mean_of_eight", "seasonal_naive",
    }  # fmt: skip
    for one in found["baselines"].values():
        assert set(one) == {"wape", "mae", "rest_of_day_wape"}
    assert set(found["coverage"]) == set(found["mean_width"]) == {"80", "95"}
    assert set(found["coverage"]["80"]) == {"interval", "day"}
    json.dumps(found, allow_nan=False)


def test_a_level_that_rises_is_followed_where_planners_are_late(found: dict[str, Any]) -> None:
    for grain in GRAINS:
        assert found["wape"][grain] < found["baselines"]["median_of_six"]["wape"][grain]
    assert found["rest_of_day_wape"] < found["baselines"]["median_of_six"]["rest_of_day_wape"]
    assert found["coverage"]["80"]["interval"] == pytest.approx(0.8, abs=0.1)
    assert found["mean_width"]["95"]["day"] > found["mean_width"]["80"]["day"] > 0


def test_planners_figures_are_those_of_a_naive_twin(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", days=84)
    came = {}
    for line in path.read_text("utf-8").splitlines()[1:]:
        start, _, count = line.split(",")
        came[datetime.fromisoformat(start)] = float(count)
    days = sorted({start.date() for start in came})[-10:]
    judged = [start for start in came if start.date() in days]

    def lost(of: Callable[[list[float]], float], weeks: int) -> float:
        said = [of([came[start - timedelta(weeks=week)] for week in range(1, weeks + 1)]) for start in judged]
        return sum(abs(came[start] - one) for start, one in zip(judged, said, strict=True)) / sum(
            came[start] for start in judged
        )

    planners = told(path)["baselines"]

    assert planners["last_week"]["wape"]["interval"] == pytest.approx(lost(lambda one: one[0], 1), abs=1e-6)
    assert planners["mean_of_four"]["wape"]["interval"] == pytest.approx(lost(np.mean, 4), abs=1e-6)  # type: ignore[arg-type]
    assert planners["median_of_six"]["wape"]["interval"] == pytest.approx(lost(np.median, 6), abs=1e-6)  # type: ignore[arg-type]
    assert planners["mean_of_eight"]["wape"]["interval"] == pytest.approx(lost(np.mean, 8), abs=1e-6)  # type: ignore[arg-type]


def test_the_last_days_that_hold_data_are_judged_and_teach_nothing(tmp_path: Path) -> None:
    plain = told(write(tmp_path / "one.csv", chance=False))
    last = START + timedelta(days=69)  # a Sunday: the last ten days with data begin two weeks before

    def doubled(moment: datetime) -> float:
        return office(moment) * (3.0 if moment.date() == (last - timedelta(days=2)).date() else 1.0)

    spoilt = told(write(tmp_path / "two.csv", doubled, chance=False))

    assert plain["days"]["test"] == 10
    assert plain["rows"] == 10 * 20
    assert spoilt["wape"]["day"] > plain["wape"]["day"]
    assert plain["wape"]["day"] < 0.02


def test_grains_that_do_not_apply_are_null(tmp_path: Path) -> None:
    hourly = told(write(tmp_path / "hourly.csv", minutes=60))
    assert hourly["wape"]["30min"] is None
    assert hourly["wape"]["60min"] == pytest.approx(hourly["wape"]["interval"], rel=0.05)
    daily = told(write(tmp_path / "daily.csv", lambda moment: 900.0 + 90.0 * (moment.weekday() == 0), minutes=1440))
    assert (daily["wape"]["60min"], daily["rows"]) == (None, 10)
    assert daily["wape"]["day"] == pytest.approx(daily["wape"]["interval"], rel=0.2)


def test_an_origin_every_few_days_sees_less(tmp_path: Path) -> None:
    def risen(moment: datetime) -> float:
        return office(moment) * (1.0 if moment < START + timedelta(days=60) else 1.6)

    path = write(tmp_path / "counts.csv", risen, chance=False)
    assert told(path, step=10)["wape"]["day"] > told(path, step=1)["wape"]["day"]
    assert told(path, step=10)["rows"] == told(path, step=1)["rows"]


def test_the_rest_of_a_day_is_told_from_intervals_that_have_ended(tmp_path: Path) -> None:
    def jumped(moment: datetime) -> float:
        busy = (moment.date() - START.date()).days % 3 == 0
        return office(moment) * (1.5 if busy else 1.0)

    path = write(tmp_path / "counts.csv", jumped, days=98, chance=False)
    day_ahead, at_noon = told(path), told(path, update_at="12:00")
    assert at_noon["rest_of_day_wape"] < 0.5 * day_ahead["wape"]["30min"]
    assert day_ahead["rest_of_day_wape"] is None


def test_an_interval_that_has_not_ended_is_not_known(tmp_path: Path) -> None:
    def late(moment: datetime) -> float:
        judged = moment.date() == date(2026, 3, 13) and moment.time() >= time(11, 30)
        return office(moment) * (2.0 if judged else 1.0)

    path = write(tmp_path / "counts.csv", late, chance=False)
    running, over = (told(path, test_days=1, update_at=at)["rest_of_day_wape"] for at in ("11:45", "12:00"))
    assert running == pytest.approx(0.5, abs=0.03)
    assert over < running - 0.01


def test_intervals_that_begin_late_are_known_when_they_have_ended(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", minutes=60, days=20)
    path.write_text(path.read_text("utf-8").replace(":00:00,", ":15:00,"), encoding="utf-8")
    table = table_of(counts.read(path, time_zone=None))
    known, starts = (table[name].to_pylist() for name in ("known_at", "interval_start"))
    assert {one.minute for one in starts} == {0}
    assert {end - start for end, start in zip(known, starts, strict=True)} == {timedelta(minutes=75)}


def test_a_new_queue_is_forecast_with_two_weeks_of_history(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", queues=4)
    kept = [
        line for line in path.read_text("utf-8").splitlines()
        if ",q3," not in line or line >= (START + timedelta(days=42)).isoformat()
    ]  # fmt: skip
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    young = told(path)
    assert young["queues"] == 4
    assert young["wape"]["interval"] < young["baselines"]["median_of_six"]["wape"]["interval"]


def test_public_holidays_are_known_where_a_country_is_given(tmp_path: Path) -> None:
    def holidays(moment: datetime) -> float:
        return office(moment) * (0.3 if (moment.month, moment.day) in {(1, 19), (2, 16), (3, 17), (4, 3)} else 1.0)

    path = write(
        tmp_path / "counts.csv", lambda one: holidays(one) / 1.004 ** (one - START).days, days=45, chance=False
    )
    without, known = told(path, test_days=3), told(path, test_days=3, country="US")
    assert (without["rows"], known["rows"]) == (60, 60)  # Presidents' Day is the first of the judged
    assert known["wape"]["day"] < 0.7 * without["wape"]["day"]


MAILINGS = (21, 37, 50, 67)  # days on which half as much again comes; the last is the last of the file


def mailed(moment: datetime) -> float:
    return office(moment) * (1.5 if (moment.date() - START.date()).days in MAILINGS else 1.0)


def announced(path: Path, *, known: int, kind: str = "mailing", start: str = "", queues: str = "") -> Path:
    """A file of the mailings, each known so many days before it."""
    lines = ["kind,name,starts_at,ends_at,known_at,queues"]
    for day in MAILINGS:
        first, last, at = ((START + timedelta(days=day + more)).date().isoformat() for more in (0, 1, -known))
        lines.append(f"{kind},the mailing,{start or first},{last},{at},{queues}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_an_event_is_read_from_when_it_was_known(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", mailed, chance=False)
    without = told(path, test_days=1)
    before, after = (
        told(path, test_days=1, events=announced(tmp_path / f"{known}.csv", known=known)) for known in (3, -1)
    )

    assert before["wape"]["day"] < 0.5 * without["wape"]["day"]  # mailings were seen before, and this one was announced
    assert after["wape"]["day"] > 0.8 * without["wape"]["day"]  # known the day after, it explains and foretells nothing
    assert before["baselines"] == without["baselines"]
    assert "4 rows of calendar events are read, each from when it was known" in before["remarks"]


def test_an_event_announced_in_the_morning_moves_the_rest_of_its_day(tmp_path: Path) -> None:
    path, file = write(tmp_path / "counts.csv", mailed, chance=False), announced(tmp_path / "events.csv", known=0)
    file.write_text(file.read_text("utf-8").replace(
        f",{(START + timedelta(days=67)).date().isoformat()},\n", f",{(START + timedelta(days=67)).date()}T08:30,\n"
    ), encoding="utf-8")  # fmt: skip
    moved, plain = (
        told(path, test_days=1, update_at="09:00", events=events)["rest_of_day_wape"] for events in (file, None)
    )
    assert moved < 0.8 * plain


def test_events_of_queues_that_the_history_lacks_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", mailed, days=50, chance=False)
    remarks = told(path, test_days=2, events=announced(tmp_path / "e.csv", known=3, queues="q0; sales"))["remarks"]
    assert "events name queues that the history does not: sales" in remarks


@pytest.mark.parametrize("mean", [lambda _: 5.0, lambda moment: float(moment.hour == 9)])
def test_constant_and_rare_counts_are_no_trouble(tmp_path: Path, mean: Callable[[datetime], float]) -> None:
    calm = told(write(tmp_path / "counts.csv", mean, chance=False))
    assert calm["wape"]["interval"] < 0.15
    assert calm["wape"]["day"] < 0.1


def test_a_queue_that_stopped_is_expected_to_bring_nobody(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", queues=2)
    gone = (START + timedelta(days=30)).isoformat()
    kept = [line for line in path.read_text("utf-8").splitlines() if ",q1," not in line or line < gone]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    stopped = told(path)
    assert any("'q1' has had nobody" in one for one in stopped["remarks"])
    assert stopped["queues"] == 1


def test_too_little_history_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    for days in (1, 8, 14):
        with pytest.raises(NotEnoughData, match="days"):
            told(write(tmp_path / "counts.csv", days=days), test_days=1 if days == 1 else 5)
    with pytest.raises(NotEnoughData, match="days"):
        told(write(tmp_path / "counts.csv"), test_days=400)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"test_days": 0}, "--test-days"),
        ({"step": 0}, "--origin-step-days"),
        ({"update_at": "noon"}, "HH:MM"),
        ({"update_at": "25:00"}, "HH:MM"),
        ({"update_at": "24:00"}, "HH:MM"),
        ({"update_at": "11:00:30"}, "HH:MM"),
        ({"country": "Atlantis"}, "ISO 3166"),
        ({"time_zone": "Mars/Olympus"}, "IANA"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        told(write(tmp_path / "counts.csv", days=50), **options)


def test_nothing_is_left_of_a_day_in_its_last_minute(tmp_path: Path) -> None:
    late = told(write(tmp_path / "counts.csv", days=50), test_days=2, update_at="23:59")
    assert late["rest_of_day_wape"] is None


def test_days_on_which_nobody_came_are_judged_without_a_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "counts.csv", lambda one: office(one) * (one < START + timedelta(days=45)), days=50)
    none = told(path, test_days=3)
    assert none["wape"] == dict.fromkeys(GRAINS)
    assert none["pinball"] is None
    json.dumps(none, allow_nan=False)
    assert run(["evaluate", "forecast", "--history", str(path), "--test-days", "3"]) == 0
    assert "judged" in capsys.readouterr().out


def test_a_history_in_which_nobody_came_before_the_judged_days_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", lambda one: office(one) * (one >= START + timedelta(days=45)), days=50)
    with pytest.raises(NotEnoughData, match="known counts in open hours"):
        told(path, test_days=3)


@pytest.mark.parametrize("minutes", [240, 1440])
def test_long_intervals_are_judged_on_all_days_over_a_change_of_clocks(tmp_path: Path, minutes: int) -> None:
    path = write(tmp_path / "counts.csv", lambda _: 50.0, days=100, minutes=minutes)  # to April 14
    for step in (1, 40):
        found = told(path, test_days=40, step=step, time_zone="Europe/Berlin")
        assert found["rows"] == 40 * 1440 // minutes


def test_intervals_by_past_errors_are_of_the_same_forecast_that_knows_events(tmp_path: Path) -> None:
    path = write(tmp_path / "counts.csv", mailed, chance=False)
    plain, known = (
        told(path, test_days=1, events=events)["by_residuals"]["mean_width"]["80"]
        for events in (None, announced(tmp_path / "events.csv", known=3))
    )
    assert known < 0.9 * plain  # what mailings brought is no error of who was told of them


def test_mstl_with_autoets_stands_beside_where_it_is_asked_for(tmp_path: Path) -> None:
    beside = told(write(tmp_path / "counts.csv", days=50), test_days=3, rivals=True)["baselines"]["mstl_auto_ets"]
    assert 0.0 < beside["wape"]["30min"] < 0.5
    assert beside["seconds"] > 0.0


def test_the_command_prints_one_object_or_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "counts.csv")
    words = ["evaluate", "forecast", "--history", str(path), "--test-days", "5", "--set", "forecast.rounds=10"]

    assert run([*words, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) >= KEYS
    assert run([*words, "--update-at", "11:00"]) == 0
    shown = capsys.readouterr().out
    assert "median_of_six" in shown
    assert "80% intervals" in shown
    assert "ours" in shown
    assert run(["evaluate", "forecast", "--history", str(tmp_path / "none.csv"), "--test-days", "5"]) == 5


def test_the_evaluation_can_be_had_as_a_page_with_its_pictures(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    figures = told(write(tmp_path / "<counts>.csv", days=50), test_days=9, step=3, page=page)

    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;counts&gt;.csv" in text
    for title in ("Best judged day", "Worst judged day", "WAPE by hour", "WAPE by days ahead", "WAPE by queue",
                  "Share of counts below each quantile", "What the intervals hold"):  # fmt: skip
        assert title in text
    assert f"{figures['wape']['30min']:.2%}" in text
    assert "cannot be drawn" not in text


def test_a_page_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere to write"):
        told(tmp_path / "not-even-read.csv", page=tmp_path / "none" / "page.html")


def test_figures_are_told_by_queue_and_by_days_ahead(tmp_path: Path) -> None:
    figures = told(write(tmp_path / "counts.csv", days=50), test_days=9, step=3)

    assert list(figures["by_days_ahead"])[:3] == ["1", "2", "3"]  # and 5, where a weekend lies between
    queues = figures["by_queue"]
    contacts = sum(one["contacts"] for one in queues.values())
    weighted = sum(one["contacts"] * one["wape"] for one in queues.values()) / contacts
    assert weighted == pytest.approx(figures["wape"]["interval"], abs=1e-5)
    by_ahead = figures["by_days_ahead"].values()
    assert sum(one["contacts"] for one in by_ahead) == pytest.approx(contacts)
    assert all(0.0 <= one["coverage"]["80"] <= one["coverage"]["95"] <= 1.0 for one in by_ahead)
