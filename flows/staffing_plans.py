"""Staffing plans on disk and as rows: written whole, kept for good, read again for what-if and for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError, NotFound, UnavailableError
from data_contracts.events import stamp
from flows import staffing_inputs as inputs
from flows.compose import Workspace
from flows.outputs import plain, produced_at, read_table, write_json, write_table
from flows.staffing_inputs import Case

if TYPE_CHECKING:
    from centre.staffing.lanes import Bools
    from centre.staffing.load import Load
    from centre.staffing.planning import Plan, Reached
    from centre.staffing.rules import Rules
    from centre.staffing.shifts import Duty
    from centre.staffing.waiting import Waiting

__all__ = ["about", "by_day", "duty_rows", "interval_rows", "intervals", "plain", "plan_rows", "read", "summary"]

# The probability is a share of scenarios: one that is short by less than this is not told from the goal.
NOISE = 0.01


def plan_rows(of: Case, made: Plan) -> list[dict[str, Any]]:
    """A row for each open interval of each queue: need, roster, and what it reaches; in order of queue and time."""
    rows = interval_rows(of, of.load(turn=1), made.reached, present(of, made.roster.duties))
    for row in rows:
        queue, interval = of.queues.index(row["queue"]), of.grid.place(row["interval_start"])
        row["agents_needed"] = int(made.needs[queue].agents[interval])
        row["positions_required"] = int(made.positions[queue, interval])
        row["probability_of_need"] = float(made.needs[queue].probability[interval])
    return rows


def interval_rows(of: Case, load: Load, found: Reached, here: Bools) -> list[dict[str, Any]]:
    """What agents (workers by slots) reach in each open interval."""
    from centre.staffing import planning

    able = planning.able(here, of.workers, queues=len(of.queues), intervals=of.grid.intervals)
    offered, erlangs = load.counts.mean(axis=0), load.erlangs
    return [
        {
            "queue": name,
            "interval_start": of.grid.start + timedelta(seconds=interval * of.grid.interval_s),
            "interval_s": of.grid.interval_s,
            "offered_mean": float(offered[queue, interval]),
            "erlangs": float(erlangs[queue, interval]),
            "waiting_erlangs": float(of.waiting.erlangs[queue, interval]),
            "agents_needed": None,
            "positions_required": None,
            "agents_rostered": float(able[queue, interval]),
            "agents_at_work": float(found.able[queue, interval]),
            "probability_of_need": None,
            "probability": float(found.probability[queue, interval]),
            "service_level": float(found.service_level[queue, interval]),
            "occupancy": float(found.occupancy[queue, interval]),
        }
        for queue, name in enumerate(of.queues)
        for interval in range(of.grid.intervals)
        if offered[queue, interval] > 0 or of.waiting.erlangs[queue, interval] > 0
    ]


def summary(rows: Sequence[Mapping[str, Any]], rules: Rules) -> dict[str, Any]:
    """Intervals in which contacts come that cannot wait, the share of them that has the goal's probability, and the
    share expected to meet the service level, all where there are none; hours are of all rows, None where nobody asked
    what they need."""
    timely = [row for row in rows if row["offered_mean"] > 0]
    goals = {queue: rules.goal(queue).probability for queue in {row["queue"] for row in rows}}
    reach = [row["probability"] >= goals[row["queue"]] - NOISE for row in timely]
    known = [row for row in rows if row["positions_required"] is not None]
    return {
        "intervals": len(timely),
        "share_with_probability": sum(reach) / len(timely) if timely else 1.0,
        "share_expected_to_meet": sum(row["probability"] for row in timely) / len(timely) if timely else 1.0,
        "required_h": sum(row["positions_required"] * row["interval_s"] for row in known) / 3600 if known else None,
        "missing_h": sum(max(0.0, row["positions_required"] - row["agents_rostered"]) * row["interval_s"]
                         for row in known) / 3600 if known else None,
    }  # fmt: skip


def by_day(
    rows: Sequence[Mapping[str, Any]], of: Case, *, before: Sequence[Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The summary of each day; with `before` also the share expected to meet that it had."""
    told = []
    for place, name in enumerate(of.grid.names):
        own = [row for row in rows if _day(of, row) == place]
        if own:
            told.append({"day": name, **summary(own, of.rules)})
            if before is not None:
                earlier = [row for row in before if _day(of, row) == place]
                told[-1]["before"] = summary(earlier, of.rules)["share_expected_to_meet"]
    return told


def _day(of: Case, row: Mapping[str, Any]) -> int:
    return of.grid.day_of(of.grid.place(row["interval_start"]), of.slots_each)


def of_waiting(of: Case, load: Load, here: Bools, waiting: Waiting) -> dict[str, Any]:
    """`waiting_h`: an agent's hours of work that may wait; `waiting_done_share`: what of it those rostered (workers by
    slots) have time for on its day, None where nothing waits."""
    from centre.staffing import waiting as blending

    rostered = here.reshape(len(here), of.grid.intervals, of.slots_each).mean(axis=2).sum(axis=0)
    asked, fits = blending.done(
        rostered * (1.0 - of.rules.shrinkage), load.erlangs.sum(axis=0), waiting,
        max_occupancy=of.rules.service.max_occupancy,
    )  # fmt: skip
    return {"waiting_h": asked * of.grid.interval_s / 3600, "waiting_done_share": fits / asked if asked else None}


def present(of: Case, duties: Sequence[Duty]) -> Bools:
    """Who is rostered in which slot: workers by slots."""
    from centre.staffing import shifts

    return shifts.present(duties, workers=len(of.workers), slots=of.grid.intervals * of.slots_each)


def duty_rows(of: Case, duties: Sequence[Duty]) -> list[dict[str, Any]]:
    """A row for each shift that an agent works; `breaks`: start, end and paid of each."""
    slot = timedelta(minutes=of.rules.rostering.slot_min)
    return [
        {
            "agent_id": of.workers[duty.worker].agent_id,
            "day": of.grid.names[duty.shift.day],
            "template": duty.shift.template,
            "starts_at": of.grid.start + duty.shift.start * slot,
            "ends_at": of.grid.start + duty.shift.end * slot,
            "paid_h": duty.shift.paid * of.rules.rostering.slot_min / 60,
            "breaks": [
                {"starts_at": of.grid.start + at * slot, "ends_at": of.grid.start + (at + pause.length) * slot,
                 "paid": pause.paid}
                for at, pause in zip(duty.breaks, duty.shift.pauses, strict=True)
            ],
        }
        for duty in duties
    ]  # fmt: skip


def write(place: Workspace, told: Mapping[str, Any], of: Case, made: Plan, forecast: Sequence[Any]) -> None:
    """Keep a plan whole, then make it the current one in one step."""
    import pyarrow as pa

    folder = place.settings.staffing_dir
    folder.mkdir(parents=True, exist_ok=True)
    agents = [
        {"agent_id": one.agent_id, "skills": sorted(of.queues[skill] for skill in one.skills),
         "cost_hour": one.cost_hour, "min_hours_week": one.min_hours_week, "max_hours_week": one.max_hours_week,
         "templates": sorted(one.templates)}
        for one in of.workers
    ]  # fmt: skip
    with produced_at(folder / told["plan_id"]) as fresh:
        for stem, rows in (
            ("intervals", plan_rows(of, made)), ("roster", duty_rows(of, made.roster.duties)), ("agents", agents),
            ("forecast", forecast),
        ):  # fmt: skip
            write_table(pa.Table.from_pylist(list(rows)), fresh / f"{stem}.parquet")
        write_json(fresh / "plan.json", told)
    staged = folder / "current.json.tmp"
    staged.write_text(json.dumps(dict(told), sort_keys=True), encoding="utf-8")
    staged.replace(folder / "current.json")


def about(place: Workspace, plan_id: str | None = None) -> dict[str, Any]:
    """What a plan says of itself; the current one without a name. Raises NotFound, UnavailableError."""
    folder = place.settings.staffing_dir
    path = folder / "current.json" if plan_id is None else folder / plan_id / "plan.json"
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        known = kept(place)
        raise NotFound("no such staffing plan", expected=", ".join(known[-3:]) or "one that was made",
                       came=plan_id or "none yet", where=str(folder), remedy="Run parley staff plan.")  # fmt: skip
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnavailableError("the staffing plan cannot be read", expected="JSON", came=str(error)[:200],
                               where=str(path), remedy="Run parley staff plan again.") from error  # fmt: skip
    return told


def kept(place: Workspace) -> list[str]:
    """The names of all plans, oldest first."""
    folder = place.settings.staffing_dir
    return sorted(path.parent.name for path in folder.glob("*/plan.json")) if folder.is_dir() else []


def intervals(place: Workspace, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a plan's intervals."""
    return _rows(place, told, "intervals")


def roster(place: Workspace, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a plan's roster."""
    return _rows(place, told, "roster")


def read(place: Workspace, told: Mapping[str, Any]) -> tuple[Case, list[Duty]]:
    """What a plan was made from, and its duties; absences have had their say and are left out."""
    import numpy as np

    from centre.staffing import rules, shifts
    from centre.staffing.shifts import Duty

    of = inputs.case(
        _rows(place, told, "forecast"),
        rules=rules.from_mapping(told["rules"]),
        time_zone=told["time_zone"],
        workers=_rows(place, told, "agents"),
        customers={name: (one["handle_cv"], one["patience_s"]) for name, one in told["customers"].items()},
    )
    every = np.ones(of.grid.intervals * of.slots_each, dtype=np.bool_)
    can = {(one.template, one.start): one for one in shifts.possible(of.rules, of.grid.days, wanted=every)}
    people = {worker.agent_id: place_ for place_, worker in enumerate(of.workers)}
    duties = [
        Duty(people[row["agent_id"]], can[(row["template"], _slot(of, row["starts_at"]))],
             tuple(_slot(of, pause["starts_at"]) for pause in row["breaks"]))
        for row in roster(place, told)
    ]  # fmt: skip
    return of, duties


def _slot(of: Case, moment: datetime) -> int:
    return int((moment - of.grid.start).total_seconds() // (of.rules.rostering.slot_min * 60))


def _rows(place: Workspace, told: Mapping[str, Any], stem: str) -> list[dict[str, Any]]:
    path = place.settings.staffing_dir / str(told["plan_id"]) / f"{stem}.parquet"
    if not path.is_file():
        raise UnavailableError("the staffing plan is not whole", expected=path.name, came="no such file",
                               where=str(path.parent), remedy="Run parley staff plan again.")  # fmt: skip
    rows: list[dict[str, Any]] = read_table(path).to_pylist()
    return rows


def export(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Rows as a file for others: Parquet by the ending .parquet, else CSV. Raises InputError for no folder."""
    import pyarrow as pa

    told = list(rows)
    if not path.parent.is_dir():
        raise InputError("nowhere to write", expected="a folder that is there", came=str(path.parent), where=str(path))
    if path.suffix == ".parquet":
        write_table(pa.Table.from_pylist(told), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(told[0] if told else ())
        writer.writerows([_cell(value) for value in row.values()] for row in told)


def _cell(value: Any) -> Any:
    """Times as ISO 8601, lists as JSON."""
    if isinstance(value, datetime):
        return stamp(value)
    return json.dumps(value, default=str) if isinstance(value, list) else value
