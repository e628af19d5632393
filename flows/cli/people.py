"""People: people add|accept|list|disable|rotate|invite."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.acting import VARIABLE, As, acting
from flows.cli.printing import AsJson, facts, out, say, table

if TYPE_CHECKING:
    from centre.people import Listed
    from flows.compose import Workspace

Name = Annotated[str, typer.Argument(help="A person's or a service's name.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    people = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may do what.")
    people.command("add")(add)
    people.command("accept")(accept)
    people.command("list")(list_people)
    people.command("disable")(disable)
    people.command("rotate")(rotate)
    people.command("invite")(invite)
    app.add_typer(people, name="people")


def add(
    name: Name,
    roles: Annotated[
        list[str], typer.Option("--role", help="engineer, reviewer, planner, service, agent or viewer; repeatable.")
    ],
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Add a person. Nobody hands out a role that they do not hold; the first person may, and gets a token at once.

    Engineers and reviewers get an invitation, good once and for three days, and make their own token by it; planners,
    services, agents and viewers get a token.
    """
    from flows import admitting

    place = _workspace()
    given = admitting.add(place, name, roles=roles, by=_by(place, who))
    if as_json:
        secret = {"invitation": given.invitation} if given.invitation else {"token": given.token}
        out({"name": name, "roles": sorted(roles), **secret})
        return
    if given.invitation:
        say(f"{name} may act as {', '.join(sorted(roles))} by a token of their own. The invitation is good once:")
        say(f"  parley people accept {given.invitation}")
        say(f"  or in a browser: {admitting.link_of(place, given.invitation)}")
        facts({"but": admitting.warning_of(place)}, indent="  ")
        return
    say(f"{name} may act as {', '.join(sorted(roles))}. The token is shown once:")
    say(given.token)


def accept(
    code: Annotated[str, typer.Argument(help="The code that `parley people add` printed for you.")],
    as_json: AsJson = False,
) -> None:
    """Take up an invitation: make your own token and print it, once."""
    from flows import admitting

    person, token = admitting.accept(_workspace(), code)
    if as_json:
        out({"name": person.name, "roles": sorted(person.roles), "token": token})
        return
    say(f"You are {person.name} ({', '.join(sorted(person.roles))}). Your token is shown once:")
    say(token)


def list_people(as_json: AsJson = False) -> None:
    """Everybody, with roles; no secrets."""
    found = _workspace().people.list()
    if as_json:
        out({"people": [_shown(person) for person in found]})
        return
    rows = [(p.name, sorted(p.roles), p.added_by, "disabled" if p.disabled else "") for p in found]
    table(("name", "roles", "let in by", ""), rows, empty="nobody yet: parley people add NAME --role engineer")


def disable(name: Name, who: As = "", as_json: AsJson = False) -> None:
    """End a person's access at once."""
    place = _workspace()
    acting(place, who, "engineer", "reviewer")
    place.people.disable(name)
    out({"name": name, "disabled": True}) if as_json else say(f"{name} is disabled")


def rotate(name: Name, who: As = "", as_json: AsJson = False) -> None:
    """A new token for oneself; the old one ends at once."""
    from flows import admitting

    place = _workspace()
    token = admitting.rotate(place, name, by=acting(place, who))
    out({"name": name, "token": token}) if as_json else say(token)


def invite(name: Name, who: As = "", as_json: AsJson = False) -> None:
    """A sign-in link for oneself, good once and for a quarter of an hour."""
    from flows import admitting

    place = _workspace()
    link = admitting.invite(place, name, by=acting(place, who))
    told = {"name": name, "link": link, "but": admitting.warning_of(place)}
    out(told) if as_json else facts(told)


def _shown(person: Listed) -> dict[str, Any]:
    told = {"name": person.name, "roles": sorted(person.roles), "disabled": person.disabled}
    return {**told, "let_in_by": person.added_by}


def _by(place: Workspace, who: str) -> str | None:
    """Who adds: the person of the token; nobody in a workspace without people."""
    if not place.people.list() and not os.environ.get(VARIABLE):
        return None
    return acting(place, who).name


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
