"""The application and the state of the workspace: serve, status, doctor, demo."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.cli.printing import AsJson, facts, out, say, table


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("serve")(serve)
    app.command("status")(status)
    app.command("doctor")(doctor)
    app.command("demo")(demo)


def serve(
    only: Annotated[str, typer.Option("--only", help="Parts to serve, as intent,route; all without it.")] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, 0 for a free one; the setting without it.")
    ] = None,
) -> None:
    """Answer over HTTP until interrupted."""
    from flows import answering
    from flows.compose import workspace

    parts = frozenset(part.strip() for part in only.split(",") if part.strip())
    answering.serve(
        workspace(),
        only=parts,
        host=host,
        port=-1 if port is None else port,
        on_ready=lambda at: say(f"Parley answers at {at}"),
    )


def status(as_json: AsJson = False) -> None:
    """Where the workspace stands: records, champions, what waits, runs, the issued forecast."""
    from flows import overview
    from flows.compose import workspace

    result = overview.status(workspace())
    if as_json:
        out(result)
        return
    facts({name: value for name, value in result.items() if name != "families"})
    rows = [(f["family"], f["champion"] or "baseline", f["off"], f["waiting"]) for f in result["families"]]
    table(("family", "answers", "switched off", "waiting"), rows, empty="")


def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="First let MLflow's aliases repeat the chain.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong: history, archive, artefacts, alias, keys, code, packages. Ends with 6 if anything is.

    A warning tells of what works, but not as one would want it.
    """
    from flows import diagnosing
    from flows.compose import workspace

    place = workspace()
    if mend:
        diagnosing.mend(place)
    found = diagnosing.examine(place)
    if as_json:
        out({"checks": found})
    else:
        for one in found:
            say(f"{_mark(one)} {one['check']}: {one['told']}")
    if not all(one["ok"] for one in found):
        raise typer.Exit(6)


def _mark(found: dict[str, Any]) -> str:
    return "BAD " if not found["ok"] else "warn" if found.get("warns") else "ok  "


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the job.")] = False,
    weeks: Annotated[int, typer.Option(help="Weeks to simulate.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the simulation and of training.")] = 2026,
) -> None:
    """The main job, once through: simulate, take in, train, judge, ask, serve. Run again, it continues."""
    from flows import demo as job
    from flows.compose import workspace

    job.run(workspace(), weeks=weeks, seed=seed, serve=not no_serve)
