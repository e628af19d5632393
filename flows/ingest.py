"""Ingest: take opened files into the log, each all or nothing, and move the log to the archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows import receiving
from flows.compact import move, say
from flows.compose import Workspace
from flows.operating import flow, task
from flows.receiving import Opened, Taken

if TYPE_CHECKING:
    from centre.compaction import Compacted


@dataclass(frozen=True)
class Ingested:
    """All files, and what compaction made of them."""

    files: tuple[Taken, ...]
    compacted: Compacted


@flow("ingest")
def ingest(place: Workspace, files: Sequence[Opened]) -> Ingested:
    """Take each file in, then check its rows into the archive."""
    taken = tuple(take(place, opened) for opened in files)
    done = move(place)
    say(place, done)
    return Ingested(taken, done)


@task("take {opened.path}")
def take(place: Workspace, opened: Opened) -> Taken:
    """One file into the log."""
    return receiving.take(place, opened)
