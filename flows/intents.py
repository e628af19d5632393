"""Proposed intents as people see and decide them: listed, shown, accepted, merged, dropped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from centre.people import Person
from data_contracts.errors import InputError, NotFound, RowRefused
from data_contracts.events import Event
from features import proposals
from features.proposals import Proposal
from flows.compose import SOURCE, Workspace
from flows.recalling import ever_in_log, rows_of, taxonomy

_TYPED = ["verdict_id", "prediction_id", "contact_id", "capability", "agent_id", "instead", "known_at"]


@dataclass(frozen=True)
class Meant:
    """The intent that an engineer makes of a proposal. Without an id it has that of its English name."""

    name_en: str
    name_zh: str | None = None
    intent_id: str | None = None
    parent_id: str | None = None
    critical: bool = False
    automatable: bool = False

    @property
    def id(self) -> str:
        """The intent's id."""
        return (self.intent_id or "").strip() or proposals.folded(self.name_en)


@dataclass(frozen=True)
class Proposed:
    """The proposed intents of one workspace, as serving reaches them (`serving.doors.Proposals`)."""

    place: Workspace

    def listed(self, state: str | None, /) -> list[dict[str, Any]]:
        """See `listed`."""
        return listed(self.place, state=state)

    def shown(self, proposal_id: str, /) -> dict[str, Any]:
        """See `shown`."""
        return shown(self.place, proposal_id)

    def accept(self, proposal_id: str, meant: dict[str, Any], person: Person, /) -> dict[str, Any]:
        """See `accept`."""
        return accept(self.place, proposal_id, meant=Meant(**meant), person=person)

    def merge(self, proposal_id: str, into: str, person: Person, /) -> dict[str, Any]:
        """See `merge`."""
        return merge(self.place, proposal_id, into=into, person=person)

    def drop(self, proposal_id: str, reason: str, person: Person, /) -> dict[str, Any]:
        """See `drop`."""
        return drop(self.place, proposal_id, reason=reason, person=person)


def written(place: Workspace) -> dict[str, Proposal]:
    """The proposals that events tell of, by id."""
    return proposals.told(stored.event for stored in ever_in_log(place, *proposals.EVENTS))


def all_of(place: Workspace) -> dict[str, Proposal]:
    """Every proposal: those of events, and the names that agents typed."""
    verdicts = rows_of(place, "verdicts", _TYPED)
    return {**proposals.typed(verdicts, taxonomy(place)), **written(place)}


def listed(place: Workspace, *, state: str | None = None) -> list[dict[str, Any]]:
    """The proposals, those that wait first, then the largest. Raises InputError for an unknown state."""
    if state is not None and state not in proposals.STATES:
        raise InputError("no such state", expected=", ".join(proposals.STATES), came=state, where="--state")
    found = [one for one in all_of(place).values() if state in (None, one.state)]
    found.sort(key=lambda one: (proposals.STATES.index(one.state), -int(one.told["contacts_count"]), one.id))
    return [one.to_json() for one in found]


def shown(place: Workspace, proposal_id: str) -> dict[str, Any]:
    """One proposal with the words of its examples, as far as the records still hold them. Raises NotFound."""
    found = all_of(place)
    if proposal_id not in found:
        raise NotFound("no such proposal", expected="an id of parley intents list", came=proposal_id[:80], where="ID")
    told = found[proposal_id].to_json()
    texts = texts_of(place, told["examples"])
    return {**told, "examples": [{"example_id": one, "text": texts.get(one)} for one in told["examples"]]}


def texts_of(place: Workspace, examples: Sequence[str]) -> dict[str, str]:
    """What customers said, by example id: a contact's id, or `prediction:` and a prediction's."""
    import json

    from flows.explaining import texts_of as of_contacts

    asked = {one.removeprefix("prediction:") for one in examples if one.startswith("prediction:")}
    rows = rows_of(place, "predictions", ["prediction_id", "features"]) if asked else []
    told = {
        f"prediction:{row['prediction_id']}": str(json.loads(row["features"]).get("text", ""))
        for row in rows
        if row["prediction_id"] in asked
    }
    return told | of_contacts(place, [one for one in examples if not one.startswith("prediction:")])


def accept(place: Workspace, proposal_id: str, *, meant: Meant, person: Person) -> dict[str, Any]:
    """Make a proposal an intent of the taxonomy; a cluster's wordings become labels of it, typed names its other names.

    All in one write. In a workspace without a taxonomy the intents in use are defined too, by their ids: as soon as
    there is one, what it does not define teaches nothing. Raises NotFound, StateConflict (decided already, or the name
    is taken), InputError (no name, no such parent), RowRefused (what the contract does not take).
    """
    defined = taxonomy(place)
    one = proposals.waiting(all_of(place), proposal_id)
    if not meant.id:
        raise InputError("an intent needs a name", expected="words", came=repr(meant.name_en), where="--name-en")
    proposals.refuse_clash(meant.id, meant.name_en, meant.name_zh, defined)
    if meant.parent_id is not None and meant.parent_id not in defined:
        raise InputError("no such parent", expected="an intent" + proposals.near(meant.parent_id, defined),
                         came=meant.parent_id, where="--parent")  # fmt: skip
    begun = [] if defined else [_row(name, name_en=name.replace("_", " ")) for name in _in_use(place)]
    own = _row(meant.id, name_en=meant.name_en, name_zh=meant.name_zh, parent_id=meant.parent_id,
               critical=meant.critical, automatable=meant.automatable)  # fmt: skip
    told = _decide(place, one, "intent.accepted", intent_id=meant.id, rows=[*begun, own], person=person)
    return {**told, "also_defined": [row["intent_id"] for row in begun]}


def merge(place: Workspace, proposal_id: str, *, into: str, person: Person) -> dict[str, Any]:
    """Take a proposal for what an intent of the taxonomy covers: its wordings become labels of it, typed names its own.

    Raises NotFound, InputError (into itself), StateConflict (decided already, or the intent was replaced).
    """
    one = proposals.waiting(all_of(place), proposal_id)
    intent_id = proposals.target(into, one, taxonomy(place))
    return _decide(place, one, "intent.merged", intent_id=intent_id, rows=[], person=person)


def drop(place: Workspace, proposal_id: str, *, reason: str, person: Person) -> dict[str, Any]:
    """No intent. It is not proposed again while its members are in the window. Raises InputError without a reason."""
    if not reason.strip():
        raise InputError("why is it no intent?", expected="a reason", came="none", where="--reason")
    one = proposals.waiting(all_of(place), proposal_id)
    now = place.clock.now()
    data = {"proposal_id": one.id, "by": person.name, "reason": reason.strip()}
    decided = Event(f"{one.id}/decided", SOURCE, "intent.dropped", now, data, subject=one.id)
    place.log.append([*_put_down(one, place), decided], received_at=now)
    return {"id": one.id, "state": "dropped", **{name: data[name] for name in ("by", "reason")}}


def _decide(
    place: Workspace, one: Proposal, kind: str, *, intent_id: str, rows: Sequence[Mapping[str, Any]], person: Person
) -> dict[str, Any]:
    """Write taxonomy, labels and the decision at once; that a second decision has the same key refuses it."""
    now = place.clock.now()
    aliases = [
        _row(name, name_en=name, deprecated_by=intent_id) for name in one.told.get("spellings", ()) if name != intent_id
    ]
    members = one.told["members"] if one.told["origin"] == "cluster" else []
    labels = [_label(one, member, intent_id) for member in members]
    data = {"proposal_id": one.id, "intent_id": intent_id, "by": person.name, "labels_count": len(labels),
            "also_called": [row["intent_id"] for row in aliases]}  # fmt: skip
    said = [("intent.defined", f"intent-{row['intent_id']}", _checked(place, row)) for row in (*rows, *aliases)]
    said += [("verdict.given", label["verdict_id"], label) for label in labels]
    events = [Event(id_, SOURCE, type_, now, dict(body)) for type_, id_, body in said]
    decided = Event(f"{one.id}/decided", SOURCE, kind, now, data, subject=one.id)
    place.log.append([*_put_down(one, place), *events, decided], received_at=now)
    state = proposals.EVENTS[kind]
    return {"id": one.id, "state": state, "intent_id": intent_id, "labels": len(labels), "by": person.name,
            "also_called": data["also_called"]}  # fmt: skip


def _put_down(one: Proposal, place: Workspace) -> list[Event]:
    """A typed name is written down as proposed with its decision: afterwards nothing else would tell of it."""
    if one.told["origin"] == "cluster":
        return []
    data = {"proposal_id": one.id, **one.told}
    return [Event(f"{one.id}/typed", SOURCE, "intent.proposed", place.clock.now(), data, subject=one.id)]


def _row(intent_id: str, *, name_en: str, **told: Any) -> dict[str, Any]:
    row = {"intent_id": intent_id, "revision": 0, "name_en": name_en.strip(), "critical": False, "automatable": False}
    return {**row, **{name: value for name, value in told.items() if value is not None}}


def _checked(place: Workspace, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row, if the contract takes it. Raises RowRefused."""
    from data_contracts.checking import row_faults
    from data_contracts.events import dataset_row

    now = place.clock.now()
    faults = row_faults("intents", dataset_row(Event("check", SOURCE, "intent.defined", now, dict(row))), as_of=now)
    if faults:
        first = faults[0]
        raise RowRefused(first.message, expected=f"a row that keeps rule {first.rule} of intents", came=first.value,
                         where=f"intent {row['intent_id']}"[:120])  # fmt: skip
    return row


def _label(one: Proposal, member: str, intent_id: str) -> dict[str, Any]:
    """A label by acceptance of a cluster: no agent's word, and known as such (`asked`)."""
    id_ = "verdict-" + hashlib.sha256(f"{one.id}/{member}".encode()).hexdigest()[:40]
    return {"verdict_id": id_, "prediction_id": member.removeprefix("prediction:"), "capability": "intent",
            "verdict": "labelled", "instead": intent_id, "prompted": False, "asked": "cluster",
            "weight": 1.0}  # fmt: skip


def _in_use(place: Workspace) -> list[str]:
    """The intents that labels name, in a workspace that defines none."""
    from features.labels import intent_labels
    from training.params import Params

    tables = [place.archive.read(name) for name in ("verdicts", "segments", "predictions")]
    told = intent_labels(*tables, params=Params().labels, as_of=place.clock.now())
    return sorted(set(told["label"].to_pylist()))
