"""What serving asks of the records beyond its own: which decisions were made, which intents are defined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

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


def intents_defined(place: Workspace) -> frozenset[str]:
    """The ids of the taxonomy, in the log or the archive; none where the workspace has no taxonomy."""
    young = in_log(place, "intent.defined", "intent.changed")
    defined = {compared_id(stored.event.data.get("intent_id")) for stored in young}
    return frozenset(defined | place.archive.keys("intents"))


def in_log(place: Workspace, *types: str) -> Iterator[Stored]:
    """What the log holds of these types, younger than the archive's last batch."""
    after = place.archive.log_upto()
    while page := place.log.read(after, types=types):
        yield from page
        after = page[-1].sequence
