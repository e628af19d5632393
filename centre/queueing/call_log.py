"""A contact log as columns: a row for each leg that entered a queue, in local seconds; of a centre or of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_contracts.errors import NotEnoughData

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAY_S: Final = 86_400
# Legs that say something of a queue. A phantom hung up before it, a refused offer waits on, a bot's leg has no queue.
COUNTED: Final = ("answered", "abandoned", "transferred")
NOBODY: Final = -1
ANY_CHANNEL: Final = ""
# Of equally many legs the first is taken: a contact's priority as the centre records it, 0 where it does not.
NORMAL: Final = 0


@dataclass(frozen=True)
class Stream:
    """Contacts that want the same people: a queue, and within it a channel and a language where the log tells them."""

    queue: str
    channel: str = ANY_CHANNEL
    language: str = ""

    @property
    def kind(self) -> str:
        """What handle times and patience are fitted by, and what a table shows: the queue, with its channel if any."""
        return f"{self.queue} · {self.channel}" if self.channel else self.queue


@dataclass(frozen=True)
class CallLog:
    """Legs in order of queueing; times are seconds of local wall clock from the midnight that begins `first_day`.

    `stream`, `agent` (NOBODY for none), `contact` and `customer` (NOBODY for unknown) are places; `priority` is larger
    for the more urgent; `handle_s` is nan where nobody handled it or nobody says how long.
    """

    first_day: date
    days: int
    streams: tuple[Stream, ...]
    agents: tuple[str, ...]
    stream: Ints
    queued_s: Floats
    wait_s: Floats
    handle_s: Floats
    agent: Ints
    gone: Bools
    transferred: Bools
    contact: Ints
    customer: Ints
    priority: Ints

    def __len__(self) -> int:
        return len(self.stream)

    @property
    def answered_s(self) -> Floats:
        """When each was answered, or gave up."""
        return self.queued_s + self.wait_s

    @property
    def ended_s(self) -> Floats:
        """When each left its agent; when it gave up, or was answered by nobody that is known, the moment of that."""
        return self.answered_s + np.nan_to_num(self.handle_s)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds of contact, in order of name."""
        return tuple(sorted({stream.kind for stream in self.streams}))

    @property
    def kind_of_stream(self) -> Ints:
        """The place in `kinds` of each stream."""
        return np.array([self.kinds.index(stream.kind) for stream in self.streams], dtype=np.int64)

    @property
    def kind(self) -> Ints:
        """The place in `kinds` of each leg."""
        return self.kind_of_stream[self.stream]

    @property
    def weekdays(self) -> Ints:
        """The weekday (Monday is 0) of each day."""
        return (self.first_day.weekday() + np.arange(self.days)) % 7


def read(segments: pa.Table, *, time_zone: str, contacts: pa.Table | None = None) -> CallLog:
    """The log of checked segments and, where given, their contacts (channel, language, customer, priority).

    Needs queue, queued_at, wait_s, handle_s and outcome of segments; agent_id, contact_id, sequence, answered_at and
    ended_at where they are there. Raises NotEnoughData where no leg ever entered a queue.
    """
    told = segments.filter(
        pc.and_(pc.is_valid(segments["queued_at"]), pc.is_in(segments["outcome"], pa.array(COUNTED)))
    )
    if told.num_rows == 0:
        raise NotEnoughData(
            "no contact is known that entered a queue",
            expected="segments with queued_at that were answered, abandoned or transferred",
            came=f"{segments.num_rows} segments, none of them",
            remedy="parley ingest a contact log (events or anonymous-bank), or parley simulate, first",
        )
    told = told.sort_by([("queued_at", "ascending"), *_named(told, "contact_id", "sequence")])
    seconds, first_day, days = _local(told["queued_at"], time_zone)
    about = _about(told, contacts)
    streams, stream = _streams(told["queue"].to_pylist(), about)
    agents, agent = _places(_column(told, "agent_id"))
    outcome = told["outcome"]
    return CallLog(
        first_day=first_day,
        days=days,
        streams=streams,
        agents=agents,
        stream=stream,
        queued_s=seconds,
        wait_s=_seconds(told, "wait_s", "queued_at", "answered_at", "ended_at"),
        handle_s=np.where(_is(outcome, "abandoned"), np.nan, _floats(told["handle_s"])),
        agent=np.where(_is(outcome, "abandoned"), NOBODY, agent),
        gone=_is(outcome, "abandoned"),
        transferred=_is(outcome, "transferred"),
        contact=_places(_column(told, "contact_id"), lone=True)[1],
        customer=_places([one["customer_id"] for one in about])[1],
        priority=np.array([one["priority"] or NORMAL for one in about], dtype=np.int64),
    )


def _named(table: pa.Table, *names: str) -> list[tuple[str, str]]:
    return [(name, "ascending") for name in names if name in table.column_names]


def _column(table: pa.Table, name: str) -> list[Any]:
    return list(table[name].to_pylist()) if name in table.column_names else [None] * table.num_rows


def _floats(column: Any) -> Floats:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _is(column: Any, outcome: str) -> Bools:
    return np.asarray(pc.equal(column, outcome), dtype=np.bool_)


def _seconds(table: pa.Table, name: str, start: str, *ends: str) -> Floats:
    """The column, and where it is missing the time from `start` to the first of `ends` that is known, else 0."""
    found = table[name].cast(pa.float64())
    for end in ends:
        if end in table.column_names:
            apart = pc.divide(pc.subtract(table[end], table[start]).cast(pa.int64()).cast(pa.float64()), 1e6)
            found = pc.coalesce(found, apart)
    return np.maximum(_floats(pc.fill_null(found, 0.0)), 0.0)


def _local(moments: Any, time_zone: str) -> tuple[Floats, date, int]:
    """Local wall seconds from the first local midnight, the first day and the number of days to the last."""
    wall = pc.local_timestamp(moments.cast(pa.timestamp("us", tz=time_zone)))
    numbers = np.asarray(wall.cast(pa.date32()).cast(pa.int32()), dtype=np.int64)
    seconds = np.asarray(wall.cast(pa.int64()), dtype=np.int64) / 1e6 - float(numbers.min()) * DAY_S
    first_day = date(1970, 1, 1) + timedelta(days=int(numbers.min()))
    return seconds, first_day, int(numbers.max() - numbers.min()) + 1


def _about(told: pa.Table, contacts: pa.Table | None) -> list[dict[str, Any]]:
    """What the contact of each leg tells: channel, language, customer, priority; None each where nothing is told."""
    names = ("channel", "language", "customer_id", "priority")
    nothing = dict.fromkeys(names)
    if contacts is None:
        return [nothing] * told.num_rows
    rows = contacts.select(["contact_id", *(name for name in names if name in contacts.column_names)]).to_pylist()
    known = {row["contact_id"]: nothing | row for row in rows}
    return [known.get(ident, nothing) for ident in _column(told, "contact_id")]


def _streams(queues: Sequence[str], about: Sequence[dict[str, Any]]) -> tuple[tuple[Stream, ...], Ints]:
    """Streams in order of name, and the place of each leg's. Channels are named in queues that have several."""
    channels: dict[str, set[str]] = {}
    for queue, one in zip(queues, about, strict=True):
        channels.setdefault(queue, set()).add(one["channel"] or ANY_CHANNEL)
    each = [
        Stream(
            queue, (one["channel"] or ANY_CHANNEL) if len(channels[queue]) > 1 else ANY_CHANNEL, one["language"] or ""
        )
        for queue, one in zip(queues, about, strict=True)
    ]
    streams = sorted(set(each), key=lambda stream: (stream.queue, stream.channel, stream.language))
    places = {stream: place for place, stream in enumerate(streams)}
    return tuple(streams), np.array([places[stream] for stream in each], dtype=np.int64)


def _places(names: Sequence[Any], *, lone: bool = False) -> tuple[tuple[str, ...], Ints]:
    """Names in order, and each row's place among them; without a name NOBODY, or with `lone` a place of its own."""
    known = sorted({name for name in names if name is not None})
    places = {name: place for place, name in enumerate(known)}
    found = [places.get(name, NOBODY) for name in names]
    if lone:
        found = [place if place != NOBODY else len(known) + row for row, place in enumerate(found)]
    return tuple(known), np.array(found, dtype=np.int64)
