"""Who reads which intents: a self-service flow, a queue rule, a report. They are told of before an intent goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from centre.people import LONGEST_NAME, Person
from data_contracts.errors import InputError, NotFound
from data_contracts.events import Event, canonical_json, stamp
from features import proposals
from flows.compose import SOURCE, Workspace
from flows.recalling import ever_in_log, taxonomy

REGISTERED, REMOVED = "consumer.registered", "consumer.removed"
# What can be read, before the colon.
KIND = "intent"


@dataclass(frozen=True)
class Consumer:
    """A reader of intents (by their ids), who answers for it, and how that person is reached."""

    name: str
    reads: tuple[str, ...]
    owner: str = ""
    contact: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the command line tells it."""
        return {**asdict(self), "reads": [f"{KIND}:{one}" for one in self.reads]}


def registered(place: Workspace) -> dict[str, Consumer]:
    """The consumers as they were registered last, by name."""
    found: dict[str, Consumer] = {}
    for event in (stored.event for stored in ever_in_log(place, REGISTERED, REMOVED)):
        found.pop(event.data["name"], None)
        if event.type == REGISTERED:
            told = event.data
            found[told["name"]] = Consumer(told["name"], tuple(told["reads"]), told["owner"], told["contact"])
    return dict(sorted(found.items()))


def register(
    place: Workspace, name: str, *, reads: Iterable[str], owner: str, contact: str, person: Person
) -> dict[str, Any]:
    """Register a consumer, or replace what was registered under its name.

    reads: as `intent:card_lost`, several with commas. Raises InputError for a name that cannot be, for none to read,
    and for what is no intent of the taxonomy (naming the nearest).
    """
    cleaned = name.strip()
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise InputError("this name cannot be used", expected=f"1 to {LONGEST_NAME} printable characters",
                         came=repr(name[: LONGEST_NAME + 1]), where="NAME")  # fmt: skip
    one = Consumer(cleaned, _intents(reads, taxonomy(place)), owner.strip(), contact.strip())
    before = registered(place).get(cleaned)
    _say(place, "consumer.registered", {**asdict(one), "reads": list(one.reads), "by": person.name})
    return {**one.to_json(), "replaced": before is not None}


def remove(place: Workspace, name: str, *, person: Person) -> dict[str, Any]:
    """Take a consumer out. Raises NotFound."""
    if name not in (held := registered(place)):
        raise NotFound("no such consumer", expected=", ".join(held) or "one that was registered", came=name[:80],
                       where="NAME")  # fmt: skip
    _say(place, "consumer.removed", {"name": name, "by": person.name})
    return {"name": name, "removed_by": person.name}


def readers(consumers: Iterable[Consumer], intent_id: str) -> list[dict[str, str]]:
    """Those that read an intent: name, owner, contact."""
    return [
        {"name": one.name, "owner": one.owner, "contact": one.contact} for one in consumers if intent_id in one.reads
    ]


def _intents(reads: Iterable[str], defined: Mapping[str, Any]) -> tuple[str, ...]:
    named = [part.strip() for words in reads for part in words.split(",") if part.strip()]
    if not named:
        raise InputError("a consumer reads something", expected=f"{KIND}:ID, several with commas", came="nothing",
                         where="--reads")  # fmt: skip
    found = []
    for part in named:
        kind, colon, intent_id = part.rpartition(":")
        if (colon and kind != KIND) or intent_id not in defined:
            raise InputError("no such thing to read",
                             expected=f"{KIND}:ID of the taxonomy" + proposals.near(intent_id, defined),
                             came=part[:80], where="--reads")  # fmt: skip
        found.append(intent_id)
    return _once(found)


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _say(place: Workspace, kind: str, data: Mapping[str, Any]) -> None:
    now = place.clock.now()
    id_ = f"{data['name']}/{stamp(now)}/{proposals.digest([kind, canonical_json(data)])}"
    place.log.append([Event(id_, SOURCE, kind, now, dict(data), subject=str(data["name"]))], received_at=now)
