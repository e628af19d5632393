"""Records in: ingest, simulate, compact, materialize, absorb-feedback, issue-forecast, replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.printing import AsJson, facts, out, progress, say, table

if TYPE_CHECKING:
    from datetime import date

    from flows.compose import Workspace


# A simulated centre works in years that calendars and clocks agree on.
FIRST_YEAR, LAST_YEAR = 1970, 2100
USUAL_WEEKS, USUAL_START = 8, "2026-03-02"
# Days of the forecast that are told when it is issued.
_DAYS_TOLD = 7


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("ingest")(ingest)
    app.command("simulate")(simulate)
    app.command("replay")(replay)
    app.command("compact")(compact)
    app.command("materialize")(materialize)
    app.command("absorb-feedback")(absorb_feedback)
    app.command("issue-forecast")(issue_forecast)


def ingest(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="events, intent-csv, volume-csv or anonymous-bank")],
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files of that format.")],
    source: Annotated[str | None, typer.Option(help="Name of the source; the format without it.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Zone of local times, as Asia/Jerusalem.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take records in: each file whole or not at all, then checked and moved to the archive.

    Ends with 2 where rows were refused and nothing at all was taken.
    """
    place = _workspace()
    from flows import receiving
    from flows.operating import embedded

    opened = receiving.open_files(place, form, paths, source=source, time_zone=time_zone)
    with progress(f"ingest {len(paths)} file(s)", quiet=as_json), embedded(place.settings):
        from flows.ingest import ingest as flow

        done = flow(place, opened)
    files: list[dict[str, Any]] = [
        {
            "path": f.path,
            "taken": f.taken,
            "repeated": f.repeated,
            "refused": len(f.faults),
            "period": f.period,
            "known_at_rule": f.known_at_rule,
            "notes": list(f.notes),
        }
        for f in done.files
    ]
    result = {"files": files, **_counts(done.compacted)}
    result["quarantined"] += sum(f["refused"] for f in files)
    if as_json:
        out(result)
    else:
        _say_files(files)
        _say_counts(result, place)
    receiving.refuse_nothing_kept(place, done.files, done.compacted)


def simulate(
    weeks: Annotated[
        int | None, typer.Option(help="Weeks of the simulated centre, 8 without it; with --fit as long as the log.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 2026,
    start: Annotated[str | None, typer.Option(help="First day, 2026-03-02 without it; not with --fit.")] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Play this workspace's own contact log, fitted, beside it; writes nothing.")
    ] = False,
    agents: Annotated[
        int | None, typer.Option(help="With --fit: also play it with so many agents instead of the log's.")
    ] = None,
    within: Annotated[
        float | None, typer.Option(help="With --fit: seconds of the service level, 20 without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a simulated contact centre work for some weeks and take in what it recorded; or, with --fit, see how near a
    simulation of this workspace's own contacts comes to them, and what other staffing would do."""
    place = _workspace()
    _refuse_unfitting(fit=fit, start=start, agents=agents, within=within)
    if fit:
        from flows.cli import resembling
        from flows.resembling import WITHIN_S, Asked

        asked = Asked(weeks=weeks, seed=seed, agents=agents, within_s=WITHIN_S if within is None else within)
        resembling.show(place, asked, as_json=as_json)
        return
    _simulate_world(place, weeks=USUAL_WEEKS if weeks is None else weeks, seed=seed, start=start, as_json=as_json)


def _refuse_unfitting(*, fit: bool, start: str | None, agents: int | None, within: float | None) -> None:
    """Raises InputError for an option of the one kind of simulation that was given to the other."""
    from data_contracts.errors import InputError

    if fit and start is not None:
        raise InputError(
            "a fitted log has its own days", expected="--fit without --start", came=f"--start {start}",
            where="parley simulate --fit", remedy="leave --start out: days follow the weekday on which the log begins",
        )  # fmt: skip
    for name, value in (("--agents", agents), ("--within", within)):
        if value is not None and not fit:
            raise InputError(
                "only a fitted log can be asked this", expected=f"{name} with --fit", came=f"{name} {value:g}",
                where="parley simulate", remedy="parley simulate --fit",
            )  # fmt: skip


def _simulate_world(place: Workspace, *, weeks: int, seed: int, start: str | None, as_json: bool) -> None:
    first = _first_day(USUAL_START if start is None else start)
    from flows.operating import embedded

    with progress(f"simulate {weeks} weeks", quiet=as_json), embedded(place.settings):
        from flows.simulate import simulate as flow

        done = flow(place, weeks=weeks, seed=seed, start=first)
    result = {"events": done.taken, "events_repeated": done.repeated, **_counts(done.compacted)}
    if as_json:
        out(result)
        return
    say(f"{done.taken} events recorded, {done.repeated} held already")
    _say_counts(result, place)


def _first_day(start: str) -> date:
    from datetime import date

    from data_contracts.errors import InputError

    try:
        first = date.fromisoformat(start)
    except ValueError as error:
        raise InputError("not a day", expected="a day such as 2026-03-02", came=start, where="--start") from error
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        expected = f"a day of the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InputError("a centre of another age", expected=expected, came=start, where="--start")
    return first


def replay(
    path: Annotated[Path, typer.Argument(help="A file of the quarantine.")],
    mended: Annotated[Path, typer.Argument(help="JSON lines: the line in that file, and the columns that change.")],
    as_json: AsJson = False,
) -> None:
    """Check mended rows of the quarantine again and take them in."""
    place = _workspace()
    from flows import mending

    result = mending.replay(place, path, mended)
    out(result) if as_json else facts(result)


def compact(as_json: AsJson = False) -> None:
    """Move what the log took in to the archive, exactly once."""
    place = _workspace()
    from flows.operating import embedded

    with progress("compact", quiet=as_json), embedded(place.settings):
        from flows.compact import compact as flow

        done = flow(place)
    result = _counts(done)
    out(result) if as_json else _say_counts(result, place)


def materialize(
    as_of: Annotated[str, typer.Option("--as-of", help="Features as known then; the end of the data without it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write the newest features into the online store and the mirror that serving reads."""
    place = _workspace()
    from flows import asking, materializing
    from flows.operating import embedded

    moment = asking.as_of_given(place, as_of, ("routing",)) if as_of else materializing.default_as_of(place)
    with progress("materialize", quiet=as_json), embedded(place.settings):
        from flows.materialize import materialize as flow

        result = flow(place, as_of=moment)
    out(result) if as_json else facts(result)


def absorb_feedback(as_json: AsJson = False) -> None:
    """Take verdicts and ratings in as labels, and count them."""
    place = _workspace()
    from flows.operating import embedded

    with progress("absorb feedback", quiet=as_json), embedded(place.settings):
        from flows.absorb_feedback import absorb_feedback as flow

        result = flow(place)
    if as_json:
        out(result)
        return
    rows = [(family, f["verdicts"], f["mature"], f["agents"]) for family, f in result.items()]
    table(("family", "verdicts", "mature", "agents"), rows, empty="no verdicts")


def issue_forecast(
    as_of: Annotated[
        str, typer.Option("--as-of", help="From what was known then; the end of the data without it.")
    ] = "",
    plan: Annotated[bool, typer.Option("--plan", help="Then plan agents and shifts by the setting staffing_rules.")] = (
        False
    ),
    every: Annotated[
        bool, typer.Option("--every", help="Again at each interval's end, with what came by then, until interrupted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Issue the forecast of the champion, or of the baseline while there is none."""
    place = _workspace()
    if every:
        _issue_for_ever(place)
    from flows import asking, issuing
    from flows.operating import embedded

    moment = asking.as_of_given(place, as_of, ("forecast",)) if as_of else issuing.default_as_of(place)
    with progress("issue forecast", quiet=as_json) as step, embedded(place.settings):
        from flows.issue_forecast import issue_forecast as flow

        result = flow(place, as_of=moment)
        if plan:
            from flows.plan_staffing import plan_staffing

            step("plan agents and shifts, a minute or two")
            planned = plan_staffing(place)
            result = {**result, "staffing": planned.get("plan_id"), "staffing_skipped": planned.get("skipped")}
    out(result) if as_json else facts(result)
    if not as_json:
        _say_days(place)
        if moment < issuing.default_as_of(place):
            say("this answers now, though more is known: `parley issue-forecast` without --as-of issues from all of it")


def _say_days(place: Workspace) -> None:
    """What is expected of the next days, as it answers from now on."""
    from flows import issuing

    say()
    table(("day", "contacts", "80% interval"), [
        (f"{one['day']:%a %Y-%m-%d}", f"{one['offered_mean']:.0f}",
         f"{one['offered_q100']:.0f} – {one['offered_q900']:.0f}")
        for one in issuing.next_days(place, most=_DAYS_TOLD)
    ], empty="no whole day is told")  # fmt: skip


def _issue_for_ever(place: Workspace) -> None:
    """A line an interval: what was issued, that nothing came, or why it could not be."""
    from flows.operating import embedded

    with embedded(place.settings):
        from flows import reissuing
        from flows.compact import compact
        from flows.issue_forecast import issue_forecast as issue

        for told in reissuing.every_interval(place, take_in=compact, issue=issue):
            word = told.get("failed") or f"{told.get('unchanged') or told['issue_id']}"
            what = "not issued" if "failed" in told else "nothing came since" if "unchanged" in told else "issued"
            say(f"{place.clock.now():%Y-%m-%d %H:%M}Z  {what}: {word}")


def _workspace() -> Workspace:
    from flows.compose import workspace

    return workspace()


def _counts(done: Any) -> dict[str, Any]:
    names = ("taken", "repeated", "quarantined", "parked", "freed", "batch")
    return {**{name: getattr(done, name) for name in names}, "archived_period": _plain_period(done.period)}


def _say_files(files: list[dict[str, Any]]) -> None:
    for one in files:
        say(f"{one['path']}: {one['taken']} rows taken, {one['repeated']} repeated, {one['refused']} refused")
        facts({"period": _period(one["period"]), "known_at": one["known_at_rule"], "notes": one["notes"]}, indent="  ")


def _say_counts(result: dict[str, Any], place: Workspace) -> None:
    say(
        f"archive: {result['taken']} rows taken, {result['repeated']} repeated, {result['quarantined']} quarantined, "
        f"{result['parked']} parked, {result['freed']} freed"
        + (f" (batch {result['batch']})" if result["batch"] else "")
    )
    if result.get("archived_period"):
        say(f"period:  {_period(result['archived_period'])}")
    if result["quarantined"]:
        say(f"refused rows with rule and value: {place.settings.quarantine_dir}")


def _plain_period(period: Any) -> list[str] | None:
    return [getattr(end, "isoformat", lambda end=end: str(end))() for end in period] if period else None


def _period(period: Any) -> str:
    return " to ".join(str(end) for end in period) if period else ""
