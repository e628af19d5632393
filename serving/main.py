"""Runs the application in uvicorn until it is told to stop; requests under way end, what was served is written."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket

import uvicorn

from serving.app import create
from serving.doors import Doors
from serving.shell import JsonLines

# How long requests under way may take to end before the process does.
GRACE_S = 10


class _Announcing(uvicorn.Server):
    """A server that says when its port is open, and under which address."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals as a wish to end, and end well: the process that was asked to stop did nothing wrong."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Open the port, then say so. A port of 0 is known only now."""
        await super().startup(sockets)
        if self.started and self._on_ready is not None:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            self._on_ready(f"http://{shown}:{port}")


def server(doors: Doors, *, on_ready: Callable[[str], None] | None = None) -> uvicorn.Server:
    """A uvicorn server for these doors, not yet running: `.run()` it, set `.should_exit` to end it."""
    settings = doors.settings
    config = uvicorn.Config(
        create(doors),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
        lifespan="on",
        ws="none",
    )
    return _Announcing(config, on_ready=on_ready)


def serve(doors: Doors, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM. `on_ready(address)` is called once requests are taken."""
    # OpenMP's busy waiting makes every model slow on few cores; the variable is read when a model is first loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    log_to_stderr(doors)
    made = server(doors, on_ready=on_ready)
    one_thread_a_product()
    made.run()


def one_thread_a_product() -> None:
    """Have numpy multiply on the thread that asks, now that it is loaded, and where it is loaded later.

    The cores are used by texts side by side; a product as small as an answer's gains nothing from more threads, and
    OpenBLAS lets those that it has wait busily: an intent cost 26 ms of processor instead of 6 on two shared cores.
    """
    import threadpoolctl  # type: ignore[import-untyped]

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def log_to_stderr(doors: Doors) -> None:
    """JSON lines on stderr for this process: `parley.serving` at the set level, uvicorn's own from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(now=doors.clock.now))
    for name, level in (("parley.serving", doors.settings.log_level), ("uvicorn.error", "WARNING")):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
