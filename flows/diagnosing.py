"""What may be wrong with a workspace, looked at one by one: what `parley doctor` prints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from data_contracts.errors import IntegrityError, JudgementError, ParleyError
from flows.compose import Workspace
from flows.request import FAMILIES

# What a check finds wrong is said by raising; what it finds right, by its words.
Check = Callable[[Workspace], str]


class Doubtful(JudgementError):
    """A check found nothing broken, but something that will not work as it stands."""

    kind = "doubtful"


class Wrong(IntegrityError):
    """A check found something wrong that is no error elsewhere."""

    kind = "wrong"


def examine(place: Workspace) -> list[dict[str, Any]]:
    """Every check with whether it holds and what it found; `warns` where it holds, but something will not work.

    A check that cannot be made does not hold.
    """
    return [_examined(place, name, check) for name, check in CHECKS.items()]


def python(place: Workspace) -> str:
    """The interpreter is the one that the lock was made for."""
    came = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] != (3, 11):
        raise Wrong("another Python than the lock's", expected="3.11", came=came)
    return came


def packages(place: Workspace) -> str:
    """What is installed is what is locked."""
    from importlib.metadata import PackageNotFoundError, version

    from flows.checkout import source_folder

    lock = source_folder() / "requirements.lock"
    pins = [
        line.split(";")[0].strip().split("==")
        for line in lock.read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    ]
    wrong = []
    for name, pinned in pins:
        try:
            came = version(name)
        except PackageNotFoundError:
            came = "none"
        if came.split("+")[0] != pinned.split("+")[0].split(" ")[0]:
            wrong.append(f"{name} {came}, locked {pinned}")
    if wrong:
        raise Wrong("installed packages differ from the lock", came="; ".join(wrong[:5]), remedy="make setup")
    return f"{len(pins)} as locked"


def code(place: Workspace) -> str:
    """Runs need a checkout; a dirty one cannot ask for promotions."""
    from flows.checkout import checkout_of

    found = checkout_of()
    if found.is_dirty:
        return f"commit {found.commit[:10]} with {len(found.changed)} changed file(s): runs are marked, not promotable"
    return f"commit {found.commit[:10]}, clean"


def history(place: Workspace) -> str:
    """Chain, signatures and anchored head hold."""
    if not place.settings.history_file.exists() and not place.settings.keys_dir.exists():
        return "empty: nothing was decided yet"
    return f"{place.chain.verify().sequence} entries, chain, signatures and anchored head hold"


def archive(place: Workspace) -> str:
    """Every file of the archive has the digest that its manifest names."""
    place.archive.verify()
    return f"{place.archive.head()} batch(es), every file as its manifest says"


def artefacts(place: Workspace) -> str:
    """The registry and the shelf hold the bytes that were approved, for every champion."""
    import tempfile
    from pathlib import Path

    from training import payload

    told = []
    for family, champion in place.standing().champions.items():
        with tempfile.TemporaryDirectory() as folder:
            fetched = place.registry.fetch(family, champion.version, Path(folder) / "payload")
            payload.verify(fetched, expected=champion.artefact)
        shelved = place.settings.shelf_dir / family / champion.artefact
        if shelved.is_dir():
            payload.verify(shelved, expected=champion.artefact)
        told.append(f"{family}/{champion.version}")
    return ", ".join(told) + " as approved" if told else "no champions"


def aliases(place: Workspace) -> str:
    """MLflow's alias says what the chain says; the chain is what counts."""
    standing = place.standing()
    for family in FAMILIES:
        champion = standing.champion(family)
        said, held = place.registry.alias(family), champion.version if champion else None
        if said != held:
            raise Wrong(
                "an alias was moved by hand",
                expected=f"{family}/{held or 'none'} as the chain says",
                came=f"{family}/{said or 'none'}",
                remedy="the chain is what serving obeys; parley doctor --mend lets the alias repeat it",
            )
    return "as the chain says"


def mend(place: Workspace) -> None:
    """Let every alias repeat the chain: what `aliases` finds wrong is right again. Writes nothing into the chain."""
    standing = place.standing()
    for family in FAMILIES:
        champion = standing.champion(family)
        place.registry.set_alias(family, champion.version if champion else None)


def forecast(place: Workspace) -> str:
    """The issued forecast can be read."""
    from serving.issued import Issued

    issue = Issued(place.settings.issued_dir).current()
    return f"{issue.about['issue_id']} by {issue.about['source']}" if issue else "none issued yet"


def mirror(place: Workspace) -> str:
    """The mirror can be read."""
    from features.mirror import Mirror

    if not any(place.settings.mirror_dir.glob("*")):
        return "none written yet"
    return f"as of {Mirror.open(place.settings.mirror_dir).as_of}"


def people(place: Workspace) -> str:
    """Somebody can ask, and somebody else can decide."""
    able = [person for person in place.people.list() if not person.disabled]
    engineers = {person.name for person in able if "engineer" in person.roles}
    reviewers = {person.name for person in able if "reviewer" in person.roles}
    if not any(engineer != reviewer for engineer in engineers for reviewer in reviewers):
        raise Doubtful(
            "four eyes cannot be had, so nothing can be promoted",
            expected="an engineer, and another person who is a reviewer",
            came=", ".join(f"{person.name} ({', '.join(sorted(person.roles))})" for person in able) or "nobody",
            remedy="parley people add NAME --role reviewer",
        )
    return f"{len(able)} people, {len(reviewers)} reviewer(s)"


CHECKS: dict[str, Check] = {
    "python": python,
    "packages": packages,
    "code": code,
    "people": people,
    "history": history,
    "archive": archive,
    "artefacts": artefacts,
    "aliases": aliases,
    "mirror": mirror,
    "forecast": forecast,
}


def _examined(place: Workspace, name: str, check: Check) -> dict[str, Any]:
    try:
        return {"check": name, "ok": True, "told": check(place)}
    except Doubtful as error:
        return {"check": name, "ok": True, "warns": True, "told": str(error)}
    except (ParleyError, OSError, ValueError) as error:
        return {"check": name, "ok": False, "told": str(error)}
