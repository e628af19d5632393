"""Pulling: the champion's files onto a shelf, and nothing on it that the history does not vouch for.

Serving runs this in a child process (`python -m training.pulling FAMILY`), which may load MLflow; what it leaves are
plain files, whole or not there: `<to>/<artefact>/…` and `<to>/current.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from data_contracts.errors import NotFound, ParleyError, RegistryUnavailable, TamperedArtefact
from training import canonical, chain, payload
from training.history import FileHistory, History
from training.registry import MlflowRegistry, Registry
from training.signing import Verifier
from training.standing import Promotion, Standing, standing_of

CURRENT = "current.json"


@dataclass(frozen=True)
class Pulled:
    """A verified copy. `from_last_good`: the registry is down, and this is an earlier version that is still approved.

    `warnings`: what was seen and not believed, such as an alias that names another version.
    """

    folder: Path
    family: str
    version: str
    artefact: str
    approval: str
    from_last_good: bool = False
    warnings: tuple[str, ...] = ()


def pull(family: str, *, history: History, registry: Registry, verifier: Verifier, to: Path) -> Pulled:
    """Bring the champion to the shelf `to` and verify it: chain, signatures, promotion record, every byte.

    A copy that is there already and verifies needs no registry. Raises NotFound when the baseline answers (nobody is
    champion), TamperedHistory, NotApproved, TamperedArtefact (the shelf stays as it was), and RegistryUnavailable when
    the registry is down and the shelf has no approved copy.
    """
    entries = history.entries()
    chain.check(entries, verifier=verifier)
    held = standing_of(entries)
    champion = held.champion(family)
    if champion is None:
        raise NotFound(f"no champion for {family}", expected="a promoted version", came="the baseline answers")
    seen: list[str] = []
    try:
        folder = _shelved(champion, to, seen) or _fetched(champion, registry, to)
    except RegistryUnavailable as gone:
        if copy := _earlier_copy(family, held, to):
            return copy
        if seen:
            raise TamperedArtefact("the copy was changed, and the registry has no other now", came=seen[0]) from gone
        raise
    warnings = (*seen, *_drift(family, champion, registry))
    pulled = Pulled(folder, family, champion.version, champion.artefact, champion.approval, warnings=warnings)
    _point(to, pulled)
    return pulled


def last_good(family: str, *, history: History, verifier: Verifier, to: Path) -> Pulled | None:
    """What the shelf last pointed at, if it is whole and still approved: what to answer from when `pull` refuses."""
    entries = history.entries()
    chain.check(entries, verifier=verifier)
    return _earlier_copy(family, standing_of(entries), to)


def main(arguments: Sequence[str] | None = None) -> int:
    """Pull one family by the workspace's settings; prints JSON, ends with the error's exit code."""
    from centre import settings as all_settings

    parser = argparse.ArgumentParser(prog="python -m training.pulling", description="Verify and pull the champion.")
    parser.add_argument("family")
    parser.add_argument("--to", type=Path, help="the shelf of this family (default: the workspace's)")
    parser.add_argument("--json", action="store_true", help="JSON on one line, as it is anyway")
    asked = parser.parse_args(arguments)
    try:
        settings = all_settings.load()
        history = FileHistory.watch(settings.history_file, keys_dir=settings.keys_dir, pinned=settings.public_key)
        pulled = pull(asked.family, history=history, registry=MlflowRegistry(settings.mlflow_dir),
                      verifier=history.verifier, to=asked.to or settings.shelf_dir / asked.family)  # fmt: skip
    except ParleyError as refused:
        print(json.dumps({"error": refused.kind, "detail": str(refused)}, ensure_ascii=False))
        return refused.exit_code
    print(json.dumps({**asdict(pulled), "folder": str(pulled.folder)}, ensure_ascii=False))
    return 0


def _shelved(champion: Promotion, to: Path, seen: list[str]) -> Path | None:
    """The copy on the shelf if it verifies; one that does not is taken off, told in `seen`, and fetched again."""
    folder = to / champion.artefact
    if not folder.is_dir():
        return None
    try:
        payload.verify(folder, expected=champion.artefact)
    except (ParleyError, OSError) as changed:
        seen.append(f"a changed copy was taken off the shelf: {changed}")
        shutil.rmtree(folder)
        return None
    return folder


def _fetched(champion: Promotion, registry: Registry, to: Path) -> Path:
    """Fetch beside, verify, then rename: a wrong or half copy never bears the artefact's name."""
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to, prefix=".pull-") as beside:
        fetched = _from_registry(champion, registry, Path(beside) / "payload")
        payload.verify(fetched, expected=champion.artefact)
        return _shelve(fetched, to / champion.artefact, champion)


def _from_registry(champion: Promotion, registry: Registry, to: Path) -> Path:
    """That the registry lost a promoted version is its failure, not the absence of a champion."""
    try:
        return registry.fetch(champion.family, champion.version, to)
    except NotFound as lost:
        raise RegistryUnavailable("the registry lost a promoted version", came=str(lost)[:300],
                                  where=f"{champion.family}/{champion.version}") from lost  # fmt: skip


def _shelve(fetched: Path, place: Path, champion: Promotion) -> Path:
    """Only the files that the digest covers come along: nothing unsigned may lie beside a loader."""
    clean = fetched.parent / "clean"
    for name in payload.manifest(fetched):
        (clean / name).parent.mkdir(parents=True, exist_ok=True)
        (fetched / name).rename(clean / name)
    try:
        clean.rename(place)
    except OSError:  # another process was first; its copy must verify as ours did
        payload.verify(place, expected=champion.artefact)
    return place


def _earlier_copy(family: str, held: Standing, to: Path) -> Pulled | None:
    """The copy that `current.json` names, if the history still approves it and it verifies."""
    try:
        raw = json.loads((to / CURRENT).read_text("utf-8"))
        named = str(raw["artefact"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for approved in held.approved_versions(family):
        if approved.artefact == named and (folder := _shelved(approved, to, [])):
            return Pulled(folder, family, approved.version, named, approved.approval, from_last_good=True,
                          warnings=("the registry does not answer: this is the last good copy",))  # fmt: skip
    return None


def _drift(family: str, champion: Promotion, registry: Registry) -> tuple[str, ...]:
    try:
        alias = registry.alias(family)
    except RegistryUnavailable as gone:
        return (str(gone),)
    if alias in (None, champion.version):
        return ()
    return (f"the alias names {family}/{alias}, the history {champion.version}: the alias was moved by hand, ignored",)


def _point(to: Path, pulled: Pulled) -> None:
    told = {name: getattr(pulled, name) for name in ("family", "version", "artefact", "approval")}
    if (to / CURRENT).exists() and (to / CURRENT).read_text("utf-8") == canonical.text(told):
        return
    descriptor, name = tempfile.mkstemp(dir=to, prefix=f".{CURRENT}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(canonical.text(told))
        stream.flush()
        os.fsync(descriptor)
    Path(name).replace(to / CURRENT)


if __name__ == "__main__":
    sys.exit(main())
