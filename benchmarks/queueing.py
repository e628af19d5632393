"""How many contacts a second the queueing engine plays on one core: `make bench-queueing`.

M/M/14 at 79% load; twelve skills with priorities, patience and shifts; chats, three beside each other, that slow each
other; and, where the real data is at hand, three weeks of a bank's calls: fitted, and played with everything that the
fit holds. Each is played three times, the quickest counts; seconds are of the processor. Prints Markdown rows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from centre.intake import anonymous_bank
from centre.queueing import fitting, playing
from centre.queueing.engine import Agent, Contact, Leg, run
from centre.queueing.policies import LongestIdle

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("PARLEY_REAL_DATA", REPOSITORY.parent / "shared" / "data")) / "calls" / "anonymous_bank"

CONTACTS = 200_000
TIMES = 3
DAY_S = 86_400.0


class Drawn:
    """Work as drawn before, by contact."""

    def __init__(self, work_s: list[float]) -> None:
        self.work_s = work_s

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        return self.work_s[contact.key]

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        return ()


class Slowed(Drawn):
    """Each contact held beside another takes a sixth of the pace."""

    def speed(self, agent: int, held: int) -> float:
        return 1.0 - (held - 1) / 6


def arrivals(rng: np.random.Generator, per_s: float) -> list[float]:
    """Times of a Poisson process."""
    return list(np.cumsum(rng.exponential(1 / per_s, CONTACTS)).tolist())


def plain(rng: np.random.Generator) -> tuple[list[Contact], list[Agent], Drawn]:
    """M/M/14: 11 erlangs, endless patience."""
    times = arrivals(rng, 11 / 180)
    contacts = [Contact(key, at, 0) for key, at in enumerate(times)]
    return contacts, [Agent(frozenset({0}))] * 14, Drawn(rng.exponential(180, CONTACTS).tolist())


def skilled(rng: np.random.Generator) -> tuple[list[Contact], list[Agent], Drawn]:
    """Twelve skills, sixty agents of three each in two shifts, three priorities, patience of two minutes: 95% load."""
    times = arrivals(rng, 0.95 * 40 / 180)
    skills, priorities = rng.integers(12, size=CONTACTS).tolist(), rng.integers(3, size=CONTACTS).tolist()
    patience = rng.exponential(120, CONTACTS).tolist()
    contacts = [Contact(n, at, skills[n], priorities[n], patience[n]) for n, at in enumerate(times)]
    days = int(times[-1] // DAY_S) + 1
    agents = []
    for n in range(60):
        starts = (n % 3) * 8 * 3600.0
        spans = tuple((day * DAY_S + starts, day * DAY_S + starts + 16 * 3600) for day in range(-1, days))
        agents.append(Agent(frozenset(rng.choice(12, 3, replace=False).tolist()), spans))
    return contacts, agents, Drawn(rng.exponential(180, CONTACTS).tolist())


def chats(rng: np.random.Generator) -> tuple[list[Contact], list[Agent], Drawn]:
    """Chats and, of ten, one call that needs the whole agent: twenty agents of three places."""
    times = arrivals(rng, 25 / 300)
    contacts = [Contact(n, at, 0, 0 if n % 10 == 0 else 1, 240.0, shares=n % 10 > 0) for n, at in enumerate(times)]
    return contacts, [Agent(frozenset({0}), places=3)] * 20, Slowed(rng.exponential(300, CONTACTS).tolist())


CASES: dict[str, Callable[[np.random.Generator], tuple[list[Contact], list[Agent], Drawn]]] = {
    "M/M/14": plain,
    "12 skills, 60 agents in shifts, priorities, patience": skilled,
    "chats in three places that slow each other, and calls": chats,
}


def played(make: Callable[[np.random.Generator], tuple[list[Contact], Sequence[Agent], Drawn]]) -> float:
    """Contacts a second of one case."""
    seconds = []
    for _ in range(TIMES):
        contacts, agents, service = make(np.random.default_rng(1))
        began = time.process_time()
        out = run(contacts, agents=agents, policy=LongestIdle(), service=service)
        seconds.append(time.process_time() - began)
        assert len(out.legs) + len(out.unserved) == CONTACTS
    return CONTACTS / min(seconds)


def bank() -> tuple[float, float]:
    """Seconds to fit three weeks of calls, and contacts a second of playing them."""
    (log_file,) = REAL_DATA.glob("*.tsv")
    read = anonymous_bank.read(log_file, source="bank", time_zone=None, clock_now=datetime.now(UTC))
    events = list(read.events)
    segments, contacts = (_rows(events, kind) for kind in ("segment.ended", "contact.ended"))
    began = time.process_time()
    fit = fitting.fit(segments, time_zone=anonymous_bank.HOME_ZONE, contacts=contacts, window_days=3)
    fitted_s = time.process_time() - began
    rates = []
    for seed in range(TIMES):
        began = time.process_time()
        out = playing.play(fit, days=fit.log.days, seed=seed, as_logged=True)
        rates.append(len(out.log) / (time.process_time() - began))
    return fitted_s, max(rates)


def _rows(events: Sequence[Any], kind: str) -> pa.Table:
    rows = [event.data for event in events if event.type == kind]
    return pa.table({name: [row.get(name) for row in rows] for name in sorted({key for row in rows for key in row})})


def main() -> None:
    """Print a Markdown row for each case."""
    print("| case | contacts a second |\n| --- | --- |")
    for name, make in CASES.items():
        print(f"| {name} | {played(make):,.0f} |", flush=True)
    if not REAL_DATA.is_dir():
        print("\nno real data: set PARLEY_REAL_DATA to play a bank's calls too")
        return
    fitted_s, rate = bank()
    print(f"| a bank's three weeks, fitted in {fitted_s:.1f} s: each agent's pace, repeats, wrap-up | {rate:,.0f} |")


if __name__ == "__main__":
    main()
