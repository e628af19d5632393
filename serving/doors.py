"""What a serving process is handed: every choice of implementation is made outside (flows/compose.py), none here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from centre.clock import Clock
from centre.log import Log
from centre.people import People, Person
from centre.settings import Settings
from serving.slots import Shelving
from training.history import History

# The parts that can be served alone (`parley serve --only intent,route`), and the model families each of them needs.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "events": (),
    "intent": ("intent",),
    "route": ("routing",),
    "forecast": ("forecast",),
    "staffing": ("forecast",),
    "planners": (),
    "feedback": (),
    "labels": (),
    "proposals": (),
    "retrainings": (),
    "models": ("intent", "routing", "forecast"),
    "predictions": (),
    "inbox": (),
    # Pages, to which people sign in by the inbox.
    "workforce": ("forecast",),
}


def families_for(only: frozenset[str]) -> tuple[str, ...]:
    """The model families that a process serving these parts must hold; no parts named means all of them."""
    named = only or frozenset(PARTS)
    asked = {family for part in named if part != "models" or not only for family in PARTS.get(part, ())}
    return tuple(family for family in ("intent", "routing", "forecast") if family in asked)


@dataclass(frozen=True)
class Limits:
    """How much is let in at once. Beyond a bound the answer is 413 (too large) or 503 with Retry-After (too many)."""

    # Answers of one model that may wait or run: at 3 ms each, a full queue is 0.2 s of work on one core.
    waiting: int = 64
    # The longest that a request waits for its turn; a caller on the phone would have given up on us before.
    wait_s: float = 2.0
    # Threads that run one model. onnxruntime and LightGBM use their own threads inside, so one keeps the cores fair.
    model_threads: int = 1
    # Candidates of one routing decision; each is a row to score, and 500 agents are a large queue.
    agents: int = 500
    # Turns of one dialogue: the encoder reads 256 tokens, and a body is bounded anyway.
    turns: int = 200
    # Events of one batch: one transaction, well below a second.
    events: int = 1_000
    # Events that wait to be written: at 1,000 answers a second, ten seconds of a disk that does not answer.
    unwritten: int = 10_000
    # The age of the oldest unwritten event from which answers say that the record is behind.
    behind_s: float = 2.0
    # Served predictions that feedback and traces find in memory; older ones are found in the log and the archive.
    recalled: int = 20_000
    # What planners ask: one act at a time in a child process, so many behind it, and the longest that they wait in all.
    planning: int = 8
    planning_s: float = 60.0
    # A what-if ends itself after ten seconds, and says so better than we could.
    what_if_s: float = 12.0
    # Rows of one forecast answer: 90 days of quarters of an hour.
    intervals: int = 8_640


class LaunchRetraining(Protocol):
    """Starts a retraining elsewhere and returns its run id at once."""

    def __call__(self, request: dict[str, Any], /) -> str:
        """`request` holds family, reason, requester, credential; where given as_of, seed, set, no_request, dry_run.

        `credential` is the fingerprint of the token that asked: nobody approves by it what comes of the run.
        Raises StateConflict, naming the run, while one is under way.
        """
        ...


class HearPlanner(Protocol):
    """Does elsewhere what a planner asks, by what the command line calls, and waits for it."""

    def __call__(self, act: str, told: dict[str, Any], person: Person, /) -> dict[str, Any]:
        """`act`: adjustments, adjust, withdraw, keep, why, calendar_events, announce, cancel or what_if.

        `told` is the body of the operation, times as text; errors are as the command line has them.
        """
        ...


class Proposals(Protocol):
    """Intents that are proposed, and the decisions on them; errors as the command line has them."""

    def listed(self, state: str | None, /) -> list[dict[str, Any]]:
        """Those in a state, or all."""
        ...

    def shown(self, proposal_id: str, /) -> dict[str, Any]:
        """One with the words of its examples. NotFound."""
        ...

    def accept(self, proposal_id: str, meant: dict[str, Any], person: Person, /) -> dict[str, Any]:
        """Make it an intent: name_en, name_zh, intent_id, parent_id, critical, automatable."""
        ...

    def merge(self, proposal_id: str, into: str, person: Person, /) -> dict[str, Any]:
        """Take it for what an intent covers."""
        ...

    def drop(self, proposal_id: str, reason: str, person: Person, /) -> dict[str, Any]:
        """Take it for no intent."""
        ...


def _nothing_further(_contact_id: str, _capability: str, _until: datetime | None) -> dict[str, Any] | None:
    return None


def _none_further(_decision_ids: frozenset[str]) -> frozenset[str]:
    return frozenset()


def _no_taxonomy() -> Mapping[str, str | None]:
    return {}


def _no_questions() -> dict[str, Any] | None:
    return None


def _no_changes(_version: str, _champion: str) -> dict[str, Any] | None:
    return None


def _nothing_wrong() -> str:
    return ""


@dataclass(frozen=True)
class Doors:
    """Everything that the application reaches outside itself; frozen, made once, by one place."""

    settings: Settings
    clock: Clock
    log: Log
    people: People
    history: History
    shelf: Shelving
    # Folder of the online features' mirror (features.mirror), and of the issued forecasts (`current.json` beside them).
    mirror_dir: Path
    issued_dir: Path
    launch_retraining: LaunchRetraining
    # The progress of a run by its id: a mapping with at least `run_id` and `status`; None when there is no such run.
    run_progress: Callable[[str], dict[str, Any] | None]
    # Acts on an approved request (registers the promotion) elsewhere; returns at once.
    act_on_approval: Callable[[str], None]
    # The folder with report.json and page.html of (family, version), or None.
    find_report: Callable[[str, str], Path | None]
    # The row of `predictions` with this id, from beyond the log (the archive), or None.
    find_record: Callable[[str], dict[str, Any] | None]
    # Where a version comes from: its card with commit, data and feature service, for (family, version).
    trace_version: Callable[[str, str], dict[str, Any]]
    # Folder of the staffing plans (`current.json` beside them); None where nothing is planned.
    staffing_dir: Path | None = None
    # The parts to serve; empty serves all of `PARTS`.
    only: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    # The last row of `predictions` of (contact_id, capability) until a moment, from beyond the log, or None.
    find_latest: Callable[[str, str, datetime | None], dict[str, Any] | None] = _nothing_further
    # Those of the ids under which anybody's decision is held, in the log or beyond it.
    find_decisions: Callable[[frozenset[str]], frozenset[str]] = _none_further
    # The intents that the taxonomy defines now, in the log or beyond it, each with what replaced it or None; none where
    # there is no taxonomy.
    find_intents: Callable[[], Mapping[str, str | None]] = _no_taxonomy
    # What people should be asked ({at, version, teach, settle}), or None before anybody looked (`GET /v1/labels/next`).
    find_questions: Callable[[], dict[str, Any] | None] = _no_questions
    # What an intent version changes for those who read intents, for (version, digest of the champion compared with):
    # {against, added, renamed, dropped, warnings}, or None where it cannot be told.
    find_intent_changes: Callable[[str, str], dict[str, Any] | None] = _no_changes
    # What is wrong with the registry that new versions come from, or "": told by `/readyz`; answers go on.
    registry_problem: Callable[[], str] = _nothing_wrong
    # Intents that are proposed; None where nobody may decide them here (`/v1/intents/proposed` then says so).
    find_proposals: Proposals | None = None
    # Does what planners ask; None where they are not heard (the operations then say so).
    hear_planner: HearPlanner | None = None
    # The share of contacts that a routing model hands to a random eligible agent: without it no later policy can be
    # judged on these decisions (off-policy estimates divide by the propensity).
    exploration: float = 0.05
    # Seeds exploration and the choice of predictions that ask for a verdict, so that both can be replayed.
    seed: int = 0
    # Ids that nobody can guess or repeat; a test hands in counted ones.
    new_id: Callable[[], str] = lambda: secrets.token_hex(16)
