"""How a stage leaves what it made: under a lock, whole or not at all, the same bytes for the same content."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from data_contracts.errors import StateConflict

if TYPE_CHECKING:
    import pyarrow as pa

# A stage whose parent was killed is gone within a second (flows.environment); longer means another run works here.
LOCK_WAIT_S = 10.0


@contextmanager
def produced(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` if all goes well; nothing half-written is ever called `out`."""
    with _locked(out):
        fresh = out.with_name(f"{out.name}.tmp")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        put_in_place(fresh, out)


@contextmanager
def produced_at(out: Path) -> Iterator[Path]:
    """As `produced`, for a folder outside a run that has one writer at a time."""
    fresh = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    put_in_place(fresh, out)


def read_table(path: Path) -> pa.Table:
    """A Parquet file as a table."""
    import pyarrow.parquet as pq

    return pq.read_table(path)


def write_table(table: pa.Table, path: Path) -> None:
    """A table as Parquet; the writer's defaults hold no time and no path, so equal tables give equal bytes."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def write_json(path: Path, content: Any) -> None:
    """JSON with sorted keys: the same bytes for the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json_text(content), encoding="utf-8")


def plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as what JSON knows."""
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def json_text(content: Any) -> str:
    """JSON with sorted keys and a last newline; text that is JSON already stays as it is."""
    text = content if isinstance(content, str) else json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1)
    return text if text.endswith("\n") else text + "\n"


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    path = Path(".locks") / f"{out.as_posix().replace('/', '-')}.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as held:
        ends = time.monotonic() + LOCK_WAIT_S
        while not _taken(held):
            if time.monotonic() > ends:
                raise StateConflict(
                    "another process runs this stage here",
                    expected="one at a time",
                    came="a held lock",
                    where=str(path.absolute()),
                    remedy="wait for it, or end it",
                )
            time.sleep(0.2)
        yield


def _taken(held: IO[str]) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def put_in_place(fresh: Path, out: Path) -> None:
    """Put the finished thing in its place; the old one goes first, as no folder can be renamed over another."""
    if out.is_dir():
        shutil.rmtree(out)
    elif out.exists():
        out.unlink()
    fresh.replace(out)
