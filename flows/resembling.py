"""Does the simulated queue resemble the real one? The contact log of a workspace is fitted, and its fit is played.

Only reads: what is played stays out of the workspace, where real and simulated records never share a place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import isnan, nan
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError, NotEnoughData
from flows.asking import SEEDS
from flows.compose import Workspace
from flows.simulate import MOST_WEEKS

if TYPE_CHECKING:
    import pyarrow as pa

    from centre.queueing.fitting import Fit
    from centre.queueing.measures import QueueMeasures

# The usual "80% in 20 seconds".
WITHIN_S = 20.0
# More people than the largest centres have on one floor: a slip of the finger.
MOST_AGENTS = 10_000
# So often is each played: its mean is then twice as sure as one run, and the runs tell what luck alone does.
RUNS = 5

Row = Mapping[str, float]


@dataclass(frozen=True)
class Asked:
    """What is played: weeks (None: as long as the log), seed, so many agents instead, the limit of service level."""

    weeks: int | None = None
    seed: int = 2026
    agents: int | None = None
    within_s: float = WITHIN_S


@dataclass(frozen=True)
class Resemblance:
    """What the log is, what was played, and each queue's measures: observed, simulated, and with so many agents.

    `rows[queue]` has one mapping each of `observed`, `simulated` and, if agents were asked for, `what_if`; in the
    latter two a figure is the mean of RUNS runs, and `<figure>_sd` how much one run differs from another.
    """

    log: Mapping[str, Any]
    played: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, Row]]


def compare(place: Workspace, asked: Asked) -> Resemblance:
    """Fit the workspace's contacts, play them, and measure both by the same formulas; the same for the same seed.

    With so many agents the same customers are played: what differs is the agents' doing.

    Raises InputError for what cannot be asked, NotEnoughData where no contact is known that entered a queue, or nobody
    who answered one.
    """
    _refuse_senseless(asked)
    fit, log = _fitted(place)
    days = fit.log.days if asked.weeks is None else 7 * asked.weeks
    rosters = {"simulated": None} | ({} if asked.agents is None else {"what_if": asked.agents})
    rows: dict[str, dict[str, Row]] = {row.queue: {"observed": _figures(row)} for row in _observed(fit, asked)}
    waiting = 0.0
    for name, agents in rosters.items():
        runs = [_played(fit, asked, days=days, agents=agents, run=run) for run in range(RUNS)]
        for queue, figures in _over_runs([measured for measured, _ in runs]).items():
            rows[queue][name] = figures
        waiting = waiting or sum(left for _, left in runs) / RUNS
    played = {"days": days, "runs": RUNS, "seed": asked.seed, "agents": asked.agents, "within_s": asked.within_s}
    return Resemblance(log, played | {"still_waiting": waiting}, rows)


def _refuse_senseless(asked: Asked) -> None:
    limits: dict[str, tuple[float | None, float, float]] = {
        "--weeks": (asked.weeks, 1, MOST_WEEKS),
        "--seed": (asked.seed, 0, SEEDS - 1),
        "--agents": (asked.agents, 1, MOST_AGENTS),
        "--within": (asked.within_s, 0, 86_400),
    }
    for where, (came, least, most) in limits.items():
        if came is not None and not least <= came <= most:
            raise InputError("cannot be asked", expected=f"{least} to {most}", came=f"{came:g}", where=where)


def _fitted(place: Workspace) -> tuple[Fit, dict[str, Any]]:
    from centre.queueing import fitting

    segments, contacts, states = (place.archive.read(name) for name in ("segments", "contacts", "agent_states"))
    zone, window = place.settings.time_zone, window_days(place, contacts)
    fit = fitting.fit(
        segments, time_zone=zone, contacts=contacts, states=states if states.num_rows else None, window_days=window
    )
    if not fit.log.agents:
        raise NotEnoughData(
            "nobody is known who answered", expected="segments with agent_id", came=f"{len(fit.log)} legs, none",
            remedy="ingest a log that tells who answered each contact",
        )  # fmt: skip
    told = {"time_zone": zone, "repeat_window_days": window, "simulated": _share(segments["simulated"].to_pylist())}
    presence = "the agents' states" if states.num_rows else "inferred from what they answered"
    return fit, _period(fit) | told | {"presence": presence}


def _period(fit: Fit) -> dict[str, Any]:
    log = fit.log
    return {
        "first_day": log.first_day.isoformat(),
        "last_day": (log.first_day + timedelta(days=log.days - 1)).isoformat(),
        "days": log.days,
        "legs": len(log),
        "agents": len(log.agents),
        "places": fit.places,
    }


def _share(flags: Sequence[bool | None]) -> str:
    """Whether all, some or none of the rows are simulated."""
    return "all" if all(flags) else "some" if any(flags) else "none"


def window_days(place: Workspace, contacts: pa.Table) -> float:
    """The workspace's window of a repeat contact; without one that of the source that most contacts came from."""
    from collections import Counter

    from features.params import LabelParams

    params = LabelParams(repeat_window_days=place.settings.repeat_window_days or None)
    sources = Counter(contacts["source"].to_pylist()).most_common(1)
    return params.windows_days.get(sources[0][0], params.usual_window_days) if sources else params.usual_window_days


def _observed(fit: Fit, asked: Asked) -> list[QueueMeasures]:
    from centre.queueing import measures

    there = fit.presence
    return measures.of(fit.log, at_work_s=there.at_work_s(fit.log), serves=there.serves, within_s=asked.within_s)


def _played(fit: Fit, asked: Asked, *, days: int, agents: int | None, run: int) -> tuple[list[QueueMeasures], int]:
    """One run: the log's days again with other customers, the same ones whoever answers; and who waits at its end."""
    from centre.queueing import measures, playing

    out = playing.play(fit, days=days, seed=asked.seed * RUNS + run, agents=agents, as_logged=True)
    measured = measures.of(out.log, at_work_s=out.at_work_s, serves=out.serves, within_s=asked.within_s)
    return measured, out.waiting_count


def _over_runs(runs: list[list[QueueMeasures]]) -> dict[str, Row]:
    """Mean and standard deviation of each figure over the runs, by queue; nan where no run has the figure."""
    rows: dict[str, Row] = {}
    for same_queue in zip(*runs, strict=True):
        told = [_figures(one) for one in same_queue]
        known = {name: [row[name] for row in told if not isnan(row[name])] for name in told[0]}
        means = {name: fmean(values) if values else nan for name, values in known.items()}
        spread = {f"{name}_sd": stdev(values) if len(values) > 1 else nan for name, values in known.items()}
        rows[same_queue[0].queue] = means | spread
    return rows


def _figures(row: QueueMeasures) -> dict[str, float]:
    return {name: value for name, value in asdict(row).items() if name != "queue"}
