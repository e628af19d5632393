"""What a version of the intent model changes for those who read intents: what comes, goes, or has another name."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.taxonomy import latest, successor
from features.writing import write_json
from flows import consumers
from flows.compose import Workspace
from flows.consumers import Consumer
from flows.recalling import TAXONOMY, rows_of
from flows.request import NO_CHAMPION, moment

if TYPE_CHECKING:
    from training.registry import VersionCard

Row = Mapping[str, Any]
NAMES = ("name_en", "name_zh")


def of(place: Workspace, version: str, *, champion: str) -> dict[str, Any]:
    """What a version changes against the champion that it was compared with.

    version: its number. champion: the champion's payload digest, or "none". Returns `against` (a version, or None),
    `added`, `renamed` (with `was`) and `dropped` (with `replaced_by`), each a list of {intent_id, name_en, name_zh,
    read_by}, and `warnings`: in words, what somebody reads and this version drops. `read_by` is who reads it as
    registered now. Names are those of the taxonomy as each version's training knew it. NotFound, RegistryUnavailable.
    """
    card = place.registry.get("intent", version)
    before = _by_digest(place, champion)
    told: dict[str, Any] = {"against": None, "added": [], "renamed": [], "dropped": [], "warnings": []}
    if before is None:
        return told
    rows, readers = rows_of(place, "intents", TAXONOMY), list(consumers.registered(place).values())
    now, then = _known(rows, card), _known(rows, before)
    ours, theirs = (frozenset(labels(place, one)) for one in (card, before))
    told["against"] = before.name
    told["added"] = [_plain(one, now, readers) for one in sorted(ours - theirs)]
    told["dropped"] = [_dropped(one, then, now, readers) for one in sorted(theirs - ours)]
    told["renamed"] = [
        {**_plain(one, now, readers), "was": {name: _name(then, one, name) for name in NAMES}}
        for one in sorted(ours & theirs)
        if any(_name(now, one, name) != _name(then, one, name) for name in NAMES)
    ]
    told["warnings"] = [_line("drops", one) for one in told["dropped"] if one["read_by"]]
    return told


def lines(changes: Mapping[str, Any]) -> list[str]:
    """The changes in words, what goes first; empty where nothing changes."""
    verbs = (("drops", "dropped"), ("renames", "renamed"), ("adds", "added"))
    return [_line(verb, one) for verb, kind in verbs for one in changes[kind]]


def labels(place: Workspace, card: VersionCard) -> list[str]:
    """The intents that a version answers; looked up in its payload once."""
    kept = place.settings.home / "reports" / "intent" / f"{card.version}-{card.artefact[:16]}.labels.json"
    if not kept.is_file():
        with tempfile.TemporaryDirectory() as folder:
            payload = place.registry.fetch("intent", card.version, Path(folder) / "payload")
            told = json.loads((payload / "payload.json").read_text(encoding="utf-8")).get("labels", [])
        write_json({"labels": told}, kept)
    return list(json.loads(kept.read_text(encoding="utf-8"))["labels"])


def _by_digest(place: Workspace, champion: str) -> VersionCard | None:
    if champion == NO_CHAMPION:
        return None
    return next((one for one in place.registry.list("intent") if one.artefact == champion), None)


def _known(rows: Sequence[Row], card: VersionCard) -> dict[str, Row]:
    """The taxonomy as the version's training knew it; all of it where the card names no time."""
    told = (card.card.get("request") or {}).get("as_of")
    as_of: datetime | None = moment(str(told), where="card") if told else None
    return latest(row for row in rows if as_of is None or row["known_at"] <= as_of)


def _name(rows: Mapping[str, Row], intent_id: str, name: str) -> str | None:
    return (rows.get(intent_id) or {}).get(name)


def _plain(intent_id: str, rows: Mapping[str, Row], readers: Sequence[Consumer]) -> dict[str, Any]:
    names = {name: _name(rows, intent_id, name) for name in NAMES}
    return {"intent_id": intent_id, **names, "read_by": consumers.readers(readers, intent_id)}


def _dropped(
    intent_id: str, then: Mapping[str, Row], now: Mapping[str, Row], readers: Sequence[Consumer]
) -> dict[str, Any]:
    after = successor(intent_id, {id_: row["deprecated_by"] for id_, row in now.items()})
    return {**_plain(intent_id, then, readers), "replaced_by": None if after == intent_id else after}


def _line(verb: str, one: Mapping[str, Any]) -> str:
    """As `drops refund_old (refund stands for it): read by self-service-refunds (owner Mei, mei@example.org)`."""
    said = f"{verb} {one['intent_id']}"
    if one.get("replaced_by"):
        said += f" ({one['replaced_by']} stands for it)"
    if "was" in one:
        said += " from " + " / ".join(filter(None, one["was"].values())) + " to "
        said += " / ".join(filter(None, (one[name] for name in NAMES)))
    if not one["read_by"]:
        return said
    return said + ": read by " + ", ".join(map(_who, one["read_by"]))


def _who(reader: Mapping[str, str]) -> str:
    about = ", ".join(filter(None, (reader["owner"] and f"owner {reader['owner']}", reader["contact"])))
    return reader["name"] + (f" ({about})" if about else "")
