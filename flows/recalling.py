"""What serving asks of the records beyond its own: which decisions were made, which intents are defined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from data_contracts.events import compared_id
from flows.compose import Workspace

if TYPE_CHECKING:
    from centre.log import Stored


def decisions_held(place: Workspace, ids: frozenset[str]) -> frozenset[str]:
    """Those of these ids under which a decision was made, by Parley or another system: in the log or the archive."""
    young = in_log(place, "decision.made")
    held = {compared_id(stored.event.data.get("decision_id")) for stored in young} & ids
    if held < ids:
        archived = place.archive.columns("decisions", ["decision_id", "revision"]).to_pydict()
        told = zip(archived["decision_id"], archived["revision"], strict=True)
        held |= {id_ for id_, revision in told if revision == 0 and id_ in ids}
    return frozenset(held)


def intents_defined(place: Workspace) -> Mapping[str, str | None]:
    """The ids of the taxonomy, in the log or the archive, each with what replaced it; none where there is no taxonomy.

    What replaced it is the end of the chain: an intent to answer with today.
    """
    from features.taxonomy import successor

    next_of = {id_: row["deprecated_by"] or None for id_, row in taxonomy(place).items()}
    return {id_: successor(after, next_of) if after else None for id_, after in next_of.items()}


def taxonomy(place: Workspace) -> dict[str, Mapping[str, Any]]:
    """The last row of each intent, in the log or the archive, by id."""
    from features.taxonomy import latest

    return latest(rows_of(place, "intents", TAXONOMY))


TAXONOMY = ["intent_id", "revision", "known_at", "name_en", "name_zh", "parent_id", "critical", "automatable",
             "deprecated_by"]  # fmt: skip


def rows_of(place: Workspace, dataset: str, columns: list[str]) -> list[dict[str, Any]]:
    """These columns of every row of a dataset, archived ones first, then what the log holds beyond them.

    An id of the log is as the contracts compare it; what else the checks of the archive would mend stays as it was.
    """
    from data_contracts.events import DATASET_OF

    found: list[dict[str, Any]] = place.archive.columns(dataset, columns).to_pylist()
    for stored in in_log(place, *(kind for kind, told in DATASET_OF.items() if told == dataset)):
        event = stored.event
        row = {**event.data, "happened_at": event.time, "known_at": event.known_at or event.time}
        found.append({name: _plain(name, row.get(name)) for name in columns})
    return found


def _plain(name: str, value: object) -> Any:
    return compared_id(value) or None if name.endswith("_id") else value


def in_log(place: Workspace, *types: str) -> Iterator[Stored]:
    """What the log holds of these types, younger than the archive's last batch."""
    return ever_in_log(place, *types, after=place.archive.log_upto())


def ever_in_log(place: Workspace, *types: str, after: int = 0) -> Iterator[Stored]:
    """What the log holds of these types beyond a place, from its beginning without one."""
    while page := place.log.read(after, types=types):
        yield from page
        after = page[-1].sequence
