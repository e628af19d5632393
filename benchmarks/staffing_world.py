"""Does a plan from an issued forecast come true in the simulated centre? `make bench-staffing-world`.

Eight weeks of the simulated centre are taken in as records; a forecast learned from them is issued for the ninth and
staffed for, and the world then lives that week again with as many agents as the plan asks for: its own calls and chats,
levels that nobody knew, lognormal work that differs by agent, transfers, customers who give up and call again, premier
ones served first, e-mail last, which nobody in this world puts aside for a call. Prints Markdown rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from centre import compaction
from centre.clock import FixedClock
from centre.simulation import parameters
from centre.simulation.parameters import WorldParams
from centre.simulation.world import World
from centre.staffing import planning
from centre.staffing.load import Ints
from centre.staffing.rules import Rules, from_mapping
from flows import issuing, staffing_channels, staffing_inputs
from flows.compose import Workspace, workspace
from flows.simulate import EVENTS_AT_ONCE, pieces
from flows.staffing_inputs import Case

START, WEEKS = date(2026, 3, 2), 9
SEEDS = (11, 12, 13)
# Times the contacts of the simulated centre's usual day, the share of e-mail among them, and how it is worked.
CENTRES: dict[str, tuple[float, float, dict[str, Any]]] = {
    "its own size, without e-mail": (1.0, 0.0, {}),
    "three times that": (3.0, 0.0, {}),
    "its own size, with e-mail, staffed as calls": (1.0, 0.21, {}),
    "... staffed as what is put aside for a call": (1.0, 0.21, {"email": {"waits": True}}),
}
AGENTS = 120
WITHIN_S, TARGET = 20.0, 0.8
SAID = (0.0, 0.875, 0.925, 0.96, 0.985, 1.01)


def world_of(size: float, email: float) -> WorldParams:
    """The world, each agent for one queue and both languages, as many as a plan may ask for."""
    usual = parameters.load()
    shares = {"voice": 0.67 * (1 - email), "chat": 0.33 * (1 - email), "email": max(email, 1e-9)}
    return replace(
        usual, contacts_per_weekday=size * usual.contacts_per_weekday, agent_count=AGENTS, bilingual_agents=AGENTS,
        queues_per_agent=(1,), joiners=0, leavers=0, channel_shares=shares,
    )  # fmt: skip


class Staffed(World):
    """The same world, in which other agents are there from a moment on."""

    def __init__(self, *, spans: list[list[tuple[int, int]]], cut_s: int, **told: Any) -> None:
        super().__init__(**told)
        self._planned, self._cut_s = spans, cut_s

    def presence(self) -> list[list[tuple[int, int]]]:
        """As it was before the moment, and as planned from it on."""
        before = [[(a, min(b, self._cut_s)) for a, b in own if a < self._cut_s] for own in super().presence()]
        return [early + late for early, late in zip(before, self._planned, strict=True)]


class Trial:
    """One world: what was planned for its last week, and what came of it."""

    def __init__(self, size: float, email: float, channels: dict[str, Any], *, seed: int, home: Path) -> None:
        self._rules = from_mapping({
            "service": {"target": TARGET, "within_s": WITHIN_S}, "shrinkage": 0.0, "channels": channels,
        })  # fmt: skip
        self._told = {"weeks": WEEKS, "seed": seed, "start": START, "params": world_of(size, email)}
        self._usual = World(**self._told)
        self._cut_s = self._usual.days.midnights[7 * (WEEKS - 1)]
        self._place = workspace(home, clock=FixedClock(self._usual.days.origin + timedelta(seconds=self._cut_s)))

    @cached_property
    def case(self) -> Case:
        """What the week is staffed for: the forecast as it is issued from the records of the weeks before."""
        until = self._usual.days.origin + timedelta(seconds=self._cut_s)
        known = (event for event in self._usual.events() if (event.known_at or event.time) < until)
        for piece in pieces(known, EVENTS_AT_ONCE):
            self._place.log.append(piece, received_at=self._place.clock.now())
        place = self._place
        compaction.compact(place.log, place.archive, clock=place.clock, quarantine=place.settings.quarantine_dir)
        rows = forecast_rows(self._place, self._rules)
        return staffing_inputs.case(
            rows, rules=self._rules, time_zone=self._usual.params.time_zone,
            workers=[{"agent_id": "any", "skills": self.queues}],
            customers=staffing_inputs.customers(self._place, self.queues),
        )  # fmt: skip

    @property
    def queues(self) -> list[str]:
        """The world's queues."""
        return sorted(self._usual.params.queues)

    def come(self) -> Iterator[tuple[float, bool]]:
        """Of each interval in which anybody came: the probability that was said, and whether the goal was met."""
        of = self.case
        needs = planning.needs(
            of.load(turn=0), of.load(turn=1), of.goals, seed=self._rules.luck.seed, waiting=of.waiting
        )
        agents = np.stack([need.agents for need in needs])
        offered, answered = self._lived(agents)
        for queue, interval in np.argwhere(offered > 0):
            said = float(needs[queue].probability[interval])
            if agents[queue, interval] > 0:
                yield said, bool(answered[queue, interval] >= TARGET * offered[queue, interval] - 1e-9)

    def _lived(self, agents: Ints) -> tuple[Ints, Ints]:
        """Contacts offered and answered in time, (queues, intervals) of the week, with so many agents."""
        grid = self.case.grid
        world = Staffed(spans=self._spans(agents), cut_s=self._cut_s, **self._told)
        _ = world.run
        starts_s = int((grid.start - world.days.origin).total_seconds())
        places = [self.queues.index(queue) for queue in world.params.queues]
        offered, answered = np.zeros_like(agents), np.zeros_like(agents)
        for case in world.floor.cases:
            for leg in case.legs if world.floor.channels[case.channel] != "email" else ():
                interval = int((leg.queued_s - starts_s) // grid.interval_s)
                if 0 <= interval < agents.shape[1]:
                    queue = places[leg.contact.skill // 2]
                    offered[queue, interval] += 1
                    answered[queue, interval] += leg.agent is not None and leg.answered_s - leg.queued_s <= WITHIN_S
        return offered, answered

    def _spans(self, agents: Ints) -> list[list[tuple[int, int]]]:
        """The first so many agents of each queue are there in each interval; neighbouring intervals are one span."""
        grid = self.case.grid
        starts_s = int((grid.start - self._usual.days.origin).total_seconds())
        spans: list[list[tuple[int, int]]] = [[] for _ in range(AGENTS)]
        for place, queue in enumerate(self.queues):
            people = [n for n, own in enumerate(self._usual.agents.queues) if queue in own]
            if int(agents[place].max()) > len(people):
                raise SystemExit(f"the world has too few agents for {queue}: {agents[place].max()} of {len(people)}")
            for rank, agent in enumerate(people):
                there = np.concatenate([[False], agents[place] > rank, [False]])
                edges = np.flatnonzero(there[1:] != there[:-1]) * grid.interval_s + starts_s
                spans[agent] = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
        return spans


def forecast_rows(place: Workspace, rules: Rules) -> list[dict[str, Any]]:
    """The ninth week as a forecast learned from eight tells it, with its parts by channel worked as the rules say."""
    from features import demand, forecast, mix
    from training import forecast as family
    from training import loaders, origins
    from training.parts import Mix

    now = place.clock.now()
    params = issuing.running_params(place).forecast
    tables = issuing.demand_tables(place, now)
    past = demand.intervals(tables, params=params, as_of=now)
    days = origins.local_days(past, time_zone=params.time_zone)
    with tempfile.TemporaryDirectory() as folder:
        family.fitted(past, train=days[:-11], held=days[-11:], params=params, seed=1, threads=2, to=Path(folder),
                      where="the world")  # fmt: skip
        model = loaders.open_payload(Path(folder), threads=2)
    design = forecast.design(
        past, horizon_start=now, horizon_end=now + timedelta(days=7), known_until=now, params=params
    )
    told = issuing.told_by(model, design.filter(design["is_open"]), time_zone=params.time_zone)["intervals"]
    made_of = Mix(mix.of(tables, params=params, as_of=now), time_zone=params.time_zone)
    return staffing_channels.worked(staffing_inputs.within(told, since=None, until=None).to_pylist(), made_of, rules)


def main() -> None:
    """A row a centre: where so much was said, how much came."""
    print("| the centre | intervals | said | came | by what was said |")
    print("| --- | --- | --- | --- | --- |")
    for name, (size, email, channels) in CENTRES.items():
        told = []
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as home:
                told += list(Trial(size, email, channels, seed=seed, home=Path(home)).come())
        said, came = (np.asarray(one, dtype=float) for one in zip(*told, strict=True))
        bins = [(low, high, (said >= low) & (said < high)) for low, high in pairwise(SAID)]
        shown = ", ".join(f"{said[mine].mean():.1%} said {came[mine].mean():.1%} came ({mine.sum()})"
                          for _, _, mine in bins if mine.any())  # fmt: skip
        print(f"| {name} | {len(said)} | {said.mean():.1%} | {came.mean():.1%} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
