"""Work that may wait is done in the idle time of those who must be there anyway, and needs more only beyond it."""

from __future__ import annotations

import numpy as np
import pytest

from centre.staffing import waiting
from centre.staffing.waiting import Waiting

DAY = np.asarray([0, 0, 0, 0, 1, 1, 1, 1])
AGENTS = np.asarray([0, 4, 4, 4, 0, 4, 4, 4])
BUSY = np.asarray([0.0, 2.0, 2.0, 2.0, 0.0, 2.0, 2.0, 2.0])


def work(*erlangs: float) -> Waiting:
    return Waiting(np.asarray([erlangs]), DAY)


def room(told: Waiting, agents: np.ndarray = AGENTS) -> list[int]:
    found: list[int] = waiting.with_room(agents, BUSY, told, max_occupancy=0.8).tolist()
    return found


def test_what_fits_into_idle_time_needs_nobody_more() -> None:
    # idle at .8: three intervals x (3.2 - 2) = 3.6 agents' intervals a day
    assert room(work(0.9, 0.9, 0.9, 0.9, 0, 0, 0, 0)) == AGENTS.tolist()


def test_what_does_not_fit_needs_agents_evenly_over_the_hours_in_which_somebody_works() -> None:
    # 5.0 - 3.6 = 1.4 left: two agents' intervals of .8
    more = room(work(5.0, 0, 0, 0, 0, 0, 0, 0))
    assert sum(more) - AGENTS.sum() == 2
    assert more[0] == 0  # nobody works then, and nobody is called for it
    assert max(more) == 5
    assert more[4:] == AGENTS.tolist()[4:]  # each day by itself


def test_a_little_work_is_not_met_by_many_agents_and_much_by_many() -> None:
    assert sum(room(work(3.7, 0, 0, 0, 0, 0, 0, 0))) - AGENTS.sum() == 1
    assert sum(room(work(3.6 + 8.0, 0, 0, 0, 0, 0, 0, 0))) - AGENTS.sum() == 10


def test_where_nobody_must_be_there_it_is_worked_when_it_comes() -> None:
    nobody = np.zeros(8, dtype=np.int64)
    found = waiting.with_room(nobody, np.zeros(8), work(0, 0.5, 0.5, 0, 0, 0, 0, 0), max_occupancy=0.8)
    assert found.tolist() == [0, 1, 1, 0, 0, 0, 0, 0]


def test_what_is_done_of_it_is_told_by_the_day() -> None:
    # day 0: 5 waits and 3.6 fits; day 1: 2 waits and fits
    asked, fits = waiting.done(AGENTS.astype(float), BUSY, work(5.0, 0, 0, 0, 2.0, 0, 0, 0), max_occupancy=0.8)
    assert (asked, fits) == (pytest.approx(7.0), pytest.approx(5.6))


def test_twice_the_work_is_twice_the_work() -> None:
    assert work(1.0, 0, 0, 0, 0, 0, 0, 0).times(2.0).erlangs[0, 0] == 2.0
