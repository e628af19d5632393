"""What intent learns from the files at hand, beside nothing but themselves: `make bench-intent-files`.

Few-shot rows learn from the published draws and are asked `valid`; whole training files are split by a hash of the
text, a fifth to be asked. Prints Markdown rows: recipe, accuracy, calibration, refusal, seconds, milliseconds.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from flows import evaluating

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("PARLEY_REAL_DATA", REPOSITORY.parent / "shared" / "data")) / "intent"
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Row:
    """A file to learn from, one to be asked (a fifth of the first without it), and texts outside every intent."""

    name: str
    train: str
    test: str = ""
    oos: tuple[str, ...] = ()


ROWS = (
    Row("banking77 5-shot", "banking77/train_5.csv", "banking77/valid.csv"),
    Row("banking77 10-shot", "banking77/train_10.csv", "banking77/valid.csv"),
    Row("clinc150 5-shot", "clinc150/train_5.csv", "clinc150/valid.csv"),
    Row("clinc150 10-shot", "clinc150/train_10.csv", "clinc150/valid.csv"),
    Row("banking77 all", "banking77/train.csv"),
    Row("clinc150 all, outside", "clinc150/train.csv", "clinc150/valid.csv", ("clinc150/oos_valid.csv",)),
    Row("banking77 50 of 77, outside", "banking77_oos/train.csv", "banking77_oos/valid.csv",
        ("banking77_oos/oos_in_domain_valid.csv", "banking77_oos/oos_out_of_domain_valid.csv")),
    Row("smp2017 (Chinese)", "smp2017_zh/train.csv"),
)  # fmt: skip


def split(path: Path, folder: Path) -> tuple[Path, Path]:
    """The file in two: a fifth of its texts, by a hash of the text, to be asked."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    to = folder / "train.csv", folder / "test.csv"
    for place, asked in zip(to, (False, True), strict=True):
        with place.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "label"])
            writer.writeheader()
            writer.writerows(row for row in rows if (_share(row["text"]) < 0.2) is asked)
    return to


def _share(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def run(row: Row, *, seeds: tuple[int, ...], changes: tuple[str, ...]) -> list[dict[str, Any]]:
    """One evaluation a seed."""
    with tempfile.TemporaryDirectory() as folder:
        train, test = REAL_DATA / row.train, REAL_DATA / row.test
        if not row.test:
            train, test = split(train, Path(folder))
        return [
            evaluating.evaluate_intent(
                train=train, valid=None, test=test, oos=[REAL_DATA / one for one in row.oos], changes=changes,
                language=None, seed=seed, threads=2,
            )
            for seed in seeds
        ]  # fmt: skip


def told(row: Row, found: list[dict[str, Any]]) -> str:
    """One Markdown row: means over the seeds."""

    def of(*path: str) -> float:
        values = []
        for one in found:
            value: Any = one
            for name in path:
                value = value[name]
            values.append(float(value))
        return mean(values)

    outside = "; ".join(
        f"{Path(name).stem} {100 * mean(one['oos'][name]['recall']['0.05'] for one in found):.1f}"
        for name in found[0]["oos"]
    )
    excess = of("ece") - of("ece_expected")
    return (
        f"| {row.name} | {found[0]['recipe']} | {100 * of('accuracy'):.2f} | {excess:+.4f} | "
        f"{100 * of('deployed', 'false_refusal'):.1f} | {outside} | {of('train_s'):.0f} | {of('text_ms'):.1f} |"
    )


def main() -> None:
    """All rows, or those whose name holds the first argument; further arguments are `--set` changes or `seeds=1`."""
    wanted, *more = [*sys.argv[1:], ""][:1] + sys.argv[2:]
    seeds = next((tuple(range(1, int(one[6:]) + 1)) for one in more if one.startswith("seeds=")), SEEDS)
    changes = tuple(one for one in more if not one.startswith("seeds="))
    print("| set | recipe | accuracy % | ECE - expected | refused % | outside found at 5% | train s | text ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in ROWS:
        if wanted in row.name:
            print(told(row, run(row, seeds=seeds, changes=changes)), flush=True)


if __name__ == "__main__":
    main()
