"""Running figures against a naive twin that counts, for one moment, what had been known before it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features import offers, routing, snapshots
from features.params import LabelParams, RoutingDataParams
from tests.features.centre import START, tiny_centre

PARAMS = RoutingDataParams()
AS_OF = START + timedelta(days=40)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return tiny_centre(days=30)


@pytest.fixture(scope="module")
def sources(tables: dict[str, pa.Table]) -> dict[str, pd.DataFrame]:
    told = offers.offers(tables, params=PARAMS, labels=LabelParams(), as_of=AS_OF)
    found = snapshots.agent_snapshots(offers._facts(told), offers._agents(tables, as_of=AS_OF), params=PARAMS)
    customers = offers._of_customers(tables, as_of=AS_OF)
    return found | {"customer_features": snapshots.customer_snapshots(customers, params=PARAMS)}


def _last(source: pd.DataFrame, key: str, value: str, moment: datetime) -> dict[str, Any]:
    rows = source[(source[key] == value) & (source["event_timestamp"] <= moment)]
    return dict(rows.sort_values("event_timestamp").iloc[-1])


@pytest.mark.parametrize("day", [5, 14, 29])
def test_an_agents_figures_on_a_topic_count_what_was_known_before(
    day: int, tables: dict[str, pa.Table], sources: dict[str, pd.DataFrame]
) -> None:
    moment = START + timedelta(days=day)
    topic_of = {row["contact_id"]: row["topic"] for row in tables["contacts"].to_pylist()}
    legs = [leg for leg in tables["segments"].to_pylist() if leg["known_at"] < moment]
    logs = [(leg["agent_id"], topic_of[leg["contact_id"]], math.log(leg["handle_s"])) for leg in legs]
    centre = float(np.mean([value for *_, value in logs]))
    cards = [value for _, topic, value in logs if topic == "card"]
    expected = (sum(cards) + PARAMS.shrink_handle * centre) / (len(cards) + PARAMS.shrink_handle)
    told = _last(sources["topic_features"], "topic", "card", moment)
    assert told["topic_handled_count"] == len(cards)
    assert told["topic_log_handle_mean"] == pytest.approx(expected)
    mine = [value for agent, topic, value in logs if (agent, topic) == ("dee", "card")]
    on_topic = _last(sources["agent_topic_features"], "agent_topic", "dee|card", moment)
    assert on_topic["agent_topic_handled_count"] == len(mine)
    assert _last(sources["agent_features"], "agent_id", "dee", moment)["agent_handled_count"] == len(
        [1 for agent, *_ in logs if agent == "dee"]
    )


def test_the_slowest_agent_has_the_greatest_excess_and_the_fastest_the_least(sources: dict[str, pd.DataFrame]) -> None:
    excess = {
        name: _last(sources["agent_features"], "agent_id", name, AS_OF)["agent_log_handle_excess"]
        for name in ("ann", "bob", "cai", "dee")
    }
    assert sorted(excess, key=lambda name: float(excess[name])) == ["ann", "bob", "cai", "dee"]


def test_a_resolution_counts_only_once_its_window_has_closed(sources: dict[str, pd.DataFrame]) -> None:
    told = sources["agent_features"]
    window = timedelta(days=LabelParams().usual_window_days)
    early = told[told["event_timestamp"] < START + window]
    late = told[told["event_timestamp"] > START + window + timedelta(days=3)]
    assert early["agent_resolution_rate"].isna().all()
    assert late["agent_resolution_rate"].between(0, 1).all()


@pytest.mark.parametrize("hours", [100, 300, 555])
def test_a_customers_counts_are_those_of_a_naive_twin(
    hours: int, tables: dict[str, pa.Table], sources: dict[str, pd.DataFrame]
) -> None:
    moment = START + timedelta(hours=hours)
    contacts = [row for row in tables["contacts"].to_pylist() if row["known_at"] < moment and row["customer_id"]]
    for name in sorted({row["customer_id"] for row in contacts}):
        mine = [row for row in contacts if row["customer_id"] == name]
        told = _last(sources["customer_features"], "customer_id", name, moment)
        for length in (7, 30):
            since = moment - timedelta(days=length)
            assert told[f"customer_contacts_{length}d"] == sum(row["started_at"] > since for row in mine)
        last = max(mine, key=lambda row: row["known_at"])
        assert told["customer_last_contact_s"] == pytest.approx(last["started_at"].timestamp())
        assert told["customer_last_topic_code"] == routing.code(last["topic"])


def test_every_snapshot_lies_on_its_grid(sources: dict[str, pd.DataFrame]) -> None:
    for name, step in (("customer_features", 3600), ("agent_features", 86_400), ("agent_topic_features", 86_400)):
        moments = sources[name]["event_timestamp"].astype("int64") // 1_000_000
        assert (moments % step == 0).all()
        assert not sources[name].duplicated([sources[name].columns[0], "event_timestamp"]).any()
