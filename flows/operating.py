"""The door to Prefect: embedded, with its database in the workspace, and nothing left behind when the command ends.

Prefect reads its environment when it is first imported, so flows are imported inside `embedded`, never before it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

from centre.settings import Settings
from data_contracts.errors import UnavailableError
from flows import prefect_api
from flows.environment import quieten

# A door (registry, history, online store) may be busy for a moment.
DOOR_RETRIES = 2
DOOR_RETRY_S = 1.0
# A run of thirty tasks is told in a second; more than this is an API that does not answer.
EVENTS_S = 10.0


Step = TypeVar("Step", bound=Callable[..., Any])


class Keeping(Protocol):
    """A decorator that leaves the types of what it decorates."""

    def __call__(self, function: Step, /) -> Step:
        """The function, operated by Prefect."""
        ...


def flow(name: str) -> Keeping:
    """A Prefect flow that keeps its types. Workspaces are handed in as they are, so parameters are not validated."""
    from prefect import flow as made

    return _keeping(made, name=name, validate_parameters=False)


def task(name: str) -> Keeping:
    """A Prefect task, never retried and never taken from a cache: a fit does not get better by being repeated."""
    from prefect import task as made
    from prefect.cache_policies import NO_CACHE

    return _keeping(made, task_run_name=name, cache_policy=NO_CACHE)


def door(name: str) -> Keeping:
    """A Prefect task at a door (registry, history, store): what may pass is tried again."""
    from prefect import task as made
    from prefect.cache_policies import NO_CACHE

    return _keeping(
        made,
        task_run_name=name,
        cache_policy=NO_CACHE,
        retries=DOOR_RETRIES,
        retry_delay_seconds=DOOR_RETRY_S,
        retry_condition_fn=is_passing,
    )


def _keeping(made: Any, **options: Any) -> Keeping:
    def decorate(function: Step, /) -> Step:
        return cast(Step, made(function, **options))

    return decorate


# Their words go to a file of the workspace: what matters reaches the caller as a result or an error.
# Prefect's workers log under their own bare names.
TALKERS = frozenset({"prefect", "EventsWorker", "APILogWorker", "mlflow", "alembic", "feast"})


@contextmanager
def embedded(settings: Settings) -> Iterator[None]:
    """Run flows here: an API of our own, nothing sent out, no heartbeat (it costs a second a flow)."""
    settings.prefect_dir.mkdir(parents=True, exist_ok=True)
    quieten()
    os.environ["PREFECT_HOME"] = str(settings.prefect_dir)
    from prefect import settings as prefect

    with prefect_api.served(settings) as address:
        chosen = {
            prefect.PREFECT_HOME: settings.prefect_dir,
            prefect.PREFECT_API_URL: address,
            prefect.PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False,
            prefect.PREFECT_SERVER_ANALYTICS_ENABLED: False,
            prefect.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            prefect.PREFECT_RESULTS_PERSIST_BY_DEFAULT: False,
            prefect.PREFECT_RESULTS_DEFAULT_SERIALIZER: "json",
            prefect.PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        with prefect.temporary_settings(updates=chosen), _logged_to_file(settings), warnings.catch_warnings():
            # Libraries warn about their own insides; what an operator must know comes as a result or an error.
            warnings.simplefilter("ignore")
            try:
                yield
            finally:
                _tell_all_events()


def _tell_all_events() -> None:
    """Task runs are told to the API by a thread: it must have told all before the API ends, or it tries for minutes."""
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(timeout=EVENTS_S, at_exit=False)


def is_passing(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a failed task met something that may pass: only then is it worth another try."""
    return isinstance(state.data, (UnavailableError, sqlite3.OperationalError, OSError))


@contextmanager
def _logged_to_file(settings: Settings) -> Iterator[None]:
    """Handlers, level and propagation of the talkers, for the time of the block."""
    file = logging.FileHandler(settings.prefect_dir / "prefect.log", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    named = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in TALKERS]
    loggers = [logging.getLogger(name) for name in {*TALKERS, *named}]
    before = [(one, one.handlers, one.propagate, one.level) for one in loggers]
    for one in loggers:
        one.handlers, one.propagate = [file], False
        one.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for one, handlers, propagate, level in before:
            one.handlers, one.propagate = handlers, propagate
            one.setLevel(level)
        file.close()
