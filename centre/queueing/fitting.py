"""From a contact log to the parameters of its queues: arrivals, patience, service, transfers, repeats, presence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from centre.queueing import arrivals, call_log, concurrency, following, handling, patience, presence
from centre.queueing.arrivals import Arrivals
from centre.queueing.call_log import DAY_S, CallLog, Floats, Ints
from centre.queueing.following import Following
from centre.queueing.handling import Handling
from centre.queueing.patience import Patience
from centre.queueing.presence import Presence

# The centre's usual window for a repeat (labels.repeat_window_days), where the caller names none.
WINDOW_DAYS: Final = 7.0


@dataclass(frozen=True)
class Fit:
    """A centre as its log shows it. Arrivals are of contacts that came of themselves; repeats follow from these.

    `patience` by kind; `priorities[stream]`: the recorded priorities with their cumulative shares; `places`: how many
    contacts an agent holds side by side at most; `shares[stream]`: whether a contact of it needs one place only.
    """

    log: CallLog
    arrivals: Arrivals
    patience: tuple[Patience, ...]
    handling: Handling
    following: Following
    presence: Presence
    priorities: tuple[tuple[Ints, Floats], ...]
    places: int
    shares: tuple[bool, ...]


def fit(
    segments: pa.Table,
    *,
    time_zone: str,
    contacts: pa.Table | None = None,
    states: pa.Table | None = None,
    window_days: float = WINDOW_DAYS,
) -> Fit:
    """Fit a table of checked segments, with the contacts and agents' states of the same centre where there are any.

    Needs queue, queued_at, wait_s, handle_s, outcome; who handled what needs agent_id, transfers contact_id, repeats
    the contacts' customer_id. Raises NotEnoughData without a leg that entered a queue, or fewer than two handled.
    """
    log = call_log.read(segments, time_zone=time_zone, contacts=contacts)
    linked = following.links(log, window_s=window_days * DAY_S)
    fresh = linked.fresh
    shares, places = concurrency.fit(log)
    return Fit(
        log=log,
        arrivals=arrivals.fit(log.stream[fresh], log.queued_s[fresh], streams=len(log.streams), weekdays=log.weekdays),
        patience=tuple(_patience(log, kind) for kind in range(len(log.kinds))),
        handling=handling.fit(log),
        following=following.fit(log, linked, window_s=window_days * DAY_S),
        presence=presence.fit(log, states, time_zone=time_zone),
        priorities=tuple(_priorities(log, stream) for stream in range(len(log.streams))),
        places=places,
        shares=shares,
    )


def _patience(log: CallLog, kind: int) -> Patience:
    here = log.kind == kind
    return patience.estimate(log.wait_s[here], abandoned=log.gone[here])


def _priorities(log: CallLog, stream: int) -> tuple[Ints, Floats]:
    values, counts = np.unique(log.priority[log.stream == stream], return_counts=True)
    return values, np.cumsum(counts) / counts.sum()
