"""A bounded place of work for one model: a fair queue, a bounded wait, and a clear no when it is full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from data_contracts.errors import Overloaded

R = TypeVar("R")


class Workplace:
    """Runs jobs in few threads, first come first served, so that the event loop stays free to take requests."""

    def __init__(self, name: str, *, threads: int, waiting: int, wait_s: float) -> None:
        self._name = name
        self._bound = waiting + threads
        self._wait_s = wait_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"parley-{name}")
        self.depth = 0

    async def do(self, job: Callable[[], R]) -> R:
        """The job's result. Raises Overloaded when the queue is full, or its turn did not come within `wait_s`."""
        if self.depth >= self._bound:
            raise self._overloaded(f"{self.depth} requests before this one")
        self.depth += 1
        pending = self._pool.submit(job)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(pending), self._wait_s)
        except TimeoutError as error:
            raise self._overloaded(f"a wait of more than {self._wait_s:g} s") from error
        finally:
            self.depth -= 1

    def close(self) -> None:
        """Let running jobs end; those that wait are dropped (their requests have ended by now)."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _overloaded(self, came: str) -> Overloaded:
        return Overloaded(
            f"too many requests for {self._name} at once",
            expected=f"at most {self._bound} at once",
            came=came,
            where=self._name,
            remedy="Try again in a moment.",
        )
