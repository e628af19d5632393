"""A bounded place of work for one model: a fair queue, a bounded wait, and a clear no when it is full."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeVar

from data_contracts.errors import Overloaded

R = TypeVar("R")

# The most texts that one thread takes at a time. From 8 on the weights are read often enough for one fetch: 2.5 ms of
# processor a text instead of 3.7 (MiniLM of 8 bits beside the multilingual encoder), and nobody waits long for others.
GROUP: Final = 8


class Workplace:
    """Runs jobs in few threads, first come first served, so that the event loop stays free to take requests."""

    def __init__(self, name: str, *, threads: int, waiting: int, wait_s: float) -> None:
        self._name = name
        self._threads = threads
        self._bound = waiting + threads
        self._wait_s = wait_s
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"parley-{name}")
        self.depth = 0

    async def do(self, job: Callable[[], R]) -> R:
        """The job's result. Raises Overloaded when the queue is full, or its turn did not come within `wait_s`."""
        with self._inside():
            return await self._in_time(asyncio.wrap_future(self._pool.submit(job)))

    def close(self) -> None:
        """Let running jobs end; those that wait are dropped (their requests have ended by now)."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    @contextmanager
    def _inside(self) -> Iterator[None]:
        if self.depth >= self._bound:
            raise self._overloaded(f"{self.depth} requests before this one")
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    async def _in_time(self, pending: asyncio.Future[R]) -> R:
        try:
            async with asyncio.timeout(self._wait_s):
                return await pending
        except TimeoutError as error:
            raise self._overloaded(f"a wait of more than {self._wait_s:g} s") from error

    def _overloaded(self, came: str) -> Overloaded:
        return Overloaded(
            f"too many requests for {self._name} at once",
            expected=f"at most {self._bound} at once",
            came=came,
            where=self._name,
            remedy="Try again in a moment.",
        )


@dataclass(frozen=True)
class _Asked:
    """A text that waits for a model's answer."""

    model: Any
    text: str
    language: str
    answered: asyncio.Future[dict[str, Any]]


class Readers(Workplace):
    """The place of work of models that read texts: a thread takes its share of those that wait, and answers each alone.

    What is taken together does not change any answer; it only lets a model work through them encoder by encoder.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, wait_s: float) -> None:
        super().__init__(name, threads=threads, waiting=waiting, wait_s=wait_s)
        self._waiting: deque[_Asked] = deque()

    async def answer(self, model: Any, text: str, *, language: str) -> dict[str, Any]:
        """What `model.answer` says of one text; raises what it raised for this text, and Overloaded as `do` does."""
        with self._inside():
            answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._waiting.append(_Asked(model, text, language, answered))
            self._pool.submit(self._answer_share)
            return await self._in_time(answered)

    def _answer_share(self) -> None:
        """In a thread: answer this thread's share of what waits. Nothing, if others took it all meanwhile."""
        for _, group in groupby(self._share(), key=lambda asked: id(asked.model)):
            together = list(group)
            told = _answers(together)
            together[0].answered.get_loop().call_soon_threadsafe(_tell, together, told)

    def _share(self) -> Iterator[_Asked]:
        """The texts that wait longest, but for those whose callers have gone."""
        for _ in range(min(GROUP, math.ceil(len(self._waiting) / self._threads))):
            try:
                asked = self._waiting.popleft()
            except IndexError:
                return
            if not asked.answered.done():
                yield asked


def _answers(group: Sequence[_Asked]) -> list[dict[str, Any] | Exception]:
    """The model's answer to each; if it fails, each is asked alone, so that one text does not take the others down."""
    texts, languages = [one.text for one in group], [one.language for one in group]
    try:
        told = list(group[0].model.answer(texts, languages=languages))
        if len(told) != len(group):
            raise ValueError(f"{len(told)} answers to {len(group)} texts")
        return told
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        return [error] if len(group) == 1 else [_answers([one])[0] for one in group]


def _tell(group: Sequence[_Asked], told: Sequence[dict[str, Any] | Exception]) -> None:
    for asked, answer in zip(group, told, strict=True):
        if asked.answered.done():
            continue  # who waited has gone
        if isinstance(answer, Exception):
            asked.answered.set_exception(answer)
        else:
            asked.answered.set_result(answer)
