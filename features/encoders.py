"""Texts to unit vectors, on onnxruntime or (the fake) by hashing. Serving may import this: there is no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data_contracts.errors import NotFound
from features.encoder_files import WEIGHTS
from features.vectors import VectorCache, Vectors
from features.wording import clean, normalise

EXPORTED_FILES = ("encoder.json", "encoder.onnx", WEIGHTS, "tokenizer.json")


class Encoder(Protocol):
    """Turns texts into unit vectors. The same text has the same vector whatever else is asked for beside it."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def digest(self) -> str:
        """sha256 of everything that determines the vectors, the runtime aside."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, dimension), each row of length one; an empty list gives (0, dimension)."""
        ...


class HashEncoder:
    """Character n-grams (2 to 4) of the normalised text hashed to signed buckets: the fake, needing no model at all."""

    def __init__(self, *, dimension: int = 256) -> None:
        self.dimension = dimension
        self.name = f"hash-{dimension}"
        self.digest = hashlib.sha256(f"char-ngrams-2-4/blake2b/{dimension}".encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, dimension) unit rows."""
        rows = [self._row(text) for text in texts]
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), self.dimension)

    def _row(self, text: str) -> Vectors:
        row = np.zeros(self.dimension, dtype=np.float32)
        padded = f" {normalise(text)} "
        for size in (2, 3, 4):
            for start in range(len(padded) - size + 1):
                gram = hashlib.blake2b(padded[start : start + size].encode(), digest_size=8).digest()
                code = int.from_bytes(gram, "big")
                row[(code >> 1) % self.dimension] += 1.0 if code & 1 else -1.0
        length = float(np.linalg.norm(row))
        if length == 0.0:
            row[0] = length = 1.0
        return row / np.float32(length)


class OnnxEncoder:
    """An exported encoder on onnxruntime, fp32, one text a run.

    One text a run is the canonical way: its bytes depend neither on the other texts nor on the number of threads, which
    those of a batch do (6e-8). It costs about 1.6 times the processor time of batches of 32 (800 texts, 7.5 s to 5 s on
    a busy machine); vectors are kept, so each text pays once.
    """

    def __init__(self, folder: Path, *, threads: int, cache: Path | None = None) -> None:
        """Open the files that `export_onnx` wrote in `folder` (NotFound names the missing one).

        threads: texts encoded at a time. cache: folder of vectors kept between runs, by text, encoder and runtime.
        """
        for name in EXPORTED_FILES:
            if not (folder / name).is_file():
                raise NotFound(
                    "no exported encoder", expected=name, where=str(folder), remedy="Write it with export_onnx."
                )
        about = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        self.name: str = about["name"]
        self.dimension: int = about["dimension"]
        self.digest = exported_digest(folder)
        self.threads = threads
        self.folder = folder
        self._tokenizer = _tokenizer(folder / "tokenizer.json")
        self._session = _session(folder / "encoder.onnx")
        self._cache = None if cache is None else VectorCache(cache / f"vectors-{self.digest[:16]}-{_runtime()}.sqlite")

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, dimension) unit rows; a text longer than the encoder's tokens is cut there."""
        cleaned = [clean(text) for text in texts]
        wanted = sorted(set(cleaned), key=lambda text: (len(text), text))
        known = {} if self._cache is None else self._cache.get(wanted, dimension=self.dimension)
        fresh = self._run([text for text in wanted if text not in known])
        if self._cache is not None:
            self._cache.put(fresh)
        known.update(fresh)
        return np.asarray([known[text] for text in cleaned], dtype=np.float32).reshape(len(texts), self.dimension)

    def _run(self, texts: Sequence[str]) -> dict[str, Vectors]:
        if self.threads == 1 or len(texts) < 2:
            return {text: self._one(text) for text in texts}
        with ThreadPoolExecutor(self.threads) as workers:
            return dict(zip(texts, workers.map(self._one, texts), strict=True))

    def _one(self, text: str) -> Vectors:
        ids = np.asarray([self._tokenizer.encode(text).ids], dtype=np.int64)
        fed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        row: Vectors = self._session.run(None, fed)[0][0]
        return row


def exported_digest(folder: Path) -> str:
    """sha256 over the exported files, by name and content."""
    told = hashlib.sha256()
    for name in EXPORTED_FILES:
        told.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    return told.hexdigest()


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # parallel over texts, not inside one: see OnnxEncoder
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _runtime() -> str:
    import platform

    import onnxruntime

    return f"onnxruntime-{onnxruntime.__version__}-fp32-{platform.machine()}"
