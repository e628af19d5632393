"""A contact centre a fifth the size of the demo's: enough for three verdicts, quick enough for a test."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from centre.simulation import parameters, world

START = date(2026, 3, 2)


def write_events(path: Path, *, weeks: int = 5, seed: int = 7) -> int:
    """Write the centre's events as CloudEvents, JSON lines; returns how many."""
    params = replace(
        parameters.load(), contacts_per_weekday=150, agent_count=10, bilingual_agents=6, customer_count=3000,
        # Only people's words judge: so few contacts need many of them.
        verdict_chance=0.6,
    )  # fmt: skip
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for event in world.simulate(weeks=weeks, seed=seed, start=START, params=params):
            file.write(json.dumps(event.to_cloudevent(), ensure_ascii=False) + "\n")
            count += 1
    return count
