"""Runs: retrain, watch, runs list|show|logs, reproduce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.acting import As, credential
from flows.cli.printing import AsJson, facts, out, progress, say, table

if TYPE_CHECKING:
    from flows.compose import Workspace
    from flows.runs import Run


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("retrain")(retrain)
    app.command("continue-run", hidden=True)(continue_run)
    app.command("watch")(watch)
    app.command("reproduce")(reproduce)
    runs = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What runs did.")
    runs.command("list")(list_runs)
    runs.command("show")(show_run)
    runs.command("logs")(run_logs)
    app.add_typer(runs, name="runs")


def retrain(
    family: Annotated[str, typer.Argument(metavar="FAMILY|all", help="intent, routing, forecast, or all in one run")],
    reason: Annotated[str, typer.Option(help="Why; kept with the version.")],
    as_of: Annotated[
        str, typer.Option("--as-of", help="Only what was known then; the end of the data without it.")
    ] = "",
    changes: Annotated[list[str] | None, typer.Option("--set", help="section.key=value of params.yaml.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    no_request: Annotated[bool, typer.Option("--no-request", help="Train and judge, ask nobody.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would run, run nothing.")] = False,
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Train and judge in a clean clone of the code, register the versions, and ask for promotions."""
    place = _workspace()
    asked: dict[str, Any] = {
        "family": family,
        "reason": reason,
        "requester": _requester(place, who, needed=not (no_request or dry_run)),
        "as_of": as_of or None,
        "set": changes or (),
        "seed": seed,
        "no_request": no_request or None,
        "dry_run": dry_run or None,
        "credential": credential() or None,
    }
    from flows import launching

    with launching.run_in_turn(place, asked) as run:
        _operate(place, run, as_json=as_json)


def continue_run(run_id: str, as_json: AsJson = False) -> None:
    """Drive a run that was written down elsewhere."""
    place = _workspace()
    from data_contracts.errors import StateConflict
    from flows import runs

    run = runs.load(place.settings, run_id)
    if run.state != "queued":
        raise StateConflict("this run has begun already", expected="queued", came=run.state, where=run_id)
    _operate(place, run, as_json=as_json)


def watch(
    families: Annotated[list[str] | None, typer.Argument(metavar="[FAMILY…]", help="All families without it.")] = None,
    act: Annotated[bool, typer.Option("--act", help="Start the retraining that was decided, one at a time.")] = False,
    who: As = "",
    as_json: AsJson = False,
) -> None:
    """Decide whether to retrain, and record why or why not."""
    place = _workspace()
    from flows import launching
    from flows.operating import embedded

    named = [name for family in families or ["all"] for name in launching.families_named(family)]
    requester = _requester(place, who, needed=act)
    with progress("watch", quiet=as_json), embedded(place.settings):
        from flows.watch import watch as flow

        decided = flow(place, named)
    if act:
        for one in decided:
            if one["retrain"]:
                one |= _started(place, one, requester)
    if as_json:
        out({"decisions": decided})
        return
    for one in decided:
        say(f"{one['family']}: {'retrain' if one['retrain'] else 'do not retrain'}: {one['why']}")
        facts({"started": one.get("run_id"), "not started": one.get("not_started")}, indent="  ")


def _started(place: Workspace, decided: dict[str, Any], requester: str) -> dict[str, Any]:
    """The run that was started, or why none was: while one is under way the next look finds the family again."""
    from data_contracts.errors import StateConflict
    from flows import launching

    asked = {"family": decided["family"], "reason": "watch: " + decided["why"], "requester": requester,
             "credential": credential() or None}  # fmt: skip
    try:
        return {"run_id": launching.retraining(place, asked)}
    except StateConflict as busy:
        return {"not_started": str(busy)}


def reproduce(version: Annotated[str, typer.Argument(help="As intent/3.")], as_json: AsJson = False) -> None:
    """Train a version again from its commit, snapshot and request, and compare the bytes."""
    place = _workspace()
    from flows import reproducing

    with progress(f"reproduce {version}", quiet=as_json):
        result = reproducing.reproduce(place, version)
    if as_json:
        out(result)
    else:
        facts({name: value for name, value in result.items() if name != "files"})
        table(
            ("file", "registered", "again", "same"),
            [(f["file"], f["registered"][:12], f["again"][:12], f["same"]) for f in result["files"]],
            empty="no files",
        )
    if not result["same"]:
        raise typer.Exit(6)


def list_runs(as_json: AsJson = False) -> None:
    """Every run, newest first."""
    from flows import runs

    found = runs.all_runs(_workspace().settings)
    if as_json:
        out({"runs": [run.to_json() for run in found]})
        return
    rows = [(r.run_id, r.state, r.stage, r.requester, r.reason, _verdicts(r)) for r in found]
    table(("run", "state", "stage", "requester", "reason", "verdicts"), rows, empty="no runs yet: parley retrain")


def show_run(run_id: str, as_json: AsJson = False) -> None:
    """One run: what was asked, what came of it, its steps, and where the pages on its data's quality lie."""
    from flows import runs

    place = _workspace()
    run, steps = runs.load(place.settings, run_id), runs.progress(place.settings, run_id)
    page = runs.data_docs(place.settings, run_id)
    told = {**run.to_json(), "data_docs": str(page) if page else None}
    if as_json:
        out({**told, "progress": steps})
        return
    facts({name: value for name, value in told.items() if name != "outcomes"})
    _show_outcomes(run)
    table(("at", "stage", "state"), [(s["at"], s["stage"], s["state"]) for s in steps], empty="no steps yet")


def run_logs(run_id: str, as_json: AsJson = False) -> None:
    """What the stages of a run printed."""
    from flows import runs

    place = _workspace()
    runs.load(place.settings, run_id)
    path = runs.sidecar(place.settings, run_id) / "log.txt"
    said = path.read_text(encoding="utf-8") if path.is_file() else ""
    out({"run_id": run_id, "log": said}) if as_json else say(said or "nothing was printed yet")


def _operate(place: Workspace, run: Run, *, as_json: bool) -> None:
    """Run it, show what came of it; a family that could not be judged ends the command with its error's code."""
    from flows.following import following
    from flows.operating import embedded

    with progress(f"{run.run_id}: {', '.join(run.families)}", quiet=as_json) as tell, embedded(place.settings):
        from flows.retrain import operate

        with following(place.settings, run.run_id, tell):
            run = operate(place, run)
    if as_json:
        out(run.to_json())
    else:
        say(f"run {run.run_id}: {run.state}" + (" (from a dirty tree)" if run.dirty else ""))
        facts({"would run": run.options.get("would_run")}, indent="  ")
        _show_outcomes(run)
    if code := exit_code(run):
        raise typer.Exit(code)


def exit_code(run: Run) -> int:
    """0 if every family has a verdict (held is one), the error's code of one that failed, 8 if none had any data."""
    from data_contracts.errors import NotEnoughData

    failed = [int(outcome["exit_code"]) for outcome in run.outcomes.values() if outcome["verdict"] == "failed"]
    nothing = bool(run.outcomes) and all(outcome["verdict"] == "no data" for outcome in run.outcomes.values())
    return failed[0] if failed else NotEnoughData.exit_code * nothing


def _show_outcomes(run: Run) -> None:
    for family, outcome in run.outcomes.items():
        named = f"{family}/{outcome['version']}" if outcome.get("version") else family
        asked = f", promotion requested ({outcome['request']})" if outcome.get("request") else ""
        say(f"  {named}: {outcome['verdict']}{asked}")
        for reason in outcome.get("reasons", ()):
            say(f"    - {reason}")


def _verdicts(run: Run) -> str:
    return ", ".join(f"{family} {outcome['verdict']}" for family, outcome in run.outcomes.items()) or run.error


def _requester(place: Workspace, who: str, *, needed: bool) -> str:
    """The engineer who asks; a run that asks nobody needs no person."""
    import os

    from flows.cli.acting import VARIABLE, acting

    if needed or os.environ.get(VARIABLE):
        return acting(place, who, "engineer").name
    return who or "nobody"


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()
