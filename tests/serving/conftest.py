"""A house with fakes at every door, for the tests of this floor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from centre.clock import FixedClock
from tests.serving import house as houses
from tests.serving.house import Client, House


@pytest.fixture
def house(home: Path, clock: FixedClock) -> House:
    return houses.make(home, clock)


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with house.open() as opened:
        yield opened
