"""Vectors kept on disk between runs: encoding is the slow part of training an intent model."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

# SQLite allows 999 parameters in its oldest builds.
_ASKED_AT_ONCE = 900


class VectorCache:
    """A file of vectors by sha256 of the text, for one encoder and one runtime (both in the file's name).

    Safe for several processes: SQLite locks, and a vector written twice is the same vector.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, texts: Iterable[str], *, dimension: int) -> dict[str, Vectors]:
        """The vectors known of these texts; those of another length (a damaged row) count as unknown."""
        if not self.path.is_file():
            return {}
        by_key = {_key(text): text for text in texts}
        keys = sorted(by_key)
        found: dict[str, Vectors] = {}
        with closing(self._connect()) as connection:
            for start in range(0, len(keys), _ASKED_AT_ONCE):
                asked = keys[start : start + _ASKED_AT_ONCE]
                marks = ",".join("?" * len(asked))
                rows = connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", asked)  # noqa: S608
                found.update(
                    (by_key[key], np.frombuffer(blob, dtype="<f4")) for key, blob in rows if len(blob) == 4 * dimension
                )
        return found

    def put(self, vectors: Mapping[str, Vectors]) -> None:
        """Keep these."""
        if not vectors:
            return
        rows = [(_key(text), vector.astype("<f4").tobytes()) for text, vector in vectors.items()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=60)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
        return connection


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
