"""What a feature service promises, in plain data: which fields, of which entity, meaning what.

A published service never changes: `services.lock.json` keeps the digest of each, and a definition that no longer has
its digest is refused. Another meaning, type or field is a service of another name (`routing_v2`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from data_contracts.errors import NotFound, StateConflict

LOCK = Path(__file__).with_name("services.lock.json")


@dataclass(frozen=True)
class View:
    """One entity's figures: the key that they belong to, and the meaning of each (all are float64)."""

    name: str
    entity: str
    join_key: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Service:
    """A named, versioned set of views: what one model family reads."""

    name: str
    views: tuple[View, ...]

    def digest(self) -> str:
        """sha256 of the definition: of names, keys, fields and meanings."""
        told = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()

    def fields(self) -> tuple[str, ...]:
        """All fields in order."""
        return tuple(field for view in self.views for field in view.fields)


CUSTOMER = View(
    "customer_features",
    "customer",
    "customer_id",
    {
        "customer_contacts_7d": "contacts begun in the 7 days before the snapshot and known by then",
        "customer_contacts_30d": "the same over 30 days",
        "customer_last_contact_s": "start of the contact that became known last, seconds since 1970",
        "customer_last_answered": "1 if that contact was answered or served itself, else 0",
        "customer_last_topic_code": "features.routing.code of its topic, or of its queue where it had none",
    },
)
AGENT = View(
    "agent_features",
    "agent",
    "agent_id",
    {
        "agent_handled_count": "contacts handled and known before the snapshot",
        "agent_log_handle_excess": "mean of log seconds over the topic's mean known at the time, shrunk towards 0",
        "agent_resolution_rate": "share resolved of the matured contacts, shrunk towards the centre's",
        "agent_rating_mean": "mean of the ratings (1 to 5), shrunk towards the centre's",
        "agent_hired_s": "day of hiring, seconds since 1970",
        "agent_speaks_en": "1 if English is among the agent's languages, else 0",
        "agent_speaks_zh": "1 if Chinese is among the agent's languages, else 0",
    },
)
AGENT_TOPIC = View(
    "agent_topic_features",
    "agent_topic",
    "agent_topic",
    {
        "agent_topic_handled_count": "contacts of the topic that the agent handled, known before the snapshot",
        "agent_topic_log_handle_mean": "mean of log seconds, shrunk towards the topic's mean plus the agent's excess",
        "agent_topic_resolution_rate": "share resolved of the matured ones, shrunk towards the agent's",
    },
)
TOPIC = View(
    "topic_features",
    "topic",
    "topic",
    {
        "topic_handled_count": "contacts of the topic handled and known before the snapshot",
        "topic_log_handle_mean": "mean of log seconds, shrunk towards the centre's",
        "topic_resolution_rate": "share resolved of the matured ones, shrunk towards the centre's",
    },
)
VIEWS = (CUSTOMER, AGENT, AGENT_TOPIC, TOPIC)
SERVICES = {service.name: service for service in (Service("routing_v1", VIEWS),)}
ROUTING_SERVICE = "routing_v1"


def service(name: str, *, lock: Path = LOCK) -> Service:
    """The service of that name (NotFound names the known ones), if it still is what was published (StateConflict)."""
    if name not in SERVICES:
        raise NotFound("no such feature service", expected=", ".join(sorted(SERVICES)), came=name)
    found = SERVICES[name]
    refuse_changed(found, lock=lock)
    return found


def refuse_changed(found: Service, *, lock: Path = LOCK) -> None:
    """StateConflict where the definition differs from the one that was published under the name."""
    published = json.loads(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    if published.get(found.name) != found.digest():
        raise StateConflict(
            f"feature service {found.name} is not the published one",
            expected=str(published.get(found.name, "a digest in the lock file")),
            came=found.digest(),
            where=lock.name,
            remedy="A published service never changes: give the new definition a new name, and publish that.",
        )


def publish(found: Service, *, lock: Path = LOCK) -> None:
    """Add a new service to the lock file; refuses (StateConflict) a name that stands there with another digest."""
    published = json.loads(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    if found.name in published:
        refuse_changed(found, lock=lock)
        return
    published[found.name] = found.digest()
    lock.write_text(json.dumps(published, sort_keys=True, indent=1) + "\n", encoding="utf-8")
