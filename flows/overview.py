"""Where a workspace stands, in one look: cheap enough to be asked every minute."""

from __future__ import annotations

import json
from typing import Any

from flows import runs
from flows.compose import Workspace
from flows.request import FAMILIES


def status(place: Workspace) -> dict[str, Any]:
    """Records, people, families with their champions, runs, and the issued forecast. Opens no heavy library."""
    settings = place.settings
    newest = next(iter(runs.all_runs(settings)), None)
    return {
        "workspace": str(settings.home),
        "profile": settings.profile,
        "events_in_log": place.log.head() if settings.home.is_dir() else 0,
        "archive_batches": len(list((settings.archive_dir / "manifests").glob("*.json"))),
        "people": len(place.people.list()) if settings.people_file.is_file() else 0,
        "families": [_family(place, family) for family in FAMILIES],
        "newest_run": f"{newest.run_id}: {newest.state}" if newest else None,
        "issued_forecast": _issued(place),
        "mirror": (settings.mirror_dir / "current.json").is_file() or any(settings.mirror_dir.glob("*")),
    }


def _family(place: Workspace, family: str) -> dict[str, Any]:
    standing = place.standing()
    champion = standing.champion(family)
    return {
        "family": family,
        "champion": f"{family}/{champion.version}" if champion else None,
        "approval": champion.approval if champion else None,
        "off": standing.is_off(family),
        "waiting": [one.id for one in standing.waiting() if one.family == family],
    }


def _issued(place: Workspace) -> str | None:
    path = place.settings.issued_dir / "current.json"
    if not path.is_file():
        return None
    current = json.loads(path.read_text(encoding="utf-8"))
    answers = f"forecast/{current['version']}" if current["version"] else current["source"]
    return f"{current['issue_id']} by {answers}"
