"""Erlang B, C and A in closed form: blocking, delay, delay with impatience, and the agents that a target needs.

Notation: `load` is the offered load in erlangs (arrivals per second x mean handle time), `agents` the servers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, inf

import numpy as np

from data_contracts.errors import InputError

_TAIL = 1e-14  # terms of the queue's distribution below this share of the sum change no figure that is reported
_PANELS = 64  # panels of 16 Gauss nodes: exact to rounding for limits up to hours
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def erlang_b(agents: int, *, load: float) -> float:
    """Probability that an arrival is blocked in M/M/n/n.

    Recursion on the inverse, 1/B(n) = 1 + (n / load) / B(n-1), which neither over- nor underflows
    (Jagerman 1974; Gans, Koole and Mandelbaum 2003, section 4).
    """
    _positive(agents, load)
    inverse = 1.0
    for n in range(1, agents + 1):
        inverse = 1.0 + inverse * n / load
    return 1.0 / inverse


def erlang_c(agents: int, *, load: float) -> float:
    """Probability that an arrival waits in M/M/n: C = nB / (n - load(1 - B)); 1 when the queue is not stable."""
    if load >= agents:
        return 1.0
    blocked = erlang_b(agents, load=load)
    return agents * blocked / (agents - load * (1.0 - blocked))


def service_level(agents: int, *, load: float, handle_s: float, within_s: float) -> float:
    """Share answered within `within_s` of queueing in M/M/n: 1 - C exp(-(n - load) t / handle_s)."""
    if load >= agents:
        return 0.0
    return 1.0 - erlang_c(agents, load=load) * exp(-(agents - load) * within_s / handle_s)


def mean_wait_s(agents: int, *, load: float, handle_s: float) -> float:
    """Mean wait of all arrivals in M/M/n, seconds: C handle_s / (n - load); infinite when not stable."""
    return inf if load >= agents else erlang_c(agents, load=load) * handle_s / (agents - load)


def occupancy(agents: int, *, load: float) -> float:
    """Share of time that agents are taken in M/M/n: load / n, at most 1."""
    return min(1.0, load / agents)


@dataclass(frozen=True)
class Impatient:
    """The steady state of M/M/n+M (Erlang A)."""

    agents: int
    load: float
    handle_s: float
    patience_s: float
    wait_probability: float
    abandonment: float
    mean_wait_s: float
    occupancy: float

    def service_level(self, *, within_s: float) -> float:
        """Share of all arrivals answered within `within_s`; the virtual wait's density, thinned by patience.

        Mandelbaum and Zeltyn 2007 (Service engineering in action: the Palm/Erlang-A queue), density of V:
        v(x) = v(0) exp(arrivals H(x) - n x / handle_s), H(x) = patience (1 - exp(-x / patience)).
        """
        rate = self.load / self.handle_s
        edges = np.linspace(0.0, within_s, _PANELS + 1)
        x = (edges[:-1, None] + edges[1:, None]) / 2 + np.diff(edges)[:, None] / 2 * _NODES
        patient = -np.expm1(-x / self.patience_s) * self.patience_s
        shape = np.exp(rate * patient - self.agents * x / self.handle_s - x / self.patience_s)
        answered = float((shape @ _WEIGHTS).sum()) * within_s / _PANELS / 2
        return 1.0 - self.wait_probability + _density_at_zero(self) * answered


def erlang_a(agents: int, *, load: float, handle_s: float, patience_s: float) -> Impatient:
    """M/M/n+M with exponential patience of mean `patience_s` (Palm 1957; Garnett, Mandelbaum and Reiman 2002).

    States relative to n busy and none waiting: below they sum to 1/B(n), above state k weighs
    prod over i up to k of arrivals / (n mu + i theta). Then abandonment = theta E[queue] / arrivals and
    mean wait = abandonment / theta.
    """
    _positive(agents, load)
    if handle_s <= 0 or patience_s <= 0:
        raise InputError("no such queue", expected="handle_s and patience_s above 0", came=f"{handle_s}, {patience_s}")
    rate, theta = load / handle_s, 1.0 / patience_s
    below = 1.0 / erlang_b(agents, load=load)
    above, queue = _waiting_sums(agents, rate, handle_s, theta)
    total = below + above
    abandoned = theta * queue / (rate * total)
    return Impatient(
        agents=agents,
        load=load,
        handle_s=handle_s,
        patience_s=patience_s,
        wait_probability=(above + 1.0) / total,
        abandonment=abandoned,
        mean_wait_s=abandoned / theta,
        occupancy=load * (1.0 - abandoned) / agents,
    )


@dataclass(frozen=True)
class Requirement:
    """Agents that a target needs: `raw` at work, `positions` rostered, and what `raw` agents then give."""

    raw: int
    positions: int
    service_level: float
    occupancy: float
    wait_probability: float


def required_agents(
    *,
    load: float,
    handle_s: float,
    target: float,
    within_s: float,
    max_occupancy: float = 1.0,
    shrinkage: float = 0.0,
) -> Requirement:
    """The fewest agents in M/M/n that answer `target` of arrivals within `within_s` at `max_occupancy` or less.

    `shrinkage` is the share of paid time away from contacts: positions = raw / (1 - shrinkage), rounded up.
    """
    if not (0 < target < 1 and 0 < max_occupancy <= 1 and 0 <= shrinkage < 1):
        came = f"target {target}, max_occupancy {max_occupancy}, shrinkage {shrinkage}"
        raise InputError(
            "no such target", expected="target in (0,1), occupancy in (0,1], shrinkage in [0,1)", came=came
        )
    raw = int(load) + 1
    while (
        occupancy(raw, load=load) > max_occupancy
        or service_level(raw, load=load, handle_s=handle_s, within_s=within_s) < target
    ):
        raw += 1
    return Requirement(
        raw=raw,
        positions=ceil(raw / (1.0 - shrinkage) - 1e-9),
        service_level=service_level(raw, load=load, handle_s=handle_s, within_s=within_s),
        occupancy=occupancy(raw, load=load),
        wait_probability=erlang_c(raw, load=load),
    )


def _waiting_sums(agents: int, rate: float, handle_s: float, theta: float) -> tuple[float, float]:
    """Sums over k >= 1 of the weight of k waiting, and of k times it, relative to all busy and none waiting."""
    weight, above, queue, k = 1.0, 0.0, 0.0, 0
    while weight > _TAIL * (1.0 + above) or rate > agents / handle_s + k * theta:
        k += 1
        weight *= rate / (agents / handle_s + k * theta)
        above += weight
        queue += k * weight
    return above, queue


def _density_at_zero(state: Impatient) -> float:
    """Density of the virtual wait at 0, n mu p(n): who finds all busy and none waiting waits for the next to end."""
    below = 1.0 / erlang_b(state.agents, load=state.load)
    above, _ = _waiting_sums(state.agents, state.load / state.handle_s, state.handle_s, 1.0 / state.patience_s)
    return state.agents / state.handle_s / (below + above)


def _positive(agents: int, load: float) -> None:
    if agents < 1 or load <= 0:
        raise InputError("no such queue", expected="1 agent or more, load above 0 erlangs", came=f"{agents}, {load}")
