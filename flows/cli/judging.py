"""What versions are worth: models, report, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.printing import AsJson, facts, out, say, table

if TYPE_CHECKING:
    from flows.compose import Workspace

Version = Annotated[str, typer.Argument(help="A version, as intent/3.")]
Texts = Annotated[bool, typer.Option("--texts", help="Also the texts of its confused examples, from the archive.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("models")(models)
    app.command("report")(report)
    app.command("compare")(compare)


def models(as_json: AsJson = False) -> None:
    """Every version: its verdict, where it stands, and where it came from."""
    from flows import tracing

    found = tracing.versions(_workspace())
    if as_json:
        out({"models": found})
        return
    rows = [
        (f"{m['family']}/{m['version']}", m["standing"], m["verdict"], m["run_id"], m["commit"][:10]) for m in found
    ]
    table(("version", "standing", "verdict", "run", "commit"), rows, empty="no versions yet: parley retrain")


def report(version: Version, texts: Texts = False, as_json: AsJson = False) -> None:
    """The judged report of a version: verdict, gates, figures; and where its page lies."""
    from flows import explaining, tracing
    from flows.cli.reviewing import say_changes
    from flows.compose import intent_changes_of

    place = _workspace()
    read, page = tracing.report_of(place, version)
    number = tracing.named(version)[1]
    changes = intent_changes_of(place, number, read.champion) if read.family == "intent" else None
    confused = explaining.confused(place, read) if texts else []
    if as_json:
        told = {"intents": changes} if changes else {}
        out({**_plain(read), "page": str(page), **told, **({"confused": confused} if texts else {})})
        return
    say(f"{version}: {read.verdict}")
    for reason in read.reasons:
        say(f"  - {reason}")
    table(
        ("metric", "value", "low", "high", "unit"),
        [(m.name, m.value, m.low, m.high, m.unit) for m in read.metrics],
        empty="nothing was measured",
    )
    say()
    table(
        ("gate", "against", "status", "why"),
        [(g.name, g.against, g.status, g.why) for g in read.gates],
        empty="no gate was asked",
    )
    facts({"judged rows": read.rows.judged, "frozen by": read.rows.frozen_by, "simulated": read.data.simulated})
    if changes:
        say_changes(changes)
    for limit in read.limits:
        say(f"  limit: {limit}")
    if texts:
        rows = [(one["true"], one["said"], one["sure"], one["example"], one["text"]) for one in confused]
        table(("true", "said", "sure", "example", "text"), rows, empty="no confused examples in this report")
    say(f"page: {page}")


def compare(one: Version, other: Version, as_json: AsJson = False) -> None:
    """Two versions' figures side by side, with a word where they were judged on different rows."""
    from flows import tracing

    place = _workspace()
    left, right = tracing.report_of(place, one)[0], tracing.report_of(place, other)[0]
    same_rows = left.rows.judged_digest == right.rows.judged_digest
    names = list(dict.fromkeys([m.name for m in left.metrics] + [m.name for m in right.metrics]))
    values = [{m.name: m for m in side.metrics} for side in (left, right)]
    rows = [(name, *(side[name].value if name in side else None for side in values)) for name in names]
    if as_json:
        figures = [{"metric": name, one: a, other: b} for name, a, b in rows]
        out({"same_rows": same_rows, "verdicts": {one: left.verdict, other: right.verdict}, "metrics": figures})
        return
    table(("metric", one, other), [("verdict", left.verdict, right.verdict), *rows], empty="nothing was measured")
    say(
        "judged on the same rows"
        if same_rows
        else "judged on DIFFERENT rows: the figures are not comparable as they stand"
    )


def _plain(read: Any) -> dict[str, Any]:
    import json

    return dict(json.loads(read.to_json()))


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
