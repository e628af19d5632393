"""What every test may ask for: a workspace of its own, a clock that stands still, the real data where there is any."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from centre.clock import FixedClock

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, named to child processes too."""
    folder = tmp_path / "parley"
    folder.mkdir()
    monkeypatch.setenv("PARLEY_HOME", str(folder))
    monkeypatch.setenv("PARLEY_PROFILE", "test")
    return folder


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at 2026-05-01 until a test moves it."""
    return FixedClock(datetime(2026, 5, 1, tzinfo=UTC))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data sets beside the checkout, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("PARLEY_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data: set PARLEY_REAL_DATA to the folder that holds intent/, volume/ and calls/")
    return folder
