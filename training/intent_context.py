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
from training.report import Metric

Doubles = npt.NDArray[np.float64]
Turns = Sequence[Mapping[str, Any]]

NONE = (
    "context: no judged dialogue has a turn of a bot or an agent before a later turn of the customer, so accuracy with "
    "and without context was not measured"
)
WITH, WITHOUT, AS_TYPED = "accuracy_with_context", "accuracy_without_context", "accuracy_replies_as_typed"
SAYS = {
    WITH: ("share right of the judged dialogues in which the customer answers a bot or an agent, all turns so far read "
           "as they are served", "客户回应机器人或客服的对话中，按全部话轮判定的正确率"),
    WITHOUT: ("the same dialogues, the customer's last turn alone", "同一批对话，只看客户最后一句的正确率"),
    AS_TYPED: ("the same dialogues, all of the customer's turns, replies as they were typed and not as what they refer "
               "to", "同一批对话，只看客户原话（不解析所指）的正确率"),
}  # fmt: skip


@dataclass(frozen=True)
class _Answering:
    """Judged rows in which a customer answers somebody, and what is read of them in each of the three ways."""

    rows: pa.Table
    texts: Mapping[str, Sequence[str]]

    @property
    def referring_count(self) -> int:
        """Dialogues with a reply that is read as what it refers to."""
        return sum(a != b for a, b in zip(self.texts[WITH], self.texts[AS_TYPED], strict=True))


def figures(table: pa.Table, *, candidate: Any, seed: int) -> Figures:
    """Metrics and comparisons on the judged rows of examples.parquet whose `turns` have context; a limit says how many.

    candidate: an opened payload. Feature files of before, without `turns`, have none.
    """
    found = _answering(rows.part(table, rows.JUDGE), max_chars=int(candidate.max_chars))
    if found.rows.num_rows < 2:
        return Figures(metrics=tuple(_metric(name, None, found, seed) for name in SAYS), limits=(NONE,))
    hits = {name: _hits(candidate, found, texts) for name, texts in found.texts.items()}
    weights = np.asarray(found.rows["weight"].to_pylist(), dtype=np.float64)
    return Figures(
        metrics=tuple(_metric(name, hits[name], found, seed) for name in SAYS),
        comparisons=tuple(
            evidence.comparison(WITH, against=name, candidate=hits[WITH] * weights, other=hits[name] * weights,
                                better="higher", denominators=weights, seed=seed)
            for name in (WITHOUT, AS_TYPED)
        ),
        limits=(f"context: a customer answers a bot or an agent in {found.rows.num_rows} judged dialogues; in "
                f"{found.referring_count} of them a reply was read as what it refers to",),
    )  # fmt: skip


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


def _metric(name: str, hits: Doubles | None, found: _Answering, seed: int) -> Metric:
    says, says_zh = SAYS[name]
    if hits is None:
        return Metric(name, None, rows=found.rows.num_rows, says=says, says_zh=says_zh)
    weights = np.asarray(found.rows["weight"].to_pylist(), dtype=np.float64)
    return evidence.metric(name, numerators=hits * weights, denominators=weights, seed=seed, says=says, says_zh=says_zh)
