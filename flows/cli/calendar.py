"""For planners: events that move demand and no calendar tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.acting import As, acting
from flows.cli.printing import AsJson, facts, local, out, period, say, table

if TYPE_CHECKING:
    from flows.compose import Workspace

Id = Annotated[str, typer.Argument(metavar="ID", help="As `parley calendar list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    calendar = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Events that move demand.")
    calendar.command("announce")(announce)
    calendar.command("cancel")(cancel)
    calendar.command("list")(list_events)
    app.add_typer(calendar, name="calendar")


def announce(
    kind: Annotated[
        str,
        typer.Argument(help="campaign, mailing, release, outage, closure, strike, pay_day, opening, merger, other."),
    ],
    name: Annotated[str, typer.Argument(help="What people call it.")],
    start: Annotated[str, typer.Option("--from", help="When it begins: a day, or a time of the local clock.")],
    end: Annotated[str, typer.Option("--to", help="When it ends; not part of it. A merger has none.")] = "",
    queue: Annotated[list[str] | None, typer.Option(help="A queue that it moves; repeatable; all without it.")] = None,
    into: Annotated[str | None, typer.Option(help="Of a merger: the queue that its queues become.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is expected to.")] = "",
    corrects: Annotated[str, typer.Option(help="The id of an announced event that this replaces.")] = "",
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Announce an event: from now on forecasts know of it, and learn how far its kind moves demand."""
    from flows import calendar_events

    place = _workspace()
    person = acting(place, who, "planner", "engineer")
    starts_at, ends_at = calendar_events.period(start, end, kind=kind, time_zone=_zone(place))
    told = calendar_events.Announcement(kind, name, starts_at, ends_at, tuple(queue or ()), reason, into)
    _tell(place, calendar_events.announce(place, told, person=person, event_id=corrects), as_json)


def cancel(event_id: Id, who: As = "", as_json: AsJson = False) -> None:
    """It does not take place after all."""
    from flows import calendar_events

    place = _workspace()
    row = calendar_events.cancel(place, event_id, person=acting(place, who, "planner", "engineer"))
    _tell(place, row, as_json)


def list_events(as_json: AsJson = False) -> None:
    """All that were announced, by their beginning."""
    from flows import calendar_events

    place = _workspace()
    found = [calendar_events.shown(row) for row in calendar_events.announced(place)]
    if as_json:
        out({"calendar_events": found})
        return
    zone = _zone(place)
    rows = [(one["calendar_event_id"], one["kind"], local(one["starts_at"], zone), local(one["ends_at"], zone),
             one["queues"] or "all", one["cancelled"], one["name"]) for one in found]  # fmt: skip
    table(("id", "kind", f"from ({zone})", "to", "queues", "cancelled", "name"), rows, empty="nothing was announced")


def _tell(place: Workspace, row: dict[str, Any], as_json: bool) -> None:
    from flows import calendar_events

    told = calendar_events.shown(row)
    if as_json:
        out(told)
        return
    facts(period(told, _zone(place)))
    say("the next `parley issue-forecast` counts with it")


def _zone(place: Workspace) -> str:
    from flows import issuing

    return issuing.running_params(place).forecast.time_zone


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
