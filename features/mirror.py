"""Online features as serving reads them: a few Arrow files that load in milliseconds, equal to Feast's own answers.

`write` reads the materialised online store (and so needs Feast); `Mirror` reads plain files and nothing else.
A mirror is a folder of versions with `current.json`, which names the one in force; writing one never disturbs a reader.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.errors import IntegrityError, NotFound
from features.routing import agent_topic_key
from features.store.services import AGENT, AGENT_TOPIC, CUSTOMER, ROUTING_SERVICE, TOPIC, VIEWS, View, service
from features.writing import write_json

CURRENT = "current.json"
ABOUT = "about.json"
# Keys asked of the online store at a time: SQLite builds a statement with one parameter each.
_BATCH = 500


def write(folder: Path, *, repo: Path, sources: Path, as_of: datetime) -> str:
    """Write a new version of the mirror from the online store in `repo`, put it in force, and return its name.

    sources: the Parquet files that were materialised; they tell the keys. as_of: the moment of materialisation.
    The version's name is the digest of what it holds, so the same figures and moment make the same version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder, prefix=".mirror-"))
    try:
        files = {view.name: _write_view(view, repo=repo, sources=sources, to=staging) for view in VIEWS}
        about = {
            "as_of": as_of.isoformat(),
            "files": files,
            "format": 1,
            "service": ROUTING_SERVICE,
            "service_digest": service(ROUTING_SERVICE).digest(),
        }
        write_json(about, staging / ABOUT)
        version = hashlib.sha256((staging / ABOUT).read_bytes()).hexdigest()[:16]
        staging.chmod(0o755)
        if not (folder / version).is_dir():
            staging.rename(folder / version)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _put_in_force(folder, version)
    return version


def _write_view(view: View, *, repo: Path, sources: Path, to: Path) -> str:
    """Write one view's file and return its sha256."""
    from features.lookup import online_view

    told = pq.read_table(sources / f"{view.name}.parquet", columns=[view.join_key])
    keys = sorted(set(told[view.join_key].to_pylist()))
    columns: dict[str, list[Any]] = {name: [] for name in (view.join_key, *view.fields)}
    for start in range(0, len(keys), _BATCH):
        found = online_view(repo, view=view, keys=keys[start : start + _BATCH])
        for name, values in columns.items():
            values.extend(found[name])
    schema = pa.schema([(view.join_key, pa.string()), *((name, pa.float64()) for name in view.fields)])
    path = to / f"{view.name}.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_table(pa.table(columns, schema=schema))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _put_in_force(folder: Path, version: str) -> None:
    """Name the version in `current.json`, and clear away all but it and the one before."""
    before = json.loads((folder / CURRENT).read_text())["version"] if (folder / CURRENT).is_file() else None
    write_json({"version": version}, folder / CURRENT)
    for old in folder.iterdir():
        if old.is_dir() and not old.name.startswith(".") and old.name not in (version, before):
            shutil.rmtree(old)


class Mirror:
    """One version of the mirror, in memory. Opening it again later gives the version then in force."""

    def __init__(self, about: Mapping[str, Any], tables: Mapping[str, pa.Table], *, version: str) -> None:
        self.version = version
        self.as_of = datetime.fromisoformat(about["as_of"])
        self.service = str(about["service"])
        self.service_digest = str(about["service_digest"])
        self._views = {view.name: _Rows(view, tables[view.name]) for view in VIEWS}

    @classmethod
    def open(cls, folder: Path) -> Mirror:
        """Read the version in force. NotFound where there is none, IntegrityError where a file was changed."""
        if not (folder / CURRENT).is_file():
            raise NotFound(
                "no mirror of online features", expected=CURRENT, where=str(folder), remedy="Run: parley materialize"
            )
        version = str(json.loads((folder / CURRENT).read_text(encoding="utf-8"))["version"])
        about = json.loads((folder / version / ABOUT).read_text(encoding="utf-8"))
        tables = {}
        for name, digest in about["files"].items():
            data = (folder / version / f"{name}.arrow").read_bytes()
            if hashlib.sha256(data).hexdigest() != digest:
                raise IntegrityError("a mirror's file is not the one that was written", where=f"{version}/{name}.arrow")
            tables[name] = pa.ipc.open_file(pa.py_buffer(data)).read_all()
        return cls(about, tables, version=version)

    @staticmethod
    def version_in_force(folder: Path) -> str | None:
        """The version that `open` would read, without reading it; None where there is none."""
        path = folder / CURRENT
        return str(json.loads(path.read_text(encoding="utf-8"))["version"]) if path.is_file() else None

    def age(self, now: datetime) -> timedelta:
        """How long ago the figures were materialised."""
        return now - self.as_of

    def is_stale(self, now: datetime, *, limit: timedelta) -> bool:
        """Whether the figures are older than `limit`."""
        return self.age(now) > limit

    def customer(self, customer_id: str | None) -> dict[str, float | None]:
        """The customer's fields; empty for an unknown one."""
        return self._views[CUSTOMER.name].row(customer_id)

    def topic(self, topic: str) -> dict[str, float | None]:
        """The topic's fields; empty for a new one."""
        return self._views[TOPIC.name].row(topic)

    def agents(self, ids: Sequence[str], topic: str) -> list[dict[str, float | None]]:
        """For each agent, in order: the agent's fields, those on this topic, and the topic's own, in one mapping.

        topic: of `features.routing.topic_of`. It may be passed to `features.routing.rows` as both of its arguments.
        """
        shared = self.topic(topic)
        agents, on_topic = self._views[AGENT.name], self._views[AGENT_TOPIC.name]
        return [{**shared, **agents.row(name), **on_topic.row(agent_topic_key(name, topic))} for name in ids]

    def unknown_agents(self, ids: Sequence[str]) -> list[str]:
        """Those of whom nothing is known: every one of them looks alike to a model."""
        known = self._views[AGENT.name]
        return [name for name in ids if name not in known]


class _Rows:
    """A view's rows by key."""

    def __init__(self, view: View, table: pa.Table) -> None:
        self._places = {key: place for place, key in enumerate(table[view.join_key].to_pylist())}
        self._columns = {name: table[name].to_pylist() for name in view.fields}

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def row(self, key: str | None) -> dict[str, float | None]:
        place = None if key is None else self._places.get(key)
        return {} if place is None else {name: values[place] for name, values in self._columns.items()}
