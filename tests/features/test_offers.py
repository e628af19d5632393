"""What the decisions behind the offers leave for off-policy judging: propensity, who could have, how long idle."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data_contracts.arrow import table
from features import offers
from features.params import LabelParams, RoutingDataParams
from tests.features.centre import START, common, tiny_centre

AS_OF = START + timedelta(days=35)
LATE = START + timedelta(days=30)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return tiny_centre()


def with_rows(tables: dict[str, pa.Table], *rows: dict[str, Any]) -> dict[str, pa.Table]:
    """The centre with further rows of `decisions`."""
    more = table("decisions", [row | common(LATE) for row in rows])
    return {**tables, "decisions": pa.concat_tables([tables["decisions"], more])}


def outcome(decision_id: str, *, followed: bool, revision: int = 1) -> dict[str, Any]:
    return {"decision_id": decision_id, "revision": revision, "followed": followed}


def told_of(tables: dict[str, pa.Table]) -> pd.DataFrame:
    told = offers.offers(tables, params=RoutingDataParams(), labels=LabelParams(), as_of=AS_OF)
    return told.set_index("segment_id")


def test_an_overridden_decision_has_no_propensity_and_a_followed_one_has(tables: dict[str, pa.Table]) -> None:
    said = with_rows(tables, outcome("c000000.d", followed=False), outcome("c000001.d", followed=True))

    told = told_of(said)

    assert pd.isna(told.loc["c000000.s", "propensity"])
    assert pd.isna(told.loc["c000000.s", "decision_id"])
    assert told.loc["c000001.s", "propensity"] == 0.25
    assert told.loc["c000002.s", "propensity"] == 0.25  # nothing was said of it
    assert told["propensity"].isna().sum() == 1


@pytest.mark.parametrize(("first", "then"), [(False, True), (True, False)])
def test_the_last_word_on_a_decision_holds(tables: dict[str, pa.Table], first: bool, then: bool) -> None:
    told = told_of(
        with_rows(
            tables,
            outcome("c000000.d", followed=then, revision=2),
            outcome("c000000.d", followed=first, revision=1),
        )
    )

    assert pd.notna(told.loc["c000000.s", "propensity"]) == then


def test_an_override_known_only_later_takes_nothing_away(tables: dict[str, pa.Table]) -> None:
    late = table("decisions", [outcome("c000000.d", followed=False) | common(AS_OF + timedelta(hours=1))])

    told = told_of({**tables, "decisions": pa.concat_tables([tables["decisions"], late])})

    assert told.loc["c000000.s", "propensity"] == 0.25


def judged(*, eligible: list[str], idle_s: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "decision_id": ["d-1"], "agent_id": ["ann"], "part": ["judge"], "propensity": [0.5],
            "eligible": [json.dumps(eligible)], "idle_s": [idle_s],
        }
    )  # fmt: skip


def test_each_candidate_has_its_own_idle_time() -> None:
    told = judged(eligible=["bob", "ann"], idle_s='{"bob": 40, "ann": 12.5}')

    found = offers.candidates(told, params=RoutingDataParams())

    assert found[["agent_id", "chosen", "idle_s"]].values.tolist() == [["ann", True, 12.5], ["bob", False, 40]]


@pytest.mark.parametrize("idle_s", [None, "{}"])
def test_idle_times_that_were_not_logged_are_null_and_not_zero(idle_s: str | None) -> None:
    found = offers.candidates(judged(eligible=["ann", "bob"], idle_s=idle_s), params=RoutingDataParams())

    assert np.isnan(found["idle_s"].astype("float64")).all()
