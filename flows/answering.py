"""The application: wired, bound to an address, and run until interrupted."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable

from data_contracts.errors import InputError, UnavailableError
from flows.compose import Workspace, doors


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
    main.serve(doors(addressed(place, host=host, port=port), only=only), on_ready=on_ready)


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
