"""For engineers: who reads which intents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.acting import As, acting
from flows.cli.printing import AsJson, facts, out, table

if TYPE_CHECKING:
    from flows.compose import Workspace

Name = Annotated[str, typer.Argument(metavar="NAME", help="What people call it, such as self-service-refunds.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    consumers = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who reads which intents.")
    consumers.command("register")(register)
    consumers.command("list")(list_consumers)
    consumers.command("remove")(remove)
    app.add_typer(consumers, name="consumers")


def register(
    name: Name,
    reads: Annotated[list[str], typer.Option(help="intent:ID, several with commas or repeated.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "",
    contact: Annotated[str, typer.Option(help="How that person is reached.")] = "",
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Register what reads intents, or replace it: a promotion that touches them then names it."""
    from flows import consumers

    place = _workspace()
    person = acting(place, who, "engineer")
    told = consumers.register(place, name, reads=reads, owner=owner, contact=contact, person=person)
    out(told) if as_json else facts(told)


def list_consumers(as_json: AsJson = False) -> None:
    """What was registered, by name."""
    from flows import consumers

    found = [one.to_json() for one in consumers.registered(_workspace()).values()]
    if as_json:
        out({"consumers": found})
        return
    rows = [(one["name"], one["reads"], one["owner"], one["contact"]) for one in found]
    table(("consumer", "reads", "owner", "contact"), rows, empty="nobody is registered")


def remove(name: Name, who: As = "", as_json: AsJson = False) -> None:
    """Take it out: it reads intents no longer."""
    from flows import consumers

    place = _workspace()
    told = consumers.remove(place, name, person=acting(place, who, "engineer"))
    out(told) if as_json else facts(told)


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
