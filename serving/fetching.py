"""Brings payloads here: pulled and verified by a child process, loaded by the loader that came with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from data_contracts.errors import IntegrityError, RegistryUnavailable, TamperedArtefact, UnavailableError
from training import loaders

# A pull copies some 100 MB and verifies them; a registry that takes longer than this is down.
PULL_S: Final = 60.0

# What LightGBM imports where it finds it, to take its frames and be its kind: 100 MB and a second, for nothing here.
NEEDLESS: Final = ("pandas", "sklearn", "matplotlib", "graphviz")

Load = Callable[[str, Path], Any]
Pull = Callable[[str], Mapping[str, Any]]


def load_family(family: str, folder: Path) -> Any:
    """The model in a verified folder, by the loader that was approved with it; one thread each, as serving runs several
    texts side by side.

    A payload brings its loader (its digest covers it), so that a version answers after an upgrade as it did when it was
    judged. Raises NotFound for a payload without one.
    """
    del family
    with _unseen(*NEEDLESS):
        return loaders.open_payload(folder, threads=1)


@contextmanager
def _unseen(*names: str) -> Iterator[None]:
    """Libraries that cannot be imported meanwhile, unless they are here already; who can do without, does."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def pull_in_child(home: Path) -> Pull:
    """A pull that runs `python -m training.pulling FAMILY` for the workspace at `home`, so that this process never
    imports the registry's library. The child verifies chain, signature and digest, and leaves plain files."""

    def pull(family: str) -> Mapping[str, Any]:
        command = [sys.executable, "-m", "training.pulling", family]
        environment = {**os.environ, "PARLEY_HOME": str(home)}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=PULL_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RegistryUnavailable(
                "the pull did not end", expected=f"an end within {PULL_S:g} s", came=type(error).__name__, where=family
            ) from error
        return _read_pulled(done, family)

    return pull


def _read_pulled(done: subprocess.CompletedProcess[bytes], family: str) -> Mapping[str, Any]:
    """What the child printed: the pulled copy, or its error, told on as an error of the same meaning."""
    try:
        told = dict(json.loads(done.stdout.decode("utf-8").strip().splitlines()[-1]))
    except (ValueError, IndexError, TypeError) as error:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UnavailableError(
            "the pull said nothing readable",
            expected="one line of JSON",
            where=family,
            came=(said[-1] if said else f"exit code {done.returncode}")[:300],
        ) from error
    if done.returncode:
        refused = TamperedArtefact if done.returncode == IntegrityError.exit_code else RegistryUnavailable
        raise refused(
            "the pull was refused", expected="a verified payload", came=str(told.get("detail"))[:500], where=family
        )
    return told
