"""DVC runs stages in their own folder, shares its cache between runs, and tells a stage's own error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from centre import settings as all_settings
from centre.settings import Settings
from data_contracts.errors import JudgementError, NotEnoughData
from flows import checkout, environment, reproduction

pytestmark = pytest.mark.slow

DVC_YAML = """
stages:
  first:
    cmd: python first.py
    deps: [first.py, given.txt]
    outs: [made]
  broken:
    cmd: python broken.py
    deps: [broken.py, made]
    outs: [never]
"""
FIRST = "import pathlib; pathlib.Path('made').write_text(pathlib.Path('given.txt').read_text().upper()); print('ran')"
BROKEN = """
import json, os, sys
told = {"message": "too few rows", "expected": "200", "came": "3", "where": "here", "remedy": "wait"}
told |= {"type": "NotEnoughData", "exit_code": 8}
open(os.environ["PARLEY_RUN_DIR"] + "/failure.json", "w").write(json.dumps(told))
sys.exit(8)
"""


@pytest.fixture
def settings(home: Path) -> Settings:
    return all_settings.load(home)


def project(folder: Path, settings: Settings) -> tuple[Path, Path]:
    """A small pipeline with our own packages beside it, and a run's side folder."""
    source = checkout.source_folder()
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text((source / ".dvc" / "config").read_text())
    for name in ("flows", "centre", "data_contracts"):
        (folder / name).symlink_to(source / name)
    for name, text in (("dvc.yaml", DVC_YAML), ("first.py", FIRST), ("broken.py", BROKEN), ("given.txt", "hello")):
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    beside = folder.with_name(folder.name + ".d")
    beside.mkdir()
    reproduction.prepare(folder, settings=settings)
    return folder, beside


def test_what_ran_once_is_taken_from_the_shared_cache_and_its_error_comes_back_as_its_kind(
    settings: Settings, tmp_path: Path
) -> None:
    one, beside_one = project(tmp_path / "one", settings)
    other, beside_other = project(tmp_path / "other", settings)

    stale = reproduction.stale_stages(one, settings=settings, run_dir=beside_one, targets=("broken",))
    ran = reproduction.reproduce("first", folder=one, settings=settings, run_dir=beside_one)
    again = reproduction.reproduce("first", folder=other, settings=settings, run_dir=beside_other)
    anew = reproduction.reproduce("first", folder=other, settings=settings, run_dir=beside_other, anew=True)
    left = reproduction.stale_stages(one, settings=settings, run_dir=beside_one, targets=("broken",))

    assert stale == {"first", "broken"}
    assert left == {"broken"}
    assert [("ran\n" in said) for said in (ran, again, anew)] == [True, False, True]
    assert (other / "made").read_text() == "HELLO"
    assert "== first" in (beside_one / "log.txt").read_text()
    with pytest.raises(NotEnoughData, match="stage broken: too few rows") as failed:
        reproduction.reproduce("broken", folder=one, settings=settings, run_dir=beside_one)
    assert failed.value.remedy == "wait"


def test_a_stage_that_fails_without_a_word_is_told_with_its_last_lines(settings: Settings, tmp_path: Path) -> None:
    folder, beside = project(tmp_path / "one", settings)
    (folder / "first.py").write_text("import sys; sys.exit('no such luck')")

    with pytest.raises(JudgementError, match="no such luck"):
        reproduction.reproduce("first", folder=folder, settings=settings, run_dir=beside)


def test_killing_who_asked_ends_dvc_and_its_stage(settings: Settings, tmp_path: Path) -> None:
    folder, beside = project(tmp_path / "one", settings)
    (folder / "first.py").write_text(
        "import os, pathlib, time; from flows.environment import die_with_parent; die_with_parent();"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(120)"
    )
    asking = (
        "import sys; from pathlib import Path; from centre import settings; from flows import reproduction;"
        "reproduction.reproduce('first', folder=Path(sys.argv[1]), settings=settings.load(), run_dir=Path(sys.argv[2]))"
    )
    asker = subprocess.Popen([sys.executable, "-c", asking, str(folder), str(beside)], cwd=checkout.source_folder())
    stage = int(_appeared(tmp_path / "pid"))

    os.kill(asker.pid, signal.SIGKILL)
    asker.wait()

    ends = time.monotonic() + 15
    while environment.is_alive(stage) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not environment.is_alive(stage)
    assert not (folder / "made").exists()


def _appeared(path: Path) -> str:
    ends = time.monotonic() + 60
    while not (path.is_file() and path.read_text()):
        assert time.monotonic() < ends, "the stage never began"
        time.sleep(0.1)
    return path.read_text()
