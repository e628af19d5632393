"""The files that answer, one a family: copied into each payload as loader.py, from where `open_payload` opens them."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path
from typing import Any

from data_contracts.errors import NotFound

LOADER = "loader.py"


def place(family: str, *, to: Path) -> None:
    """Copy the family's loader into a payload."""
    shutil.copyfile(Path(__file__).with_name(f"{family}.py"), to / LOADER)


def open_payload(folder: Path, *, threads: int = 1) -> Any:
    """The model of a payload, by the payload's *own* loader: an old version answers as it did, whatever we know now.

    Running a file from a folder trusts the folder: call it only on what was just trained or was verified by digest.
    """
    path = folder / LOADER
    if not path.is_file():
        raise NotFound("a payload without its loader", expected=LOADER, where=str(folder))
    name = "parley_payload_" + hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise NotFound("a payload's loader cannot be read", expected="a Python file", where=str(path))
    module = importlib.util.module_from_spec(spec)
    # Not through the import system's cache of byte code: a payload gains no file by being read.
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    exec(code, module.__dict__)  # noqa: S102 - verified by digest, see above
    return module.load(folder, threads=threads)
