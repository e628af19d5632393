"""Many scenarios at once are the engine, one scenario after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from centre.queueing import erlang
from centre.queueing.engine import Agent, Contact, Leg, run
from centre.queueing.policies import LongestIdle
from centre.staffing import lanes
from centre.staffing.load import Load

INTERVAL_S = 1800


class Told:
    """Work by contact."""

    def __init__(self, work_s: Sequence[float]) -> None:
        self.work_s = work_s

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        return self.work_s[contact.key]

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        return ()


def load(*, rates: Sequence[Sequence[float]], lanes_: int = 6, patience_s: float = 150.0, cv: float = 0.8) -> Load:
    """Poisson counts around rates (queues, intervals), 180 s of work."""
    counts = np.random.default_rng(5).poisson(np.array(rates), size=(lanes_, *np.shape(rates)))
    queues = len(rates)
    return Load(INTERVAL_S, counts.astype(np.int64), np.full(counts.shape, 180.0), np.full(queues, cv),
                np.full(queues, patience_s))  # fmt: skip


def by_engine(
    of: Load, *, present: np.ndarray, serves: np.ndarray, within_s: float, slot_s: int, seed: int
) -> np.ndarray:
    """The same figures by the event engine, lane by lane."""
    found = np.zeros(of.counts.shape, dtype=np.int64)
    agents = [
        Agent(frozenset(np.flatnonzero(serves[agent]).tolist()),
              tuple((slot * slot_s, (slot + 1) * slot_s) for slot in np.flatnonzero(present[agent]).tolist()))
        for agent in range(len(present))
    ]  # fmt: skip
    agents = [Agent(agent.skills, joined(agent.spans)) for agent in agents]
    for lane in range(len(of.counts)):
        contacts, work, place = [], [], []
        for interval in range(of.counts.shape[2]):
            coming = lanes.arriving(of, interval, seed=seed)
            for row in np.flatnonzero(np.isfinite(coming.at_s[:, lane])):
                queue = int(coming.queue[row, lane])
                contacts.append(Contact(len(contacts), float(coming.at_s[row, lane]), queue,
                                        patience_s=float(coming.patience_s[row, lane])))  # fmt: skip
                work.append(float(coming.work_s[row, lane]))
                place.append((queue, interval))
        out = run(contacts, agents=agents, policy=LongestIdle(), service=Told(work))
        for leg in out.legs:
            if leg.agent is not None and leg.wait_s <= within_s:
                found[(lane, *place[leg.contact.key])] += 1
    return found


def joined(spans: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    out: list[tuple[float, float]] = []
    for start, end in spans:
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return tuple(out)


def shifts(agents: int, slots: int, *, seed: int) -> np.ndarray:
    """Agents who come, go and take breaks at random."""
    rng = np.random.default_rng(seed)
    present = np.zeros((agents, slots), dtype=bool)
    for agent in range(agents):
        start = int(rng.integers(0, slots // 3))
        present[agent, start : start + int(rng.integers(slots // 3, slots))] = True
        present[agent, int(rng.integers(0, slots))] = False
    return present


@pytest.mark.parametrize("patience_s", [90.0, 600.0])
@pytest.mark.parametrize("each", [1, 2])
def test_one_queue_in_shifts_is_answered_as_the_engine_answers_it(patience_s: float, each: int) -> None:
    of = load(rates=[[40, 60, 30, 0, 50, 40]], patience_s=patience_s)
    present = shifts(7, 6 * each, seed=1)
    asked = {"present": present, "serves": np.ones((7, 1), bool), "slot_s": INTERVAL_S // each, "seed": 3}

    told = lanes.answered(of, within_s=np.array([20.0]), **asked)

    assert told.tolist() == by_engine(of, within_s=20.0, **asked).tolist()
    assert 0 < told.sum() < of.counts.sum()


def test_agents_of_several_skills_are_shared_as_the_engine_shares_them() -> None:
    of = load(rates=[[40, 60, 30, 50], [20, 0, 30, 20], [10, 10, 10, 10]])
    serves = np.array([[1, 0, 0]] * 3 + [[1, 1, 0]] * 3 + [[0, 1, 1]] * 2 + [[1, 1, 1]], dtype=bool)
    asked = {"present": shifts(9, 8, seed=2), "serves": serves, "slot_s": INTERVAL_S // 2, "seed": 4}

    told = lanes.answered(of, within_s=np.full(3, 20.0), **asked)

    assert told.tolist() == by_engine(of, within_s=20.0, **asked).tolist()


def test_a_long_steady_queue_answers_what_erlang_a_says() -> None:
    of = load(rates=[[140.0] * 12], lanes_=400, cv=1.0, patience_s=200.0)

    told = lanes.answered(of, present=np.ones((15, 12), bool), serves=np.ones((15, 1), bool), within_s=np.array([20.0]),
                          slot_s=INTERVAL_S, seed=1)  # fmt: skip

    share = told[:, 0, 2:].sum() / of.counts[:, 0, 2:].sum()
    truth = erlang.erlang_a(15, load=140 * 180 / 1800, handle_s=180, patience_s=200).service_level(within_s=20)
    assert share == pytest.approx(truth, abs=0.01)


def test_more_contacts_keep_the_first_ones_luck() -> None:
    few, many = load(rates=[[30.0]]), load(rates=[[30.0]])
    many.counts[:] = few.counts + 5

    one, other = (lanes.arriving(of, 0, seed=1) for of in (few, many))

    there = np.isfinite(one.at_s)
    assert (one.work_s[there] == other.work_s[: len(one.at_s)][there]).all()
    assert (one.patience_s[there] == other.patience_s[: len(one.at_s)][there]).all()
