"""A fitted centre whose truth is stated: two queues, some agents, transfers and repeats as asked for."""

from __future__ import annotations

from datetime import date
from math import log

import numpy as np

from centre.queueing.arrivals import Arrivals
from centre.queueing.call_log import CallLog, Stream
from centre.queueing.contacts import Spans
from centre.queueing.fitting import Fit
from centre.queueing.following import Following, Onward
from centre.queueing.handling import Handling
from centre.queueing.patience import Patience, Survival
from centre.queueing.presence import Presence

OPEN: Spans = ((8 * 3600.0, 20 * 3600.0),)
NONE = np.zeros(0)
DELAYS = (np.array([600.0, 3600.0]),) * 24


def exponential(mean_s: float) -> Patience:
    return Patience(Survival(NONE, NONE, NONE), mean_s)


def onward(*shares: float) -> Onward:
    """Shares by stream; whoever goes on goes to the other stream."""
    return Onward(np.array(shares), np.array([[0.0, 1.0], [1.0, 0.0]]))


def centre(
    *,
    agents: int = 8,
    per_hour: float = 60.0,
    handle_s: float = 180.0,
    patience_s: float = 240.0,
    transfers: tuple[float, float] = (0.0, 0.0),
    returns: tuple[float, float] = (0.0, 0.0),
    effects: float = 0.0,
    day_variance: float = 0.02,
    wrap_up: Patience | None = None,
    places: int = 1,
) -> Fit:
    """Cards and loans, open from 8 to 20 on every day; all agents serve both; loans take half as long again."""
    slots = np.zeros((2, 7, 48))
    slots[:, :, 16:40] = np.array([per_hour, per_hour / 2])[:, None, None] / 2
    pace = np.linspace(-effects, effects, agents)
    empty, none = np.zeros(0), np.zeros(0, dtype=np.int64)
    streams = (Stream("cards"), Stream("loans"))
    names = tuple(f"a{n:02d}" for n in range(agents))
    log_ = CallLog(
        date(2026, 3, 2), 7, streams, names, none, empty, empty, empty, none, none > 0, none > 0, none, none, none
    )
    return Fit(
        log=log_,
        arrivals=Arrivals(slots, np.full(2, day_variance), np.full(2, 0.01), day_variance, 0.0, np.zeros((2, 7, 24))),
        patience=(exponential(patience_s), exponential(patience_s)),
        handling=Handling(
            np.log([handle_s, handle_s * 1.5]), np.full(2, 0.6), np.stack([pace, pace]), np.full(2, log(0.5)),
            np.array([0.05, 0.0]), np.zeros(2),
        ),
        following=Following(
            onward(*transfers), onward(*returns), onward(*returns), (DELAYS,) * 2,
            np.zeros((2, 7)), np.full((2, 7), 86_400.0),
        ),
        presence=Presence(np.ones((agents, 2), dtype=bool), ((OPEN,) * 7,) * agents, wrap_up),
        priorities=((np.array([0]), np.array([1.0])),) * 2,
        places=places,
        shares=(places > 1, places > 1),
    )  # fmt: skip
