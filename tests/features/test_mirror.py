"""Online features: the mirror answers what Feast answers, and serving's rows are the build's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import IntegrityError, NotFound
from features import lookup, materializing, mirror, routing
from features.mirror import Mirror
from features.params import LabelParams, RoutingDataParams
from features.store.services import CUSTOMER, ROUTING_SERVICE, VIEWS
from tests.features.centre import AGENTS, START, TOPICS, tiny_centre

AS_OF = START + timedelta(days=25, hours=9, minutes=30)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return tiny_centre(days=30)


@pytest.fixture(scope="module")
def workspace(tables: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("workspace")
    _refresh(tables, home, AS_OF)
    return home


def _refresh(tables: dict[str, pa.Table], home: Path, as_of: datetime) -> str:
    given = {"params": RoutingDataParams(), "labels": LabelParams()}
    return materializing.refresh(tables, as_of=as_of, repo=home / "feast", to=home / "mirror", **given)  # type: ignore[arg-type]


def _customers(home: Path) -> list[str]:
    return sorted(set(pq.read_table(home / "feast/sources/customer_features.parquet")["customer_id"].to_pylist()))


def test_the_mirror_tells_of_whom_it_knows_nothing(workspace: Path) -> None:
    opened = Mirror.open(workspace / "mirror")

    assert opened.unknown_agents(["new", *AGENTS, "newer"]) == ["new", "newer"]


def test_the_mirror_answers_what_feast_answers_online(workspace: Path) -> None:
    opened = Mirror.open(workspace / "mirror")
    customers = [*_customers(workspace), "nobody"]
    asked = {
        "customer_id": customers,
        "agent_id": [AGENTS[n % 4] if n % 9 else "new" for n in range(len(customers))],
        "topic": [TOPICS[n % 3] if n % 7 else "unheard" for n in range(len(customers))],
    }
    asked["agent_topic"] = [f"{a}|{t}" for a, t in zip(asked["agent_id"], asked["topic"], strict=True)]
    told = lookup.online(workspace / "feast", service=ROUTING_SERVICE, keys=asked)
    for n, name in enumerate(customers):
        answer = {**opened.customer(name), **opened.agents([asked["agent_id"][n]], asked["topic"][n])[0]}
        for view in VIEWS:
            for field in view.fields:
                assert answer.get(field) == told[field][n], (name, field)


def test_served_rows_are_the_rows_of_the_offline_build(workspace: Path) -> None:
    opened = Mirror.open(workspace / "mirror")
    for place, customer in enumerate(["nobody", *_customers(workspace)[:4]]):
        topic = (*TOPICS, "unheard")[place % 4]
        contact = {"queue": "q1", "topic": topic, "channel": "chat", "language": "zh", "priority": 1}
        contact |= {"at": AS_OF, "queued_at": AS_OF - timedelta(seconds=40)}
        of_agents = opened.agents([*AGENTS, "new"], routing.topic_of(contact))
        served = routing.rows(contact, [*AGENTS, "new"], opened.customer(customer), of_agents, of_agents)
        assert np.array_equal(served, _offline(workspace, contact, customer), equal_nan=True)


def _offline(home: Path, contact: dict[str, object], customer: str) -> np.ndarray:
    agents = [*AGENTS, "new"]
    topic = str(contact["topic"])
    asked = pa.table(
        {
            "event_timestamp": pa.array([AS_OF] * 5, pa.timestamp("us", tz="UTC")),
            "customer_id": [customer] * 5,
            "agent_id": agents,
            "topic": [topic] * 5,
            "agent_topic": [f"{name}|{topic}" for name in agents],
        }
    )
    found = lookup.training_set(asked, repo=home / "feast", service=ROUTING_SERVICE)
    raw = {name: found[name].to_numpy() for view in VIEWS for name in view.fields}
    for name in ("queue", "topic", "channel", "language", "priority"):
        raw[name] = [contact[name]] * 5
    raw["at_s"] = np.full(5, AS_OF.timestamp())
    raw["queued_at_s"] = np.full(5, AS_OF.timestamp() - 40)
    return routing.assemble(raw)


def test_the_same_records_and_moment_make_the_same_version(
    workspace: Path, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    assert _refresh(tables, tmp_path, AS_OF) == Mirror.version_in_force(workspace / "mirror")


def test_a_later_refresh_takes_over_and_tells_its_moment(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    first = _refresh(tables, tmp_path, AS_OF)
    second = _refresh(tables, tmp_path, AS_OF + timedelta(days=1))
    third = _refresh(tables, tmp_path, AS_OF + timedelta(days=2))
    opened = Mirror.open(tmp_path / "mirror")
    assert opened.version == third
    assert opened.as_of == AS_OF + timedelta(days=2)
    folders = {p.name for p in (tmp_path / "mirror").iterdir() if p.is_dir()}
    assert folders == {second, third}
    assert first not in folders


def test_an_erased_customer_is_gone_from_both_stores(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    _refresh(tables, tmp_path, AS_OF)
    name = _customers(tmp_path)[0]
    erased = tables | {"contacts": _without(tables["contacts"], name)}
    _refresh(erased, tmp_path, AS_OF)
    assert Mirror.open(tmp_path / "mirror").customer(name) == {}
    told = lookup.online_view(tmp_path / "feast", view=CUSTOMER, keys=[name])
    assert {field: told[field] for field in CUSTOMER.fields} == {field: [None] for field in CUSTOMER.fields}


def _without(contacts: pa.Table, customer: str) -> pa.Table:
    return contacts.filter(pa.array([name != customer for name in contacts["customer_id"].to_pylist()]))


def test_staleness_is_told_by_the_moment_of_materialisation(workspace: Path) -> None:
    opened = Mirror.open(workspace / "mirror")
    assert opened.age(AS_OF + timedelta(hours=3)) == timedelta(hours=3)
    assert not opened.is_stale(AS_OF + timedelta(hours=3), limit=timedelta(hours=3))
    assert opened.is_stale(AS_OF + timedelta(hours=3, seconds=1), limit=timedelta(hours=3))


def test_a_changed_file_is_refused(workspace: Path, tmp_path: Path) -> None:
    copy = tmp_path / "mirror"
    shutil.copytree(workspace / "mirror", copy)
    path = copy / str(Mirror.version_in_force(copy)) / "agent_features.arrow"
    path.write_bytes(path.read_bytes()[:-9] + b"\1" + path.read_bytes()[-8:])
    with pytest.raises(IntegrityError, match=r"agent_features\.arrow"):
        Mirror.open(copy)


def test_without_a_mirror_the_remedy_is_named(tmp_path: Path) -> None:
    assert Mirror.version_in_force(tmp_path) is None
    with pytest.raises(NotFound, match="parley materialize"):
        Mirror.open(tmp_path)


def test_reading_a_mirror_imports_neither_feast_nor_pandas_nor_torch(workspace: Path) -> None:
    program = """if True:
        import sys
        from pathlib import Path
        import features.routing, features.text
        from features.mirror import Mirror
        m = Mirror.open(Path(sys.argv[1]))
        m.agents(["ann"], "card"), m.customer("p01")
        heavy = {"feast", "pandas", "torch", "mlflow", "sklearn", "duckdb", "ibis"}
        print(sorted(heavy & set(sys.modules)))
    """
    told = subprocess.run(
        [sys.executable, "-c", program, str(workspace / "mirror")], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_a_fake_repository_is_named_as_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"lookup\.prepare"):
        lookup.online(tmp_path, service=ROUTING_SERVICE, keys={"customer_id": ["a"]})
    with pytest.raises(NotFound, match="routing_v1"):
        mirror.service("routing_v9")
