"""The mirror of online features: the one in force, and the former one while the new one cannot be read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from features.store.services import VIEWS
from serving import mirrored


def write(folder: Path, version: str, *, value: float = 1.0) -> None:
    """A mirror as `features.mirror.write` leaves it, without Feast: one key "k" in every view."""
    at = folder / version
    at.mkdir(parents=True)
    files = {}
    for view in VIEWS:
        schema = pa.schema([(view.join_key, pa.string()), *((name, pa.float64()) for name in view.fields)])
        table = pa.table({view.join_key: ["k"], **{name: [value] for name in view.fields}}, schema=schema)
        with pa.OSFile(str(at / f"{view.name}.arrow"), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            writer.write_table(table)
        files[view.name] = hashlib.sha256((at / f"{view.name}.arrow").read_bytes()).hexdigest()
    about = {"as_of": "2026-05-01T00:00:00+00:00", "files": files, "format": 1, "service": "s", "service_digest": "d"}
    (at / "about.json").write_text(json.dumps(about))
    (folder / "current.json").write_text(json.dumps({"version": version}))


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrored, "LOOK_S", 0.0)


def test_before_the_first_there_is_none(tmp_path: Path) -> None:
    assert mirrored.Mirrored(tmp_path / "mirror").current() is None


def test_a_new_version_is_taken_up(tmp_path: Path) -> None:
    held = mirrored.Mirrored(tmp_path)
    seen = []
    for version, value in (("one", 1.0), ("two", 2.0)):
        write(tmp_path, version, value=value)
        mirror = held.current()
        assert mirror is not None
        seen.append(mirror.customer("k")["customer_contacts_7d"])

    assert seen == [1.0, 2.0]


def test_a_changed_file_is_refused_and_the_former_mirror_goes_on(tmp_path: Path) -> None:
    held = mirrored.Mirrored(tmp_path)
    write(tmp_path, "one")
    before = held.current()
    write(tmp_path, "two")
    with next((tmp_path / "two").glob("*.arrow")).open("ab") as file:
        file.write(b"x")

    assert held.current() is before
    assert before is not None
    assert "cannot be read" in held.problem
