"""The application: wired, bound to an address, and run until interrupted."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from data_contracts.errors import InputError, UnavailableError
from flows.compose import Workspace, doors
from flows.environment import is_alive

# Where a serving process leaves its address, for the links that others print.
ADDRESS = "serving.json"


def serve(
    place: Workspace,
    *,
    only: frozenset[str],
    host: str = "",
    port: int = -1,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the named parts (all if none is named) until interrupted; `on_ready(address)` when requests are taken.

    Raises InputError for an unknown part, UnavailableError when the address cannot be had.
    """
    from serving import main
    from serving.doors import PARTS

    if unknown := sorted(only - set(PARTS)):
        raise InputError("unknown part", expected=", ".join(PARTS), came=", ".join(unknown), where="--only")

    def ready(address: str) -> None:
        _write_down(place, address)
        if on_ready is not None:
            on_ready(address)

    try:
        main.serve(doors(addressed(place, host=host, port=port), only=only), on_ready=ready)
    finally:
        if _written_down(place).get("pid") == os.getpid():
            (place.settings.home / ADDRESS).unlink(missing_ok=True)


def address_now(place: Workspace) -> str:
    """Where the application of this workspace answers now, as the one that started last wrote it; "" if none runs."""
    told = _written_down(place)
    return str(told["address"]) if told and is_alive(int(told["pid"])) else ""


def _write_down(place: Workspace, address: str) -> None:
    fresh = place.settings.home / f".{ADDRESS}.{os.getpid()}"
    fresh.write_text(json.dumps({"address": address, "pid": os.getpid()}), encoding="utf-8")
    fresh.replace(place.settings.home / ADDRESS)


def _written_down(place: Workspace) -> dict[str, Any]:
    try:
        return dict(json.loads((place.settings.home / ADDRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def addressed(place: Workspace, *, host: str = "", port: int = -1) -> Workspace:
    """The workspace with the address that serving will have: a port 0 becomes a free one, a taken one is an error."""
    settings = dataclasses.replace(
        place.settings, host=host or place.settings.host, port=place.settings.port if port < 0 else port
    )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise UnavailableError(
                "the address cannot be had",
                expected="a free port",
                came=str(error),
                where=f"{settings.host}:{settings.port}",
                remedy="name another: --port 0",
            ) from error
        port = int(probe.getsockname()[1])
    return Workspace(dataclasses.replace(settings, port=port), place.clock)
