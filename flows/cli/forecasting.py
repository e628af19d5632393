"""For planners: read an issued forecast, change it with a reason, and see what that was worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from flows.cli.acting import As, acting
from flows.cli.printing import AsJson, facts, local, out, period, say, table

if TYPE_CHECKING:
    from flows.compose import Workspace

Id = Annotated[str, typer.Argument(metavar="ID", help="As `parley forecast adjustments` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    forecast = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Read and change the issued forecast.")
    forecast.command("show")(show)
    forecast.command("adjust")(adjust)
    forecast.command("adjustments")(adjustments)
    forecast.command("withdraw")(withdraw)
    forecast.command("keep")(keep)
    forecast.command("why")(why)
    app.add_typer(forecast, name="forecast")


def show(
    queue: Annotated[str, typer.Argument(metavar="[QUEUE]", help="All of them together without it.")] = "*",
    day: Annotated[str | None, typer.Option(help="The intervals of this day, 2026-05-08; days without it.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only what comes by it: voice, chat, ...")] = None,
    language: Annotated[str | None, typer.Option(help="Only what comes in it: en, zh, ...")] = None,
    issue: Annotated[str | None, typer.Option(help="An earlier issue: what was said then.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write the rows there.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", help="Also write the rows there.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is expected: contacts with their 80% and 95% interval, and how long each takes."""
    from flows import showing, staffing_plans

    told = showing.shown(_workspace(), queue=queue, day=day, issue=issue, channel=channel, language=language)
    for path in (csv, parquet):
        if path is not None:
            staffing_plans.export(told["rows"], path)
    out(told) if as_json else _say_issue(told)


def adjust(
    change: Annotated[str, typer.Option("--by", help="+20%, -5%, or contacts over the whole period: +120.")],
    start: Annotated[str, typer.Option("--from", help="Intervals that begin at or after this day or local time.")],
    end: Annotated[str, typer.Option("--to", help="... and before this.")],
    reason: Annotated[str, typer.Option(help="What you know that the forecast does not.")],
    kind: Annotated[str, typer.Option(help="What it is: campaign, outage, release, ... or other.")] = "other",
    queue: Annotated[str | None, typer.Option(help="One queue; all without it.")] = None,
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Adjust the issued forecast: answered at once and laid on later issues, until it is withdrawn."""
    from flows import adjusting

    place = _workspace()
    person = acting(place, who, "planner", "engineer")
    starts_at, ends_at = _period(place, start, end)
    told = adjusting.adjust(place, queue=queue, starts_at=starts_at, ends_at=ends_at, change=change, kind=kind,
                            reason=reason, person=person)  # fmt: skip
    out(told) if as_json else facts(period(told, _zone(place)))


def adjustments(as_json: AsJson = False) -> None:
    """All adjustments, and what each kind of reason added or cost, of the intervals that have come."""
    from flows import adjusting

    place = _workspace()
    rows = adjusting.judged(place)
    kinds = adjusting.by_kind(rows)
    if as_json:
        out({"adjustments": rows, "kinds": kinds})
        return
    zone = _zone(place)
    shown = [
        (row["adjustment_id"], row["queue"] or "all", local(row["starts_at"], zone), local(row["ends_at"], zone),
         f"{row['factor']:.3g}", row["kind"], *_worth(row), "yes" if row["stands"] else "withdrawn", row["reason"])
        for row in rows
    ]  # fmt: skip
    table(("id", "queue", f"from ({zone})", "to", "times", "kind", "intervals", "error saved", "stands", "reason"),
          shown, empty="nobody adjusted")  # fmt: skip
    for one in kinds:
        if one["intervals"]:
            helped = "helped: `parley forecast keep ID` teaches it" if one["saved"] > 0 else "cost"
            say(f"{one['kind']}: {one['adjustments']} adjustments, {helped} ({one['saved']:+.0f} contacts of error)")


def withdraw(adjustment_id: Id, who: As = "", as_json: AsJson = False) -> None:
    """It does not stand any more."""
    from flows import adjusting

    place = _workspace()
    told = adjusting.withdraw(place, adjustment_id, person=acting(place, who, "planner", "engineer"))
    out(told) if as_json else facts(told)


def keep(adjustment_id: Id, who: As = "", as_json: AsJson = False) -> None:
    """Make its reason an event of the calendar, from which the next models learn."""
    from flows import adjusting

    place = _workspace()
    row = adjusting.keep(place, adjustment_id, person=acting(place, who, "planner", "engineer"))
    out(row) if as_json else facts(period(row, _zone(place)))


def why(
    queue: Annotated[str, typer.Option(help="The queue; * is the site.")],
    day: Annotated[str, typer.Option(help="The day to come, 2026-05-08.")],
    against: Annotated[str | None, typer.Option(help="Another day to come; the last weeks' mean without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Why a day is expected to be busier or calmer: calendar, season, holidays, how the last days went, events."""
    from flows import reasons

    told = reasons.why(_workspace(), queue=queue, day=day, against=against)
    if as_json:
        out(told)
        return
    say(f"{told['day']}: {told['expected']:.1f} contacts; {told['against']}: {told['expected_against']:.1f}")
    table(("contacts", "because of"), [(f"{one['contacts']:+.1f}", one["what"]) for one in told["reasons"]],
          empty="nothing tells them apart")  # fmt: skip


def _say_issue(told: dict[str, Any]) -> None:
    zone = ZoneInfo(told["time_zone"])
    form = "%a %Y-%m-%d" if told["grain"] == "day" else "%H:%M"
    part = "/".join(one for one in (told["channel"], told["language"]) if one)
    facts({
        "issue": f"{told['issue_id']}, by the {told['source']}" + (f" {told['version']}" if told["version"] else ""),
        "of": "all queues" if told["queue"] == "*" else told["queue"], "part": part,
        "adjusted by": told["adjustments"],
    })  # fmt: skip
    table(("", "expected", "80%", "95%", "seconds each"), [
        (f"{row['interval_start'].astimezone(zone):{form}}", f"{row['offered_mean']:.1f}",
         _between(row, "q100", "q900"), _between(row, "q025", "q975"), _seconds(row.get("handle_q500")))
        for row in told["rows"]
    ], empty="nothing is forecast then")  # fmt: skip


def _between(row: dict[str, Any], low: str, high: str) -> str:
    return f"{row[f'offered_{low}']:.0f} to {row[f'offered_{high}']:.0f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _period(place: Workspace, start: str, end: str) -> tuple[Any, Any]:
    from flows import calendar_events

    starts_at, ends_at = calendar_events.periods((start, end), time_zone=_zone(place))
    return starts_at, ends_at


def _zone(place: Workspace) -> str:
    from flows import issuing

    return issuing.running_params(place).forecast.time_zone


def _worth(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["intervals"]), f"{row['saved']:+.1f}" if row["intervals"] else "-"


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
