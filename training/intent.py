"""Intent: what a customer wants, with a truthful confidence, or the word that a person should ask.

Sentence vectors and character n-grams, a logistic regression on each, mixed by language on held-out rows, and a
threshold below which the model refuses.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features import text as texts
from training import calibration, gates, intent_figures, intent_head, intervals, loaders, payload, rows
from training.calibration import Doubles, Mix, Scores
from training.intent_head import Examples, Head
from training.loaders.intent import FORMAT, clean, familiarity
from training.params import IntentParams, Params
from training.report import Report

COLUMNS = ("example_id", "text", "language", "channel", "label", "weight", "part")
ENCODER_FILES = ("encoder.json", "encoder.onnx", "tokenizer.json")


def fit(
    data: Path, *, params: IntentParams, seed: int, threads: int, to: Path, encoder_cache: Path | None
) -> dict[str, Any]:
    """Learn from the `train` rows, calibrate on the `calibrate` rows, write the payload into folder `to`.

    data: the folder with examples.parquet. seed: nothing is drawn here, so it changes nothing. encoder_cache: vectors
    and exported encoders kept between runs. Returns what was measured (`fit_s`, `peak_mb`, `rows`, `strength`).
    NotEnoughData with fewer than two labels or nothing to calibrate on.
    """
    return rows.measured(lambda: _fit(data, params=params, threads=threads, to=to, cache=encoder_cache))


def judge(data: Path, *, candidate: Path, champion: Path | None, params: Params, seed: int, threads: int) -> Report:
    """Judge a payload on the frozen `judge` rows, beside the baseline and the champion, which answers as it answers.

    data: as in `fit`. params: all of them, for the gates. NotEnoughData with fewer than two rows to judge on.
    """
    table = rows.read(data / "examples.parquet", columns=COLUMNS)
    rows.enough(rows.part(table, rows.JUDGE).num_rows, needed=2, of="rows to judge on", where=str(data))
    answered = intent_figures.answered(
        table, candidate=loaders.open_payload(candidate, threads=threads),
        champion=loaders.open_payload(champion, threads=threads) if champion else None,
    )  # fmt: skip
    figures = intent_figures.figures(answered, seed=seed)
    return gates.report(
        params.policy("intent"),
        champion="none" if champion is None else payload.digest(champion),
        artefact=payload.digest(candidate),
        rows=rows.described(table, id_of=lambda part: part["example_id"].to_pylist(), time_column="happened_at"),
        data=rows.provenance(data, family="intent"),
        metrics=figures.metrics,
        comparisons=figures.comparisons,
        slices=figures.slices,
        charts=figures.charts,
        limits=figures.limits,
    )


def _fit(data: Path, *, params: IntentParams, threads: int, to: Path, cache: Path | None) -> dict[str, Any]:
    table = rows.read(data / "examples.parquet", columns=COLUMNS)
    train, held = rows.part(table, rows.TRAIN), rows.part(table, rows.CALIBRATE)
    labels = sorted(set(train["label"].to_pylist()))
    rows.enough(len(labels), needed=2, of="different labels", where=str(data / "examples.parquet"))
    held = _known(held, labels)
    rows.enough(held.num_rows, needed=1, of="rows to calibrate on", where=str(data / "examples.parquet"))
    with _encoder(params.encoder, threads=threads, cache=cache) as encoder:
        known, asked = (_examples(part, labels, encoder, params) for part in (train, held))
        head = intent_head.fit(known, held=asked, label_count=len(labels), params=params)
        languages = _languages(head, asked, held["language"].to_pylist(), params)
        _write(to, head=head, labels=labels, languages=languages, params=params, encoder=encoder)
    return {"rows": train.num_rows, "calibrated_on": held.num_rows, "labels": len(labels), "strength": head.strength}


@contextmanager
def _encoder(name: str, *, threads: int, cache: Path | None) -> Iterator[texts.Encoder]:
    """The encoder; without a cache, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as passing:
        yield texts.open_encoder(name, threads=threads, cache=cache or Path(passing))


def _known(held: pa.Table, labels: Sequence[str]) -> pa.Table:
    """Rows whose label was learned: no score can be calibrated for a label that has none."""
    import pyarrow.compute as pc

    return held.filter(pc.is_in(held["label"], value_set=pa.array(labels, pa.string())))


def _examples(table: pa.Table, labels: Sequence[str], encoder: texts.Encoder, params: IntentParams) -> Examples:
    number = {label: i for i, label in enumerate(labels)}
    cleaned = [clean(text)[: params.max_chars] for text in table["text"].to_pylist()]
    return Examples(
        vectors=encoder.encode(cleaned),
        texts=cleaned,
        labels=np.asarray([number[label] for label in table["label"].to_pylist()], dtype=np.int64),
        weights=np.asarray(table["weight"].to_pylist(), dtype=np.float64),
    )


@dataclass(frozen=True)
class _Held:
    """The held-out rows of one language, or of all, with the mix that describes them."""

    scores: Scores
    likeness: Doubles  # (n, 2)
    mix: Mix

    @property
    def signs(self) -> Doubles:
        """Confidence and likeness: (n, 3)."""
        return np.column_stack([self.scores.shares(self.mix).max(axis=1), self.likeness])

    def refusal(self, params: IntentParams) -> dict[str, Any]:
        """The tables and the threshold for the stated share of false refusals among these rows."""
        tables = calibration.tables(self.signs)
        known = familiarity(self.signs, tables=tables)
        return {"tables": tables, "threshold": calibration.threshold(known, refused_share=params.false_refusal)}

    def right_count(self) -> int:
        return int(np.sum(self.scores.shares(self.mix).argmax(axis=1) == self.scores.truth))


def _languages(head: Head, held: Examples, languages: Sequence[str], params: IntentParams) -> dict[str, dict[str, Any]]:
    """Mix, refusal and permission of each language; `*` is for languages that no row calibrated: a person answers."""
    of_vectors, of_grams, likeness = head.read(held)
    scores = Scores(of_vectors, of_grams, held.labels, held.weights)
    everybody = _Held(scores, likeness, calibration.best_mix(scores))
    why = "no row of this language was there to calibrate on"
    told: dict[str, dict[str, Any]] = {}
    told["*"] = {"mix": list(everybody.mix), **everybody.refusal(params), "answers": False, "rows": 0, "why": why}
    for language in sorted(set(languages)):
        mine = np.asarray([one == language for one in languages])
        told[language] = _language(scores.take(mine), likeness[mine], everybody=everybody, params=params)
    return told


def _language(own: Scores, likeness: Doubles, *, everybody: _Held, params: IntentParams) -> dict[str, Any]:
    alone = len(own.truth) >= params.min_language_rows
    held = _Held(own, likeness, calibration.best_mix(own) if alone else everybody.mix)
    share = intervals.proportion(held.right_count(), of=len(own.truth))
    answers = share.low >= params.language_floor
    seen = f"right on {share.estimate:.1%} of {len(own.truth)} texts, surely on {share.low:.1%}"
    why = f"{seen}, needed {params.language_floor:.0%}"
    return {
        "mix": list(held.mix), **(held if alone else everybody).refusal(params), "answers": answers,
        "rows": len(own.truth), "accuracy": round(share.estimate, 6), "accuracy_low": round(share.low, 6),
        "own_calibration": alone, "why": "" if answers else why,
    }  # fmt: skip


def _write(
    to: Path, *, head: Head, labels: Sequence[str], languages: dict[str, Any],
    params: IntentParams, encoder: texts.Encoder,
) -> None:  # fmt: skip
    to.mkdir(parents=True, exist_ok=True)
    folder = getattr(encoder, "folder", None)
    if folder is not None:
        for name in ENCODER_FILES:
            shutil.copyfile(folder / name, to / name)
    for name, array in head.arrays().items():
        np.save(to / f"{name}.npy", array, allow_pickle=False)
    loaders.place("intent", to=to)
    rows.write_json(to / "payload.json", {
        "family": "intent", "format": FORMAT, "labels": list(labels), "languages": languages,
        "recipe": "frozen encoder, logistic regression on vectors and on character n-grams",
        "encoder": {"kind": "onnx" if folder else "hash", "name": encoder.name, "digest": encoder.digest,
                    "dimension": encoder.dimension},
        "requirements": ["numpy", "onnxruntime", "tokenizers"],
        "signature": {"inputs": [["text", "string"], ["language", "string"]]},
        "arrays": sorted(head.arrays()), "strength": head.strength, "gram_strength": head.gram_strength,
        "false_refusal": params.false_refusal,
        "max_chars": params.max_chars, "alternatives": params.alternatives,
    })  # fmt: skip
