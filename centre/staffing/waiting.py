"""Work that may wait, such as e-mail: it needs an agent's time within the day, and no agent at once.

Agents who must be there for calls are idle for a part of their time; what may wait is worked then ("call blending":
Gans, Koole and Mandelbaum 2003, section 2.3; Bhulai and Koole 2003). Only what does not fit there needs more agents.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import Final

import numpy as np

from centre.staffing.load import Floats, Ints

# Work of less than this share of an agent's hour is none.
_BIT: Final = 1e-9


@dataclass(frozen=True)
class Waiting:
    """Work that may wait: agents busy with it all of an interval (erlangs), (queues, intervals), and the day of each
    interval (intervals,), at whose end it is to be done."""

    erlangs: Floats
    day: Ints

    def times(self, factor: float) -> Waiting:
        """So many times as much of it."""
        return replace(self, erlangs=self.erlangs * factor)

    def of(self, queues: list[int]) -> Waiting:
        """All that waits in these queues, as that of one."""
        return replace(self, erlangs=self.erlangs[queues].sum(axis=0, keepdims=True))


def with_room(agents: Ints, busy: Floats, waiting: Waiting, *, max_occupancy: float) -> Ints:
    """The agents of one queue (intervals,), more where their idle time of a day does not hold what waits in it.

    busy: erlangs of what cannot wait. More come evenly over the intervals in which somebody works; where nobody does on
    a day, over those in which the work arrives.
    """
    found = agents.copy()
    for day in np.unique(waiting.day):
        mine = np.flatnonzero(waiting.day == day)
        idle = np.maximum(max_occupancy * agents[mine] - busy[mine], 0.0).sum()
        left = float(waiting.erlangs[0, mine].sum() - idle)
        at = mine[agents[mine] > 0]
        at = at if len(at) else mine[waiting.erlangs[0, mine] > 0]
        if left > _BIT and len(at):
            each, over = divmod(ceil(left / max_occupancy - _BIT), len(at))
            found[at] += each
            found[at[np.arange(over) * len(at) // max(over, 1)]] += 1
    return found


def done(there: Floats, busy: Floats, waiting: Waiting, *, max_occupancy: float) -> tuple[float, float]:
    """Of all queues together, in agents' intervals: what waits on the horizon's days, and what of it these agents
    (intervals,), busy with so much else, have time for on its day."""
    asked = fits = 0.0
    for day in np.unique(waiting.day):
        mine = waiting.day == day
        work = float(waiting.erlangs[:, mine].sum())
        room = float(np.maximum(max_occupancy * there[mine] - busy[mine], 0.0).sum())
        asked, fits = asked + work, fits + min(work, room)
    return asked, fits
