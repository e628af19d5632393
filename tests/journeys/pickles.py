"""Looks for pickles in a folder without ever loading one: by name, by content, and inside zip archives (as torch's)."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

NAMES = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill"})
# Protocols 2 to 5 begin with the opcode PROTO and their number.
BEGINNINGS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def pickles_in(folder: Path) -> list[str]:
    """What is a pickle below the folder, as `path` or `path!member`, sorted; links are not followed."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(f"{path.relative_to(folder)}{member}" for path in files for member in _found(path))


def _found(path: Path) -> Iterator[str]:
    if path.suffix.lower() in NAMES:
        yield ""
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (f"!{name}" for name in archive.namelist() if _is_pickled(name, archive.open(name).read()))
    elif path.open("rb").read(2) in BEGINNINGS and is_pickle(path.read_bytes()):
        yield ""


def _is_pickled(name: str, content: bytes) -> bool:
    return PurePosixPath(name).suffix.lower() in NAMES or is_pickle(content)


def is_pickle(content: bytes) -> bool:
    """Whether the bytes begin as a pickle and read as one, opcode by opcode, to its STOP; nothing is executed."""
    if content[:2] not in BEGINNINGS:
        return False
    try:
        return any(opcode.name == "STOP" for opcode, _, _ in pickletools.genops(content))
    except (ValueError, UnicodeDecodeError):
        return False
