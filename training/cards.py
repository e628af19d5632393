"""Registered versions: what is kept of each, what a registry does, and one that lives in memory."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from data_contracts.errors import InputError, NotFound, RegistryUnavailable
from training import canonical
from training import payload as payloads
from training.report import Report

LOADER = "loader.py"
ABOUT = "payload.json"
REPORT = "report.json"


@dataclass(frozen=True)
class VersionCard:
    """A registered version: `intent/3` is family and version; `artefact` and `report` are digests.

    `card` says what the version was made of: run_id, commit, dirty, dvc_lock, contracts, feature_service, trained_by,
    and what else the run wants kept (params, metrics, data).
    """

    family: str
    version: str
    artefact: str
    report: str
    card: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As people say it: intent/3."""
        return f"{self.family}/{self.version}"


class Registry(Protocol):
    """Where versions are kept. An attacker may write to it (DESIGN, threat model): what is fetched must be verified."""

    def register(self, family: str, *, payload: Path, report: Path, card: Mapping[str, Any]) -> VersionCard:
        """Keep a payload folder and a report folder as the next version.

        The same bytes, report and card again are the same version: a stage that is tried again makes no second one.
        Raises InputError for a payload without loader.py and payload.json, or a report folder without report.json.
        """
        ...

    def get(self, family: str, version: str) -> VersionCard:
        """One version. NotFound, or RegistryUnavailable."""
        ...

    def list(self, family: str) -> tuple[VersionCard, ...]:
        """All versions of a family, oldest first; none where nothing was ever registered."""
        ...

    def fetch(self, family: str, version: str, to: Path) -> Path:
        """Copy the payload's files to `to`, which must not exist, and return it. Verifies nothing: see `pulling`."""
        ...

    def fetch_report(self, family: str, version: str, to: Path) -> Path:
        """Copy the report folder (report.json, page.html) to `to`, which must not exist, and return it."""
        ...

    def set_alias(self, family: str, version: str | None) -> None:
        """Let the alias `champion` mirror what the history says; None takes it away."""
        ...

    def alias(self, family: str) -> str | None:
        """The version that the alias names, or None. Never believed: the history says who is champion."""
        ...


@dataclass(frozen=True)
class Offered:
    """What somebody wants registered, looked at."""

    artefact: str
    report: Report
    about: Mapping[str, Any]

    @property
    def report_digest(self) -> str:
        """Digest of the report as registered."""
        return self.report.digest()


def offered(family: str, *, payload: Path, report: Path) -> Offered:
    """Look at a payload and a report before they are kept; InputError says what is missing."""
    for needed in (LOADER, ABOUT):
        if not (payload / needed).is_file():
            raise InputError("not a payload", expected=f"{LOADER} and {ABOUT}", came=f"no {needed}", where=str(payload))
    if not (report / REPORT).is_file():
        raise InputError("not a report folder", expected=REPORT, came="none", where=str(report))
    read = Report.from_json((report / REPORT).read_text("utf-8"))
    if read.family != family:
        raise InputError("the report is of another family", expected=family, came=read.family, where=str(report))
    artefact = payloads.digest(payload)
    if read.artefact not in ("", artefact):
        raise InputError("the report judged another payload", expected=read.artefact, came=artefact, where=str(payload))
    return Offered(artefact, read, json.loads((payload / ABOUT).read_text("utf-8")))


def mirror(registry: Registry, family: str, version: str | None) -> None:
    """Let the alias follow the history. That it cannot is no error, for nobody verified believes it: it is logged."""
    try:
        registry.set_alias(family, version)
    except (RegistryUnavailable, NotFound) as gone:
        logging.getLogger(__name__).warning("the alias of %s could not follow the history: %s", family, gone)


class MemoryRegistry:
    """A registry whose cards live as long as the process, and whose files lie in a folder: what tests use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cards: dict[tuple[str, str], VersionCard] = {}
        self._aliases: dict[str, str] = {}
        self._lock = threading.Lock()
        # Set to True to see what happens when the registry does not answer.
        self.down = False

    def register(self, family: str, *, payload: Path, report: Path, card: Mapping[str, Any]) -> VersionCard:
        """See `Registry.register`."""
        self._refuse_when_down()
        found = offered(family, payload=payload, report=report)
        with self._lock:
            for kept in self.list(family):
                if same_version(kept, found, card):
                    return kept
            made = VersionCard(family, str(len(self.list(family)) + 1), found.artefact, found.report_digest, dict(card))
            shutil.copytree(payload, self._place(made.version, family) / "payload")
            shutil.copytree(report, self._place(made.version, family) / "report")
            self._cards[family, made.version] = made
            return made

    def get(self, family: str, version: str) -> VersionCard:
        """See `Registry.get`."""
        self._refuse_when_down()
        if (family, version) not in self._cards:
            raise NotFound("no such version", came=f"{family}/{version}", where="the registry")
        return self._cards[family, version]

    def list(self, family: str) -> tuple[VersionCard, ...]:
        """See `Registry.list`."""
        self._refuse_when_down()
        return tuple(card for (of, _), card in self._cards.items() if of == family)

    def fetch(self, family: str, version: str, to: Path) -> Path:
        """See `Registry.fetch`."""
        self.get(family, version)
        return Path(shutil.copytree(self._place(version, family) / "payload", to))

    def fetch_report(self, family: str, version: str, to: Path) -> Path:
        """See `Registry.fetch_report`."""
        self.get(family, version)
        return Path(shutil.copytree(self._place(version, family) / "report", to))

    def set_alias(self, family: str, version: str | None) -> None:
        """See `Registry.set_alias`."""
        self._refuse_when_down()
        if version is None:
            self._aliases.pop(family, None)
        else:
            self._aliases[family] = self.get(family, version).version

    def alias(self, family: str) -> str | None:
        """See `Registry.alias`."""
        self._refuse_when_down()
        return self._aliases.get(family)

    def _place(self, version: str, family: str) -> Path:
        return self.folder / family / version

    def _refuse_when_down(self) -> None:
        if self.down:
            raise RegistryUnavailable("the registry does not answer", where="memory")


def same_version(kept: VersionCard, found: Offered, card: Mapping[str, Any]) -> bool:
    """Whether a kept version is of the same bytes, report and card."""
    same_bytes = (kept.artefact, kept.report) == (found.artefact, found.report_digest)
    return same_bytes and canonical.text(dict(kept.card)) == canonical.text(dict(card))
