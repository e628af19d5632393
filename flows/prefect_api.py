"""Prefect's API for the time of a command: a child of ours that dies with us, says nothing, and knows no token.

Prefect can start one by itself, but then it talks on our terminal, outlives a killed command, and gets our environment.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from centre.settings import Settings
from data_contracts.errors import UnavailableError
from flows.checkout import source_folder
from flows.environment import child_environment

# About 5 s on a quiet machine, half a minute on a busy one, with its migrations the first time.
START_LIMIT_S = 180
LOOK_S = 0.1
HOST = "127.0.0.1"


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Start the API on a free local port and yield its address. Raises UnavailableError when it does not come up."""
    port = _free_port()
    address = f"http://{HOST}:{port}/api"
    with (settings.prefect_dir / "api.log").open("ab") as said:
        child = subprocess.Popen(
            _command(port), env=_environment(settings), stdout=said, stderr=said, cwd=settings.home
        )
    try:
        _wait(child, address, settings)
        yield address
    finally:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _command(port: int) -> list[str]:
    application = ["--factory", "prefect.server.api.server:create_app"]
    asked = ["--host", HOST, "--port", str(port), "--log-level", "error", "--lifespan", "on"]
    return [sys.executable, "-m", "flows.tethered", "uvicorn", *application, *asked]


def _environment(settings: Settings) -> dict[str, str]:
    """As Prefect starts its own ephemeral server: no user interface, no background services."""
    told = {
        "PREFECT_HOME": str(settings.prefect_dir),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{settings.prefect_dir / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
    }
    return child_environment(settings, folder=source_folder(), extra=told)


def _wait(child: subprocess.Popen[bytes], address: str, settings: Settings) -> None:
    ends = time.monotonic() + START_LIMIT_S
    while not _answers(address):
        if child.poll() is not None or time.monotonic() > ends:
            came = "it ended" if child.poll() is not None else f"no answer in {START_LIMIT_S} s"
            raise UnavailableError(
                "Prefect's API did not come up",
                expected="an answer",
                came=came,
                where=str(settings.prefect_dir / "api.log"),
                remedy="try again",
            )
        time.sleep(LOOK_S)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310 - our own local address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
