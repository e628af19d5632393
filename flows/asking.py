"""What a run is asked: as of when, on which snapshot, against which champion, with which parameters changed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data_contracts.errors import InputError, NotEnoughData
from flows import checkout, runs, stages
from flows import request as requests
from flows.compose import Workspace
from flows.request import FAMILIES, NO_CHAMPION, Request
from flows.runs import Run

# The datasets whose end is the end of a family's own data: what a run is judged as of, unless it is told.
OWN_DATASETS = {
    "intent": ("utterances", "verdicts", "contacts"),
    "routing": ("contacts", "segments", "decisions", "verdicts", "ratings"),
    "forecast": ("volumes", "contacts", "segments"),
}
# A run that names no seed gets this one, so that two such runs are one.
DEFAULT_SEED = 2026


def prepare(place: Workspace, run: Run) -> Run:
    """Clone, write request and parameters into the clone, lay the champions beside, and commit what was asked."""
    run = runs.note(place.settings, replace(run, pid=os.getpid()), stage="prepare", at=place.clock.now())
    asked = request_for(place, run)
    run = runs.prepare_clone(place.settings, run)
    clone = runs.clone_of(place.settings, run.run_id)
    requests.write(asked, folder=clone)
    set_parameters(clone / "params.yaml", run.parameters_set)
    for family in FAMILIES:
        lay_champion(place, clone, family, asked.champion[family])
    checkout.commit_all(clone, subject=f"What was asked: {', '.join(run.families)}")
    return run


def request_for(place: Workspace, run: Run) -> Request:
    """The request as data. Raises NotEnoughData for an empty archive."""
    head = place.archive.head()
    if head == 0:
        raise NotEnoughData(
            "there is nothing to learn from",
            expected="records in the archive",
            came="none",
            where=str(place.settings.archive_dir),
            remedy="parley ingest, or parley simulate, first",
        )
    given = run.options.get("as_of")
    as_of = requests.moment(str(given), where="--as-of") if given else end_of_data(place, run.families)
    return Request(
        as_of=as_of.isoformat(),
        until=as_of.isoformat(),
        seed=int(run.options.get("seed", DEFAULT_SEED)),
        archive_batch=head,
        archive_digest=place.archive.digest(head),
        champion={family: champion_digest(place, family) for family in FAMILIES},
        threads=place.settings.threads,
    )


def end_of_data(place: Workspace, families: Iterable[str]) -> datetime:
    """The first whole second after everything that these families' datasets knew."""
    import pyarrow.compute as pc

    latest = [
        pc.max(place.archive.columns(dataset, ["known_at"])["known_at"]).as_py()
        for dataset in sorted({dataset for family in families for dataset in OWN_DATASETS[family]})
    ]
    known: list[datetime] = [moment for moment in latest if moment is not None]
    if not known:
        raise NotEnoughData(
            "there is nothing to learn from",
            expected="rows of " + ", ".join(families),
            came="none",
            where=str(place.settings.archive_dir),
            remedy="parley ingest what these families need",
        )
    return max(known).astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)


def champion_digest(place: Workspace, family: str) -> str:
    """The payload digest that the chain calls champion, or "none"."""
    champion = place.standing().champion(family)
    return champion.artefact if champion else NO_CHAMPION


def lay_champion(place: Workspace, clone: Path, family: str, digest: str) -> None:
    """Fetch the champion's payload from the registry into the clone; `judge` verifies its digest."""
    if digest == NO_CHAMPION:
        stages.place_champion(family, folder=clone, payload=None)
        return
    champion = place.standing().champion(family)
    if champion is None or champion.artefact != digest:
        raise NotEnoughData(
            "the champion changed while a run was prepared",
            expected=digest,
            came="another",
            where=family,
            remedy="ask again",
        )
    with tempfile.TemporaryDirectory(dir=place.settings.runs_dir) as folder:
        fetched = Path(folder) / "payload"
        place.registry.fetch(family, champion.version, fetched)
        stages.place_champion(family, folder=clone, payload=fetched)
        shutil.rmtree(fetched, ignore_errors=True)


def workspace_parameters(place: Workspace) -> tuple[str, ...]:
    """What the workspace's settings say of learning, as changes of params.yaml, so that DVC and the card see them."""
    settings, usual = place.settings, type(place.settings)()
    named = {
        "intent.encoder": (settings.encoder, usual.encoder),
        "forecast.time_zone": (settings.time_zone, usual.time_zone),
        "labels.repeat_window_days": (settings.repeat_window_days, usual.repeat_window_days),
    }
    return tuple(f"{parameter}={value}" for parameter, (value, default) in named.items() if value != default)


def set_parameters(path: Path, assignments: Sequence[str]) -> None:
    """Write `section.key=value` into a clone's params.yaml. Raises UnknownParameter naming the known ones."""
    import yaml

    from training import params as parameters

    if not assignments:
        return
    parameters.override(parameters.load(path), list(assignments))
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        _assign(read, name.strip().split("."), yaml.safe_load(value))
    path.write_text(yaml.safe_dump(read, sort_keys=True, allow_unicode=True), encoding="utf-8")
    parameters.load(path)


def _assign(tree: Any, names: list[str], value: Any) -> None:
    for name in names[:-1]:
        if not isinstance(tree, dict) or name not in tree:
            raise InputError("no such parameter", expected=", ".join(tree), came=".".join(names), where="--set")
        tree = tree[name]
    tree[names[-1]] = value
