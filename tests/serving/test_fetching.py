"""Pulled by a child, loaded by the loader that was approved."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from centre.clock import FixedClock
from centre.settings import Settings
from data_contracts.errors import RegistryUnavailable, TamperedArtefact
from serving import fetching
from tests.serving.house import Office
from tests.training import reports
from training import payload
from training.history import FileHistory
from training.registry import MemoryRegistry

REPOSITORY = Path(__file__).resolve().parents[2]


def test_what_the_child_says_is_read_and_its_refusals_keep_their_meaning() -> None:
    def said(code: int, out: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], code, out.encode(), b"Traceback\nboom")

    read = fetching._read_pulled
    assert read(said(0, 'a word before\n{"artefact": "a"}\n'), "intent") == {"artefact": "a"}
    with pytest.raises(TamperedArtefact, match="changed"):
        read(said(6, '{"error": "tampered-artefact", "detail": "changed"}'), "intent")
    with pytest.raises(RegistryUnavailable, match="gone"):
        read(said(7, '{"error": "registry-unavailable", "detail": "gone"}'), "intent")
    with pytest.raises(fetching.UnavailableError, match="boom"):
        read(said(1, ""), "intent")


def test_the_real_child_pulls_from_a_workspace_that_has_a_copy(home: Path, clock: FixedClock, tmp_path: Path) -> None:
    settings = Settings(home=home, profile="test")
    history = FileHistory.open(settings.history_file, keys_dir=settings.keys_dir)
    office = Office(history, MemoryRegistry(tmp_path / "registry"), clock, tmp_path)
    card = office.promote(marker="first")
    copy = settings.shelf_dir / "intent" / card.artefact
    shutil.copytree(tmp_path / "made-1" / "payload", copy)

    told = fetching.pull_in_child(home)("intent")

    assert told["artefact"] == card.artefact
    assert Path(told["folder"]) == copy


def test_a_payload_is_loaded_by_its_own_loader_and_stays_as_it_was(tmp_path: Path) -> None:
    folder = reports.payload_folder(tmp_path / "a1b2")
    (folder / "loader.py").write_text("def load(folder, threads=1): return ('own', threads)\n")
    before = payload.digest(folder)

    model = fetching.load_family("intent", folder)

    assert model == ("own", 1)
    assert payload.digest(folder) == before


def test_byte_code_planted_beside_a_loader_is_not_run(tmp_path: Path) -> None:
    import py_compile

    folder = tmp_path / "a1b2"
    folder.mkdir()
    (folder / "loader.py").write_text("def load(folder, threads=1): return 'evil'\n")
    py_compile.compile(str(folder / "loader.py"), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    (folder / "loader.py").write_text("def load(folder, threads=1): return 'good'\n")

    assert fetching.load_family("intent", folder) == "good"


LOADER = """
import lightgbm

def load(folder, threads=1):
    return lightgbm.Booster(model_str=(folder / "handle.txt").read_text())
"""
ASKING = """
import json, sys
from pathlib import Path
import numpy as np
from serving.fetching import load_family
booster = load_family("routing", Path(sys.argv[1]))
heavy = sorted({"sklearn", "pandas", "torch", "mlflow"} & set(sys.modules))
print(json.dumps([len(booster.predict(np.zeros((3, 2)), num_threads=1)), heavy, __import__("pandas").__name__]))
"""


def test_a_lightgbm_model_is_loaded_without_what_it_needs_not(tmp_path: Path) -> None:
    import lightgbm
    import numpy as np

    rng = np.random.default_rng(1)
    data = lightgbm.Dataset(rng.random((200, 2)), rng.random(200))
    booster = lightgbm.train({"verbose": -1, "num_threads": 1}, data, num_boost_round=2)
    booster.save_model(tmp_path / "handle.txt")
    (tmp_path / "loader.py").write_text(LOADER)

    command = [sys.executable, "-c", ASKING, str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [3, [], "pandas"]
