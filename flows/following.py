"""A run told as it goes: each stage when it begins, read from the run's own lines of progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from centre.settings import Settings
from flows import runs

# A stage takes seconds to minutes; a person does not notice half a second.
LOOK_S = 0.5


@contextmanager
def following(settings: Settings, run_id: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with the name of each stage that begins within the block, in order; the last look is at its end.

    The lines are followed, not the calls: a run tells them from whatever thread or process drives it.
    """
    over, before = threading.Event(), len(runs.progress(settings, run_id))

    def follow() -> None:
        told, ended = before, False
        while not ended:
            ended = over.wait(LOOK_S)
            lines = runs.progress(settings, run_id)
            for line in lines[told:]:
                tell(str(line["stage"]))
            told = len(lines)

    looking = threading.Thread(target=follow, name=f"follow-{run_id}", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
