"""A model's bytes: which files count, and the one digest that approval signs and serving checks."""

from __future__ import annotations

import hashlib
from pathlib import Path

from data_contracts.errors import InputError, TamperedArtefact
from training import canonical

# What others write beside a payload, at its top only: MLflow's own papers, which hold times and absolute paths, and
# what a run measured of the machine. Everything else counts, `__pycache__` too: Python would run a planted .pyc.
BESIDE_THE_PAYLOAD = frozenset(
    {"MLmodel", "conda.yaml", "measured.json", "python_env.yaml", "registered_model_meta", "requirements.txt"}
)
CHUNK_BYTES = 1 << 20


def manifest(folder: Path) -> dict[str, str]:
    """Every file that counts: its path below `folder` (with `/`) and the SHA-256 of its bytes, sorted by path.

    Raises InputError when the folder is missing or holds no file that counts, TamperedArtefact for a link or anything
    else that is not a plain file: what it points at could change without its digest changing.
    """
    if not folder.is_dir():
        raise InputError("no payload here", expected="a folder of model files", came="no folder", where=str(folder))
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    sums = {name: _sum(path) for name, path in sorted(found.items()) if _counts(name, path)}
    if not sums:
        raise InputError("an empty payload", expected="at least one file", came="none that counts", where=str(folder))
    return sums


def digest(folder: Path) -> str:
    """The artefact's digest: SHA-256 over the sorted (path, SHA-256) of the files that count; see `manifest`."""
    return canonical.digest(manifest(folder))


def verify(folder: Path, *, expected: str) -> None:
    """Raise TamperedArtefact unless the folder's digest is `expected`, the one that was approved."""
    came = digest(folder)
    if came != expected:
        raise TamperedArtefact(
            "these are not the bytes that were approved",
            expected=f"sha256 {expected}",
            came=f"sha256 {came}",
            where=str(folder),
            remedy="Delete the copy and pull again; if it comes back, the registry's files were changed.",
        )


def _counts(name: str, path: Path) -> bool:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise TamperedArtefact("a payload holds only plain files", came="a link or a special file", where=str(path))
    return path.is_file() and name not in BESIDE_THE_PAYLOAD


def _sum(path: Path) -> str:
    summed = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            summed.update(chunk)
    return summed.hexdigest()
