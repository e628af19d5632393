"""Train a version again from its commit, its snapshot of the archive and its request, and compare the bytes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_contracts.errors import IntegrityError, NotFound
from flows import asking, checkout, reproduction, runs, stages
from flows import request as requests
from flows.compose import Workspace
from flows.tracing import named


def reproduce(place: Workspace, version: str) -> dict[str, Any]:
    """Run the stages up to `train` anew, with nothing taken from the cache, and compare file by file.

    Returns {version, same, artefact, again, files: [{file, registered, again, same}]}. Raises IntegrityError for a
    version from a dirty tree (its code is in no commit of the checkout) or an archive that lost its snapshot.
    """
    from training import payload

    family, number = named(version)
    card = place.registry.get(family, number)
    if card.card.get("dirty"):
        raise IntegrityError(
            "a version from a dirty tree cannot be trained again",
            expected="a commit of the checkout",
            came="a snapshot of changes that were never committed",
            where=version,
        )
    name = f"again-{family}-{number}-{runs.new_id((family,), at=place.clock.now())[:15]}"
    clone, beside = runs.clone_of(place.settings, name), runs.sidecar(place.settings, name)
    beside.mkdir(parents=True)
    try:
        model = train_again(place, card.card, family=family, clone=clone, beside=beside)
        registered = _registered(place, family, number, clone / "registered")
        files = compared(payload.manifest(registered), payload.manifest(model))
        again = payload.digest(model)
    finally:
        shutil.rmtree(clone, ignore_errors=True)
        shutil.rmtree(beside, ignore_errors=True)
    return {
        "version": version,
        "same": again == card.artefact,
        "artefact": card.artefact,
        "again": again,
        "commit": card.card["commit"],
        "files": files,
    }


def train_again(place: Workspace, card: Mapping[str, Any], *, family: str, clone: Path, beside: Path) -> Path:
    """The payload that the version's own commit, request and parameters give now."""
    checkout.clone(checkout.checkout_of(), clone, commit=str(card["commit"]))
    reproduction.prepare(clone, settings=place.settings)
    asked = requests.from_json(card["request"], where="the version's card")
    requests.write(asked, folder=clone)
    asking.set_parameters(clone / "params.yaml", card.get("parameters_set", ()))
    for one in requests.FAMILIES:
        stages.place_champion(one, folder=clone, payload=None)
    for stage in ("collect", "check", "build", f"train@{family}"):
        reproduction.reproduce(stage, folder=clone, settings=place.settings, run_dir=beside, anew=True)
    return clone / stages.MODELS / family


def compared(registered: dict[str, str], again: dict[str, str]) -> list[dict[str, Any]]:
    """Both manifests side by side, every file of either."""
    return [
        {
            "file": name,
            "registered": registered.get(name, "-"),
            "again": again.get(name, "-"),
            "same": registered.get(name) == again.get(name),
        }
        for name in sorted(set(registered) | set(again))
    ]


def _registered(place: Workspace, family: str, number: str, to: Path) -> Path:
    fetched = place.registry.fetch(family, number, to)
    if not fetched.is_dir():
        raise NotFound("the registry holds no payload", came=f"{family}/{number}", where=str(fetched))
    return fetched
