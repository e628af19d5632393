"""Does a staffing plan come true? `make bench-staffing` plans for a known truth and plays the plan in the engine.

Truth: Poisson counts around a curve of the day times a day's level (gamma, sd 8%) and an hour's (gamma, sd 5%);
lognormal work (mean 300 s, cv .8); exponential patience (200 s). The plan sees the truth's quantiles of counts only, at
the seven levels of a forecast; the days that it is played on were never seen. Three sizes of queue, then shifts of
eight hours and a half over them, where many intervals have more agents than they need or fewer; then what-if on a week
of ten queues and a hundred agents, half of them with two skills. Prints Markdown rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from centre.queueing.engine import Agent, Contact, Leg, run
from centre.queueing.policies import LongestIdle
from centre.staffing import load as loads
from centre.staffing import planning, required, shifts
from centre.staffing.load import LEVELS, Floats, Hanging, Ints, Load
from centre.staffing.rules import Rules, from_mapping
from centre.staffing.shifts import Day, Worker

INTERVAL_S, OPEN = 1800, 24
HANDLE_S, CV, PATIENCE_S = 300.0, 0.8, 200.0
DAY_SD, HOUR_SD = 0.08, 0.05
# Contacts in the busiest half hour.
SIZES = {"small": 15.0, "mid": 60.0, "big": 300.0}
PLAYED_DAYS = {"small": 1200, "mid": 900, "big": 450}
CURVES = 6
# Who may be rostered over such a day: a few too few, so that some intervals are short.
CROWDS = {"small": 8, "mid": 19, "big": 80}
SAID = (0.0, 0.5, 0.7, 0.8, 0.875, 0.925, 0.96, 0.985, 1.01)


class Told:
    """Work by contact."""

    def __init__(self, work_s: list[float]) -> None:
        self.work_s = work_s

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        return self.work_s[contact.key]

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        return ()


def curve(size: float, number: int) -> Floats:
    """Expected contacts of each half hour: a hump, or two, that differs from day to day."""
    at = np.linspace(0, np.pi, OPEN)
    return np.asarray(
        size * (1 - 0.06 * number) * (0.55 + 0.45 * np.sin(at) * (1 - 0.15 * (number % 2) * np.sin(3 * at)))
    )


def counts(rng: np.random.Generator, days: int, rates: Floats) -> Ints:
    """Counts of so many days, (days, intervals)."""
    day = rng.gamma(1 / DAY_SD**2, DAY_SD**2, size=(days, 1))
    hour = rng.gamma(1 / HOUR_SD**2, HOUR_SD**2, size=(days, OPEN // 2)).repeat(2, axis=1)
    return rng.poisson(rates * day * hour).astype(np.int64)


def forecast(rates: Floats) -> Floats:
    """The truth's own quantiles of counts, (7, 1, intervals), as a model would tell them: not rounded."""
    rng = np.random.default_rng(1)
    drawn = counts(rng, 100_000, rates) + rng.uniform(-0.5, 0.5, size=(100_000, OPEN))
    return np.maximum(0.0, np.quantile(drawn, LEVELS, axis=0))[:, None, :]


def drawn(offered: Floats, *, seed: int, scenarios: int = 1000) -> Load:
    queues, intervals = offered.shape[1:]
    return loads.drawn(
        offered, np.full_like(offered, HANDLE_S), interval_s=INTERVAL_S, day=np.arange(intervals) // OPEN,
        handle_cv=np.full(queues, CV), patience_s=np.full(queues, PATIENCE_S), hanging=Hanging(0.3, 0.5),
        scenarios=scenarios, seed=seed,
    )  # fmt: skip


def played(rates: Floats, present: Any, *, days: int, seed: int, slot_s: int = INTERVAL_S) -> Floats:
    """The share of days on which each interval met 80/20, in the event engine; `present`: agents by slots of a day."""
    rng = np.random.default_rng(seed)
    agents = [Agent(frozenset({0}), _spans(row, slot_s)) for row in present]
    met = np.zeros(OPEN)
    sigma = np.sqrt(np.log1p(CV**2))
    for day in counts(rng, days, rates):
        at = np.sort((np.arange(OPEN).repeat(day) + rng.uniform(size=day.sum())) * INTERVAL_S)
        work = rng.lognormal(np.log(HANDLE_S) - sigma**2 / 2, sigma, size=len(at)).tolist()
        patience = rng.exponential(PATIENCE_S, size=len(at)).tolist()
        contacts = [Contact(key, at_s, 0, patience_s=patience[key]) for key, at_s in enumerate(at.tolist())]
        out = run(contacts, agents=agents, policy=LongestIdle(), service=Told(work))
        soon = np.zeros(OPEN)
        for leg in out.legs:
            if leg.agent is not None and leg.wait_s <= 20.0:
                soon[int(leg.queued_s // INTERVAL_S)] += 1
        met += soon >= 0.8 * day - 1e-9
    return met / days


def _spans(row: Any, slot_s: int) -> tuple[tuple[float, float], ...]:
    """Periods of presence from slots."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]]))) * float(slot_s)
    return tuple(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def required_comes_true(name: str, rules: Rules) -> tuple[list[float], list[float]]:
    """Plan the required agents of CURVES days, play them; print what was said and what came. Returns both."""
    said, came, agents, started = [], [], [], 0.0
    for number in range(CURVES):
        rates = curve(SIZES[name], number)
        begins = time.process_time()
        offered = forecast(rates)
        need = required.needed(drawn(offered, seed=1), rules.goal("q"), seed=7, told=drawn(offered, seed=2))
        started += time.process_time() - begins
        present, _ = required.one_queue(need.agents)
        said += need.probability.tolist()
        came += played(rates, present, days=PLAYED_DAYS[name] // CURVES * 2, seed=100 + number).tolist()
        agents += need.agents.tolist()
    near = (np.array(said) >= SAID[4]) & (np.array(said) < SAID[5])
    print(f"| {name} | {min(agents)} to {max(agents)} | {len(said)} | {np.mean(said):.1%} | {np.mean(came):.1%} | "
          f"{near.sum()} | {np.array(said)[near].mean():.1%} | {np.array(came)[near].mean():.1%} | "
          f"{started / CURVES:.1f} |")  # fmt: skip
    return said, came


def rostered_comes_true(name: str, rules: Rules) -> tuple[list[float], list[float]]:
    """Shifts over the required agents: what the roster's intervals were said to reach, and what came."""
    said, came = [], []
    for number in range(CURVES // 2):
        rates = curve(SIZES[name], number)
        offered = forecast(rates)
        crowd = [Worker(f"{place:03}", frozenset({0}), 20.0, 0.0, 40.0) for place in range(CROWDS[name])]
        days = [Day(0, 0, 0)]
        made = planning.plan(drawn(offered, seed=1), drawn(offered, seed=2), rules, goals=[rules.goal("q")],
                             workers=crowd, days=days)  # fmt: skip
        slot_s = rules.rostering.slot_min * 60
        present = shifts.present(made.roster.duties, workers=len(crowd), slots=OPEN * INTERVAL_S // slot_s)
        said += made.reached.probability[0].tolist()
        came += played(rates, present, days=PLAYED_DAYS[name] // CURVES * 2, seed=200 + number, slot_s=slot_s).tolist()
    return said, came


def calibration(said: Sequence[float], came: Sequence[float]) -> None:
    """Said against came, by what was said."""
    print("\n| said | intervals | mean said | came |\n| --- | --- | --- | --- |")
    told, real = np.array(said), np.array(came)
    for low, high in pairwise(SAID):
        here = (told >= low) & (told < high)
        if here.any():
            shown = (
                f"{low:.1%} to {min(high, 1):.1%}",
                here.sum(),
                f"{told[here].mean():.1%}",
                f"{real[here].mean():.1%}",
            )
            print("| " + " | ".join(map(str, shown)) + " |")


def a_week(*, queues: int = 10, agents: int = 100) -> None:
    """Plan a week of ten queues with a hundred agents; then +20% volume, +30 s, 10 agents sick."""
    rules = from_mapping({"luck": {"scenarios": 1000}})
    rates = np.zeros((queues, 7 * 48))
    for queue in range(queues):
        for day in range(7):
            rates[queue, day * 48 + 16 : day * 48 + 40] = curve(4.5 + 0.9 * queue, day % 3) * (1.0 if day < 5 else 0.6)
    scores = np.array([-1.96, -1.2816, -0.6745, 0, 0.6745, 1.2816, 1.96])[:, None, None]
    offered = np.maximum(0.0, rates * (1 + 0.1 * scores) + np.sqrt(rates) * scores)
    crowd = [
        Worker(f"{place:03}", frozenset({place % queues} | ({(place + 1) % queues} if place % 2 else set())), 20, 0, 40)
        for place in range(agents)
    ]
    days = [Day(day * 96, day, 0) for day in range(7)]
    goals = [rules.goal(str(queue)) for queue in range(queues)]
    told = drawn_week(offered, seed=2)
    begins = time.perf_counter()
    made = planning.plan(drawn_week(offered, seed=1), told, rules, goals=goals, workers=crowd, days=days)
    planned_s = time.perf_counter() - begins
    begins = time.perf_counter()
    left = planning.stays_away(made.roster.duties, crowd, count=10)
    present = shifts.present(left, workers=agents, slots=7 * 96)
    other = loads.changed(told, volume=1.2, handle_more_s=30.0)
    then = planning.reached(other, present, crowd, goals=goals, rules=rules, seed=1)
    seconds = time.perf_counter() - begins
    here = rates > 0
    print(f"\nA week of {queues} queues, {agents} agents, {rates.sum():,.0f} contacts: planned in {planned_s:.0f} s "
          f"({made.repairs} rounds of repair, at most {made.roster.gap:.1%} from the best), "
          f"{made.reached.probability[here].mean():.1%} of the intervals expected to meet 80/20. What if +20% volume, "
          f"+30 s, 10 sick: {then.probability[here].mean():.1%}, told in {seconds:.1f} s.")  # fmt: skip


def drawn_week(offered: Floats, *, seed: int) -> Load:
    queues, intervals = offered.shape[1:]
    return loads.drawn(
        offered, np.full_like(offered, HANDLE_S), interval_s=INTERVAL_S, day=np.arange(intervals) // 48,
        handle_cv=np.full(queues, CV), patience_s=np.full(queues, PATIENCE_S), hanging=Hanging(0.3, 0.5),
        scenarios=1000, seed=seed,
    )  # fmt: skip


def main() -> None:
    """All of it; some minutes."""
    plain = from_mapping({"shrinkage": 0.0, "service": {"max_occupancy": 0.95}})
    average = from_mapping({"shrinkage": 0.0, "service": {"max_occupancy": 0.95, "on_average": True}})
    print("| queue | agents | intervals | said | came | of these said 87.5 to 92.5% | said | came | s a day |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    said, came = zip(*(required_comes_true(name, plain) for name in SIZES), strict=True)
    print("\nThe same, on average over the intervals (`on_average: true`):")
    for name in SIZES:
        required_comes_true(name, average)
    part = {"name": "part", "hours": 4, "first_start": "00:00", "last_start": "08:00", "breaks": []}
    lunch = {"minutes": 30, "paid": False, "after_h": 3, "before_h": 5}
    full = {
        "name": "full",
        "hours": 8.5,
        "first_start": "00:00",
        "last_start": "03:30",
        "every_min": 30,
        "breaks": [lunch],
    }
    shifted = from_mapping({"shrinkage": 0.0, "service": {"max_occupancy": 0.95}, "templates": [full, part],
                            "rostering": {"effort": 5, "missing_cost": 40}})  # fmt: skip
    more_said, more_came = zip(*(rostered_comes_true(name, shifted) for name in SIZES), strict=True)
    print("\nRequired agents and rostered shifts together:")
    calibration(
        [one for part_ in (*said, *more_said) for one in part_], [one for part_ in (*came, *more_came) for one in part_]
    )
    a_week()


if __name__ == "__main__":
    main()
