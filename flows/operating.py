"""The door to Prefect: embedded, in this process, with its database in the workspace and no server to start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from centre.settings import Settings
from flows.environment import quieten

# A door (registry, history, online store) may be busy for a moment; a fit never gets better by being repeated.
DOOR_RETRIES = 2
DOOR_RETRY_S = 1.0
# The embedded API starts in about 5 s on a quiet machine and in half a minute on a busy one; its own limit is 20 s.
START_LIMIT_S = 180


@contextmanager
def embedded(settings: Settings) -> Iterator[None]:
    """Run flows here: ephemeral API under the workspace, nothing sent out, no heartbeat (it costs a second a flow)."""
    quieten()
    os.environ.setdefault("PREFECT_HOME", str(settings.prefect_dir))
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    settings.prefect_dir.mkdir(parents=True, exist_ok=True)
    from prefect import settings as prefect

    chosen = {
        prefect.PREFECT_HOME: settings.prefect_dir,
        prefect.PREFECT_API_URL: None,
        prefect.PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{settings.prefect_dir / 'prefect.db'}",
        prefect.PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True,
        prefect.PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: START_LIMIT_S,
        prefect.PREFECT_SERVER_ANALYTICS_ENABLED: False,
        prefect.PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        prefect.PREFECT_RESULTS_PERSIST_BY_DEFAULT: False,
        prefect.PREFECT_RESULTS_DEFAULT_SERIALIZER: "json",
        prefect.PREFECT_LOGGING_LEVEL: "WARNING",
        prefect.PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    with prefect.temporary_settings(updates=chosen):
        yield
