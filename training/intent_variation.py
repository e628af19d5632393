"""Whether an intent model keeps its answers when words vary: judged rows, asked again as somebody else would put them.

Of each kind of variation (`intent_wordings`) up to `ROWS_A_KIND` judged rows, as many of each language; a row counts
only where the kind finds something to change. Languages in which the model answers nobody are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training import evidence, intervals, rows
from training.intent_figures import Answered, Answers, Figures
from training.intent_wordings import KINDS, MANNER, NOISE, varied
from training.report import Chart, Metric, Slice

Doubles = npt.NDArray[np.float64]
# The loss of 5 points of accuracy is told from none with 300 rows, where one answer in twenty changes.
ROWS_A_KIND = 300
_SAYS = {
    MANNER: ("accuracy lost where judged texts are said or written otherwise, every word of the matter kept: politely, "
             "colloquially, with emoji, full-width, in the other Chinese script; all kinds together",
             "换一种说法或写法（礼貌、口语、表情、全角、繁简）后损失的准确率"),
    NOISE: ("accuracy lost where judged texts are mistyped, misheard by speech recognition or mix two languages; all "
            "kinds together", "文本含错别字、语音识别噪声或中英混用时损失的准确率"),
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """The judged rows as they stand, and what the candidate said of them."""

    texts: Sequence[str]
    languages: Sequence[str]
    truth: Sequence[str]
    weights: Doubles
    said: Answers


@dataclass(frozen=True)
class Varied:
    """The rows of one kind, one entry a row: which judged row it is, right before and after, same answer."""

    kind: str
    rows: npt.NDArray[np.int64]
    languages: Sequence[str]
    weights: Doubles
    before: Doubles
    after: Doubles
    same: npt.NDArray[np.bool_]


def judged_rows(table: pa.Table, answered: Answered) -> Judged:
    """The judged rows of a feature table, in its order, with the candidate's answers to them."""
    part = rows.part(table, rows.JUDGE)
    return Judged(part["text"].to_pylist(), answered.by["language"], answered.truth, answered.weights,
                  answered.candidate)  # fmt: skip


def figures(judged: Judged, *, model: Any, seed: int) -> Figures:
    """What the model loses under each kind: a metric and slices a dimension (`accuracy_lost_manner`, slices by kind),
    and the table by kind and language. Nothing of a kind that changes no judged row.
    """
    asked = [one for kind in KINDS if len((one := ask(judged, kind=kind, model=model, seed=seed)).rows)]
    lost = [(dimension, [one for one in asked if KINDS[one.kind].dimension == dimension]) for dimension in _SAYS]
    return Figures(
        metrics=tuple(_lost(dimension, kinds, seed) for dimension, kinds in lost),
        slices=tuple(one for dimension, kinds in lost for one in _slices(dimension, kinds, seed)),
        charts=(_table(asked),),
    )


def ask(judged: Judged, *, kind: str, model: Any, seed: int) -> Varied:
    """Vary the rows of a stable sample in one way and ask the model again, each in the language of its row."""
    chosen = _chosen(judged, kind=kind, seed=seed)
    places = np.asarray(sorted(chosen), dtype=np.int64)
    languages = [judged.languages[row] for row in places]
    answers = model.answer([chosen[int(row)] for row in places], languages=languages)
    said = [one["alternatives"][0]["intent"] for one in answers]
    return Varied(
        kind=kind, rows=places, languages=languages, weights=judged.weights[places],
        before=judged.said.hits(judged.truth)[places],
        after=np.asarray([one == judged.truth[row] for one, row in zip(said, places, strict=True)], dtype=np.float64),
        same=np.asarray([one == judged.said.guess[row] for one, row in zip(said, places, strict=True)], dtype=bool),
    )  # fmt: skip


def _chosen(judged: Judged, *, kind: str, seed: int) -> dict[int, str]:
    """Row and varied text: of each language an equal share of `ROWS_A_KIND`, in an order of chance."""
    asked = KINDS[kind]
    languages = sorted(_answered_in(judged) & set(asked.languages))
    if asked.together and len(languages) < len(asked.languages):
        return {}
    order = np.random.default_rng(seed).permutation(len(judged.texts))
    found: dict[int, str] = {}
    for language in languages:
        wanted = len(found) + ROWS_A_KIND // len(languages)
        for row in (int(one) for one in order if judged.languages[one] == language):
            if len(found) == wanted:
                break
            made = varied(judged.texts[row], kind=kind, language=language, seed=seed)
            if made is not None:
                found[row] = made
    return found


def _answered_in(judged: Judged) -> set[str]:
    return {one for one, abstained in zip(judged.languages, judged.said.abstained, strict=True) if not abstained}


def _lost(dimension: str, kinds: Sequence[Varied], seed: int) -> Metric:
    """All kinds together; a judged row that was varied in several ways is one block."""
    says, says_zh = _SAYS[dimension]
    name = f"accuracy_lost_{dimension}"
    blocks = [int(row) for one in kinds for row in one.rows]
    if len(set(blocks)) < 2:
        return Metric(name, None, better="lower", says=says, says_zh=says_zh)
    return evidence.metric(
        name, numerators=_losses(kinds), denominators=np.concatenate([one.weights for one in kinds]), better="lower",
        blocks=blocks, seed=seed, says=says, says_zh=says_zh,
    )  # fmt: skip


def _slices(dimension: str, kinds: Sequence[Varied], seed: int) -> list[Slice]:
    if not kinds:
        return []
    return evidence.slices(
        dimension, values=[one.kind for one in kinds for _ in one.rows], metric=f"accuracy_lost_{dimension}",
        against="absolute", candidate=_losses(kinds), denominators=np.concatenate([one.weights for one in kinds]),
        better="lower", seed=seed,
    )  # fmt: skip


def _losses(kinds: Sequence[Varied]) -> Doubles:
    return np.concatenate([(one.before - one.after) * one.weights for one in kinds])


def _table(asked: Sequence[Varied]) -> Chart:
    told = [
        [f"{one.kind} {KINDS[one.kind].name_zh}", language, *_told(one, language)]
        for one in asked
        for language in sorted(set(one.languages))
    ]
    columns = [
        "variation 变化",
        "language 语言",
        "rows 样本",
        "right before 之前",
        "right after 之后",
        "same answer 不变",
    ]
    return Chart("table", "Answers when words vary", "换说法后的回答", {"columns": columns, "rows": told})


def _told(one: Varied, language: str) -> list[str]:
    """Rows, accuracy before and after, and the share whose answer stayed the same, with its exact interval."""
    mine = np.asarray([spoken == language for spoken in one.languages])
    weights = np.maximum(one.weights[mine], 1e-9)  # rows that nobody believes have a mean all the same
    before, after = (float(hits[mine] @ weights / weights.sum()) for hits in (one.before, one.after))
    same = intervals.proportion(int(one.same[mine].sum()), of=int(mine.sum()))
    kept = f"{same.estimate:.1%} ({same.low:.1%} – {same.high:.1%})"
    return [str(int(mine.sum())), f"{before:.1%}", f"{after:.1%}", kept]
