"""The main job, once through, as `make run` does it: a simulated centre, three judged models, the application.

Run again it continues: what is there is not made a second time.
"""

from __future__ import annotations

import os
import sys
from datetime import date
from typing import Any

from flows import admitting, launching, materializing, runs
from flows.cli.printing import progress
from flows.compose import Workspace
from flows.following import following
from flows.measuring import Watch, watching
from flows.request import FAMILIES
from flows.runs import Run

# Eight whole weeks, from a Monday; fixed, so that two demos are one.
START = date(2026, 3, 2)
ENGINEER, REVIEWER, PLANNER = "demo-engineer", "demo-reviewer", "demo-planner"
PEOPLE = {
    ENGINEER: "engineer", REVIEWER: "reviewer", PLANNER: "planner", "demo-desk": "service",
    "demo-agent": "agent",
}  # fmt: skip
TOKENS = "demo-tokens"
REASON = "demo: the first models of this workspace"
# Tuning the encoder on thousands of texts takes minutes, which a first look should not: the demo leaves it as it came.
QUICK = ("intent.recipe=frozen",)


def run(place: Workspace, *, weeks: int, seed: int, serve: bool) -> None:
    """Do the job, print what happened with seconds and memory, then serve until interrupted."""
    from flows.operating import embedded

    _say(f"Parley demo in {place.settings.home}: {weeks} weeks of a simulated contact centre, seed {seed}")
    with watching() as watch:
        with embedded(place.settings):
            job(place, watch, weeks=weeks, seed=seed)
        tell_measured(watch)
    tell_standing(place)
    if serve:
        start_application(place)


def job(place: Workspace, watch: Watch, *, weeks: int, seed: int) -> None:
    """People, records, features, models, forecast: each step says what came of it."""
    admit(place)
    record(place, watch, weeks=weeks, seed=seed)
    learn(place, watch, seed=seed)
    if materializing.is_current(place):
        _say("features   in the mirror already, as of the end of the data")
    else:
        with watch.step("materialize"):
            materialized = refresh_mirror(place)
        _say(f"features   as of {materialized['as_of']} in the online store and the mirror")
    with watch.step("issue forecast"):
        issue = issue_baseline(place)
    _say(f"forecast   {issue['issue_id']} issued by the {issue['source']} for {len(issue['queues'])} queues")


def admit(place: Workspace) -> None:
    """The people of the demo. Their tokens go to one file that only its owner reads; the links sign in without them."""
    known = {person.name for person in place.people.list()}
    fresh = {
        name: place.people.add(name, roles=[role], by="demo", clock=place.clock)
        for name, role in PEOPLE.items()
        if name not in known
    }
    path = place.settings.home / TOKENS
    if fresh:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.writelines(f"{name}={token}\n" for name, token in fresh.items())
    _say("people     " + ", ".join(f"{name} ({role})" for name, role in PEOPLE.items()))
    _say(f"tokens     {path} (for PARLEY_TOKEN and for HTTP)")


def record(place: Workspace, watch: Watch, *, weeks: int, seed: int) -> None:
    """Simulate, take in, check, compact."""
    from flows.simulate import simulate

    if place.archive.head():
        _say(f"records    {place.archive.head()} batch(es) in the archive already")
        return
    with watch.step("simulate, take in, check, compact"):
        done = simulate(place, weeks=weeks, seed=seed, start=START)
    counts = done.compacted
    _say(
        f"records    {done.taken} events: {counts.taken} rows taken, {counts.repeated} repeated, "
        f"{counts.quarantined} quarantined, {counts.parked} parked"
    )


def learn(place: Workspace, watch: Watch, *, seed: int) -> None:
    """One run for all families; when run again, one for each that has no version yet."""
    missing = [family for family in FAMILIES if not place.registry.list(family)]
    if not missing:
        _say("models     trained already")
    for family in ["all"] if len(missing) == len(FAMILIES) else missing:
        train(place, watch, family, seed=seed)


def train(place: Workspace, watch: Watch, family: str, *, seed: int) -> None:
    """A run as the demo's engineer, with what came of it."""
    from flows.retrain import operate

    asked = {"family": family, "reason": REASON, "requester": ENGINEER, "seed": seed, "set": QUICK}
    with launching.run_in_turn(place, asked) as run:
        named = f"retrain {', '.join(run.families)}"
        with watch.step(named), progress(named) as tell, following(place.settings, run.run_id, tell):
            run = operate(place, run)
    watch.steps.extend((f"  {stage}", seconds) for stage, seconds in stage_seconds(place, run))
    tell_run(run)


def stage_seconds(place: Workspace, run: Run) -> list[tuple[str, float]]:
    """How long each step of a run took, by its lines of progress."""
    from datetime import datetime

    lines = runs.progress(place.settings, run.run_id)
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    spans = zip(lines, times, times[1:], strict=False)
    return [(line["stage"], (until - since).total_seconds()) for line, since, until in spans]


def tell_run(run: Run) -> None:
    """Verdicts and requests of a run."""
    _say(f"run        {run.run_id}" + (" from a DIRTY tree: nothing may be promoted" if run.dirty else ""))
    for family, outcome in run.outcomes.items():
        asked = (
            f"promotion requested: {outcome['request']}" if outcome.get("request") else "; ".join(outcome["reasons"])
        )
        version = f"{family}/{outcome['version']}" if outcome.get("version") else family
        _say(f"model      {version:<12} {outcome['verdict']}: {asked}")


def refresh_mirror(place: Workspace) -> dict[str, str]:
    """Materialise as of the end of the data."""
    from flows.materialize import materialize

    return dict(materialize(place, as_of=materializing.default_as_of(place)))


def issue_baseline(place: Workspace) -> dict[str, Any]:
    """The forecast: by the baseline, as nobody approved a model yet."""
    from flows import issuing
    from flows.issue_forecast import issue_forecast

    return dict(issue_forecast(place, as_of=issuing.default_as_of(place)))


def tell_measured(watch: Watch) -> None:
    """Seconds a step and the peak of memory."""
    _say()
    for name, seconds in watch.steps:
        _say(f"{seconds:8.1f} s  {name}")
    whole = sum(seconds for name, seconds in watch.steps if not name.startswith(" "))
    memory = f", {watch.peak_mb:,.0f} MB at most" if watch.peak_mb else ""
    _say(f"{whole:8.1f} s  in all{memory}")


def tell_standing(place: Workspace) -> None:
    """What waits for the reviewer."""
    standing = place.standing()
    waiting = standing.waiting()
    _say()
    _say(
        f"{len(waiting)} promotion(s) wait for {REVIEWER}; until one is approved the baselines answer"
        if waiting
        else "nothing waits for a reviewer"
    )
    for request in waiting:
        _say(f"  {request.id}")


def start_application(place: Workspace) -> None:
    """Answer until interrupted; once requests are taken, say where and print one sign-in link each."""
    from flows import answering

    answering.serve(place, only=frozenset(), on_ready=lambda address: tell_address(place, address))


def tell_address(place: Workspace, address: str) -> None:
    """The address, and a link for each person."""
    _say()
    _say(f"Parley answers at {address} (its interface: {address}/openapi.json; Ctrl-C ends it)")
    for name in (ENGINEER, REVIEWER, PLANNER):
        _say(f"  {name:<14} {admitting.sign_in_link(place, name, address=address)}")
    _say("  (each link signs in once, within a quarter of an hour; run `make run` again for new ones)")


def _say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
