"""Nothing goes on as an orphan, and no child is told a person's secret."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from centre import settings as all_settings
from flows import environment

SLEEPER = (
    "from flows.environment import die_with_parent; import time;"
    "die_with_parent(); print('up', flush=True); time.sleep(60)"
)
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True,
                         env={**os.environ, "PARLEY_TETHER": str(os.getpid())})
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def _gone(pid: int, *, within_s: float) -> bool:
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        if not environment.is_alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_a_stage_dies_with_the_process_that_started_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, SLEEPER], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert environment.is_alive(child)

    parent.kill()
    parent.wait()

    assert _gone(child, within_s=10)


def test_a_stage_dies_with_its_grandparent_too() -> None:
    grandparent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    told = {**os.environ, "PARLEY_TETHER": str(grandparent.pid)}
    child = subprocess.Popen([sys.executable, "-c", SLEEPER], env=told, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()

    grandparent.kill()
    grandparent.wait()

    assert child.wait(timeout=10) != 0


def test_a_child_runs_our_interpreter_on_the_code_of_its_folder_and_knows_no_token(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PARLEY_TOKEN", "secret")

    told = environment.child_environment(all_settings.load(home), folder=tmp_path, run_dir=tmp_path / "run.d")

    assert "PARLEY_TOKEN" not in told
    assert "secret" not in told.values()
    assert told["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert told["PYTHONPATH"] == str(tmp_path)
    assert told["PARLEY_HOME"] == str(home)
    assert told["DO_NOT_TRACK"] == "true"
