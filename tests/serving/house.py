"""A serving house for tests: fakes at every door, one person of each role, and ways to put a model on the shelf."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient

from centre.clock import FixedClock
from centre.log import MemoryLog
from centre.people import People, Person
from centre.settings import Settings
from serving.app import create
from serving.doors import Doors
from serving.slots import Slot, StillShelf
from tests.training import reports
from training import promotion
from training.chain import Entry
from training.history import MemoryHistory
from training.registry import MemoryRegistry
from training.standing import Promotion
from training.subject import Scope

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROLES = ("engineer", "reviewer", "planner", "service", "agent", "viewer")


class IntentModel:
    """Answers with what it was told to, and counts; `gate` lets a test hold it back."""

    def __init__(self, intent: str = "password_reset", *, confidence: float = 0.9) -> None:
        self.intent, self.confidence = intent, confidence
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def answer(self, texts: list[str], *, languages: list[str]) -> list[dict[str, Any]]:
        self.gate.wait(10)
        self.asked.extend(texts)
        return [
            {"intent": self.intent, "confidence": self.confidence, "abstained": False, "reason": "",
             "alternatives": [], "language": language} for language in languages
        ]  # fmt: skip


class RoutingModel:
    """Scores agents in the order of their ids, the first lowest."""

    def score(self, matrix: np.ndarray) -> dict[str, np.ndarray]:
        return {"score": np.arange(len(matrix), dtype=float)}


class Mirror:
    """Online features of whoever is asked for."""

    version = "mirror-1"
    as_of = NOW

    unknown: frozenset[str] = frozenset()

    def unknown_agents(self, ids: list[str]) -> list[str]:
        return [name for name in ids if name in self.unknown]

    def customer(self, id_: str) -> dict[str, Any]:
        return {"customer_contacts_7d": 2.0}

    def agents(self, ids: list[str], topic: str) -> list[dict[str, Any]]:
        return [{"agent_handled_count": 10.0 * place} for place, _ in enumerate(ids)]


def promoted(family: str, *, version: str = "1", scope: Scope | None = None, artefact: str = "a" * 64) -> Promotion:
    return Promotion(
        family=family, version=version, artefact=artefact, approval="b" * 64, request_id=f"{family}-{version}-x",
        scope=scope or Scope(), at=NOW, sequence=3, report="c" * 64, approved_by="rita",
    )  # fmt: skip


def slot(family: str, model: Any, *, version: str = "1", scope: Scope | None = None) -> Slot:
    held = promoted(family, version=version, scope=scope)
    return Slot(family, model=model, promotion=held, approved={held.artefact: held.scope})


@dataclass
class House:
    doors: Doors
    tokens: dict[str, str]
    launched: list[dict[str, Any]] = field(default_factory=list)
    acted: list[str] = field(default_factory=list)

    @property
    def log(self) -> MemoryLog:
        assert isinstance(self.doors.log, MemoryLog)
        return self.doors.log

    @property
    def shelf(self) -> StillShelf:
        assert isinstance(self.doors.shelf, StillShelf)
        return self.doors.shelf

    @contextmanager
    def open(self, **changes: Any) -> Iterator[Client]:
        with TestClient(create(replace(self.doors, **changes)), raise_server_exceptions=False) as client:
            yield Client(client, self.tokens)

    def events(self, type_: str) -> list[Any]:
        return [stored.event for stored in self.log.read(types=[type_])]


@dataclass
class Client:
    """A test client that asks in a role."""

    http: TestClient
    tokens: dict[str, str]

    def post(self, path: str, body: Any = None, *, role: str = "service", **told: Any) -> Any:
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        headers = {"content-type": "application/json", **self.bearer(role), **told.pop("headers", {})}
        return self.http.post(path, headers=headers, **sent, **told)

    def get(self, path: str, *, role: str = "viewer", **told: Any) -> Any:
        return self.http.get(path, headers={**self.bearer(role), **told.pop("headers", {})}, **told)

    def bearer(self, role: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[role]}"} if role else {}


def make(home: Path, clock: FixedClock, **changes: Any) -> House:
    """A house whose doors are fakes; `changes` are fields of Doors."""
    people = People(home / "people.sqlite")
    tokens = {role: people.add(f"{role}-1", roles=[role], by="test", clock=clock) for role in ROLES}
    house: House
    doors = Doors(
        settings=Settings(home=home, profile="test", port=0, poll_s=0.05, verdict_share=0.0), clock=clock,
        log=MemoryLog(), people=people, history=MemoryHistory(), shelf=StillShelf(), mirror_dir=home / "mirror",
        issued_dir=home / "issued", staffing_dir=home / "staffing",
        launch_retraining=lambda asked: house.launched.append(asked) or "run-1",
        run_progress=lambda run_id: {"run_id": run_id, "status": "running"} if run_id == "run-1" else None,
        act_on_approval=lambda request_id: house.acted.append(request_id),
        find_report=lambda family, version: None, find_record=lambda prediction_id: None,
        trace_version=lambda family, version: {"commit": "c0ffee", "data": "d" * 64},
    )  # fmt: skip
    house = House(replace(doors, **changes), tokens)
    return house


# A promotion as people make it: registered, asked for, approved, promoted, all in the real functions.


@dataclass
class Office:
    """Where versions are registered and go live."""

    history: MemoryHistory | Any
    registry: MemoryRegistry
    clock: FixedClock
    folder: Path
    made: int = 0

    def request(self, family: str = "intent", *, payload: Callable[[Path], Any] | None = None, marker: str = "",
                requester: str = "erin", **told: Any) -> tuple[Entry, Any]:  # fmt: skip
        """`told`: scope, conditions or credential, as `promotion.request` takes them."""
        self.made += 1
        at = self.folder / f"made-{self.made}"
        if payload is None:
            reports.payload_folder(at / "payload", marker=marker or f"m{self.made}")
        else:
            payload(at / "payload")
        champion = promotion.standing(self.history).champion_digest(family)
        report = reports.passed_report(champion=champion, family=family)
        reports.report_folder(at / "report", report)
        card = self.registry.register(family, payload=at / "payload", report=at / "report", card=reports.card())
        asked = promotion.request(self.history, card=card, report=report, requester=requester, clock=self.clock,
                                  days=14, profile="test", **told)  # fmt: skip
        return asked, card

    def promote(self, family: str = "intent", **told: Any) -> Any:
        asked, card = self.request(family, **told)
        request_id = asked.body["id"]
        promotion.approve(self.history, request_id, person=Person("rita", frozenset({"reviewer"})), comment="good",
                          clock=self.clock, credential="session:rita", admissions=(), profile="test")  # fmt: skip
        promotion.promote(
            self.history, self.registry, request_id, clock=self.clock, roles_of=lambda name: ["reviewer"],
            policy_digest=promotion.standing(self.history).request(request_id).subject.policy, profile="test",
        )  # fmt: skip
        return card
