"""Rows and events that the centre's tests speak of: small, complete, and right unless a test makes them wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from data_contracts.arrow import table
from data_contracts.events import Event

AT = datetime(2026, 4, 1, 9, tzinfo=UTC)


def contact(number: int, *, known_at: datetime | None = None, **changes: Any) -> Event:
    """An ended chat, told as history."""
    at = AT + timedelta(minutes=number)
    data = {
        "contact_id": f"c{number}",
        "revision": 0,
        "channel": "chat",
        "direction": "inbound",
        "queue": "billing",
        "priority": 0,
        "started_at": at.isoformat(),
        "ended_at": at.isoformat(),
        "outcome": "answered",
        "reopened": False,
    }
    return _event("contact.ended", f"contact-{number}", at, data | changes, known_at)


def utterance(number: int, *, turn: int = 0, known_at: datetime | None = None, **changes: Any) -> Event:
    """A turn of that chat; it waits until the chat itself is known."""
    at = AT + timedelta(minutes=number)
    data = {
        "contact_id": f"c{number}",
        "turn": turn,
        "speaker": "customer",
        "text": f"我的卡 {number}",
        "spoken_at": at.isoformat(),
    }
    return _event("utterance.spoken", f"utterance-{number}-{turn}", at, data | changes, known_at)


def rating(number: int, **changes: Any) -> Event:
    """A customer's rating of that chat."""
    data = {"rating_id": f"r{number}", "contact_id": f"c{number}", "score": 5}
    return _event("customer.rated", f"rating-{number}", AT + timedelta(minutes=number), data | changes, None)


def platform(number: int) -> Event:
    """A notice of the platform about itself: no row."""
    return Event(id=f"notice-{number}", source="platform", type="log.compacted", time=AT, data={"batch": number})


def contacts(*numbers: int, known_at: datetime = AT, **changes: Any) -> pa.Table:
    """Those chats as the archive takes them."""
    common = {
        "happened_at": AT,
        "known_at": known_at,
        "source": "desk",
        "backfilled": True,
        "simulated": False,
        "timeless": False,
    }
    rows = [contact(number, **changes).data | common | {"event_id": f"contact-{number}"} for number in numbers]
    return table("contacts", rows)


def _event(kind: str, id_: str, at: datetime, data: dict[str, Any], known_at: datetime | None) -> Event:
    return Event(id=id_, source="desk", type=kind, time=at, data=data, known_at=known_at or at, backfilled=True)
