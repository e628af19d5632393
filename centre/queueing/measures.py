"""What a queue's manager looks at, from any log, real or played, by one formula each (docs/measures.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from centre.queueing.call_log import NOBODY, Bools, CallLog, Floats

ALL: Final = "all"


@dataclass(frozen=True)
class QueueMeasures:
    """One kind of contact, or all. A figure is nan where nothing is there to take it of.

    `handle_s` is AHT over legs with an agent, `wait_s` the mean over all legs. `level_offered`: answered within the
    limit of all offered; `level_left`: left the queue, answered or given up, within it of all queued. `occupancy`: time
    in contacts over time at work of the agents who serve the kind; wrap-up that the log does not tell is not in it.
    """

    queue: str
    contacts_per_day: float
    handle_s: float
    abandoned_share: float
    wait_s: float
    level_offered: float
    level_left: float
    occupancy: float


def of(log: CallLog, *, at_work_s: Floats, serves: Bools, within_s: float) -> list[QueueMeasures]:
    """Each kind in order of name, then all together. `at_work_s` by agent; `serves`: agents by streams."""
    here = [log.kind == place for place in range(len(log.kinds))]
    serving = [np.asarray(serves[:, log.kind_of_stream == place].any(axis=1)) for place in range(len(log.kinds))]
    rows = zip(
        (*log.kinds, ALL), (*here, np.ones(len(log), bool)), (*serving, np.asarray(serves.any(axis=1))), strict=True
    )
    return [_measured(log, name, legs, at_work_s, agents, within_s) for name, legs, agents in rows]


def _measured(
    log: CallLog, queue: str, legs: Bools, at_work_s: Floats, agents: Bools, within_s: float
) -> QueueMeasures:
    soon = log.wait_s[legs] <= within_s
    gone = log.gone[legs]
    handled = log.handle_s[legs & (log.agent != NOBODY)]
    busy = (log.agent != NOBODY) & agents[log.agent]
    present_s = float(at_work_s[agents].sum())
    return QueueMeasures(
        queue=queue,
        contacts_per_day=float(legs.sum()) / log.days,
        handle_s=_mean(handled[~np.isnan(handled)]),
        abandoned_share=_mean(gone),
        wait_s=_mean(log.wait_s[legs]),
        level_offered=_mean(soon & ~gone),
        level_left=_mean(soon),
        occupancy=float(np.nansum(log.handle_s[busy])) / present_s if present_s else float("nan"),
    )


def _mean(values: Floats | Bools) -> float:
    return float(values.mean()) if len(values) else float("nan")
