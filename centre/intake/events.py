"""Events as Parley says them: CloudEvents 1.0 in JSON, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from centre.intake.reading import Found, Intake, fault, opened, refuse_not_text, taken
from data_contracts.errors import InputError
from data_contracts.events import Event, from_outside

KNOWN_AT_RULE = "live events are known on receipt; backfilled events when they say (knownat), else on receipt"

# CloudEvents asks every intermediary to carry 64 KiB; what is larger belongs behind a URI.
LONGEST_EVENT_BYTES = 65_536


def read(path: Path, *, source: str, time_zone: str | None, clock_now: datetime) -> Intake:
    """Events of a JSON Lines file. They name their own source and zone, so `source` and `time_zone` are not used.

    A line that is no event is a fault with its number; blank lines are passed over.
    Raises NotFound, NotText, and InputError when nothing is in the file.
    """
    del source, time_zone
    refuse_not_text(path)
    return taken(path, lambda: _found(path), known_at_rule=KNOWN_AT_RULE, clock_now=clock_now)


def _found(path: Path) -> Iterator[Found]:
    with opened(path) as file:
        number = 0
        # A line may be far longer than an event may be: it is read in pieces, of which the first is kept.
        while piece := file.readline(LONGEST_EVENT_BYTES + 2):
            number += 1
            too_long = not piece.endswith("\n") and len(piece) > LONGEST_EVENT_BYTES
            rest = piece
            while too_long and rest and not rest.endswith("\n"):
                rest = file.readline(LONGEST_EVENT_BYTES)
            if piece.strip():
                yield _event(piece.strip(), number, where=f"{path}, line {number}", too_long=too_long)


def _event(text: str, number: int, *, where: str, too_long: bool) -> Found:
    if too_long or len(text.encode()) > LONGEST_EVENT_BYTES:
        message = f"an event may have {LONGEST_EVENT_BYTES} bytes; keep large content behind a URI"
        return fault("", number, rule="too_large", column="", value=text, message=message, row={"text": text[:1000]})
    try:
        event = from_outside(
            Event.from_cloudevent(json.loads(text, parse_constant=_no_constant), where=where), where=where
        )
        if "\\u" in text:
            json.dumps(event.to_cloudevent(), ensure_ascii=False).encode()  # half a surrogate pair is no text
        return event
    except (InputError, ValueError, RecursionError) as error:
        rule = error.kind if isinstance(error, InputError) else "json"
        return fault("", number, rule=rule, column="", value=text, message=str(error), row={"text": text})


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
