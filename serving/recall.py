"""Finds what was served: in memory for the last answers, then in the log, then beyond it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from centre.log import Log
from data_contracts.events import Event, dataset_row
from serving.envelope import SOURCE

Row = dict[str, Any]

# How many of a contact's answers are remembered: routing attempts and the turns of one dialogue.
_PER_CONTACT = 20


class Recall:
    """Rows of `predictions` by id, and by contact and capability. Bounded; other processes' answers come by the log."""

    def __init__(
        self,
        log: Log,
        *,
        bound: int,
        find_record: Callable[[str], Row | None],
        find_latest: Callable[[str, str, datetime | None], Row | None],
    ) -> None:
        self._log = log
        self._bound = bound
        self._find_record = find_record
        self._find_latest = find_latest
        self._rows: OrderedDict[str, Event] = OrderedDict()
        self._of_contact: dict[tuple[str, str], deque[str]] = {}
        self._seen = -1
        self._lock = threading.Lock()

    def remember(self, event: Event) -> None:
        """Keep one `prediction.served` event at hand."""
        with self._lock:
            self._keep(event)

    def prediction(self, prediction_id: str) -> Row | None:
        """The row of this prediction with the common columns, or None when nobody knows it."""
        return self.at_hand(prediction_id) or self._find_record(prediction_id)

    def at_hand(self, prediction_id: str) -> Row | None:
        """The row if memory or log hold it: one look-up by key, cheap enough for every request."""
        event = self._rows.get(prediction_id)
        if event is None:
            stored = self._log.find(SOURCE, prediction_id)
            event = stored.event if stored is not None and stored.event.type == "prediction.served" else None
        return None if event is None else dataset_row(event)

    def latest(self, contact_id: str, *, capability: str, until: datetime | None) -> Row | None:
        """The contact's last prediction of the capability that happened at or before `until` (None: the very last)."""
        with self._lock:
            self._catch_up()
            ids = list(self._of_contact.get((contact_id, capability), ()))
        found = [event for id_ in ids if (event := self._rows.get(id_)) is not None]
        fitting = [event for event in found if until is None or event.time <= until]
        if fitting:
            return dataset_row(max(fitting, key=lambda event: event.time))
        return self._find_latest(contact_id, capability, until)

    def _catch_up(self) -> None:
        """Take in what the log got since the last look: after a restart, or from other processes."""
        if self._seen < 0:
            self._seen = max(0, self._log.head() - self._bound)
        while page := self._log.read(self._seen, types=["prediction.served"]):
            for stored in page:
                self._keep(stored.event)
            self._seen = page[-1].sequence

    def _keep(self, event: Event) -> None:
        id_ = event.data["prediction_id"]
        if id_ in self._rows:
            return
        self._rows[id_] = event
        key = _contact_key(event)
        if key is not None:
            self._of_contact.setdefault(key, deque(maxlen=_PER_CONTACT)).append(id_)
        while len(self._rows) > self._bound:
            self._forget(self._rows.popitem(last=False)[1])

    def _forget(self, event: Event) -> None:
        key = _contact_key(event)
        if key is None or key not in self._of_contact:
            return
        left: Iterable[str] = [id_ for id_ in self._of_contact[key] if id_ != event.data["prediction_id"]]
        self._of_contact[key] = deque(left, maxlen=_PER_CONTACT)
        if not self._of_contact[key]:
            del self._of_contact[key]


def _contact_key(event: Event) -> tuple[str, str] | None:
    contact_id = event.data.get("contact_id")
    return None if contact_id is None else (str(contact_id), str(event.data["capability"]))
