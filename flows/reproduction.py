"""The door to DVC: always a subprocess with its own working folder (in process, DVC reads the caller's)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from centre.settings import Settings
from data_contracts.errors import JudgementError, NotEnoughData, ParleyError, UnavailableError
from flows.environment import child_environment

# What a failed stage says last is what its reader needs; DVC's own frame stands around it.
_TAIL_LINES = 12


def prepare(folder: Path, *, settings: Settings) -> None:
    """Let a run's clone share the workspace's DVC cache; written to config.local, which git ignores."""
    settings.dvc_cache_dir.mkdir(parents=True, exist_ok=True)
    local = folder / ".dvc" / "config.local"
    local.parent.mkdir(exist_ok=True)
    local.write_text(
        f"[cache]\n    dir = {settings.dvc_cache_dir}\n[core]\n    site_cache_dir = {settings.home / 'dvc-site'}\n",
        encoding="utf-8",
    )


def stale_stages(folder: Path, *, settings: Settings, run_dir: Path, targets: tuple[str, ...]) -> frozenset[str]:
    """The stages among `targets` and what they need that would run now: one `dvc status`, asked once."""
    done = _dvc(["status", "--json", "--with-deps", *targets], folder, settings, run_dir)
    if done.returncode != 0:
        raise UnavailableError("DVC could not say what is out of date", came=_tail(done), where=str(folder))
    told = done.stdout[done.stdout.find("{") :]
    return frozenset(json.loads(told or "{}"))


def reproduce(stage: str, *, folder: Path, settings: Settings, run_dir: Path, anew: bool = False) -> str:
    """Bring one stage up to date (its own dependencies are the caller's concern) and return what DVC printed.

    `anew` runs it even if an earlier run of the same inputs left its outputs in the cache.

    Raises the stage's own error: a ParleyError that the stage wrote to `failure.json` comes back as its kind.
    """
    (run_dir / "failure.json").unlink(missing_ok=True)
    flags = ["--single-item", *(["--force", "--no-run-cache"] if anew else [])]
    done = _dvc(["repro", *flags, stage], folder, settings, run_dir)
    with (run_dir / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"== {stage}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        raise _failure(stage, run_dir, done)
    return done.stdout


def _failure(stage: str, run_dir: Path, done: subprocess.CompletedProcess[str]) -> ParleyError:
    try:
        told = json.loads((run_dir / "failure.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return JudgementError(f"stage {stage} failed", came=_tail(done), where=str(run_dir / "log.txt"))
    kinds: dict[str, type[ParleyError]] = {kind.__name__: kind for kind in _tree(ParleyError)}
    kind = kinds.get(told.pop("type", ""), NotEnoughData if told.get("exit_code") == 8 else JudgementError)
    told.pop("exit_code", None)
    message = told.pop("message", "failed")
    return kind(f"stage {stage}: {message}", **told)


def _tree(kind: type[ParleyError]) -> list[type[ParleyError]]:
    return [kind, *(grandchild for child in kind.__subclasses__() for grandchild in _tree(child))]


def _dvc(arguments: list[str], folder: Path, settings: Settings, run_dir: Path) -> subprocess.CompletedProcess[str]:
    isolated = {
        "DVC_GLOBAL_CONFIG_DIR": str(settings.home / "dvc-site"),
        "DVC_SYSTEM_CONFIG_DIR": str(settings.home / "dvc-site"),
        "DVC_NO_ANALYTICS": "1",
    }
    environment = child_environment(settings, folder=folder, run_dir=run_dir, extra=isolated)
    # `-m flows.tethered` makes DVC itself die with us, then becomes DVC.
    command = [sys.executable, "-m", "flows.tethered", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return " | ".join(said[-_TAIL_LINES:])
