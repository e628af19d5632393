"""What the report says of the labels themselves: how many are in doubt, what people settled, what settling gained."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from training import intent_head, intervals, rows
from training.intent_figures import Figures
from training.intent_head import Examples
from training.loaders.intent import clean
from training.params import IntentParams
from training.report import Metric

# What `features` leaves beside the rows, and `intent.fit` beside the payload's parts.
SETTLED, CODES, DOUBTS = "settled.json", "wrap_up_codes.json", "doubts.json"
CODES_NAMED = 10


def figures(
    data: Path, table: pa.Table, *, candidate: Path, champion: Path | None, model: Any, params: IntentParams, seed: int
) -> Figures:
    """Doubts, what was settled, and the gain; what there is nothing to tell of is left out.

    data: the folder with the rows. candidate, champion: payloads with their doubts. model: the candidate, opened.
    """
    settled = _read(data / SETTLED).get("settled", [])
    gain = _gain(table, settled, candidate=candidate, model=model, params=params, seed=seed)
    return Figures(
        metrics=(*_doubts(candidate, champion, table), *_settled(settled), *gain), limits=_codes(_read(data / CODES))
    )


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _doubts(candidate: Path, champion: Path | None, table: pa.Table) -> list[Metric]:
    told, taught = _read(candidate / DOUBTS), rows.part(table, rows.TRAIN).num_rows
    if "doubts" not in told or not taught:
        return []
    share = intervals.proportion(min(len(told["doubts"]), taught), of=taught)
    found = [
        Metric("labels_in_doubt", share.estimate, share.low, share.high, better="lower", rows=taught,
               says="share of training labels that are likely wrong (confident learning): parley label next asks",
               says_zh="训练标签中可能有误的比例"),
    ]  # fmt: skip
    before = None if champion is None else _read(champion / DOUBTS).get("doubts")
    if before is not None:
        found.append(Metric("doubts_before", float(len(before)), unit="labels", better="lower",
                            says="labels in doubt when the champion was trained",
                            says_zh="现行版本训练时存疑的标签数"))  # fmt: skip
    return found


def _settled(settled: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """Nothing where nobody was asked."""
    if not settled:
        return []
    counts = Counter(one["outcome"] for one in settled)
    wrong, known = counts["changed"], counts["changed"] + counts["kept"]
    told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in ("kept", "changed", "waits", "cannot_tell"))
    found = [
        Metric("doubts_settled", float(known), unit="labels", rows=len(settled),
               says=f"labels in doubt that people settled: of {len(settled)} asked about {told}",
               says_zh="已由人员裁定的存疑标签数"),
    ]  # fmt: skip
    if known:
        share = intervals.proportion(wrong, of=known)
        found.append(Metric("doubt_precision", share.estimate, share.low, share.high, rows=known,
                            says="share of the settled labels that were indeed wrong (exact interval)",
                            says_zh="已裁定标签中确实有误的比例"))  # fmt: skip
    return found


def _gain(
    table: pa.Table, settled: Sequence[Mapping[str, Any]], *, candidate: Path, model: Any, params: IntentParams,
    seed: int,
) -> list[Metric]:  # fmt: skip
    """What settling gained, without a second training: heads fitted twice on the same vectors, asked the same rows.

    Once on the labels as they are, once on those from before (weights too), of the candidate's strengths; the scores
    of both heads are added. The encoder is the candidate's in both: what settling did to a tuned one is in both.
    """
    before = {one["contact_id"]: one for one in settled if one["outcome"] in ("kept", "changed")}
    train, judged = rows.part(table, rows.TRAIN), rows.part(table, rows.JUDGE)
    ids = train["example_id"].to_pylist()
    touched = [name for name in ids if name in before and before[name]["outcome"] == "changed"]
    labels = sorted({*model.labels, *(before[name]["before"] for name in touched)})
    if not touched or judged.num_rows < 2:
        return []
    taught, asked = (_examples(part, labels, model=model) for part in (train, judged))
    told = json.loads((candidate / "payload.json").read_text(encoding="utf-8"))
    params = replace(params, strengths=(told["strengths"][0],), ngram_strengths=(told["gram_strength"],))
    earlier = _as_before(taught, ids, labels, before)
    now, then = (_hits(one, asked, label_count=len(labels), params=params) for one in (taught, earlier))
    weights = np.asarray(judged["weight"].to_pylist(), dtype=np.float64)
    got = intervals.paired(now * weights, other=then * weights, better="higher", denominators=weights, seed=seed)
    gap = got.difference
    return [
        Metric("settling_gain", gap.estimate, gap.low, gap.high, rows=len(now),
               says=f"share of judged texts right by heads fitted on the labels as settled ({got.candidate:.4f}) less "
               f"that by heads fitted on them as they were ({got.other:.4f}); same vectors, paired; "
               f"{len(touched)} training labels changed", says_zh="裁定标签带来的正确率增益（同一向量，成对比较）"),
    ]  # fmt: skip


def _examples(part: pa.Table, labels: Sequence[str], *, model: Any) -> Examples:
    """The rows as the candidate's encoders see them; a label that it never saw is number -1."""
    number = {label: place for place, label in enumerate(labels)}
    texts, languages = part["text"].to_pylist(), [str(one) for one in part["language"].to_pylist()]
    return Examples(
        (model.vectors(texts, languages=languages),),
        [clean(text)[: model.max_chars] for text in texts],
        np.asarray([number.get(label, -1) for label in part["label"].to_pylist()], dtype=np.int64),
        np.asarray(part["weight"].to_pylist(), dtype=np.float64),
    )


def _as_before(
    taught: Examples, ids: Sequence[str], labels: Sequence[str], before: Mapping[str, Mapping[str, Any]]
) -> Examples:
    number, numbers, weights = {name: place for place, name in enumerate(labels)}, taught.labels.copy(), taught.weights
    weights = weights.copy()
    for row, name in enumerate(ids):
        if name in before:
            numbers[row] = number.get(before[name]["before"], numbers[row])
            weights[row] *= before[name]["weight_before"] / (before[name]["weight"] or 1.0)
    return replace(taught, labels=numbers, weights=weights)


def _hits(taught: Examples, asked: Examples, *, label_count: int, params: IntentParams) -> intervals.Floats:
    scores = intent_head.fit(taught, held=None, label_count=label_count, params=params).read(asked).scores
    return np.asarray(scores.sum(axis=1).argmax(axis=1) == asked.labels, dtype=np.float64)


def _codes(told: Mapping[str, Any]) -> tuple[str, ...]:
    """A word on wrap-up codes that no line maps, most frequent first."""
    named = told.get("unmapped", [])
    if not named:
        return ()
    shown = ", ".join(f"{code} ({count})" for code, count in named[:CODES_NAMED])
    more = told["unmapped_codes"] - min(len(named), CODES_NAMED)
    return (f"unmapped wrap-up codes: {shown}" + (f" and {more} more" if more else "") + ": they teach nothing",)
