"""Why an intent model answers as it does, for the report: the words that carry each intent, and its commonest errors.

A report is signed and kept, and what customers say is personal (data_contracts/utterances.odcs.yaml): no text stands in
it, and of a text only words that several others share and that hold no digit. A reference leads to the text, for as
long as the archive keeps it.
"""

from __future__ import annotations

import string
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from training import rows
from training.intent_figures import PAIRS_SHOWN, Answered, Figures
from training.loaders.intent import PIECES, clean
from training.report import Chart, Report

# Judged rows that are asked word by word: a word costs an answer, so few of each intent and language, and not too many.
ROWS_AN_INTENT, MOST_ROWS = 4, 200
# Of longer texts it would take more, and the matter is said in fewer words elsewhere.
MOST_PIECES = 30
# Intents (the most frequent ones), words and neighbours that a reader can take in.
INTENTS_SHOWN, WORDS_SHOWN, EXAMPLES_A_PAIR, NEAREST_SHOWN = 40, 6, 2, 2
# A word that carries less (1% of the probability) carries nothing.
LEAST_SHOWN = 0.01
# A word that fewer texts hold may name a person.
FEWEST_TEXTS = 3
EXAMPLES = "Examples of the most confused pairs"
_AROUND = string.punctuation + "，。？！、：；“”‘’（）《》…—"


@dataclass(frozen=True)
class _Judged:
    """The judged rows with what the candidate said of them, and the words that may be shown."""

    ids: Sequence[str]
    texts: Sequence[str]
    languages: Sequence[str]
    answered: Answered
    shared: frozenset[str]

    def explained(self, places: Sequence[int], model: Any) -> list[dict[str, Any]]:
        """`loader.explain` of these rows, as many at a time as the model has threads."""
        with ThreadPoolExecutor(max(1, int(model.threads))) as workers:
            asked = (
                workers.submit(model.explain, self.texts[place], language=self.languages[place]) for place in places
            )
            return [one.result() for one in list(asked)]

    def words(self, told: Mapping[str, Any]) -> dict[str, float]:
        """What carried an answer: word and weight, of the words that may be shown."""
        found: dict[str, float] = defaultdict(float)
        for one in told["words"]:
            if (word := _folded(one["word"])) in self.shared:
                found[word] += float(one["weight"])
        return found


def figures(table: pa.Table, answered: Answered, *, model: Any) -> Figures:
    """Two tables: words that carry each intent, and examples of the most confused pairs. table: examples.parquet."""
    part = rows.part(table, rows.JUDGE)
    judged = _Judged(
        part["example_id"].to_pylist(), part["text"].to_pylist(), answered.by["language"], answered,
        _shared(table["text"].to_pylist()),
    )  # fmt: skip
    return Figures(charts=(_carrying(judged, model), _confused(judged, model)))


def examples_of(report: Report) -> list[dict[str, str]]:
    """The confused examples that a report lists: true, said, sure, example (a reference). Empty for other families."""
    tables = [one.data["rows"] for one in report.charts if one.kind == "table" and one.title == EXAMPLES]
    return [dict(zip(("true", "said", "sure", "example"), row, strict=False)) for rows in tables for row in rows]


def _shared(texts: Sequence[str]) -> frozenset[str]:
    """Words (in East Asia characters) without digits that several different texts hold."""
    counted: Counter[str] = Counter()
    for text in set(texts):
        counted.update({_folded(piece) for piece in PIECES.findall(clean(text))})
    return frozenset(word for word, count in counted.items() if word and count >= FEWEST_TEXTS and not _digits(word))


def _folded(piece: str) -> str:
    return piece.casefold().strip(_AROUND)


def _digits(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _carrying(judged: _Judged, model: Any) -> Chart:
    """By intent and language: how much log probability the answer loses without each word, mean over the rows."""
    chosen = _chosen(judged)
    places = [place for mine in chosen.values() for place in mine]
    told = dict(zip(places, judged.explained(places, model), strict=True))
    shown = []
    for (intent, language), mine in chosen.items():
        summed: dict[str, float] = defaultdict(float)
        for word, weight in (pair for place in mine for pair in judged.words(told[place]).items()):
            summed[word] += weight
        means = {word: weight / len(mine) for word, weight in summed.items() if weight / len(mine) >= LEAST_SHOWN}
        best = sorted(means.items(), key=lambda pair: (-pair[1], pair[0]))[:WORDS_SHOWN]
        words = ", ".join(f"{word} {weight:.2f}" for word, weight in best)
        shown.append([intent, language, str(len(mine)), words or "–"])
    columns = [
        "intent 意图",
        "language 语言",
        "texts 文本",
        "words, and what the answer loses without each 关键词及其贡献",
    ]
    return Chart("table", "Words that carry each intent", "各意图的关键词", {"columns": columns, "rows": shown})


def _chosen(judged: _Judged) -> dict[tuple[str, str], list[int]]:
    """Judged rows by intent and language: rightly answered ones that are not too long, in the order of the file."""
    truth, guess = judged.answered.truth, judged.answered.candidate.guess
    frequent = {intent for intent, _ in Counter(sorted(truth)).most_common(INTENTS_SHOWN)}
    found: dict[tuple[str, str], list[int]] = {}
    for place, (true, said) in enumerate(zip(truth, guess, strict=True)):
        if true == said and true in frequent and len(PIECES.findall(judged.texts[place])) <= MOST_PIECES:
            found.setdefault((true, judged.languages[place]), []).append(place)
    each = min(ROWS_AN_INTENT, max(1, MOST_ROWS // max(1, len(found))))
    return {key: found[key][:each] for key in sorted(found)}


def _confused(judged: _Judged, model: Any) -> Chart:
    """Of the most confused pairs the surest errors: by reference, with the nearest rows that taught and the words."""
    places = _errors(judged)
    shown = []
    for place, told in zip(places, judged.explained(places, model), strict=True):
        nearest = ", ".join(
            f"{one['example_id']}: {one['intent']} {one['likeness']:.2f}" for one in told["nearest"][:NEAREST_SHOWN]
        )
        best = sorted(judged.words(told).items(), key=lambda pair: (-pair[1], pair[0]))
        shown.append([
            judged.answered.truth[place], judged.answered.candidate.guess[place],
            f"{judged.answered.candidate.confidence[place]:.2f}", str(judged.ids[place]), nearest or "–",
            ", ".join(word for word, _ in best) or "–",
        ])  # fmt: skip
    columns = ["true 实际", "said 判定", "sure 置信度", "example 样本", "nearest taught 最近的训练样本", "words 关键词"]
    return Chart(
        "table", "Examples of the most confused pairs", "最易混淆意图的样本", {"columns": columns, "rows": shown}
    )


def _errors(judged: _Judged) -> list[int]:
    """Of each of the most confused pairs (as the bars show them) the rows in which the model was surest."""
    pairs = list(zip(judged.answered.truth, judged.answered.candidate.guess, strict=True))
    most = Counter(pair for pair in pairs if pair[0] != pair[1]).most_common(PAIRS_SHOWN)
    sure = np.argsort(-judged.answered.candidate.confidence, kind="stable")
    return [place for pair, _ in most for place in [int(one) for one in sure if pairs[one] == pair][:EXAMPLES_A_PAIR]]
