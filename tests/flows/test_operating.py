"""Prefect operates flows here, leaves nothing running behind, and tries again only what may pass."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from centre import settings as all_settings
from data_contracts.errors import NotEnoughData, RegistryUnavailable
from flows import operating
from flows.operating import is_passing

PROBE = """
import json, sys, time
from pathlib import Path
from centre import settings as all_settings
from data_contracts.errors import NotEnoughData, RegistryUnavailable
from flows.operating import door, embedded, flow, task

settings = all_settings.load()
tried = {"passing": 0, "final": 0}
with embedded(settings):

    @door("passing")
    def passing(place):
        tried["passing"] += 1
        if tried["passing"] < 2:
            raise RegistryUnavailable("busy")
        return place["name"]

    @task("final")
    def final():
        tried["final"] += 1
        raise NotEnoughData("too few rows", expected="200", came="3")

    @flow("probe")
    def probe(place):
        name = passing(place)
        try:
            final()
        except NotEnoughData as error:
            return [name, str(error)]

    returned = probe({"name": "a workspace"})
print(json.dumps({"returned": returned, "tried": tried}))
"""


def _state(error: Exception) -> object:
    return type("State", (), {"data": error})()


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (RegistryUnavailable("busy"), True),
        (OSError("busy"), True),
        (NotEnoughData("few"), False),
        (ValueError(), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    assert is_passing(None, None, _state(error)) is again


@pytest.mark.parametrize("talker", ["EventsWorker", "APILogWorker", "prefect.flow_runs", "mlflow.store"])
def test_what_libraries_say_of_themselves_goes_to_the_workspace_s_file(
    home: Path, capfd: pytest.CaptureFixture[str], talker: str
) -> None:
    settings = all_settings.load(home)
    settings.prefect_dir.mkdir(parents=True)
    logging.getLogger(talker)

    with operating._logged_to_file(settings):
        logging.getLogger(talker).warning("Still processing items: 3 items remaining...")

    assert capfd.readouterr().err == ""
    assert "3 items remaining" in (settings.prefect_dir / "prefect.log").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_flow_runs_its_errors_keep_their_kind_and_no_process_stays_behind(home: Path) -> None:
    told = {**os.environ, "PARLEY_TOKEN": "secret", "HOME": str(home.parent)}

    done = subprocess.run([sys.executable, "-c", PROBE], env=told, capture_output=True, text=True, check=True)

    said = json.loads(done.stdout.splitlines()[-1])
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert said["returned"] == ["a workspace", "too few rows: expected 200, came 3"]
    assert said["tried"] == {"passing": 2, "final": 1}
    assert done.stderr == ""
    assert str(home) not in listed
    assert not (home.parent / ".prefect").exists()
    assert not any(path.suffix in (".pkl", ".pickle") for path in home.rglob("*"))
