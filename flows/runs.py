"""Runs: a clean clone of one commit each, and beside it what is known of the run while it works and after.

$PARLEY_HOME/runs/<run_id>/      the clone: code, data/, models/, measured/, reports/, dvc.lock
$PARLEY_HOME/runs/<run_id>.d/    run.json (the state), progress.jsonl (one line a step), log.txt (what stages said)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from centre.settings import Settings
from data_contracts.errors import NotFound, StateConflict
from flows import checkout, reproduction, stages
from flows.environment import is_alive

STATES = ("queued", "running", "finished", "failed")
# A run that nobody promoted is of use while its engineer looks at it; its outputs stay in the DVC cache.
KEEP_RUNS = 10


@dataclass(frozen=True)
class Run:
    """One run as `run.json` holds it. Times are ISO 8601 in UTC; `pid` is the process that drives the run."""

    run_id: str
    families: tuple[str, ...]
    reason: str
    requester: str
    state: str = "queued"
    stage: str = ""
    created_at: str = ""
    finished_at: str = ""
    commit: str = ""
    dirty: bool = False
    parameters_set: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    outcomes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error: str = ""
    pid: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def new_id(families: Sequence[str], *, at: datetime) -> str:
    """A run's name: when, what, and four characters that keep two runs of one second apart."""
    what = families[0] if len(families) == 1 else "all"
    return f"{at:%Y%m%d-%H%M%S}-{what}-{os.urandom(2).hex()}"


def create(settings: Settings, *, run: Run, at: datetime) -> Run:
    """Write down that a run was asked for. Raises StateConflict if its name is taken."""
    try:
        sidecar(settings, run.run_id).mkdir(parents=True)
    except FileExistsError as error:
        raise StateConflict(
            "that run exists", expected="a new name", came=run.run_id, where=str(settings.runs_dir)
        ) from error
    return save(settings, replace(run, created_at=at.isoformat()))


def prepare_clone(settings: Settings, run: Run) -> Run:
    """Make the run's clone; a run from a dirty tree is marked so and is not promotable."""
    source = checkout.checkout_of()
    commit = checkout.clone(source, clone_of(settings, run.run_id))
    reproduction.prepare(clone_of(settings, run.run_id), settings=settings)
    return save(settings, replace(run, commit=commit, dirty=source.is_dirty))


def clone_of(settings: Settings, run_id: str) -> Path:
    """The run's clone."""
    return settings.runs_dir / run_id


def sidecar(settings: Settings, run_id: str) -> Path:
    """The folder beside the clone that holds the run's state and log."""
    return settings.runs_dir / f"{run_id}.d"


def data_docs(settings: Settings, run_id: str) -> Path | None:
    """The first of Great Expectations' pages on a run's data; None before its check, and once its clone is removed."""
    page = clone_of(settings, run_id) / stages.DATA_DOCS / "index.html"
    return page if page.is_file() else None


def save(settings: Settings, run: Run) -> Run:
    """Replace `run.json` in one step, so that a reader never sees half of it."""
    target = sidecar(settings, run.run_id) / "run.json"
    fresh = target.with_suffix(".tmp")
    fresh.write_text(json.dumps(run.to_json(), sort_keys=True, ensure_ascii=False, indent=1), encoding="utf-8")
    fresh.replace(target)
    return run


def note(settings: Settings, run: Run, *, stage: str, at: datetime, state: str = "running", **facts: Any) -> Run:
    """Append one line of progress and keep the run's present stage and state."""
    line = {"at": at.isoformat(), "stage": stage, "state": state, **facts}
    with (sidecar(settings, run.run_id) / "progress.jsonl").open("a", encoding="utf-8") as progress:
        progress.write(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n")
    ended = at.isoformat() if state in ("finished", "failed") else run.finished_at
    return save(settings, replace(run, state=state, stage=stage, finished_at=ended))


def load(settings: Settings, run_id: str) -> Run:
    """One run. A running one whose process is gone is told as failed. Raises NotFound, naming the newest runs."""
    path = sidecar(settings, run_id) / "run.json"
    if "/" in run_id or run_id in ("", ".", "..") or not path.is_file():
        known = ", ".join(r.run_id for r in all_runs(settings)[:5])
        raise NotFound(
            "no such run",
            expected=f"one of {known or '(there are none yet)'}",
            came=run_id,
            where=str(settings.runs_dir),
        )
    read = json.loads(path.read_text(encoding="utf-8"))
    run = Run(**{**read, "families": tuple(read["families"]), "parameters_set": tuple(read["parameters_set"])})
    if run.state == "running" and run.pid and not is_alive(run.pid):
        return replace(run, state="failed", error=run.error or "its process is gone")
    return run


def all_runs(settings: Settings) -> list[Run]:
    """Every run, newest first."""
    if not settings.runs_dir.is_dir():
        return []
    names = sorted(
        (path.name[:-2] for path in settings.runs_dir.glob("*.d") if (path / "run.json").is_file()), reverse=True
    )
    return [load(settings, name) for name in names]


def progress(settings: Settings, run_id: str) -> list[dict[str, Any]]:
    """The run's steps so far, oldest first."""
    path = sidecar(settings, run_id) / "progress.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.strip()]


def remove_old(settings: Settings, *, keep: frozenset[str], count: int = KEEP_RUNS) -> list[str]:
    """Remove the clones of old, ended runs (their state and log stay); `keep` names runs of standing versions."""
    ended = [run for run in all_runs(settings) if run.state in ("finished", "failed") and run.run_id not in keep]
    removed = [run.run_id for run in ended[count:] if clone_of(settings, run.run_id).is_dir()]
    for run_id in removed:
        shutil.rmtree(clone_of(settings, run_id))
    return removed


def age(run: Run, *, now: datetime) -> timedelta:
    """How long ago the run was asked for."""
    return now - datetime.fromisoformat(run.created_at)
