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

from data_contracts.errors import CannotBeMeant, InputError, NotEnoughData
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
# Seeds are below this: numpy and LightGBM take 31 bits without a sign.
SEEDS = 2**31


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
    as_of = as_of_given(place, str(given), run.families) if given else end_of_data(place, run.families)
    return Request(
        as_of=as_of.isoformat(),
        until=as_of.isoformat(),
        seed=int(run.options.get("seed", DEFAULT_SEED)),
        archive_batch=head,
        archive_digest=place.archive.digest(head),
        champion={family: champion_digest(place, family) for family in FAMILIES},
        threads=place.settings.threads,
    )


def refuse_senseless(
    place: Workspace, *, families: Iterable[str], as_of: str | None, seed: int | None, changes: Sequence[str]
) -> None:
    """Raises CannotBeMeant for what no run can be asked: before anything is written, with the reason of the refusal."""
    try:
        if as_of is not None:
            as_of_given(place, as_of, families)
        if seed is not None and not 0 <= seed < SEEDS:
            raise InputError("no such seed", expected=f"0 to {SEEDS - 1}", came=str(seed), where="--seed")
        changed_parameters(checkout.source_folder() / "params.yaml", changes)
    except InputError as error:
        facts = {name: getattr(error, name) for name in ("expected", "came", "where", "remedy")}
        raise CannotBeMeant(error.message, **facts) from error


def as_of_given(place: Workspace, text: str, families: Iterable[str]) -> datetime:
    """The moment that a person names. Raises InputError for one to come, or before the families knew anything."""
    as_of, now = requests.moment(text, where="--as-of"), place.clock.now()
    if as_of > now:
        raise InputError(
            "nothing is known as of a time to come", expected=f"{now.isoformat()} or earlier", came=text,
            where="--as-of", remedy="leave it out for the end of the data",
        )  # fmt: skip
    known = sorted(_known_ats(place, families, first=True))
    if known and as_of < known[0]:
        raise InputError(
            "nothing was known yet", expected=f"{known[0].isoformat()} or later", came=text,
            where="--as-of", remedy="leave it out for the end of the data",
        )  # fmt: skip
    return as_of


def _known_ats(place: Workspace, families: Iterable[str], *, first: bool) -> list[datetime]:
    """When each of the families' datasets first (or last) knew anything; those without rows are left out."""
    import pyarrow.compute as pc

    pick = pc.min if first else pc.max
    datasets = sorted({dataset for family in families for dataset in OWN_DATASETS[family]})
    found = [pick(place.archive.columns(dataset, ["known_at"])["known_at"]).as_py() for dataset in datasets]
    return [moment.astimezone(UTC) for moment in found if moment is not None]


def end_of_data(place: Workspace, families: Iterable[str]) -> datetime:
    """The first whole second after everything that these families' datasets knew."""
    families = tuple(families)
    known = _known_ats(place, families, first=False)
    if not known:
        raise NotEnoughData(
            "there is nothing to learn from",
            expected="rows of " + ", ".join(families),
            came="none",
            where=str(place.settings.archive_dir),
            remedy="parley ingest what these families need",
        )
    return max(known).replace(microsecond=0) + timedelta(seconds=1)


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

    if assignments:
        changed = changed_parameters(path, assignments)
        path.write_text(yaml.safe_dump(changed, sort_keys=True, allow_unicode=True), encoding="utf-8")


def changed_parameters(path: Path, assignments: Sequence[str]) -> dict[str, Any]:
    """params.yaml as plain data with `section.key=value` set. Raises InputError or UnknownParameter; writes nothing."""
    import yaml

    from training import params as parameters

    parameters.override(parameters.load(path), list(assignments))
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        _assign(read, name.strip().split("."), yaml.safe_load(value))
    parameters.from_mapping(read, where="--set")
    return read


def _assign(tree: Any, names: list[str], value: Any) -> None:
    for name in names[:-1]:
        if not isinstance(tree, dict) or name not in tree:
            raise InputError("no such parameter", expected=", ".join(tree), came=".".join(names), where="--set")
        tree = tree[name]
    tree[names[-1]] = value
