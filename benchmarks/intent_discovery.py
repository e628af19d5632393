"""What is found among the refused: intents left out of training, on real texts: `make bench-intent-discovery`.

A model learns intents by the frozen recipe, the others are hidden; it is asked texts of both and texts of no intent,
and what it refuses is grouped by `training.intent_discovery`. The method was chosen on draws of hidden intents of
CLINC150 and Banking77; SMP2017, Banking77 as published without 27 intents, and English and Chinese in one heap are
only reported. Prints Markdown rows.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np
import numpy.typing as npt

from benchmarks.intent_files import REAL_DATA
from features import text as texts
from features.wording import language_of, normalise
from training import intent_discovery as discovery
from training import intent_evaluation
from training.params import IntentParams

Pair = tuple[str, str]
LEAST, PURE = 5, 0.7
# Rows of each intent that teach, and that are asked; of a hidden one, six to sixty are asked.
TAUGHT, ASKED, HIDDEN_MOST = 30, 15, 60
SEEDS = (1, 2)
STRANGER = ""


@dataclass(frozen=True)
class Heap:
    """What was taught, and what is asked: pairs of text and intent, "" for none. `hidden` are the intents to find."""

    taught: list[Pair]
    asked: list[Pair]
    hidden: frozenset[str]


def read(path: str) -> list[Pair]:
    """The rows of a file, each text once."""
    with (REAL_DATA / path).open(encoding="utf-8") as file:
        rows = {normalise(row["text"]): (row["text"], row["label"] or STRANGER) for row in csv.DictReader(file)}
    return list(rows.values())


def hidden(path: str, share: float, strangers: str, *, seed: int) -> Heap:
    """A share of a file's intents hidden, at random."""
    rng = np.random.default_rng(seed)
    by_label: dict[str, list[Pair]] = defaultdict(list)
    for pair in read(path):
        by_label[pair[1]].append(pair)
    names = sorted(name for name, rows in by_label.items() if len(rows) >= LEAST)
    left_out = frozenset(rng.choice(names, round(share * len(names)), replace=False).tolist())
    taught, asked = [], [(text, STRANGER) for text, _ in read(strangers)] if strangers else []
    for name in names:
        rows = by_label[name]
        if name in left_out:
            asked += rows[: int(rng.integers(6, HIDDEN_MOST + 1))]
        else:
            end = min(TAUGHT, round(0.75 * len(rows)))
            taught, asked = taught + rows[:end], asked + rows[end : end + ASKED]
    return Heap(taught, asked, left_out)


def published(*, seed: int) -> Heap:
    """Banking77 without 27 intents, as published; the file of those left out does not say which each text is."""
    known = read("banking77_oos/valid.csv")
    of_text = {normalise(text): label for text, label in read("banking77/train.csv") + read("banking77/valid.csv")}
    strange = read("banking77_oos/oos_in_domain_valid.csv")
    named = [(text, of_text[normalise(text)]) for text, _ in strange if normalise(text) in of_text]
    outside = [(text, STRANGER) for text, _ in read("banking77_oos/oos_out_of_domain_valid.csv")]
    taught = read("banking77_oos/train.csv")
    return Heap(taught, known + named + outside, frozenset(label for _, label in named))


def mixed(*, seed: int) -> Heap:
    """English and Chinese in one heap."""
    one, other = hidden("clinc150/train.csv", 0.2, "", seed=seed), hidden("smp2017_zh/train.csv", 0.2, "", seed=seed)
    return Heap(one.taught + other.taught, one.asked + other.asked, one.hidden | other.hidden)


HEAPS = {
    "CLINC150, 30 of 150 hidden": lambda seed: hidden("clinc150/train.csv", 0.2, "clinc150/oos_valid.csv", seed=seed),
    "Banking77, 15 of 77 hidden": lambda seed: hidden(
        "banking77/train.csv", 0.2, "banking77_oos/oos_out_of_domain_valid.csv", seed=seed
    ),
    "Banking77 as published, 27 hidden": lambda seed: published(seed=seed),
    "SMP2017 (Chinese), 6 of 31 hidden": lambda seed: hidden("smp2017_zh/train.csv", 0.2, "", seed=seed),
    "CLINC150 and SMP2017 in one heap": lambda seed: mixed(seed=seed),
}


def refused(heap: Heap, *, seed: int, cache: Path) -> list[Pair]:
    """What a model that learned the taught would not answer."""
    with tempfile.TemporaryDirectory() as folder:
        labelled = intent_evaluation.Labelled([text for text, _ in heap.taught], [label for _, label in heap.taught])
        params = replace(IntentParams(), recipe="frozen")
        model = intent_evaluation.taught(
            labelled, language=None, params=params, seed=seed, threads=2, to=Path(folder), cache=cache
        )
        said = [text for text, _ in heap.asked]
        answers = model.answer(said, languages=[language_of(text) for text in said])
    return [pair for pair, answer in zip(heap.asked, answers, strict=True) if answer["abstained"]]


def told(heap: Heap, *, seed: int, cache: Path) -> dict[str, float]:
    """The figures of one heap."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    strange = refused(heap, seed=seed, cache=cache)
    encoder = texts.open_encoder(IntentParams().multilingual, threads=2, cache=cache)
    vectors = encoder.encode([text for text, _ in strange])
    known = discovery.Known(encoder.encode([text for text, _ in heap.taught]), [label for _, label in heap.taught])
    began = time.perf_counter()
    found = discovery.groups(vectors, known=known, least=LEAST)
    seconds = time.perf_counter() - began
    truth = np.asarray([label for _, label in strange], dtype=object)
    part = np.full(len(strange), -1)
    for place, group in enumerate(found):
        part[list(group.rows)] = place
    new = [group for group in found if not group.like]
    is_hidden = np.isin(truth, sorted(heap.hidden))
    grouped = is_hidden & (part >= 0)
    return {
        "refused": len(strange), "of them hidden": int(is_hidden.sum()), "groups": len(new),
        "purity": purity(truth, new, heap.hidden), "NMI": normalized_mutual_info_score(truth[grouped], part[grouped]),
        "ARI": adjusted_rand_score(truth[is_hidden], np.where(part >= 0, part, -1 - np.arange(len(part)))[is_hidden]),
        "to find": len(findable(truth, heap.hidden)),
        "found": len(found_of(truth, new, heap.hidden)) / len(findable(truth, heap.hidden)),
        "called known, is known": sum(leader(truth, one)[0] not in heap.hidden for one in found if one.like),
        "called known, is hidden": sum(leader(truth, one)[0] in heap.hidden for one in found if one.like),
        "seconds": seconds,
    }  # fmt: skip


def leader(truth: npt.NDArray[np.object_], group: discovery.Group) -> tuple[str, float]:
    """The commonest true intent of a group, and its share."""
    (label, count), *_ = Counter(truth[list(group.rows)].tolist()).most_common(1)
    return str(label), count / len(group.rows)


def findable(truth: npt.NDArray[np.object_], wanted: frozenset[str]) -> set[str]:
    """The hidden intents of which enough was refused to make a group."""
    return {label for label, count in Counter(truth.tolist()).items() if label in wanted and count >= LEAST}


def found_of(truth: npt.NDArray[np.object_], new: Sequence[discovery.Group], wanted: frozenset[str]) -> set[str]:
    """The hidden intents that lead a group of which they are seven tenths."""
    return {label for label, share in (leader(truth, one) for one in new) if share >= PURE} & findable(truth, wanted)


def purity(truth: npt.NDArray[np.object_], new: Sequence[discovery.Group], wanted: frozenset[str]) -> float:
    """The share of grouped texts that are of the hidden intent that leads their group; of a group led by none, 0."""
    right = sum(share * len(one.rows) for one in new for label, share in [leader(truth, one)] if label in wanted)
    return right / max(1, sum(len(one.rows) for one in new))


def main() -> None:
    """One row a heap, means over the seeds."""
    head = ""
    with tempfile.TemporaryDirectory() as folder:
        for name, make in HEAPS.items():
            rows = [told(make(seed), seed=seed, cache=Path(folder)) for seed in SEEDS]
            means = {key: mean(row[key] for row in rows) for key in rows[0]}
            if not head:
                head = "| refused texts of | " + " | ".join(means) + " |"
                print(head + "\n" + "| --- " * (len(means) + 1) + "|")
            print(f"| {name} | " + " | ".join(f"{value:.3g}" for value in means.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
