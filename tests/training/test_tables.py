"""Reading MLflow's tables makes nothing and waits for writers; the contract is in `test_registry`."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from data_contracts.errors import RegistryUnavailable
from tests.training.mlflow_template import prepared
from training import tables
from training.registry import DATABASE


def test_a_database_that_is_not_there_is_unavailable_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable):
        tables.versions(tmp_path / "none.db", "intent")
    assert not (tmp_path / "none.db").exists()


def test_an_empty_registry_has_no_versions_and_no_alias(tmp_path: Path) -> None:
    database = prepared(tmp_path).folder / DATABASE

    assert tables.versions(database, "intent") == []
    assert tables.alias(database, "intent", name="champion") is None


def test_a_reader_waits_for_a_writer(tmp_path: Path) -> None:
    database = prepared(tmp_path).folder / DATABASE
    with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN EXCLUSIVE")

        def release() -> None:
            time.sleep(0.1)
            writer.execute("COMMIT")

        releasing = threading.Thread(target=release)
        releasing.start()
        assert tables.versions(database, "intent") == []
        releasing.join()
