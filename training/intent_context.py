"""What the turns before the last one are worth: accuracy with and without them, where a customer answers somebody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.dialogue import dialogue
from training import evidence, rows
from training.intent_figures import Figures
from training.report import Comparison, Metric

Doubles = npt.NDArray[np.float64]
Turns = Sequence[Mapping[str, Any]]

NONE = (
    "context: no judged dialogue has a turn of a bot or an agent before a later turn of the customer, so accuracy with "
    "and without context was not measured"
)
WITH, WITHOUT = "accuracy_with_context", "accuracy_without_context"
RESOLVED, AS_TYPED = "accuracy_of_references", "accuracy_of_references_as_typed"
SAYS = {
    WITH: ("share right of the judged dialogues in which the customer answers a bot or an agent, all turns so far read "
           "as they are served", "客户回应机器人或客服的对话中，按全部话轮判定的正确率"),
    WITHOUT: ("the same dialogues, the customer's last turn alone", "同一批对话，只看客户最后一句的正确率"),
    RESOLVED: ("of these dialogues those with a reply that only refers (yes, the second one), read as what it refers "
               "to", "其中客户只作指代（如“第二个”“是的”）的对话，按所指内容判定的正确率"),
    AS_TYPED: ("the same as typed, not as what it refers to", "同上，按客户原话判定的正确率"),
}  # fmt: skip


@dataclass(frozen=True)
class _Answering:
    """Judged rows in which a customer answers somebody, and the texts that are read of them in each way."""

    rows: pa.Table
    texts: Mapping[str, Sequence[str]]

    def referring(self) -> _Answering:
        """Those with a reply that is read as what it refers to."""
        pairs = zip(self.texts[WITH], self.texts[AS_TYPED], strict=True)
        places = [place for place, (read, typed) in enumerate(pairs) if read != typed]
        texts = {name: [self.texts[said][place] for place in places] for name, said in
                 ((RESOLVED, WITH), (AS_TYPED, AS_TYPED))}  # fmt: skip
        return _Answering(self.rows.take(pa.array(places, pa.int64())), texts)


def figures(table: pa.Table, *, candidate: Any, seed: int) -> Figures:
    """Metrics and comparisons on the judged rows of examples.parquet whose `turns` have context; a limit says how many.

    candidate: an opened payload. Feature files of before, without `turns`, have none.
    """
    found = _answering(rows.part(table, rows.JUDGE), max_chars=int(candidate.max_chars))
    referring = found.referring()
    told = [_with_and_without(candidate, found, WITH, WITHOUT, seed=seed),
            _with_and_without(candidate, referring, RESOLVED, AS_TYPED, seed=seed)]  # fmt: skip
    count, referring_count = found.rows.num_rows, referring.rows.num_rows
    limit = (
        f"context: a customer answers a bot or an agent in {count} judged dialogues; in {referring_count} of them a "
        "reply was read as what it refers to"
    )
    return Figures(
        metrics=tuple(metric for metrics, _ in told for metric in metrics),
        comparisons=tuple(comparison for _, comparisons in told for comparison in comparisons),
        limits=(limit if count else NONE,),
    )


def _with_and_without(
    candidate: Any, found: _Answering, first: str, second: str, *, seed: int
) -> tuple[list[Metric], list[Comparison]]:
    """Two metrics and the one against the other; of fewer than two rows nothing is measured."""
    count = found.rows.num_rows
    if count < 2:
        return [
            Metric(name, None, rows=count, says=SAYS[name][0], says_zh=SAYS[name][1]) for name in (first, second)
        ], []
    weights = np.asarray(found.rows["weight"].to_pylist(), dtype=np.float64)
    hits = {name: _hits(candidate, found, found.texts[name]) * weights for name in (first, second)}
    metrics = [
        evidence.metric(name, numerators=hits[name], denominators=weights, seed=seed, says=SAYS[name][0],
                        says_zh=SAYS[name][1])
        for name in (first, second)
    ]  # fmt: skip
    gain = evidence.comparison(first, against=second, candidate=hits[first], other=hits[second], better="higher",
                               denominators=weights, seed=seed)  # fmt: skip
    return metrics, [gain]


def answers_somebody(turns: Turns) -> bool:
    """Whether a customer's turn with words comes after a turn of somebody else."""
    others = [place for place, turn in enumerate(turns) if turn["speaker"] != "customer"]
    return bool(others) and bool(dialogue(turns[others[0] + 1 :], max_chars=1))


def _answering(judged: pa.Table, *, max_chars: int) -> _Answering:
    told = judged["turns"].to_pylist() if "turns" in judged.column_names else [None] * judged.num_rows
    turns = [json.loads(one) if one else [] for one in told]
    places = [place for place, one in enumerate(turns) if answers_somebody(one)]
    customers = [[turn for turn in turns[place] if turn["speaker"] == "customer"] for place in places]
    kept = judged.take(pa.array(places, pa.int64()))
    return _Answering(kept, {
        WITH: kept["text"].to_pylist(),
        WITHOUT: [_last(said, max_chars=max_chars) for said in customers],
        AS_TYPED: [dialogue(said, max_chars=max_chars) for said in customers],
    })  # fmt: skip


def _last(said: Turns, *, max_chars: int) -> str:
    """The last of the customer's turns that has words."""
    texts = (dialogue([turn], max_chars=max_chars) for turn in reversed(said))
    return next(text for text in texts if text)


def _hits(candidate: Any, found: _Answering, texts: Sequence[str]) -> Doubles:
    """1 where the best guess is right, before any refusal."""
    languages = [str(one) for one in found.rows["language"].to_pylist()]
    answers = candidate.answer(texts, languages=languages)
    truth = found.rows["label"].to_pylist()
    right = [one["alternatives"][0]["intent"] == label for one, label in zip(answers, truth, strict=True)]
    return np.asarray(right, dtype=np.float64)
