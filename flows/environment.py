"""What a child process of ours is told: quiet libraries, its workspace, its run, and whom it must not outlive."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from centre.settings import Settings, quiet_environment

# Linux, prctl(2): the signal that a process gets when its parent dies.
PR_SET_PDEATHSIG = 1
# A tethered process looks this often whether its starter lives; a second is short beside any stage.
TETHER_LOOK_S = 0.5


def quieten(environment: dict[str, str] | None = None) -> None:
    """Set the variables that keep libraries from phoning home, before any of them is imported."""
    target = os.environ if environment is None else environment
    for name, value in quiet_environment().items():
        target.setdefault(name, value)


def child_environment(
    settings: Settings, *, folder: Path, run_dir: Path | None = None, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Variables for a child that works in `folder`: our interpreter first, its code before the installed one.

    `run_dir` is the sidecar folder of a run. A person's credential is never handed on.
    """
    told = {name: value for name, value in os.environ.items() if name != "PARLEY_TOKEN"}
    quieten(told)
    told["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), told.get("PATH", "")])
    told["PYTHONPATH"] = str(folder)
    told["PYTHONDONTWRITEBYTECODE"] = "1"
    told["PARLEY_HOME"] = str(settings.home)
    told["PARLEY_TETHER"] = str(os.getpid())
    told["OMP_NUM_THREADS"] = str(settings.threads)
    if run_dir is not None:
        told["PARLEY_RUN_DIR"] = str(run_dir)
    return {**told, **(extra or {})}


def die_with_parent() -> None:
    """Never go on as an orphan: a killed `dvc repro` leaves its stage running, and the next one would start beside it.

    On Linux the kernel kills us with our parent; everywhere a thread looks whether the process named by PARLEY_TETHER
    (which may be a grandparent) lives.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    tether = os.environ.get("PARLEY_TETHER", "")
    if tether.isdigit():
        threading.Thread(target=_end_when_gone, args=(int(tether),), name="tether", daemon=True).start()


def is_alive(pid: int) -> bool:
    """Whether a process of this id runs (a zombie that nobody waited for counts as gone where /proc tells)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _end_when_gone(pid: int) -> None:
    while is_alive(pid):
        time.sleep(TETHER_LOOK_S)
    os._exit(1)
