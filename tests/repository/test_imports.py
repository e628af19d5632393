"""Importing Parley does nothing: no folder, no thread, no heavy library, and serving stays light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.sources import REPOSITORY, sources

HEAVY = [
    "torch",
    "sentence_transformers",
    "feast",
    "mlflow",
    "great_expectations",
    "prefect",
    "dvc",
    "lightgbm",
    "sklearn",
    "matplotlib",
    "ortools",
]
# Behind these doors the library is the point of the file; nobody imports them at the top of another module.
DEFINITIONS = {"features.store.definitions"}

PROBE = """
import importlib, json, sys, threading
written = []
def listen(event, arguments):
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        written.append(str(arguments[0]))
    if event in ("os.mkdir", "socket.connect", "subprocess.Popen"):
        written.append(f"{event} {arguments[0]}")
sys.addaudithook(listen)
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
heavy = sorted(set(json.loads(sys.argv[2])) & set(sys.modules))
print(json.dumps({"written": written, "threads": threading.active_count(), "heavy": heavy}))
"""


def _import_in_a_child(modules: list[str], *, cwd: Path) -> dict[str, object]:
    command = [sys.executable, "-c", PROBE, json.dumps(modules), json.dumps(HEAVY)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "floors", [("data_contracts", "centre"), ("features",), ("training",), ("serving",)], ids="-".join
)
def test_importing_a_floor_writes_nothing_starts_nothing_and_loads_nothing_heavy(
    floors: tuple[str, ...], tmp_path: Path
) -> None:
    modules = [source.module for source in sources(*floors) if source.module not in DEFINITIONS]

    seen = _import_in_a_child(modules, cwd=tmp_path)

    assert seen == {"written": [], "threads": 1, "heavy": []}
    assert list(tmp_path.iterdir()) == []
