"""`parley staff`: a plan for the issued forecast, kept; what-if on its roster; refusals in words."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from centre.clock import FixedClock
from data_contracts.errors import InputError
from flows import staffing, staffing_inputs, staffing_people, staffing_plans
from flows.cli.app import run
from flows.compose import Workspace, workspace
from flows.staffing_inputs import LEVELS

MIDNIGHT = datetime(2026, 5, 4, tzinfo=UTC)  # a Monday
RULES = """
luck: {scenarios: 100}
shrinkage: 0.0
rostering: {effort: 3, slot_min: 30}
templates:
  - {name: day, hours: 8.5, first_start: "08:00", last_start: "10:00", every_min: 60,
     breaks: [{minutes: 30, paid: false, after_h: 3, before_h: 5}]}
"""
SCORES = (-1.96, -1.2816, -0.6745, 0, 0.6745, 1.2816, 1.96)


def forecast(days: int = 2, *, size: float = 12.0, handle_s: float | None = 240.0) -> list[dict[str, Any]]:
    """Two queues, open from 8 to 18 UTC."""
    return [
        {"queue": queue, "interval_start": MIDNIGHT + timedelta(days=day, minutes=30 * slot), "interval_s": 1800}
        | {f"offered_{level}": size + size**0.5 * score for level, score in zip(LEVELS, SCORES, strict=True)}
        | {f"handle_{level}": handle_s for level in LEVELS}
        for queue in ("billing", "sales") for day in range(days) for slot in range(16, 36)
    ]  # fmt: skip


def issue(place: Workspace, rows: list[dict[str, Any]], *, id_: str = "i-1") -> None:
    folder = place.settings.issued_dir / id_
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "intervals.parquet")
    told = {"issue_id": id_, "table": f"{id_}/intervals.parquet", "source": "baseline", "version": None,
            "issued_at": MIDNIGHT.isoformat(), "simulated": True}  # fmt: skip
    (place.settings.issued_dir / "current.json").write_text(json.dumps(told))


def crew(folder: Path, lines: list[str]) -> Path:
    path = folder / "agents.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


BILLING, SALES = [f"b{n},billing,20," for n in range(7)], [f"s{n},sales,," for n in range(6)]
AGENTS = ["agent_id,skills,cost_hour,away", *BILLING, *SALES, "s9,sales,20,2026-05-04"]


@pytest.fixture
def place(home: Path, clock: FixedClock) -> Workspace:
    """A workspace with an issued forecast and nothing else."""
    place = workspace(home, clock=clock)
    issue(place, forecast())
    return place


@pytest.fixture
def told(place: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What `parley staff` prints, planning by the files of these tests."""
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    files = {"plan": ["--rules", str(tmp_path / "rules.yaml"), "--agents", str(crew(tmp_path, AGENTS))]}

    def tell(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["staff", *arguments, *files.get(arguments[0], [])]) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    return tell


def test_a_plan_is_made_kept_and_told(place: Workspace, told: Callable[..., str]) -> None:
    first = json.loads(told("plan", "--json"))

    of = first["summary"]
    assert (first["queues"], first["days"]) == (["billing", "sales"], ["2026-05-04", "2026-05-05"])
    assert of["intervals"] == 80
    assert of["cost"] == pytest.approx(20 * of["paid_h"])
    assert of["share_expected_to_meet"] > 0.8
    assert place.log.find("parley/flows", f"staffing.planned/{first['plan_id']}") is not None
    assert json.loads((place.settings.staffing_dir / "current.json").read_text()) == first
    said = told("show")
    assert first["plan_id"] in said
    assert "2026-05-05" in said


def test_who_works_when_is_told_by_the_local_clock(place: Workspace, told: Callable[..., str]) -> None:
    told("plan")
    path = place.settings.staffing_dir / "current.json"
    utc = [line.split()[3:5] for line in told("show", "--who").splitlines()[1:]]
    path.write_text(json.dumps({**json.loads(path.read_text()), "time_zone": "Asia/Kolkata"}))

    head, *rows = told("show", "--who").splitlines()

    assert "from (Asia/Kolkata)" in head
    day = MIDNIGHT.date().isoformat()
    moved = [[f"{datetime.fromisoformat(f'{day} {one}Z') + timedelta(hours=5.5):%H:%M}" for one in row] for row in utc]
    assert sorted(row.split()[3:5] for row in rows) == sorted(moved)


def test_a_plan_says_what_it_is_at_as_it_takes_a_while(
    place: Workspace, told: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--rules", str(tmp_path / "rules.yaml"), "--agents", str(tmp_path / "agents.csv")]
    assert run(["staff", "plan", *files]) == 0

    steps = capsys.readouterr().err.splitlines()
    assert steps[0] == "plan agents and shifts …"
    assert steps[-1] == "plan agents and shifts: the roster that stays"


def published(place: Workspace) -> list[dict[str, Any]]:
    return [stored.event.data for stored in place.log.read(types=["staffing.roster_published"])]


def test_a_roster_that_is_made_current_is_published_once(place: Workspace, told: Callable[..., str]) -> None:
    plan = json.loads(told("plan", "--json"))
    told("what-if")

    (event,) = published(place)

    assert (event["plan_id"], event["days"]) == (plan["plan_id"], plan["days"])
    assert event["shifts"] == plan["summary"]["shifts"] > 0
    assert "b1" not in json.dumps(event)  # who works when is read by the plan's id, by those who may


def test_a_plan_without_shifts_publishes_no_roster(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    away = crew(tmp_path, ["agent_id,skills,away", "a,sales,2026-05-04/2026-05-05"])

    made = staffing.make(place, staffing.Asked(tmp_path / "rules.yaml", away))

    assert (made["summary"]["shifts"], published(place)) == (0, [])


def test_a_plan_is_made_by_the_files_that_the_settings_name(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped = staffing.make_by_settings(place)
    (place.settings.home / "rules.yaml").write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("PARLEY_STAFFING_RULES", "rules.yaml")
    monkeypatch.setenv("PARLEY_STAFFING_AGENTS", str(crew(tmp_path, AGENTS)))

    made = staffing.make_by_settings(workspace(place.settings.home))

    assert "staffing_rules" in skipped["skipped"]
    assert (made["rules"]["luck"]["scenarios"], made["agents_count"]) == (100, 14)


def test_every_plan_is_kept_and_shown_again(place: Workspace, clock: FixedClock, told: Callable[..., str]) -> None:
    one = json.loads(told("plan", "--json"))["plan_id"]
    clock.advance(timedelta(hours=1))
    staffing_plans_before = staffing_plans.about(place, one)
    two = staffing.make(place, staffing.Asked(agents=place.settings.home.parent / "agents.csv",
                                              rules=place.settings.home.parent / "rules.yaml"))["plan_id"]  # fmt: skip

    assert staffing_plans.kept(place) == sorted({one, two})
    assert one != two
    assert json.loads(told("show", one, "--json"))["plan_id"] == one
    assert staffing_plans.about(place, one) == staffing_plans_before


def test_the_roster_keeps_absences_skills_and_breaks(
    place: Workspace, told: Callable[..., str], tmp_path: Path
) -> None:
    told(
        "plan",
        "--roster",
        str(tmp_path / "r.csv"),
        "--csv",
        str(tmp_path / "i.csv"),
        "--parquet",
        str(tmp_path / "i.parquet"),
    )

    rows = list(csv.DictReader((tmp_path / "r.csv").open(encoding="utf-8")))
    assert {row["day"] for row in rows if row["agent_id"] == "s9"} <= {"2026-05-05"}
    assert all(len(json.loads(row["breaks"])) == 1 for row in rows)
    intervals = list(csv.DictReader((tmp_path / "i.csv").open(encoding="utf-8")))
    assert len(intervals) == 80
    assert pq.read_table(tmp_path / "i.parquet").num_rows == 80
    assert max(float(row["agents_rostered"]) for row in intervals if row["queue"] == "billing") <= 7


def test_the_same_forecast_gives_the_same_plan(place: Workspace, told: Callable[..., str]) -> None:
    one, two = (json.loads(told("plan", "--json")) for _ in range(2))

    assert {**one, "plan_id": "", "planned_at": ""} == {**two, "plan_id": "", "planned_at": ""}
    assert one["plan_id"][-8:] == two["plan_id"][-8:]


def test_nothing_changed_is_the_plan_and_worse_is_worse(place: Workspace, told: Callable[..., str]) -> None:
    plan = json.loads(told("plan", "--json"))
    kept = sorted(path.name for path in place.settings.staffing_dir.rglob("*"))

    same = json.loads(told("what-if", "--json"))
    busy = json.loads(told("what-if", "--volume", "+20%", "--json"))
    sick = json.loads(told("what-if", "--sick", "4", "--json"))
    slow = json.loads(told("what-if", "--aht", "+30s", "--needs", "--json"))

    level = plan["summary"]["share_expected_to_meet"]
    assert same["after"]["share_expected_to_meet"] == pytest.approx(level)
    for other in (busy, sick, slow):
        assert other["after"]["share_expected_to_meet"] < level - 0.02
    assert slow["after"]["required_h"] > plan["summary"]["required_h"]
    assert sorted(path.name for path in place.settings.staffing_dir.rglob("*")) == kept
    assert "volume x 0.8" in told("what-if", "--volume", "-20%")


def test_agents_come_from_the_archive_too(place: Workspace, clock: FixedClock) -> None:
    from data_contracts.arrow import table
    from tests.features.centre import common

    at = clock.now() - timedelta(days=30)
    agents = [
        {"agent_id": f"a{n}", "revision": revision, "name": None, "team": None, "hired_on": None, "languages": ["en"],
         "skills": ["billing"] if revision else ["sales"], "status": "left" if n == 3 else "active"} | common(at, at)
        for n in range(4) for revision in range(2)
    ]  # fmt: skip
    roster = [{"agent_id": "a1", "starts_at": MIDNIGHT + timedelta(hours=10), "ends_at": MIDNIGHT + timedelta(hours=14),
               "activity": activity, "queue": None} | common(at, at) for activity in ("leave",)]  # fmt: skip
    place.archive.write(1, {"agents": table("agents", agents), "roster": table("roster", roster)},
                        recorded_on=at.date(), log_upto=0)  # fmt: skip

    found = staffing_people.of_archive(place)

    assert [(one["agent_id"], one["skills"]) for one in found] == [(f"a{n}", ["billing"]) for n in range(3)]
    of = staffing_inputs.case(forecast(), rules=staffing.rules_of(None), time_zone="UTC", workers=found, customers={})
    assert of.workers[1].away == frozenset(range(40, 56))
    assert not of.workers[0].away


def test_shifts_are_of_local_days_also_when_clocks_change(place: Workspace) -> None:
    """New York, 7 to 9 March 2026: the second day has 23 hours."""
    rows = [{**row, "interval_start": row["interval_start"] - timedelta(days=58)} for row in forecast(days=4)]
    of = staffing_inputs.case(rows, rules=staffing.rules_of(None), time_zone="America/New_York",
                              workers=[{"agent_id": "a", "skills": ["billing"]}], customers={})  # fmt: skip

    assert of.grid.names == ("2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10")
    lengths = [then.first_slot - one.first_slot for one, then in zip(of.grid.days, of.grid.days[1:], strict=False)]
    assert lengths == [96, 92, 96]
    assert [day.weekday for day in of.grid.days] == [5, 6, 0, 1]
    assert [day.week - of.grid.days[0].week for day in of.grid.days] == [0, 0, 1, 1]  # a week begins on Monday


@pytest.mark.parametrize("day", [datetime(2026, 3, 8), datetime(2025, 11, 2)])  # noqa: DTZ001 - a wall clock's
def test_shifts_begin_by_the_clock_on_the_wall_when_clocks_change(day: datetime) -> None:
    from zoneinfo import ZoneInfo

    from centre.staffing import rules, shifts

    zone = ZoneInfo("America/New_York")
    noon = day.replace(hour=12, tzinfo=zone).astimezone(UTC)
    rows = [{**row, "interval_start": noon + timedelta(minutes=30 * place)} for place, row in enumerate(forecast()[:4])]
    night = {"name": "night", "hours": 4, "first_start": "00:00", "last_start": "08:00", "every_min": 480, "breaks": []}
    of = staffing_inputs.case(rows, rules=rules.from_mapping({"templates": [night]}), time_zone="America/New_York",
                              workers=[{"agent_id": "a", "skills": ["billing"]}], customers={})  # fmt: skip
    import numpy as np

    can = shifts.possible(of.rules, of.grid.days, wanted=np.ones(of.grid.intervals * of.slots_each, dtype=bool))
    starts = [(of.grid.start + shift.start * timedelta(minutes=15)).astimezone(zone) for shift in can]
    assert [(start.hour, start.minute) for start in starts] == [(0, 0), (8, 0)]


def test_rules_and_agents_that_are_about_no_queue_are_said(
    place: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES + "queues: {biling: {target: 0.9}, sales: {target: 0.7}}\n", "utf-8")
    file = crew(tmp_path, [*AGENTS, "x1,french,,"])

    assert run(["staff", "plan", "--rules", str(tmp_path / "rules.yaml"), "--agents", str(file)]) == 0

    said = capsys.readouterr().out
    assert "note: the rules name queues that are not forecast: biling\n" in said
    assert "note: 1 of 15 agents serve none of these queues and are left out\n" in said


def test_a_day_on_which_nobody_comes_misses_nothing(told: Callable[..., str]) -> None:
    told("plan", "--json")
    nobody = json.loads(told("what-if", "--volume", "0", "--json"))["after"]
    assert (nobody["intervals"], nobody["share_expected_to_meet"], nobody["share_with_probability"]) == (0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (["agent_id,skills", "a,french"], "billing, sales"),
        (["agent_id,skills", "a,sales", "a,sales"], "a name each"),
        (["agent_id,skills,away", "a,sales,soon"], "no such day"),
        (["agent_id,skills,cost_hour", "a,sales,-3"], "0 or more"),
        (["agent_id,skills,wage", "a,sales,3"], "cost_hour"),
        (["agent_id", "a"], "skills"),
        (["agent_id,skills,templates", "a,sales,night"], "day"),
        (["agent_id,skills", "a,sales", "b,sales,billing"], "; between"),
        (["agent_id,skills"], "0 agents"),
        (["agent_id,skills,skills", "a,billing,sales"], "named twice"),
        (["agent_id,skills", 'a,"billing'], "cannot be read"),
    ],
)
def test_agents_that_cannot_be_meant_are_refused(
    place: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], word: str
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")

    code = run(["staff", "plan", "--rules", str(tmp_path / "rules.yaml"), "--agents", str(crew(tmp_path, lines))])

    assert code in (2, 8)
    assert word in capsys.readouterr().err
    assert not place.settings.staffing_dir.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("what-if", "--volume", "lots"), 2, "+20%"),
        (("what-if", "--volume", "-120%"), 2, "0 to 20"),
        (("what-if", "--aht", "long"), 2, "+30s"),
        (("what-if", "--sick", "-1"), 2, "--sick"),
        (("what-if", "--volume", "nan"), 2, "0 to 20"),
        (("what-if",), 5, "parley staff plan"),
        (("show", "../../etc"), 5, "no such staffing plan"),
        (("plan", "--from", "2026-06-01"), 2, "no interval is forecast then"),
        (("plan", "--from", "soon"), 2, "ISO 8601"),
        (("plan", "--to", "2026-05-04"), 2, "--from, --to"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    told: Callable[..., str], arguments: tuple[str, ...], code: int, word: str
) -> None:
    assert word in told(*arguments, code=code)


def test_without_a_forecast_it_says_what_to_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["staff", "plan"]) == 5

    assert "parley issue-forecast" in capsys.readouterr().err


def test_a_queue_of_unknown_handle_time_is_refused(place: Workspace) -> None:
    with pytest.raises(Exception, match="does not tell enough"):
        staffing_inputs.case(forecast(handle_s=None), rules=staffing.rules_of(None), time_zone="UTC",
                             workers=[{"agent_id": "a", "skills": ["sales"]}], customers={})  # fmt: skip


def test_a_handle_time_that_the_rules_name_stands_where_nobodys_is_recorded(place: Workspace) -> None:
    from centre.staffing import rules

    told = rules.from_mapping({"luck": {"handle_s": 240}})
    rows = [row | ({} if row["queue"] == "sales" else {f"handle_{level}": 300.0 for level in LEVELS})
            for row in forecast(handle_s=None)]  # fmt: skip
    of = staffing_inputs.case(rows, rules=told, time_zone="UTC", workers=[{"agent_id": "a", "skills": ["sales"]}],
                              customers={})  # fmt: skip
    _, handle = of.quantiles
    assert (set(handle[:, 0].ravel()), set(handle[:, 1].ravel())) == ({300.0}, {240.0})


def test_slots_that_do_not_fit_the_intervals_are_refused(place: Workspace) -> None:
    from centre.staffing import rules

    with pytest.raises(InputError, match="slots do not fit"):
        staffing_inputs.case(forecast(), rules=rules.from_mapping({"rostering": {"slot_min": 20}, "templates": []}),
                             time_zone="UTC", workers=[], customers={})  # fmt: skip
