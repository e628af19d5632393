from __future__ import annotations

from datetime import date

from centre.simulation.world import simulate

START = date(2026, 3, 2)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first = [(event.id, event.body_digest()) for event in simulate(weeks=1, seed=5, start=START)]
    second = [(event.id, event.body_digest()) for event in simulate(weeks=1, seed=5, start=START)]

    assert first == second
