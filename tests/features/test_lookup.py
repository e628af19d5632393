"""Feast's point-in-time join, as it is used here: nothing lost, nothing moved, no correction before it was made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import StateConflict
from features import lookup
from features.store import services
from features.store.services import ROUTING_SERVICE, VIEWS

TIME = pa.timestamp("us", tz="UTC")
T0 = datetime(2026, 4, 1, tzinfo=UTC)


def _sources(folder: Path, customers: list[tuple[str, int, int, float]]) -> Path:
    """Sources with these customers' counts (key, day of the figure, day it was made, value), the other views empty."""
    folder.mkdir(parents=True)
    for view in VIEWS:
        rows: list[dict[str, Any]] = []
        if view.name == "customer_features":
            for key, day, made, value in customers:
                moments = {"event_timestamp": T0 + timedelta(days=day), "created": T0 + timedelta(days=made)}
                rows.append({view.join_key: key, **dict.fromkeys(view.fields, value), **moments})
        fields = [(view.join_key, pa.string()), *((name, pa.float64()) for name in view.fields)]
        schema = pa.schema([*fields, ("event_timestamp", TIME), ("created", TIME)])
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{view.name}.parquet")
    return folder


def _asked(rows: list[tuple[str | None, float]]) -> pa.Table:
    return pa.table(
        {
            "event_timestamp": pa.array([T0 + timedelta(days=day) for _, day in rows], TIME),
            "customer_id": pa.array([key for key, _ in rows], pa.string()),
            "agent_id": [f"a{n}" for n in range(len(rows))],
            "topic": ["t"] * len(rows),
            "agent_topic": [f"a{n}|t" for n in range(len(rows))],
        }
    )


def _counts(sources: Path, repo: Path, rows: list[tuple[str | None, float]]) -> list[float | None]:
    lookup.prepare(repo, sources=sources)
    found = lookup.training_set(_asked(rows), repo=repo, service=ROUTING_SERVICE)
    assert found["agent_id"].to_pylist() == [f"a{n}" for n in range(len(rows))]
    told: list[float | None] = found["customer_contacts_7d"].to_pylist()
    return told


def test_rows_without_any_figure_and_doubled_ones_all_come_back_in_order(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "s", [("p", 1, 1, 1.0), ("p", 3, 3, 3.0)])
    asked: list[tuple[str | None, float]] = [
        ("p", 9),
        ("p", 0.5),
        ("nobody", 5),
        ("p", 2),
        ("p", 2),
        (None, 4),
        ("p", 3),
    ]
    assert _counts(sources, tmp_path / "r", asked) == [3.0, None, None, 1.0, 1.0, None, 3.0]


def test_a_correction_is_not_seen_before_it_was_made(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "s", [("p", 1, 1, 10.0), ("p", 1, 5, 99.0)])
    assert _counts(sources, tmp_path / "r", [("p", 4.9), ("p", 5.1)]) == [10.0, 99.0]


def test_another_runs_sources_take_the_place_of_the_former(tmp_path: Path) -> None:
    for place, value in enumerate((1.0, 2.0)):
        sources = _sources(tmp_path / f"s{place}", [("p", 1, 1, value)])
        assert _counts(sources, tmp_path / "r", [("p", 2)]) == [value]


def test_the_registry_holds_no_code(tmp_path: Path) -> None:
    lookup.prepare(tmp_path / "r", sources=_sources(tmp_path / "s", []))
    told = (tmp_path / "r" / "registry.db").read_bytes()
    assert b"dill" not in told
    assert b"\x80\x04\x95" not in told  # the head of a pickle of protocol 4
    assert services.SERVICES[ROUTING_SERVICE].digest().encode() in told


def test_every_service_is_the_published_one() -> None:
    assert services.SERVICES
    for found in services.SERVICES.values():
        services.refuse_changed(found)


def test_a_changed_definition_under_a_published_name_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    view = services.View("v", "e", "k", {"f": "a count of contacts"})
    services.publish(services.Service("s_v1", (view,)), lock=lock)
    services.publish(services.Service("s_v1", (view,)), lock=lock)
    other = services.View("v", "e", "k", {"f": "a count of calls"})
    with pytest.raises(StateConflict, match="new name"):
        services.publish(services.Service("s_v1", (other,)), lock=lock)
    with pytest.raises(StateConflict, match="s_v2"):
        services.refuse_changed(services.Service("s_v2", (view,)), lock=lock)
    services.publish(services.Service("s_v2", (other,)), lock=lock)
