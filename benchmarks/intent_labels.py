"""What asking well saves, and what settling doubts gains, on Banking77: `make bench-intent-labels`.

Asking: four fifths of `train` are a pool without labels, by a hash of the text, the rest is asked. From 50 random
labels, 50 more are bought in each round, by `training.intent_teaching` or at random, until 85% of the rest are right.
Doubts: a tenth of the labels of the pool are changed at random; `training.intent_doubts` lists what is likely wrong,
what it lists is settled, and the model is taught again. The frozen recipe throughout. Prints Markdown rows.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.intent_files import REAL_DATA, SEEDS, split
from features import text as texts
from training import intent_doubts, intent_head, intent_teaching
from training.intent_head import Examples, Head
from training.intent_tuning import words_of
from training.loaders.intent import clean, softmax
from training.params import IntentParams

Rows = npt.NDArray[np.int64]
WANTED, ROUND, WRONG_SHARE = 0.85, 50, 0.1
PARAMS = IntentParams()


@dataclass(frozen=True)
class Bank:
    """The pool, the texts that are asked, the labels, and the vectors of their names."""

    pool: Examples
    asked: Examples
    names: tuple[str, ...]
    named: tuple[npt.NDArray[np.float32], ...]

    def taught(self, rows: Rows, labels: Rows | None = None) -> Head:
        """A model that learned from these rows of the pool, by their labels or others."""
        few = self.pool.take(rows)
        given = few.labels if labels is None else labels[rows]
        again = Examples(few.vectors, few.texts, given, few.weights)
        return intent_head.fit(again, held=None, label_count=len(self.names), params=PARAMS, named=self.named)

    def right(self, head: Head) -> float:
        """The share of the asked texts whose best guess is right."""
        return float((head.read(self.asked).scores[:, 0].argmax(axis=1) == self.asked.labels).mean())


def bank(folder: Path) -> Bank:
    """Banking77 under the untuned default encoder."""
    encoder = texts.open_encoder(PARAMS.encoder, threads=2, cache=folder)
    parts = [_read(path) for path in split(REAL_DATA / "banking77/train.csv", folder)]
    names = tuple(sorted({label for _, labels in parts for label in labels}))
    number = {name: place for place, name in enumerate(names)}
    pool, asked = (
        Examples((encoder.encode(said),), said, np.asarray([number[one] for one in labels]), np.ones(len(said)))
        for said, labels in parts
    )
    return Bank(pool, asked, names, (encoder.encode([words_of(name) for name in names]),))


def _read(path: Path) -> tuple[list[str], list[str]]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [clean(row["text"]) for row in rows], [row["label"] for row in rows]


Choice = Callable[[Head, Bank, Rows, int, int], Rows]


def well(head: Head, bank: Bank, left: Rows, count: int, seed: int) -> Rows:
    """Those that would teach most."""
    pool = bank.pool.take(left)
    shares = softmax(head.of_vectors[0].scores(pool.vectors[0]).astype(np.float64))
    return left[intent_teaching.most_telling(shares, pool.vectors[0], count=count, seed=seed)]


def at_random(head: Head, bank: Bank, left: Rows, count: int, seed: int) -> Rows:
    """Any."""
    return np.random.default_rng(seed).choice(left, count, replace=False)


def labels_needed(bank: Bank, choose: Choice, *, seed: int) -> int:
    """How many labels are bought until enough of the asked texts are right."""
    rng = np.random.default_rng(seed)
    had = rng.choice(len(bank.pool.labels), ROUND, replace=False)
    while bank.right(head := bank.taught(had)) < WANTED:
        left = np.setdiff1d(np.arange(len(bank.pool.labels)), had)
        had = np.concatenate([had, choose(head, bank, left, ROUND, int(rng.integers(2**31)))])
    return len(had)


def settled(bank: Bank, *, seed: int) -> dict[str, float]:
    """What is found of changed labels, and what settling the doubts gains."""
    rng = np.random.default_rng(seed)
    true, told = bank.pool.labels, bank.pool.labels.copy()
    changed = rng.choice(len(told), int(WRONG_SHARE * len(told)), replace=False)
    told[changed] = (told[changed] + rng.integers(1, len(bank.names), len(changed))) % len(bank.names)
    ids = [str(place) for place in range(len(told))]
    doubts = intent_doubts.doubted(bank.pool.vectors[0], told, ids=ids, names=bank.names, seed=seed)
    found = np.asarray([int(one.example_id) for one in doubts])
    mended, every = told.copy(), np.arange(len(told))
    mended[found] = true[found]
    return {
        "found": len(np.intersect1d(found, changed)) / len(changed),
        "of those listed": len(np.intersect1d(found, changed)) / len(found),
        "before": bank.right(bank.taught(every, told)), "after": bank.right(bank.taught(every, mended)),
        "clean": bank.right(bank.taught(every)),
    }  # fmt: skip


def main() -> None:
    """Both tables."""
    with tempfile.TemporaryDirectory() as folder:
        ready = bank(Path(folder))
    print("| seed | labels to 85%, asked well | at random | ratio |\n| --- | --- | --- | --- |")
    ratios = []
    for seed in SEEDS:
        ours, random = (labels_needed(ready, choose, seed=seed) for choose in (well, at_random))
        ratios.append(ours / random)
        print(f"| {seed} | {ours} | {random} | {ours / random:.2f} |", flush=True)
    print(f"| mean | | | {mean(ratios):.2f} |\n")
    told: list[dict[str, Any]] = [settled(ready, seed=seed) for seed in SEEDS[:1]]
    print("| a tenth of the labels changed | |\n| --- | --- |")
    for name in told[0]:
        print(f"| {name} | {100 * mean(one[name] for one in told):.1f}% |")


if __name__ == "__main__":
    main()
