"""During the day: at the end of each interval take in what came by then, and issue the rest of the day anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

from data_contracts.errors import ParleyError
from flows import issuing
from flows.compose import Workspace

# Seconds after an interval's end: what ended with it is told a moment later.
LATER_S = 30.0


class Issuing(Protocol):
    """`flows.issue_forecast`, or what stands in for it."""

    def __call__(self, place: Workspace, *, as_of: datetime) -> dict[str, Any]:
        """Issue from what was known then."""
        ...


def every_interval(
    place: Workspace, *, take_in: Callable[[Workspace], object], issue: Issuing,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """An issue now and at each interval's end, for ever; what is yielded is what `issue` says.

    take_in: brings what came into the archive first. Where nothing came since the last issue, that one stands and
    `unchanged` names it; where anything fails, `failed` says why and the next interval tries again. wait: so many
    seconds.
    """
    last: dict[str, Any] = {}
    while True:
        try:
            take_in(place)
            as_of = issuing.default_as_of(place)
            if last.get("as_of") == as_of.isoformat():
                yield {"unchanged": last["issue_id"]}
            else:
                last = issue(place, as_of=as_of)
                yield last
        except ParleyError as error:
            yield {"failed": str(error)}
        wait(seconds_left(place))


def seconds_left(place: Workspace) -> float:
    """Until the interval that now runs has ended, and LATER_S."""
    length = issuing.running_params(place).forecast.interval_s
    return length - place.clock.now().timestamp() % length + LATER_S
