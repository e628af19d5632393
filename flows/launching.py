"""Work that the application asks for and must not wait for: a child process each, seen by its records."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from data_contracts.errors import InputError
from flows import asking, checkout, runs, turns
from flows.compose import Workspace
from flows.environment import child_environment
from flows.request import FAMILIES
from flows.telling import tell

OPTIONS = ("as_of", "no_request", "seed", "dry_run", "credential")
KNOWN = ("family", "reason", "requester", "set", *OPTIONS)


def families_named(name: str) -> tuple[str, ...]:
    """`all`, or one family. Raises InputError naming the families."""
    if name == "all":
        return FAMILIES
    if name not in FAMILIES:
        raise InputError("unknown family", expected=", ".join((*FAMILIES, "all")), came=repr(name), where="FAMILY")
    return (name,)


def asked_run(place: Workspace, asked: Mapping[str, Any]) -> runs.Run:
    """Write down a run as it was asked for, and say so in the log (not of a dry run, which asks for nothing).

    Raises InputError for an unknown word, or without family or reason; CannotBeMeant for a time, seed or parameter that
    makes no sense. Nothing is written then.
    """
    if unknown := sorted(set(asked) - set(KNOWN)):
        raise InputError("unknown word in a retraining", expected=", ".join(KNOWN), came=", ".join(unknown))
    for needed in ("reason", "requester"):
        if not str(asked.get(needed) or "").strip():
            raise InputError(f"a retraining needs a {needed}", expected="text", came="none", where=needed)
    now = place.clock.now()
    families = families_named(str(asked.get("family") or ""))
    changes = (*asking.workspace_parameters(place), *(asked.get("set") or ()))
    asking.refuse_senseless(place, families=families, as_of=asked.get("as_of"), seed=asked.get("seed"), changes=changes)
    run = runs.Run(
        run_id=runs.new_id(families, at=now),
        families=families,
        reason=str(asked["reason"]),
        requester=str(asked["requester"]),
        parameters_set=changes,
        options={name: asked[name] for name in OPTIONS if asked.get(name) is not None},
    )
    run = runs.create(place.settings, run=run, at=now)
    if not run.options.get("dry_run"):
        _tell(place, run)
    return run


def _tell(place: Workspace, run: runs.Run) -> None:
    """`retraining.requested`: who asked for what, and why."""
    options = {name: value for name, value in run.options.items() if name != "credential"}
    facts = {"run_id": run.run_id, "families": run.families, "reason": run.reason, "requester": run.requester,
             "parameters_set": run.parameters_set, "options": options}  # fmt: skip
    tell(place, "retraining.requested", run.run_id, facts)


def retraining(place: Workspace, asked: Mapping[str, Any]) -> str:
    """Start a retraining and return its run's name. Raises StateConflict while another is under way."""
    with turns.turn(place.settings) as held:
        run = asked_run(place, asked)
        turns.name(held, run.run_id)
        _start(place, ["flows.cli", "continue-run", run.run_id], keeps=(held.fileno(),))
    return run.run_id


@contextmanager
def run_in_turn(place: Workspace, asked: Mapping[str, Any]) -> Iterator[runs.Run]:
    """A run written down to be driven here and now, the only one meanwhile; a dry run disturbs nobody."""
    if asked.get("dry_run"):
        yield asked_run(place, asked)
        return
    with turns.turn(place.settings) as held:
        run = asked_run(place, asked)
        turns.name(held, run.run_id)
        yield run


def promotion(place: Workspace, request_id: str) -> None:
    """Start acting on an approval."""
    _start(place, ["flows.cli", "promote", request_id])


def _start(place: Workspace, module: Sequence[str], *, keeps: Sequence[int] = ()) -> None:
    """Start `python -m …` in the checkout, its words kept in `children.log`; a thread waits for it.

    keeps: descriptors of ours that it holds on.
    """
    home = place.settings.home
    home.mkdir(parents=True, exist_ok=True)
    source = checkout.source_folder()
    environment = child_environment(place.settings, folder=source)
    environment.pop("PARLEY_TETHER", None)
    with (home / "children.log").open("ab") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            pass_fds=keeps,
        )
    threading.Thread(target=child.wait, name=f"child-{child.pid}", daemon=True).start()
