"""Each candidate that the same rows judged is counted, until one of them is promoted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.lives import House
from tests.training.reports import ROWS, passed_report
from training import exams


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def times_used(house: House, *, run_id: str = "this-run", judged_digest: str = ROWS.judged_digest) -> int:
    report = passed_report(rows=replace(ROWS, judged_digest=judged_digest, times_used=99))
    told = exams.counted(report, history=house.history, registry=house.registry, run_id=run_id)
    return told.rows.times_used


def test_rows_that_judged_nobody_are_fresh(house: House) -> None:
    assert times_used(house) == 0


def test_every_version_that_they_judged_counts_but_not_this_runs_own(house: House) -> None:
    house.register(marker="a", run_id="one")
    house.register(marker="b", run_id="two")

    assert times_used(house) == 2
    assert times_used(house, run_id="two") == 1


def test_other_rows_and_other_families_do_not_count(house: House) -> None:
    house.register(marker="a", run_id="one")
    house.register(marker="a", run_id="one", family="forecast")

    assert times_used(house, judged_digest="0" * 64) == 0
    assert times_used(house) == 1


def test_a_promotion_begins_the_count_anew(house: House) -> None:
    house.register(marker="a", run_id="one")
    house.champion(marker="b")
    assert times_used(house) == 0

    house.register(marker="c", run_id="three")
    assert times_used(house) == 1
