"""Retrain: run the stages of dvc.yaml in a clean clone, register what came out, and ask a person about what passed.

The flow never waits for that person: it ends with `promotion.requested`, or with the reasons why not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_contracts.errors import ParleyError
from flows import asking, concluding, reproduction, runs, stages
from flows.compose import Workspace
from flows.operating import door, flow, task
from flows.runs import Run

SHARED = ("collect", "check", "build")


@flow("retrain")
def retrain(place: Workspace, run: Run) -> Run:
    """One run for one family or for all of them, from the clone to the verdicts. Returns the run with its outcomes.

    A family without data, or whose fit fails, does not stop the others; a shared stage that fails stops the run.
    """
    run = prepare(place, run)
    stale = stale_stages(place, run)
    if run.options.get("dry_run"):
        return concluding.dry(place, run, stale)
    for stage in SHARED:
        run = reproduce(place, run, stage, stale)
    for family in run.families:
        run = learn(place, run, family, stale)
    return finish(place, run)


def learn(place: Workspace, run: Run, family: str, stale: frozenset[str]) -> Run:
    """Train, judge and register one family, and ask for its promotion if it passed."""
    nothing = stages.why_no_data(stages.manifest_of(_clone(place, run) / stages.FEATURES), family)
    if nothing:
        return concluding.without_data(place, run, family, nothing)
    try:
        run = reproduce(place, run, f"train@{family}", stale)
        run = reproduce(place, run, f"judge@{family}", stale)
    except ParleyError as error:
        return concluding.with_failure(place, run, family, error)
    registered = register(place, run, family)
    if registered.report.verdict == "passed":
        return ask(place, run, registered)
    return concluding.held(place, run, registered)


@task("prepare")
def prepare(place: Workspace, run: Run) -> Run:
    """The clone, with what is asked written into it."""
    return asking.prepare(place, run)


@task("what is out of date")
def stale_stages(place: Workspace, run: Run) -> frozenset[str]:
    """Which stages would run at all: `dvc status`, asked once."""
    targets = tuple(f"judge@{family}" for family in run.families)
    return reproduction.stale_stages(
        _clone(place, run),
        settings=place.settings,
        run_dir=runs.sidecar(place.settings, run.run_id),
        targets=targets,
    )


@task("{stage}")
def reproduce(place: Workspace, run: Run, stage: str, stale: frozenset[str]) -> Run:
    """One stage through DVC. Never retried: a fit does not get better by being repeated."""
    run = runs.note(place.settings, run, stage=stage, at=place.clock.now())
    if stage in stale:
        reproduction.reproduce(
            stage,
            folder=_clone(place, run),
            settings=place.settings,
            run_dir=runs.sidecar(place.settings, run.run_id),
        )
    return run


@door("register")
def register(place: Workspace, run: Run, family: str) -> concluding.Registered:
    """Payload, report and card into the registry."""
    return concluding.register(place, run, family)


@door("ask")
def ask(place: Workspace, run: Run, registered: concluding.Registered) -> Run:
    """Ask for the promotion, unless the run may not ask."""
    return concluding.ask(place, run, registered)


@task("finish")
def finish(place: Workspace, run: Run) -> Run:
    """Write down the ending and remove clones that nobody needs any more."""
    return concluding.finish(place, run)


def operate(place: Workspace, run: Run) -> Run:
    """Run the flow here (within `operating.embedded`); what ends it early is kept in the run, then raised."""
    try:
        return _result(retrain(place, run))
    except BaseException as error:
        concluding.broken_off(place, runs.load(place.settings, run.run_id), error)
        raise


def _result(returned: Any) -> Run:
    if not isinstance(returned, Run):
        raise TypeError(f"the flow retrain gives a Run, came {type(returned).__name__}")
    return returned


def _clone(place: Workspace, run: Run) -> Path:
    return runs.clone_of(place.settings, run.run_id)
