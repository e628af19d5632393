"""Seconds of a step, and the most memory that this process and its children held at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Short beside a stage, cheap beside a core: one look at /proc takes about a millisecond.
LOOK_S = 0.25


@dataclass
class Watch:
    """What was measured so far: steps with their seconds, and the peak of memory in MB (None where /proc is absent)."""

    steps: list[tuple[str, float]] = field(default_factory=list)
    peak_mb: float | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.steps.append((name, time.monotonic() - began))

    @property
    def total_s(self) -> float:
        """Seconds of all steps."""
        return sum(seconds for _, seconds in self.steps)


@contextmanager
def watching() -> Iterator[Watch]:
    """Measure until the end of the block; memory is looked at in a thread."""
    watch, over = Watch(), threading.Event()
    thread = threading.Thread(target=_look, args=(watch, over), name="memory", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join(timeout=5)


def memory_mb(pid: int) -> float | None:
    """Resident memory of a process and all its children; pages that they share count once where the kernel tells."""
    proc = Path("/proc")
    if not (proc / "self" / "statm").is_file():
        return None
    return sum(_resident_mb(proc / str(one)) for one in _tree(proc, pid))


def processor_s(pid: int) -> float:
    """Seconds of processor that a process and its living children have used so far; nan where /proc is absent."""
    proc = Path("/proc")
    if not (proc / "self" / "stat").is_file():
        return float("nan")
    return sum(_ticks(proc / str(one)) for one in _tree(proc, pid)) / os.sysconf("SC_CLK_TCK")


def _tree(proc: Path, pid: int) -> set[int]:
    """A process and all that descend from it."""
    parents = _parents(proc)
    tree, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in tree} - tree
        tree, grown = tree | more, bool(more)
    return tree


def _look(watch: Watch, over: threading.Event) -> None:
    while not over.wait(LOOK_S):
        seen = memory_mb(os.getpid())
        if seen is not None:
            watch.peak_mb = max(watch.peak_mb or 0.0, seen)


def _parents(proc: Path) -> dict[int, int]:
    found = {}
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    return found


def _resident_mb(folder: Path) -> float:
    """Proportional set size: 0 for a process that ended meanwhile or is not ours to look at."""
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except (OSError, IndexError, ValueError):
        return 0.0


def _ticks(folder: Path) -> int:
    """Clock ticks in user and system mode; 0 for a process that ended meanwhile."""
    try:
        told = (folder / "stat").read_text().rpartition(")")[2].split()
        return int(told[11]) + int(told[12])
    except (OSError, IndexError, ValueError):
        return 0
