"""Decisions of people: review list|show|approve|reject|request, rollback, switch, promote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.acting import As, acting, credential
from flows.cli.printing import AsJson, facts, out, progress, say, table

if TYPE_CHECKING:
    from flows.compose import Workspace

RequestId = Annotated[str, typer.Argument(help="A request, as `parley review list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    review = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Promotions that wait for a person.")
    review.command("list")(list_requests)
    review.command("show")(show_request)
    review.command("approve")(approve)
    review.command("reject")(reject)
    review.command("request")(request)
    app.add_typer(review, name="review")
    app.command("rollback")(rollback)
    app.command("switch")(switch)
    app.command("promote")(promote)


def list_requests(as_json: AsJson = False) -> None:
    """Requests that wait, oldest first."""
    from flows import deciding

    found = deciding.waiting(_workspace())
    if as_json:
        out({"waiting": found})
        return
    rows = [(r["request_id"], f"{r['family']}/{r['version']}", r["requester"], r["expires_at"]) for r in found]
    table(("request", "version", "requester", "expires"), rows, empty="nothing waits")


def show_request(request_id: RequestId, as_json: AsJson = False) -> None:
    """What approval of a request would sign."""
    from flows import deciding

    result = deciding.shown(_workspace(), request_id)
    if as_json:
        out(result)
        return
    signs, changes = result.pop("signs"), result.pop("intents", None)
    facts(result)
    if changes is not None:
        say_changes(changes)
    say("signs")
    facts({name: value for name, value in signs.items() if name not in ("scope", "conditions")}, indent="  ")
    say("  scope")
    facts(signs["scope"], indent="    ")
    say("  conditions" if signs["conditions"] else "  no conditions")
    for one in signs["conditions"]:
        say(f"    {one}")


def say_changes(changes: dict[str, Any]) -> None:
    """What comes, goes or is renamed, and who reads it; first, what somebody reads that goes."""
    from flows import intent_changes

    for one in changes["warnings"]:
        say(f"WARNING: {one}")
    for line in intent_changes.lines(changes):
        if line not in changes["warnings"]:
            say(f"intents: {line}")


def approve(
    request_id: RequestId,
    comment: Annotated[str, typer.Option(help="Kept in the history.")] = "",
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Approve a request, and promote: a reviewer who is not the requester, by their own credential."""
    from flows import deciding

    place = _workspace()
    person = acting(place, who, "reviewer")
    result = deciding.approve(place, request_id, person=person, comment=comment, credential=credential())
    with progress("promote", quiet=as_json):
        result = {**result, **_promote(place, request_id)}
    out(result) if as_json else facts(result)


def reject(
    request_id: RequestId,
    comment: Annotated[str, typer.Option(help="Why; kept in the history.")],
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Reject a request, with the reason."""
    from flows import deciding

    place = _workspace()
    result = deciding.reject(place, request_id, person=acting(place, who, "reviewer"), comment=comment)
    out(result) if as_json else facts(result)


def request(
    version: Annotated[str, typer.Argument(help="A version that passed, as intent/3.")],
    unit: Annotated[list[str] | None, typer.Option(help="A business unit where it may answer; repeatable.")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="A queue where it may answer; repeatable.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="A channel where it may answer; repeatable.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="A language in which it may answer; repeatable.")] = None,
    share: Annotated[float | None, typer.Option(help="The share of contacts, 0 (a shadow) to 1 (every one).")] = None,
    until: Annotated[str, typer.Option(help="When to review it again; it answers on, and says that it is due.")] = "",
    condition: Annotated[
        list[str] | None, typer.Option(help="What people are to see to while it answers; repeatable.")
    ] = None,
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Ask for the promotion of a version that waits for nobody: trained with --no-request, expired, or rejected.

    Scope and conditions are signed by who approves. Without options the scope is the widest that the report supports;
    more is refused.
    """
    from flows import deciding
    from flows import request as requests

    place = _workspace()
    person = acting(place, who, "engineer")
    named = {"units": unit, "queues": queue, "channels": channel, "languages": language}
    scope: dict[str, Any] = {name: tuple(words) for name, words in named.items() if words}
    scope |= {"share": share} if share is not None else {}
    scope |= {"until": requests.moment(until, where="--until").isoformat()} if until else {}
    result = deciding.request(
        place, version, person=person, credential=credential(), scope=scope, conditions=condition or ()
    )
    out(result) if as_json else facts(result)


def rollback(
    family: Annotated[str, typer.Argument(help="intent, routing or forecast")],
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")],
    to: Annotated[str, typer.Option("--to", help="An approved version, or baseline; the one before without it.")] = "",
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Return to an approved version or to the baseline."""
    from flows import deciding

    place = _workspace()
    person = acting(place, who, "engineer", "reviewer")
    result = deciding.roll_back(place, family, to=to, person=person, reason=reason)
    out(result) if as_json else facts(result)


def switch(
    state: Annotated[str, typer.Argument(help="off or on")],
    capability: Annotated[str, typer.Argument(help="intent, route or forecast")],
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")],
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Switch a capability off, or on again."""
    from flows import deciding

    place = _workspace()
    person = acting(place, who, "engineer", "reviewer")
    result = deciding.switch(place, state, capability, person=person, reason=reason)
    out(result) if as_json else facts(result)


def promote(request_id: RequestId, as_json: AsJson = False) -> None:
    """Act on an approval that nobody acted on yet."""
    result = _promote(_workspace(), request_id)
    if as_json:
        out(result)
    else:
        say(f"{result['family']}/{result['version']} is champion")


def _promote(place: Workspace, request_id: str) -> dict[str, Any]:
    from flows.operating import embedded

    with embedded(place.settings):
        from flows.promote import promote as flow

        return dict(flow(place, request_id))


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
