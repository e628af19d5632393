"""The mirror of the online features, opened anew when it was materialised again."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from features.mirror import Mirror

logger = logging.getLogger("parley.serving")

# How often the folder is looked at: features are materialised by the hour, so a second late is early.
LOOK_S: Final = 1.0

# Figures older than this are used, and the answer says so: a day's contacts and handle times are missing from them.
STALE: Final = timedelta(hours=24)


class Mirrored:
    """Holds the current mirror; the old one goes on when the new one cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: Mirror | None = None
        self._looked = float("-inf")
        self.problem = ""

    def current(self) -> Mirror | None:
        """The mirror that was written last, or None before the first."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            self._look()
        return self._held

    def _look(self) -> None:
        from features.mirror import Mirror

        try:
            version = Mirror.version_in_force(self._folder)
            if version is None or (self._held is not None and version == self._held.version):
                return
            self._held, self.problem = Mirror.open(self._folder), ""
        except Exception as error:
            self.problem = f"the mirror cannot be read: {error}"
            logger.exception("the mirror of online features cannot be read; the former one goes on")
