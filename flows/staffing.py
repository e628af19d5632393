"""A staffing plan: from the issued forecast to agents, shifts and what they reach; and what if things come otherwise.

staffing/<plan_id>/intervals.parquet   one row a queue and interval: what it needs, who is there, what that reaches
staffing/<plan_id>/roster.parquet      one row a shift that an agent works, with its breaks
staffing/<plan_id>/agents.parquet      who could be rostered; forecast.parquet: the quantiles that were planned for
staffing/<plan_id>/plan.json           the rules, the forecast's issue, the summary
staffing/current.json                  which one serving reads, replaced in one step; every plan is kept
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError
from data_contracts.events import canonical_json, stamp
from flows import staffing_channels, staffing_people
from flows import staffing_inputs as inputs
from flows import staffing_plans as plans
from flows.compose import Workspace
from flows.staffing_inputs import Case
from flows.telling import tell

if TYPE_CHECKING:
    from centre.staffing.planning import Plan
    from centre.staffing.rules import Rules
    from centre.staffing.waiting import Waiting

# Twenty times the contacts, or an hour more for each: beyond, it is another centre and not this one on a bad day.
MOST_VOLUME, MOST_SECONDS, MOST_SICK = 20.0, 3600.0, 10_000


@dataclass(frozen=True)
class Asked:
    """What to plan: rules and agents from files (else the defaults, the archive), a part of the forecast."""

    rules: Path | None = None
    agents: Path | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Change:
    """What comes otherwise: times the volume, seconds more of handle time, agents away of each day's rostered."""

    volume: float = 1.0
    handle_more_s: float = 0.0
    sick: int = 0

    def __post_init__(self) -> None:
        """Raises InputError for what no centre can have."""
        for where, came, least, most in (
            ("--volume", self.volume, 0.0, MOST_VOLUME),
            ("--aht", self.handle_more_s, -MOST_SECONDS, MOST_SECONDS),
            ("--sick", self.sick, 0, MOST_SICK),
        ):
            if not least <= came <= most:
                raise InputError("cannot be asked", expected=f"{least:g} to {most:g}", came=f"{came:g}", where=where)


def make(place: Workspace, asked: Asked, *, step: Callable[[str], None] = lambda told: None) -> dict[str, Any]:
    """Plan, keep the plan, say so in the log as `staffing.planned`, and as `staffing.roster_published` where it has
    shifts, which are to be read by the plan's id; returns what `current.json` says. step: is told what is done now.

    Raises NotFound without a forecast, NotEnoughData without agents, InputError for rules that cannot be.
    """
    from centre.staffing import planning

    about, rows, mix = inputs.forecast_rows(place, since=asked.since, until=asked.until)
    agents = staffing_people.of_file(asked.agents) if asked.agents else staffing_people.of_archive(place)
    rules = rules_of(asked.rules)
    rows_ = staffing_channels.worked(rows, mix, rules)
    of = inputs.case(
        rows_, rules=rules if asked.rules else inputs.as_forecast(place, about, rules), workers=agents,
        time_zone=place.settings.time_zone,
        customers=inputs.customers(place, sorted({row["queue"] for row in rows_})),
    )  # fmt: skip
    made = planning.plan(
        of.load(turn=0), of.load(turn=1), of.rules, goals=of.goals, workers=of.workers, days=of.grid.days,
        waiting=of.waiting, step=step,
    )  # fmt: skip
    told = _about(place, about, of, made) | {"remarks": _remarks(about, of, agents=len(agents))}
    plans.write(place, told, of, made, rows_)
    tell(place, "staffing.planned", told["plan_id"], told, subject="staffing")
    if told["summary"]["shifts"]:
        roster = {name: told[name] for name in ("plan_id", "issue_id", "days", "simulated")}
        of_roster = {name: told["summary"][name] for name in ("shifts", "agents_rostered", "paid_h")}
        tell(place, "staffing.roster_published", told["plan_id"], {**roster, **of_roster}, subject="staffing")
    return told


def make_by_settings(place: Workspace) -> dict[str, Any]:
    """`make` by the files that the settings name, the usual week; `skipped` and why where they name no rules."""
    files = (place.settings.staffing_rules, place.settings.staffing_agents)
    rules, agents = (place.settings.home / one if one else None for one in files)
    if rules is None:
        return {"skipped": "no rules to plan staffing by: set staffing_rules (PARLEY_STAFFING_RULES) to a file"}
    return make(place, Asked(rules, agents))


def what_if(place: Workspace, change: Change, *, plan_id: str | None = None, needs: bool = False) -> dict[str, Any]:
    """The roster of a plan (the current one without a name) where things come otherwise; nothing is written.

    Nobody is rostered anew: the same shifts meet other customers, with the same luck; of what may wait there is as many
    times more, and each takes as long as before. `needs`: also what the other
    customers would need. Raises NotFound.
    """
    from centre.staffing import load, planning

    told = plans.about(place, plan_id)
    of, duties = plans.read(place, told)
    left = planning.stays_away(duties, of.workers, count=change.sick)
    other = load.changed(of.load(turn=1), volume=change.volume, handle_more_s=change.handle_more_s)
    here = plans.present(of, left)
    found = planning.reached(other, here, of.workers, goals=of.goals, rules=of.rules, seed=of.rules.luck.seed + 1)
    rows, waiting = plans.interval_rows(of, other, found, here), of.waiting.times(change.volume)
    if needs:
        chosen = load.changed(of.load(turn=0), volume=change.volume, handle_more_s=change.handle_more_s)
        _add_needs(rows, of, other, chosen, waiting)
    before = plans.intervals(place, told)
    return {
        "plan_id": told["plan_id"],
        "change": asdict(change),
        "before": plans.summary(before, of.rules),
        "after": plans.summary(rows, of.rules) | plans.of_waiting(of, other, here, waiting),
        "days": plans.by_day(rows, of, before=before),
        "intervals": rows,
    }


def rules_of(path: Path | None) -> Rules:
    """The rules of a file, or the defaults."""
    from centre.staffing import rules

    return rules.load(path) if path else rules.Rules()


def share(text: str, *, where: str) -> float:
    """A factor from "+20%", "-10%" or "1.2". Raises InputError."""
    body = text.strip()
    try:
        value = 1 + float(body[:-1]) / 100 if body.endswith("%") else float(body)
    except ValueError as error:
        raise InputError("no such change", expected="+20%, -10% or 1.2", came=text[:40], where=where) from error
    return value


def seconds(text: str, *, where: str) -> float:
    """Seconds from "+30s", "-15" or "+30". Raises InputError."""
    try:
        return float(text.strip().removesuffix("s"))
    except ValueError as error:
        raise InputError("no such change", expected="+30s or -15s", came=text[:40], where=where) from error


def _about(place: Workspace, issue: Mapping[str, Any], of: Case, made: Plan) -> dict[str, Any]:
    rows = plans.plan_rows(of, made)
    now = place.clock.now()
    facts: dict[str, Any] = {
        "issue_id": issue["issue_id"],
        "source": issue["source"],
        "version": issue["version"],
        "approval": issue.get("approval"),
        "artefact": issue.get("artefact"),
        "simulated": issue.get("simulated"),
        "time_zone": place.settings.time_zone,
        "starts_at": stamp(of.grid.start),
        "interval_s": of.grid.interval_s,
        "days": list(of.grid.names),
        "queues": list(of.queues),
        "agents_count": len(of.workers),
        "rules": plans.plain(of.rules),
        "customers": {
            queue: {"handle_cv": cv, "patience_s": patience}
            for queue, cv, patience in zip(of.queues, of.handle_cv, of.patience_s, strict=True)
        },
        "summary": plans.summary(rows, of.rules) | _of_roster(of, made),
        "by_day": plans.by_day(rows, of),
    }
    digest = hashlib.sha256(canonical_json(facts).encode()).hexdigest()
    return {"plan_id": f"{now:%Y%m%dT%H%M%SZ}-{digest[:8]}", "planned_at": stamp(now), **facts}


def _remarks(issue: Mapping[str, Any], of: Case, *, agents: int) -> list[str]:
    """What of rules and agents is about no queue of the forecast, and so was left out."""
    unknown = sorted(str(queue) for queue in of.rules.queues if queue not in {*issue.get("queues", ()), *of.queues})
    idle = agents - len(of.workers)
    return [
        *([f"the rules name queues that are not forecast: {', '.join(unknown)}"[:300]] if unknown else []),
        *([f"{idle} of {agents} agents serve none of these queues and are left out"] if idle else []),
    ]


def _of_roster(of: Case, made: Plan) -> dict[str, Any]:
    roster = made.roster
    hours = sum(duty.shift.paid for duty in roster.duties) * of.rules.rostering.slot_min / 60
    return {
        "shifts": len(roster.duties),
        "agents_rostered": len({duty.worker for duty in roster.duties}),
        "paid_h": hours,
        "cost": roster.cost,
        "gap_to_best": roster.gap,
        "repairs": made.repairs,
        **plans.of_waiting(of, of.load(turn=1), plans.present(of, roster.duties), of.waiting),
    }


def _add_needs(rows: Sequence[dict[str, Any]], of: Case, told: Any, load: Any, waiting: Waiting) -> None:
    """What each interval would need, beside what is there."""
    from centre.staffing import planning, required

    needed = planning.needs(load, told, of.goals, seed=of.rules.luck.seed, waiting=waiting)
    for row in rows:
        queue, interval = of.queues.index(row["queue"]), of.grid.place(row["interval_start"])
        agents = needed[queue].agents[interval : interval + 1]
        row["agents_needed"] = int(agents[0])
        row["positions_required"] = int(required.positions(agents, shrinkage=of.rules.shrinkage)[0])
