"""For engineers: intents that refused contacts, and what agents typed, propose; and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.acting import As, acting
from flows.cli.printing import AsJson, facts, out, progress, say, table

if TYPE_CHECKING:
    from flows.compose import Workspace

ProposalId = Annotated[str, typer.Argument(metavar="ID", help="A proposal, as `parley intents list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    intents = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Intents that customers and agents propose."
    )
    intents.command("propose")(propose)
    intents.command("list")(list_proposals)
    intents.command("show")(show)
    intents.command("accept")(accept)
    intents.command("merge")(merge)
    intents.command("drop")(drop)
    app.add_typer(intents, name="intents")


def propose(
    since: Annotated[str, typer.Option(help="Answers from this time on; four weeks without it.")] = "",
    until: Annotated[str, typer.Option(help="Answers before this time; now without it.")] = "",
    count: Annotated[int, typer.Option(min=1, max=1000, help="Proposals at most, the largest first.")] = 20,
    least: Annotated[int, typer.Option(min=2, max=1000, help="Different wordings of a proposal at least.")] = 5,
    examples: Annotated[int, typer.Option(min=1, max=20, help="Examples of each.")] = 5,
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Group what the intent model refused; a group that is new becomes a proposed intent, once."""
    from flows import discovering
    from flows import request as requests

    place = _workspace()
    person = acting(place, who, "engineer")
    begin = requests.moment(since, where="--since") if since else None
    end = requests.moment(until, where="--until") if until else None
    with progress("what the refused have in common", quiet=as_json):
        told = discovering.propose(
            place, since=begin, until=end, count=count, least=least, examples=examples, person=person
        )
    out(told) if as_json else _say(told, place)


def list_proposals(
    state: Annotated[str, typer.Option(help="proposed, accepted, merged or dropped; all without it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Proposed intents, those that wait first, then the largest; names that agents typed are among them."""
    from flows import intents

    found = intents.listed(_workspace(), state=state or None)
    if as_json:
        out({"intents": found})
        return
    rows = [(one["id"], one["state"], one["name"], one["contacts_count"], _comment(one)) for one in found]
    table(("id", "state", "name", "contacts", ""), rows, empty="nothing was proposed; see parley intents propose")


def show(proposal_id: ProposalId, as_json: AsJson = False) -> None:
    """One proposal with what customers said."""
    from flows import intents

    told = intents.shown(_workspace(), proposal_id)
    if as_json:
        out(told)
        return
    examples = told.pop("examples")
    facts(told)
    table(("example", "text"), [(one["example_id"], one["text"] or "(erased)") for one in examples], empty="no example")


def accept(
    proposal_id: ProposalId,
    name_en: Annotated[str, typer.Option(help="The name that an agent reads in English.")],
    name_zh: Annotated[str | None, typer.Option(help="The name in Chinese.")] = None,
    intent_id: Annotated[str | None, typer.Option("--id", help="Its id; the English name's without it.")] = None,
    parent: Annotated[str | None, typer.Option(help="The broader intent.")] = None,
    critical: Annotated[bool, typer.Option("--critical", help="A wrong answer harms.")] = False,
    automatable: Annotated[bool, typer.Option("--automatable", help="A machine may finish it.")] = False,
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Make it an intent of the taxonomy; a cluster's wordings teach it, of less weight than an agent's own word."""
    from flows import intents

    place = _workspace()
    person = acting(place, who, "engineer")
    meant = intents.Meant(name_en, name_zh, intent_id, parent, critical, automatable)
    told = intents.accept(place, proposal_id, meant=meant, person=person)
    out(told) if as_json else _say_decided(told)


def merge(
    proposal_id: ProposalId,
    into: Annotated[str, typer.Option(help="The intent that covers it.")],
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Take it for what a known intent covers: its wordings teach that one."""
    from flows import intents

    place = _workspace()
    told = intents.merge(place, proposal_id, into=into, person=acting(place, who, "engineer"))
    out(told) if as_json else _say_decided(told)


def drop(
    proposal_id: ProposalId,
    reason: Annotated[str, typer.Option(help="Why it is no intent; kept.")],
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """No intent: it is not proposed again."""
    from flows import intents

    place = _workspace()
    told = intents.drop(place, proposal_id, reason=reason, person=acting(place, who, "engineer"))
    out(told) if as_json else facts(told)


def _say(told: dict[str, Any], place: Workspace) -> None:
    from flows import intents

    say(f"{told['since']} to {told['until']}: {told['refused_count']} of {told['asked_count']} contacts refused, "
        f"in {told['wordings_count']} wordings")  # fmt: skip
    if not told["refused_count"]:
        say("nothing was refused in this window")
        return
    texts = intents.texts_of(place, [one["examples"][0] for one in told["proposed"]])
    table(
        ("proposed", "name", "wordings", "contacts", "languages", "cohesion", "such as"),
        [(one["id"], one["name"], one["wordings_count"], one["contacts_count"], one["languages"], one["cohesion"],
          texts.get(one["examples"][0])) for one in told["proposed"]],
        empty=f"no {told['least']} wordings that are new belong together",
    )  # fmt: skip
    for one in told["grown"]:
        say(f"{one['id']} {one['name']}: proposed before, has grown to {one['wordings_count']} wordings")
    for one in told["seen"]:
        say(f"{one['id']} {one['name']}: {one['state']}{_as(one)} before")
    for one in told["like"]:
        why = "the threshold, or care for a critical intent, refuses it"
        say(f"{one['wordings_count']} wordings ({one['name']}) look like {one['like']}: {why}")
    for one in told["repeated"]:
        say(f"{one['contacts_count']} contacts say word for word: {one['text']}")
    say(f"{told['ungrouped']} wordings belong to no group; parley intents show ID, then accept, merge or drop")


def _say_decided(told: dict[str, Any]) -> None:
    facts(told)
    say("a model learns it from here on: parley absorb-feedback, then parley retrain intent")


def _comment(one: dict[str, Any]) -> str:
    if one["state"] != "proposed":
        return f"{one['state']}{_as(one['decided'])} by {one['decided']['by']}"
    if one["origin"] == "agents":
        return f"typed by {one['agents_count']} agents" + (f", looks like {one['like']}" if one["like"] else "")
    return f"{one['wordings_count']} wordings"


def _as(one: dict[str, Any]) -> str:
    return f" as {one['intent_id']}" if one.get("intent_id") else ""


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
