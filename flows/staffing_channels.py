"""What of a queue's forecast is staffed for at once, and what may wait, by how the rules say that channels are worked.

Rows in and out are those of an issued forecast's intervals. Of a queue whose contacts were told apart the contacts
that cannot wait are left, each with the time that it takes an agent; the work of the others becomes `waiting_erlangs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centre.staffing.rules import Rules
    from training.parts import Mix

Row = Mapping[str, Any]
LEVELS = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")


def worked(rows: Sequence[Row], mix: Mix | None, rules: Rules) -> list[dict[str, Any]]:
    """The rows with `waiting_erlangs`: agents busy all of the interval with what may wait; 0 where nothing may, and
    where contacts were not told apart."""
    of_queue: dict[str, list[Row]] = {}
    for row in rows:
        of_queue.setdefault(row["queue"], []).append(row)
    return [one for queue, own in of_queue.items() for one in _of_queue(queue, own, mix, rules)]


def _of_queue(queue: str, rows: Sequence[Row], mix: Mix | None, rules: Rules) -> list[dict[str, Any]]:
    parts = mix.parts(queue) if mix else []
    how = {channel: rules.channel(channel) for channel, _ in parts}
    if mix is None or not any(one.waits or one.at_once > 1 for one in how.values()):
        return [{**row, "waiting_erlangs": 0.0} for row in rows]
    import numpy as np

    from training.parts import part_quantiles

    starts = [row["interval_start"] for row in rows]
    effort = {channel: 1.0 / one.at_once for channel, one in how.items()}
    now, later = (
        mix.shares(queue, starts, [part for part in parts if how[part[0]].waits is waits], effort=effort)
        for waits in (False, True)
    )
    mean = np.asarray([row["offered_mean"] for row in rows])
    offered = np.asarray([[row[f"offered_{level}"] for level in LEVELS] for row in rows])
    kept = part_quantiles(mean, offered, now[0], excess=mix.excess(queue, days=False))
    return [
        {
            **row,
            "offered_mean": float(mean[at] * now[0][at]),
            **{f"offered_{level}": float(kept[at, place]) for place, level in enumerate(LEVELS)},
            **{f"handle_{level}": _times(row[f"handle_{level}"], float(now[1][at])) for level in LEVELS},
            "waiting_erlangs": _erlangs(row, float(mean[at] * later[0][at] * later[1][at])),
        }
        for at, row in enumerate(rows)
    ]


def _times(seconds: float | None, factor: float) -> float | None:
    return None if seconds is None else seconds * factor


def _erlangs(row: Row, contacts: float) -> float:
    """The work of so many contacts of the usual length."""
    return contacts * float(row["handle_q500"] or 0.0) / float(row["interval_s"])
