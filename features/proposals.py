"""Intents that are proposed: by what the refused have in common, or by a name that agents type and nobody defined.

What was proposed and decided is told by events (`EVENTS`); what agents typed is told by their verdicts, so a name
counts the moment it was typed, whatever way it came in.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from data_contracts.errors import InputError, NotFound, StateConflict
from data_contracts.events import Event, compared_id
from features.wording import normalise

State = Literal["proposed", "accepted", "merged", "dropped"]
STATES: tuple[State, ...] = ("proposed", "accepted", "merged", "dropped")
EVENTS: Mapping[str, State] = {f"intent.{state}": state for state in STATES}
# Half of the members of either in the other: the same matter, seen again.
SAME = 0.5
_APART = re.compile(r"[\W_]+")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Proposal:
    """A proposed intent and what became of it.

    told: as it was proposed last: `name`, `origin` (cluster or agents), `members` and `examples` (as example ids: a
    contact's id, or `prediction:` and a prediction's), counts, languages. decided: the data of the decision.
    """

    id: str
    state: State
    told: Mapping[str, Any]
    decided: Mapping[str, Any] = field(default_factory=dict)

    @property
    def members(self) -> frozenset[str]:
        """Example ids."""
        return frozenset(self.told["members"])

    def to_json(self) -> dict[str, Any]:
        """As the command line and HTTP tell it; the members only by their count."""
        told = {name: value for name, value in self.told.items() if name not in ("members", "proposal_id")}
        return {"id": self.id, "state": self.state, **told, **({"decided": dict(self.decided)} if self.decided else {})}


def told(events: Iterable[Event]) -> dict[str, Proposal]:
    """Every proposal that was written down, by id, in order of its first mention."""
    found: dict[str, Proposal] = {}
    for event in events:
        state, id_ = EVENTS[event.type], str(event.data["proposal_id"])
        if state == "proposed":
            found[id_] = Proposal(id_, found[id_].state if id_ in found else state, event.data)
        elif id_ in found:
            found[id_] = replace(found[id_], state=state, decided=event.data)
    return found


def typed(verdicts: Iterable[Row], taxonomy: Mapping[str, Row]) -> dict[str, Proposal]:
    """What agents named that the taxonomy does not know, by id; one proposal for all spellings of a name.

    verdicts: rows, in order. Without any taxonomy every name counts, and nothing is proposed.
    """
    by_id: dict[str, list[Row]] = {}
    for row in verdicts if taxonomy else ():
        named = compared_id(row["instead"])
        if row["capability"] == "intent" and named and named not in taxonomy and folded(named):
            by_id.setdefault(typed_id(named), []).append({**row, "instead": named})
    known = {folded(word): id_ for id_, row in taxonomy.items() for word in _words_of(row) if folded(word)}
    return {id_: Proposal(id_, "proposed", _told_of(rows, known)) for id_, rows in by_id.items()}


def typed_id(name: str) -> str:
    """The id under which a typed name is proposed, the same for all of its spellings."""
    return "typed-" + digest([folded(name)])


def folded(name: str) -> str:
    """A name without its spelling: "Crypto refund" is crypto_refund."""
    return _APART.sub("_", normalise(name)).strip("_")


def digest(parts: Sequence[str]) -> str:
    """Eight hexadecimal digits that tell one list of ids from another."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def same(members: Iterable[Sequence[str]], held: Proposal) -> bool:
    """Whether a group is about what a proposal is about. members: of each wording, all the ids that stand for it."""
    wordings = list(members)
    met = sum(not held.members.isdisjoint(ids) for ids in wordings)
    return met > 0 and met >= SAME * min(len(wordings), len(held.members))


def waiting(found: Mapping[str, Proposal], proposal_id: str) -> Proposal:
    """The proposal of that id, if nobody decided it yet. Raises NotFound, or StateConflict."""
    if proposal_id not in found:
        raise NotFound("no such proposal", expected="an id of parley intents list", came=proposal_id[:80], where="ID")
    one = found[proposal_id]
    if one.state != "proposed":
        raise StateConflict(
            "this proposal was decided already", expected="a proposal that waits", came=_decision(one),
            where=proposal_id, remedy="Look at it: parley intents show ID.",
        )  # fmt: skip
    return one


def refuse_clash(intent_id: str, name_en: str, name_zh: str | None, taxonomy: Mapping[str, Row]) -> None:
    """Raises StateConflict where the id or a name means an intent that there is already."""
    named = {folded(word): id_ for id_, row in taxonomy.items() for word in _words_of(row) if folded(word)}
    for word in (intent_id, name_en, name_zh or ""):
        if (held := named.get(folded(word))) is not None:
            raise StateConflict(
                "an intent of this name is there already", expected="a new name", came=f"{word}, which is {held}",
                where="taxonomy",
                remedy=f"Name it otherwise (--id, --name-en), or: parley intents merge ID --into {held}.",
            )  # fmt: skip


def target(intent_id: str, proposal: Proposal, taxonomy: Mapping[str, Row]) -> str:
    """The intent to merge into, if it may take a proposal. Raises InputError, NotFound or StateConflict."""
    if intent_id == proposal.id:
        raise InputError("a proposal does not merge into itself", expected="an intent of the taxonomy", came=intent_id,
                         where="--into", remedy="Accept it: parley intents accept ID.")  # fmt: skip
    row = taxonomy.get(intent_id)
    if row is None:
        raise NotFound("no such intent", expected="an intent of the taxonomy" + near(intent_id, taxonomy),
                       came=intent_id[:80], where="--into",
                       remedy="A proposal takes others once it is accepted.")  # fmt: skip
    if row.get("deprecated_by"):
        raise StateConflict("this intent was replaced", expected=str(row["deprecated_by"]), came=intent_id,
                            where="--into", remedy="Merge into what replaced it.")  # fmt: skip
    return intent_id


def near(name: str, taxonomy: Mapping[str, Row]) -> str:
    """ " such as X" where the taxonomy has something that may have been meant."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(taxonomy), n=1)
    return f" such as {found[0]}" if found else ""


def _decision(one: Proposal) -> str:
    into = f" as {one.decided['intent_id']}" if one.decided.get("intent_id") else ""
    return f"{one.state}{into} by {one.decided.get('by', '')}"


def _words_of(row: Row) -> list[str]:
    return [str(row[name]) for name in ("intent_id", "name_en", "name_zh") if row.get(name)]


def _told_of(rows: Sequence[Row], known: Mapping[str, str]) -> dict[str, Any]:
    spellings = Counter(str(row["instead"]) for row in rows)
    members = list(dict.fromkeys(one for row in rows if (one := _example(row))))
    return {
        "origin": "agents",
        "name": min(spellings, key=lambda name: (-spellings[name], name)),
        "spellings": sorted(spellings),
        "contacts_count": len(members),
        "agents_count": len({row["agent_id"] for row in rows if row["agent_id"]}),
        "like": known.get(folded(str(rows[0]["instead"])), ""),
        "members": members,
        "examples": members[-5:],
    }


def _example(row: Row) -> str | None:
    if row.get("prediction_id"):
        return f"prediction:{row['prediction_id']}"
    return str(row["contact_id"]) if row.get("contact_id") else None
