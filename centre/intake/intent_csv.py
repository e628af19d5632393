"""Texts with the intent that a person gave them: `text,label`. They have no time, no customer and no agent."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from centre.intake.reading import (
    Found,
    Intake,
    Record,
    fault,
    history,
    records,
    refuse_not_text,
    taken,
    unused_columns,
)
from data_contracts.events import Event
from data_contracts.faults import Fault

KNOWN_AT_RULE = "a file of texts has no times: its rows stand at 1970-01-01, known from then on, flagged timeless"

COLUMNS = ("text", "label")

# Before every real record: a timeless row is known whatever a run's `as_of` is, and the same on every ingestion.
TIMELESS = datetime(1970, 1, 1, tzinfo=UTC)

# The same limit as the contract's on an utterance and on an intent's id.
LONGEST_TEXT = 4_000
LONGEST_LABEL = 128

# A contact must be in some queue; no text of such a file ever was.
QUEUE = "unrouted"


def read(path: Path, *, source: str, time_zone: str | None, clock_now: datetime) -> Intake:
    """A contact, its one utterance and a verdict for each row, and each label as an intent. `time_zone` is not used.

    A row without a text or a label, or with too long a one, is a fault with its line; equal rows are equal events,
    which the log counts as repeated. Raises NotFound, NotText, MissingColumn, and InputError for an empty file.
    """
    del time_zone
    refuse_not_text(path)
    notes = unused_columns(path, known=COLUMNS, delimiter=",")
    return taken(path, lambda: _found(path, source), known_at_rule=KNOWN_AT_RULE, clock_now=clock_now, notes=notes)


def _found(path: Path, source: str) -> Iterator[Found]:
    defined: set[str] = set()
    for record in records(path, required=COLUMNS, optional=(), delimiter=","):
        problem = record if isinstance(record, Fault) else _problem(record)
        if problem is not None:
            yield problem
        elif isinstance(record, Record):
            text, label = (unicodedata.normalize("NFC", record.fields[name].strip()) for name in COLUMNS)
            if label not in defined:
                defined.add(label)
                yield _intent(label, source)
            yield from _labelled_text(text, label, source)


def _problem(record: Record) -> Fault | None:
    limits = {"text": LONGEST_TEXT, "label": LONGEST_LABEL}
    for name, longest in limits.items():
        value = record.fields[name].strip()
        if not value:
            return fault(
                "utterances",
                record.line,
                rule=f"{name}.not_blank",
                column=name,
                value=value,
                message=f"the {name} is empty",
                row=dict(record.fields),
            )
        if len(value) > longest:
            message = f"the {name} has {len(value)} characters, {longest} are allowed"
            return fault(
                "utterances",
                record.line,
                rule=f"{name}.length",
                column=name,
                value=value,
                message=message,
                row=dict(record.fields),
            )
    return None


def _labelled_text(text: str, label: str, source: str) -> Iterator[Event]:
    contact_id = "text-" + hashlib.sha256(f"{label}\n{text}".encode()).hexdigest()[:24]
    yield _event(
        "contact.ended",
        source,
        contact_id,
        {
            "contact_id": contact_id,
            "revision": 0,
            "channel": "chat",
            "direction": "inbound",
            "queue": QUEUE,
            "priority": 0,
            "started_at": TIMELESS,
            "ended_at": TIMELESS,
            "outcome": "open",
            "reopened": False,
        },
    )
    yield _event(
        "utterance.spoken",
        source,
        f"{contact_id}-0",
        {
            "contact_id": contact_id,
            "turn": 0,
            "speaker": "customer",
            "text": text,
            "spoken_at": TIMELESS,
        },
    )
    yield _event(
        "verdict.given",
        source,
        f"{contact_id}-label",
        {
            "verdict_id": f"{contact_id}-label",
            "contact_id": contact_id,
            "capability": "intent",
            "verdict": "labelled",
            "instead": label,
            "prompted": False,
            "weight": 1.0,
        },
    )


def _intent(label: str, source: str) -> Event:
    chinese = any("一" <= character <= "鿿" for character in label)
    names = {"name_en": label.replace("_", " ")} | ({"name_zh": label} if chinese else {})
    return _event(
        "intent.defined",
        source,
        f"intent-{label}",
        {
            "intent_id": label,
            "revision": 0,
            **names,
            "critical": False,
            "automatable": False,
        },
    )


def _event(kind: str, source: str, row: str, data: dict[str, Any]) -> Event:
    return history(kind, source=source, row=row, time=TIMELESS, data=data | {"timeless": True})
