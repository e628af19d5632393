"""Property tests give one answer wherever and whenever they run: the same examples, however busy the machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")
