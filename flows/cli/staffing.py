"""For planners: staff plan, what-if and show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.printing import AsJson, facts, local, out, progress, say, table

if TYPE_CHECKING:
    from datetime import datetime

    from flows.compose import Workspace

Rows = list[dict[str, Any]]
Csv = Annotated[Path | None, typer.Option("--csv", help="Also write the intervals there.")]
Parquet = Annotated[Path | None, typer.Option("--parquet", help="Also write the intervals there.")]
PlanId = Annotated[str | None, typer.Argument(metavar="[PLAN]", help="The current plan without it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    staff = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="How many agents, and who works when.")
    staff.command("plan")(plan)
    staff.command("what-if")(what_if)
    staff.command("show")(show)
    app.add_typer(staff, name="staff")


def plan(
    rules: Annotated[
        Path | None, typer.Option(help="YAML; the defaults without it (docs/reference/staffing.md).")
    ] = None,
    agents: Annotated[Path | None, typer.Option(help="CSV: agent_id, skills; the archive's agents without it.")] = None,
    since: Annotated[str, typer.Option("--from", help="Intervals that begin at or after this time.")] = "",
    until: Annotated[str, typer.Option("--to", help="Intervals that begin before this time; a week without it.")] = "",
    csv: Csv = None,
    parquet: Parquet = None,
    roster: Annotated[Path | None, typer.Option(help="Also write who works when there, .csv or .parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """Plan agents and shifts for the issued forecast, and keep the plan."""
    from flows import staffing, staffing_plans

    place = _workspace()
    asked = staffing.Asked(rules, agents, _moment(since, "--from"), _moment(until, "--to"))
    with progress("plan agents and shifts", quiet=as_json) as step:
        told = staffing.make(place, asked, step=step)
    _export(staffing_plans.intervals(place, told), csv, parquet)
    if roster is not None:
        staffing_plans.export(staffing_plans.roster(place, told), roster)
    out(told) if as_json else _say_plan(told)


def what_if(
    plan_id: PlanId = None,
    volume: Annotated[str, typer.Option(help="Contacts, as +20% or 1.2.")] = "+0%",
    sick: Annotated[int, typer.Option(help="Agents who stay away, of each day's rostered.")] = 0,
    aht: Annotated[str, typer.Option(help="Handle time, as +30s.")] = "+0s",
    needs: Annotated[bool, typer.Option("--needs", help="Also what would be needed; takes longer.")] = False,
    csv: Csv = None,
    parquet: Parquet = None,
    as_json: AsJson = False,
) -> None:
    """What the roster would reach if more came, it took longer, or people were sick. Writes nothing."""
    from flows import staffing

    change = staffing.Change(
        staffing.share(volume, where="--volume"), staffing.seconds(aht, where="--aht"), sick
    )  # fmt: skip
    with progress("play the roster", quiet=as_json):
        told = staffing.what_if(_workspace(), change, plan_id=plan_id, needs=needs)
    _export(told["intervals"], csv, parquet)
    out(told) if as_json else _say_what_if(told)


def show(
    plan_id: PlanId = None,
    csv: Csv = None,
    parquet: Parquet = None,
    who: Annotated[bool, typer.Option("--who", help="Who works when, in place of the days.")] = False,
    as_json: AsJson = False,
) -> None:
    """A plan that was kept: its days, or who works when."""
    from flows import staffing_plans

    place = _workspace()
    told = staffing_plans.about(place, plan_id)
    rows = staffing_plans.intervals(place, told)
    _export(rows, csv, parquet)
    if as_json:
        out(
            {
                **told,
                "intervals": rows,
                "roster": staffing_plans.roster(place, told),
                "kept": staffing_plans.kept(place),
            }
        )
    elif who:
        _say_who(staffing_plans.roster(place, told), zone=str(told["time_zone"]))
    else:
        _say_plan(told)


def _say_plan(told: dict[str, Any]) -> None:
    of, service = told["summary"], told["rules"]["service"]
    made_up = ", made of simulated records" if told["simulated"] else ""
    facts({
        "plan": told["plan_id"],
        "for": f"{told['days'][0]} to {told['days'][-1]}, {len(told['queues'])} queues",
        "forecast": f"{told['issue_id']}{made_up}",
        "goal": f"{service['target']:.0%} within {service['within_s']:g} s in an interval, with a probability of "
                f"{service['probability']:.0%}",
        "roster": f"{of['shifts']} shifts of {of['agents_rostered']} agents (of {told['agents_count']}), "
                  f"{of['paid_h']:.0f} h, cost {of['cost']:,.0f}; {of['gap_to_best']:.1%} or less from the best",
        "intervals": f"{of['share_with_probability']:.1%} of {of['intervals']} reach that probability; "
                     f"{of['share_expected_to_meet']:.1%} are expected to meet the service level",
        **_of_waiting(of),
    })  # fmt: skip
    say()
    table(("day", "required h", "missing h", "with probability", "expected to meet"), [
        (day["day"], f"{day['required_h']:.0f}", f"{day['missing_h']:.1f}", f"{day['share_with_probability']:.0%}",
         f"{day['share_expected_to_meet']:.1%}") for day in told["by_day"]
    ], empty="no open intervals")  # fmt: skip
    for remark in told.get("remarks", ()):
        say(f"note: {remark}")


def _of_waiting(of: dict[str, Any]) -> dict[str, str]:
    """What may wait, where the rules and the forecast tell of it."""
    if not of.get("waiting_h"):
        return {}
    done = f"{of['waiting_done_share']:.1%} is done on its day"
    return {"may wait": f"{of['waiting_h']:.0f} h of work beside these, of which {done}"}


def _say_what_if(told: dict[str, Any]) -> None:
    change, before, after = told["change"], told["before"], told["after"]
    facts({
        "plan": told["plan_id"],
        "if": f"volume x {change['volume']:g}, handle time {change['handle_more_s']:+g} s, {change['sick']} sick a day",
        "before": f"{before['share_expected_to_meet']:.1%} of the intervals are expected to meet the service level",
        "then": f"{after['share_expected_to_meet']:.1%}; {after['share_with_probability']:.1%} reach the probability",
        **_of_waiting(after),
    })  # fmt: skip
    if after["required_h"]:
        facts({"needed": f"{after['required_h']:.0f} h to roster, of which {after['missing_h']:.0f} h are missing"})
    say()
    table(("day", "before", "then"), [
        (day["day"], f"{day['before']:.1%}", f"{day['share_expected_to_meet']:.1%}") for day in told["days"]
    ], empty="no open intervals")  # fmt: skip


def _say_who(rows: Rows, *, zone: str) -> None:
    table(("day", "agent", "shift", f"from ({zone})", "to", "breaks"), [
        (row["day"], row["agent_id"], row["template"], local(row["starts_at"], zone)[-5:],
         local(row["ends_at"], zone)[-5:], ", ".join(local(pause["starts_at"], zone)[-5:] for pause in row["breaks"]))
        for row in sorted(rows, key=lambda row: (row["day"], row["starts_at"], row["agent_id"]))
    ], empty="nobody is rostered")  # fmt: skip


def _export(rows: Rows, *paths: Path | None) -> None:
    from flows import staffing_plans

    for path, ending in zip(paths, (".csv", ".parquet"), strict=True):
        if path is not None:
            staffing_plans.export(rows, path if path.suffix == ending else path.with_name(path.name + ending))


def _moment(text: str, where: str) -> datetime | None:
    from flows.request import moment

    return moment(text, where=where) if text else None


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
