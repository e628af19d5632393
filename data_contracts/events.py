"""What is said in Parley: CloudEvents 1.0, each one a row of one dataset or a notice of the platform itself.

`source` + `id` is the key. The same event twice is one event; the same key with another body is refused (`body_digest`
tells them apart); a correction is a new event. Time: `time` is when it happened, `known_at` when the centre could know
of it; the log fills `known_at` with the time of receipt unless the event is history (`backfilled`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from data_contracts.errors import MalformedEvent, UnknownDataset
from data_contracts.normalisers import nfc, trim

SPEC_VERSION: Final = "1.0"
ATTRIBUTES: Final = ("id", "source", "type", "time", "data", "subject", "specversion", "datacontenttype", "dataschema")
EXTENSIONS: Final = ("knownat", "backfilled", "simulated")

DATASET_OF: Final[Mapping[str, str]] = {
    "customer.registered": "customers",
    "customer.changed": "customers",
    "agent.hired": "agents",
    "agent.changed": "agents",
    "intent.defined": "intents",
    "intent.changed": "intents",
    "contact.ended": "contacts",
    "contact.reopened": "contacts",
    "segment.ended": "segments",
    "agent.state_changed": "agent_states",
    "utterance.spoken": "utterances",
    "recording.stored": "recordings",
    "operation.performed": "operations",
    "decision.made": "decisions",
    "decision.followed": "decisions",
    "decision.overridden": "decisions",
    "prediction.served": "predictions",
    "verdict.given": "verdicts",
    "intent.corrected": "verdicts",
    "customer.rated": "ratings",
    "article.published": "articles",
    "roster.published": "roster",
    "volume.counted": "volumes",
    "calendar_event.announced": "calendar_events",
    "arm.assigned": "assignments",
}
"""The dataset whose row an event of this type carries in `data`."""

PLATFORM_TYPES: Final = (
    "retraining.requested",
    "retraining.finished",
    "watch.decided",
    "forecast.issued",
    "forecast.adjusted",
    "forecast.adjustment_withdrawn",
    "forecast.adjustment_kept",
    "staffing.planned",
    "staffing.roster_published",
    "features.materialized",
    "log.compacted",
    "intent.proposed",
    "intent.accepted",
    "intent.merged",
    "intent.dropped",
    "consumer.registered",
    "consumer.removed",
)
"""Events of the platform about itself: logged, never compacted into a dataset."""

RESERVED_SOURCE: Final = "parley/"
"""How the platform's own sources begin."""

SAID_BY_PLATFORM: Final = frozenset({"prediction.served"})
"""Types with a row that nobody but the platform may say."""

PLATFORM_IDS: Final[Mapping[str, re.Pattern[str]]] = {
    "decision_id": re.compile(r"decision-[0-9a-f]{32}"),
    "verdict_id": re.compile(r"verdict-(?:[0-9a-f]{32}|[0-9a-f]{40})"),
}
"""The ids of rows that the platform wrote of what it decided (serving/routing.py) and heard (serving/feedback.py)."""


@dataclass(frozen=True)
class Event:
    """One thing that happened. Times are aware and in UTC; `data` holds the row's own columns."""

    id: str
    source: str
    type: str
    time: datetime
    data: dict[str, Any]
    subject: str | None = None
    known_at: datetime | None = None
    backfilled: bool = False
    simulated: bool = False

    @classmethod
    def from_cloudevent(cls, obj: Mapping[str, Any], *, where: str = "") -> Event:
        """Read a CloudEvents 1.0 object (JSON mode). `where` names the file and line, or the place in the batch.

        Raises MalformedEvent for a missing or mistyped attribute, an unknown type, an unknown attribute or extension.
        """
        _known_attributes(obj, where)
        _spec_version(obj, where)
        return cls(
            id=_text(obj, "id", where),
            source=_text(obj, "source", where),
            type=_event_type(obj, where),
            time=_time(obj, "time", where),
            data=_data(obj, where),
            subject=_text(obj, "subject", where) if obj.get("subject") is not None else None,
            known_at=_time(obj, "knownat", where) if obj.get("knownat") is not None else None,
            backfilled=_flag(obj, "backfilled", where),
            simulated=_flag(obj, "simulated", where),
        )

    def to_cloudevent(self) -> dict[str, Any]:
        """The CloudEvents 1.0 object; `Event.from_cloudevent` reads it back to an equal event."""
        told: dict[str, Any] = {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "time": stamp(self.time),
            "datacontenttype": "application/json",
            "data": plain(self.data),
        }
        if self.subject is not None:
            told["subject"] = self.subject
        if self.known_at is not None:
            told["knownat"] = stamp(self.known_at)
        return told | {name: True for name in ("backfilled", "simulated") if getattr(self, name)}

    def body_digest(self) -> str:
        """sha256 (hex) of the canonical JSON of everything but the key: equal bodies, equal digests."""
        body = {name: value for name, value in self.to_cloudevent().items() if name not in ("id", "source")}
        return hashlib.sha256(canonical_json(body).encode()).hexdigest()


def from_outside(event: Event, *, where: str) -> Event:
    """The event, if anybody but the platform may say it; of a decision's second word, `followed` is as its type says.

    The platform alone says what it answered and decided: who could say it for it could forge a trace, or give a
    decision a second body, which puts both into quarantine. Raises MalformedEvent.
    """
    if event.source.startswith(RESERVED_SOURCE):
        expected = f"a source that does not begin {RESERVED_SOURCE}"
        raise MalformedEvent(
            "this source belongs to the platform", expected=expected, came=event.source[:80], where=where
        )
    if event.type not in DATASET_OF or event.type in SAID_BY_PLATFORM:
        expected = "a type that carries a row of the centre's own"
        raise MalformedEvent("only the platform itself says this", expected=expected, came=event.type, where=where)
    if event.type in _SECOND_WORD:
        return _second_word(event, where)
    _refuse_platforms_row(event, where)
    return event


_SECOND_WORD: Final = {"decision.followed": True, "decision.overridden": False}


def _second_word(event: Event, where: str) -> Event:
    """What became of a decision. Revision 0 is the decision itself, which a second word would contradict."""
    meant = _SECOND_WORD[event.type]
    if event.data.get("followed", meant) is not meant:
        came = f"followed {event.data['followed']}"
        raise MalformedEvent(f"{event.type} says otherwise", expected=f"followed {meant}", came=came, where=where)
    if event.data.get("revision") == 0:
        expected = "revision 1; 2 and so on for a correction"
        raise MalformedEvent("revision 0 is the decision itself", expected=expected, came="0", where=f"{where}/data")
    return replace(event, data={**event.data, "followed": meant})


def _refuse_platforms_row(event: Event, where: str) -> None:
    """A row under an id that the platform gives would be a second body of the platform's own row."""
    column = {"decisions": "decision_id", "verdicts": "verdict_id"}.get(DATASET_OF[event.type])
    if column is None:
        return
    told = compared_id(event.data.get(column))
    if PLATFORM_IDS[column].fullmatch(told):
        expected = f"a {column} of your own" + _INSTEAD[column]
        raise MalformedEvent(f"this {column} is the platform's", expected=expected, came=told, where=f"{where}/data")


_INSTEAD: Final = {
    "decision_id": "; decision.followed or decision.overridden for what became of ours",
    "verdict_id": "; POST /v1/feedback for a verdict on an answer of ours",
}


def compared_id(value: object) -> str:
    """An id as the contracts compare it, for a padded id is the same id; "" for what is no text."""
    return nfc(trim(value)) if isinstance(value, str) else ""


def dataset_row(event: Event) -> dict[str, Any]:
    """The dataset row that an event carries: its own columns and the common ones.

    `timeless` is the one common column that a source may state in `data` (a file of labelled texts has no times).
    Raises MalformedEvent for an event of the platform, which has no dataset, and for one that states common columns.
    """
    if event.type not in DATASET_OF:
        raise MalformedEvent("this event carries no row", expected=_known_types(), came=event.type, where=event.id)
    stated = sorted({"happened_at", "known_at", "source", "event_id", "backfilled", "simulated"} & event.data.keys())
    if stated:
        raise MalformedEvent("data states what the event itself says", came=", ".join(stated), where=event.id)
    common = {
        "happened_at": event.time,
        "known_at": event.known_at if event.known_at is not None else event.time,
        "source": event.source,
        "event_id": event.id,
        "backfilled": event.backfilled,
        "simulated": event.simulated,
        "timeless": event.data.get("timeless", False),
    }
    return event.data | common


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: one value, one text. Times become RFC 3339 in UTC; NaN is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond where there is one: 2026-05-01T09:00:00Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """A value as JSON holds it: times and days become text, tuples lists; what JSON has no word for stays."""
    if isinstance(value, Mapping):
        return {key: plain(told) for key, told in value.items()}
    if isinstance(value, list | tuple):
        return [plain(told) for told in value]
    return _plain(value) if isinstance(value, date) else value


def type_of(dataset: str, row: Mapping[str, Any]) -> str:
    """The type of event that says this row: the first of the dataset's types, but for the second word on a decision."""
    if dataset == "decisions" and (row.get("revision") or 0) > 0:
        return "decision.overridden" if row.get("followed") is False else "decision.followed"
    for name, told in DATASET_OF.items():
        if told == dataset:
            return name
    raise UnknownDataset("no event says a row of it", expected=", ".join(sorted({*DATASET_OF.values()})), came=dataset)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not go into an event")


def _known_attributes(obj: Mapping[str, Any], where: str) -> None:
    if not isinstance(obj, Mapping):
        raise MalformedEvent("not an event", expected="a JSON object", came=type(obj).__name__, where=where)
    unknown = sorted(str(name) for name in obj.keys() - {*ATTRIBUTES, *EXTENSIONS})
    if unknown:
        known = ", ".join((*ATTRIBUTES, *EXTENSIONS))
        raise MalformedEvent("unknown attribute", expected=f"one of {known}", came=", ".join(unknown), where=where)


def _spec_version(obj: Mapping[str, Any], where: str) -> None:
    if obj.get("specversion") != SPEC_VERSION:
        came = repr(obj.get("specversion"))
        raise MalformedEvent("not CloudEvents 1.0", expected='specversion "1.0"', came=came, where=where)


def _text(obj: Mapping[str, Any], name: str, where: str) -> str:
    value = obj.get(name)
    if not isinstance(value, str) or not value.strip():
        raise MalformedEvent(f"no {name}", expected="text that is not empty", came=_shown(value), where=where)
    _refuse_nul(name, value, where)
    return value


def _event_type(obj: Mapping[str, Any], where: str) -> str:
    value = _text(obj, "type", where)
    if value not in DATASET_OF and value not in PLATFORM_TYPES:
        raise MalformedEvent("unknown type of event", expected=_known_types(), came=_shown(value), where=where)
    return value


def _time(obj: Mapping[str, Any], name: str, where: str) -> datetime:
    value = obj.get(name)
    expected = "a time with its offset such as 2026-05-01T09:00:00Z"
    if not isinstance(value, str):
        raise MalformedEvent(f"no {name}", expected=expected, came=_shown(value), where=where)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise MalformedEvent(f"{name} is no time", expected=expected, came=_shown(value), where=where) from error
    if moment.tzinfo is None:
        raise MalformedEvent(f"{name} has no offset", expected=expected, came=_shown(value), where=where)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise MalformedEvent(f"{name} is out of range", expected=expected, came=_shown(value), where=where) from error


def _data(obj: Mapping[str, Any], where: str) -> dict[str, Any]:
    value = obj.get("data")
    if not isinstance(value, Mapping):
        expected = "a JSON object with the row's columns"
        raise MalformedEvent("no data", expected=expected, came=_shown(value), where=where)
    try:
        canonical_json(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        expected = "JSON without NaN, in text that UTF-8 can hold"
        raise MalformedEvent("data is not JSON", expected=expected, came=str(error), where=where) from error
    for name, told in value.items():
        if name.endswith("_id"):
            _refuse_nul(name, told, f"{where}/data")
    return dict(value)


def _refuse_nul(name: str, value: object, where: str) -> None:
    """NUL is no character of an id: databases end a text at it, and two ids would be one."""
    if isinstance(value, str) and "\0" in value:
        raise MalformedEvent(f"{name} holds NUL", expected="text without U+0000", came=ascii(value[:40]), where=where)


def _flag(obj: Mapping[str, Any], name: str, where: str) -> bool:
    value = obj.get(name, False)
    if not isinstance(value, bool):
        raise MalformedEvent(f"{name} is no flag", expected="true or false", came=_shown(value), where=where)
    return value


def _known_types() -> str:
    return "one of " + ", ".join((*DATASET_OF, *PLATFORM_TYPES))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
