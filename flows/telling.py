"""What the platform says about itself in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_contracts.events import Event
from flows.compose import SOURCE, Workspace


def tell(place: Workspace, kind: str, name: str, facts: Mapping[str, Any], *, subject: str | None = None) -> Event:
    """Say one thing once: a second telling of the same `kind` and `name` leaves the first."""
    key = f"{kind}/{name}"
    if held := place.log.find(SOURCE, key):
        return held.event
    now = place.clock.now()
    event = Event(key, SOURCE, kind, now, dict(facts), subject=subject)
    place.log.append([event], received_at=now)
    return event
