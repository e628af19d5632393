"""A row to be, and how it becomes an event: simulated history, in order of becoming known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final

from data_contracts.events import Event

SOURCE: Final = "simulation"


@dataclass(slots=True)
class Note:
    """One row to be: seconds from the origin at which it was known and happened, type and id of the event, its data."""

    known_s: float
    happened_s: float
    type: str
    id: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clockwork:
    """Turns seconds from the origin into moments and events."""

    origin: datetime

    def moment(self, at_s: float) -> datetime:
        """The moment, in UTC."""
        return self.origin + timedelta(seconds=at_s)

    def stamp(self, at_s: float) -> str:
        """The moment as text, as events carry it."""
        return self.moment(at_s).isoformat()[:-6] + "Z"

    def event(self, note: Note) -> Event:
        """The note as a CloudEvent of simulated history."""
        return Event(
            id=note.id,
            source=SOURCE,
            type=note.type,
            time=self.moment(note.happened_s),
            data=note.data,
            known_at=self.moment(note.known_s),
            backfilled=True,
            simulated=True,
        )


def in_order(notes: Iterable[Note], *, clockwork: Clockwork, until_s: float) -> Iterator[Event]:
    """Events known before `until_s`, in that order; what became known together stays in the order of its notes."""
    for note in sorted((note for note in notes if note.known_s < until_s), key=attrgetter("known_s")):
        yield clockwork.event(note)


def listed(values: list[str]) -> str:
    """A JSON list as the contracts' json columns hold it."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def keyed(values: dict[str, float]) -> str:
    """A JSON object of numbers by name, as the contracts' json columns hold it."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def contact_id(number: int) -> str:
    """The id under which the centre's systems know a case."""
    return f"c{number:06d}"


def agent_id(place: int) -> str:
    """The id of an agent."""
    return f"a{place + 1:03d}"


def customer_id(place: int) -> str:
    """The id of a customer."""
    return f"p{place:06d}"
