"""A small house in which versions live: a history, a registry, two people and a clock, and the steps of a life."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from centre.clock import FixedClock
from centre.people import Person
from tests.training.reports import card, passed_report, payload_folder, report_folder
from training import promotion
from training.chain import Entry
from training.history import MemoryHistory
from training.registry import MemoryRegistry, VersionCard
from training.report import Report
from training.standing import Standing, standing

ERIN = Person("erin", frozenset({"engineer"}))
RITA = Person("rita", frozenset({"reviewer"}))
RUTH = Person("ruth", frozenset({"reviewer", "engineer"}))


@dataclass
class House:
    """Everything that a decision needs; `step` names are those of `promotion`."""

    folder: Path
    clock: FixedClock = field(default_factory=lambda: FixedClock(datetime(2026, 5, 1, tzinfo=UTC)))
    history: MemoryHistory = field(default_factory=MemoryHistory)
    profile: str = "test"
    reports: dict[tuple[str, str], Report] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.registry = MemoryRegistry(self.folder / "registry")

    @property
    def now(self) -> Standing:
        return standing(self.history)

    def register(self, *, marker: str = "a", family: str = "intent", report: Report | None = None,
                 **told: Any) -> VersionCard:  # fmt: skip
        """A version with its own bytes, judged against today's champion unless a report is given."""
        judged = report or passed_report(champion=self.now.champion_digest(family), family=family)
        at = self.folder / f"{family}-{marker}-{len(list(self.folder.iterdir()))}"
        made = self.registry.register(
            family, payload=payload_folder(at / "payload", marker=marker), report=report_folder(at / "report", judged),
            card=card(**told),
        )  # fmt: skip
        self.reports[family, made.version] = judged
        return made

    def request(self, version: VersionCard, **told: Any) -> Entry:
        said: dict[str, Any] = {
            "card": version, "report": self.reports[version.family, version.version], "requester": "erin",
            "clock": self.clock, "days": 14, "profile": self.profile,
        }  # fmt: skip
        return promotion.request(self.history, **{**said, **told})

    def approve(self, request_id: str, **told: Any) -> Entry:
        said = {"person": RITA, "comment": "read", "clock": self.clock, "credential": "token-rita",
                "admissions": (), "profile": self.profile}  # fmt: skip
        return promotion.approve(self.history, request_id, **{**said, **told})

    def promote(self, request_id: str, **told: Any) -> Entry:
        said = {"clock": self.clock, "policy_digest": self.now.request(request_id).subject.policy,
                "roles_of": lambda name: RITA.roles, "profile": self.profile}  # fmt: skip
        return promotion.promote(self.history, self.registry, request_id, **{**said, **told})

    def champion(self, *, marker: str = "a", family: str = "intent") -> VersionCard:
        """A version all the way to champion."""
        version = self.register(marker=marker, family=family)
        asked = self.request(version).body["id"]
        self.approve(asked)
        self.promote(asked)
        return version
