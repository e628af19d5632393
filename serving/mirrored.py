"""The mirror of the online features, opened anew when it was materialised again."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from features.mirror import Mirror

logger = logging.getLogger("parley.serving")

# How often the folder is looked at: features are materialised by the hour, so a second late is early.
LOOK_S: Final = 1.0


class Mirrored:
    """Holds the current mirror; the old one goes on when the new one cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: Mirror | None = None
        self._stamp: tuple[tuple[str, int, int], ...] = ()
        self._looked = float("-inf")
        self.problem = ""

    def current(self) -> Mirror | None:
        """The mirror that was written last, or None before the first."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            self._look()
        return self._held

    def _look(self) -> None:
        try:
            stamp = _stamp(self._folder)
            if not stamp or stamp == self._stamp:
                return
            from features.mirror import Mirror

            self._held, self._stamp, self.problem = Mirror.open(self._folder), stamp, ""
        except Exception as error:
            self.problem = f"the mirror cannot be read: {error}"
            logger.exception("the mirror of online features cannot be read; the former one goes on")


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the folder's files: a new materialisation changes it."""
    if not folder.is_dir():
        return ()
    told = ((path.name, path.stat()) for path in sorted(folder.iterdir()) if not path.name.startswith("."))
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in told)
