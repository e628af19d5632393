"""Intent outside the registry: learn from one file, be asked another, and say everything about it in one object."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.errors import NotEnoughData
from features.wording import language_of
from training import calibration, intent, intent_figures, intent_refusal, intent_remarks, loaders, rows
from training.loaders.intent import clean
from training.params import IntentParams

Doubles = npt.NDArray[np.float64]
# Texts whose answers are timed, one at a time.
TIMED = 200


@dataclass(frozen=True)
class Labelled:
    """Texts and what they are about."""

    texts: Sequence[str]
    labels: Sequence[str]

    def readable(self) -> Labelled:
        """Without the rows whose text is empty once it is cleaned (emoji alone): they teach nothing."""
        kept = [pair for pair in zip(self.texts, self.labels, strict=True) if clean(pair[0])]
        return Labelled([text for text, _ in kept], [label for _, label in kept])


@dataclass(frozen=True)
class _Said:
    """What the model said of some texts."""

    guess: Sequence[str]
    confidence: Doubles
    familiarity: Doubles
    abstained: npt.NDArray[np.bool_]


def evaluate(
    train: Labelled, *, valid: Labelled | None, test: Labelled, oos: Mapping[str, Sequence[str]], language: str | None,
    params: IntentParams, seed: int, threads: int, to: Path,
) -> dict[str, Any]:  # fmt: skip
    """Train on `train` (calibrating on `valid` if given), answer `test` and each list of texts outside every intent.

    language: what all texts are written in; told from each text without it. to: a folder for what is made. Returns
    `accuracy`, `macro_f1`, `ece`, `ece_expected`, `recipe`, `oos`, `deployed`, `train_s`, `text_ms`, `artefact_mb`,
    `rows` (counts) and `remarks` (sentences on what was left out, cut or cannot be known).
    NotEnoughData without rows to learn from or to be asked; the out-of-scope texts fit, choose and set nothing.
    """
    rows.enough(len(test.texts), needed=1, of="texts to be asked", where="test")
    given, train, valid = train, train.readable(), valid.readable() if valid else None
    rows.enough(len(set(train.labels)), needed=2, of="different labels to learn", where="train")
    params = replace(params, languages=tuple(sorted({language or language_of(text) for text in test.texts})))
    _write(train, valid, language=language, to=to / "data")
    began = time.perf_counter()
    told = intent.fit(to / "data", params=params, seed=seed, threads=threads, to=to / "payload", encoder_cache=None)
    train_s = time.perf_counter() - began
    model = loaders.open_payload(to / "payload", threads=threads)
    said, strange = (
        _asked(model, test.texts, language),
        {name: _asked(model, one, language) for name, one in oos.items()},
    )
    return {
        **_right(said, test.labels, seed=seed),
        "recipe": told["recipe"],
        "oos": {name: _told_apart(said, one) for name, one in strange.items()},
        "deployed": _deployed(said, test.labels, strange, known=frozenset(train.labels)),
        "train_s": round(train_s, 2),
        "text_ms": _text_ms(to / "payload", test.texts, language),
        "artefact_mb": round(sum(p.stat().st_size for p in (to / "payload").rglob("*") if p.is_file()) / 2**20, 2),
        "rows": {"train": len(train.texts), "test": len(test.texts), "labels": told["labels"]},
        "remarks": _unreadable(given, train) + _remarks(train, test, model, language),
    }


def _unreadable(given: Labelled, kept: Labelled) -> list[str]:
    count = len(given.texts) - len(kept.texts)
    return [f"{count} texts to learn from hold nothing that is read (emoji, control characters)"] if count else []


def _remarks(train: Labelled, test: Labelled, model: Any, language: str | None) -> list[str]:
    most = model.max_chars
    return [
        *(f"train: {one}" for one in intent_remarks.of_taught(train.texts, train.labels, max_chars=most)),
        *(f"test: {one}" for one in intent_remarks.cut(test.texts, max_chars=most)),
        *(f"test: {one}" for one in intent_remarks.unknown(test.labels, model.labels)),
        *intent_remarks.silent(model.languages, [language or language_of(text) for text in test.texts]),
    ]


def taught(
    train: Labelled, *, language: str | None, params: IntentParams, seed: int, threads: int, to: Path,
    cache: Path | None,
) -> Any:  # fmt: skip
    """A model that learned these texts, opened as serving would open it. `to`: a folder for what is made."""
    spoken = tuple(sorted({language or language_of(text) for text in train.texts}))
    _write(train, None, language=language, to=to / "data")
    intent.fit(to / "data", params=replace(params, languages=spoken), seed=seed, threads=threads, to=to / "payload",
               encoder_cache=cache)  # fmt: skip
    return loaders.open_payload(to / "payload", threads=threads)


def _write(train: Labelled, valid: Labelled | None, *, language: str | None, to: Path) -> None:
    """The rows as the build stage leaves them: timeless, each of weight 1."""
    told = [(text, label, rows.TRAIN) for text, label in zip(train.texts, train.labels, strict=True)]
    if valid is not None:
        told += [(text, label, rows.CALIBRATE) for text, label in zip(valid.texts, valid.labels, strict=True)]
    if not told:
        raise NotEnoughData("too few rows to learn from", expected="two labels", came="none", where="train")
    table = pa.table({
        "example_id": [f"{place:08d}" for place in range(len(told))],
        "text": [text for text, _, _ in told],
        "language": [language or language_of(text) for text, _, _ in told],
        "channel": pa.nulls(len(told), pa.string()),
        "label": [label for _, label, _ in told],
        "weight": np.ones(len(told)),
        "part": [part for _, _, part in told],
    })  # fmt: skip
    to.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, to / "examples.parquet")


def _asked(model: Any, texts: Sequence[str], language: str | None) -> _Said:
    languages = [language or language_of(text) for text in texts]
    answers = model.answer(texts, languages=languages)
    return _Said(
        guess=[one["alternatives"][0]["intent"] for one in answers],
        confidence=np.asarray([one["confidence"] for one in answers], dtype=np.float64),
        familiarity=model.familiarity(texts, languages=languages),
        abstained=np.asarray([one["abstained"] for one in answers], dtype=bool),
    )


def _hits(said: _Said, labels: Sequence[str]) -> Doubles:
    return np.asarray([a == b for a, b in zip(said.guess, labels, strict=True)], dtype=np.float64)


def _right(said: _Said, labels: Sequence[str], *, seed: int) -> dict[str, float]:
    hits = _hits(said, labels)
    return {
        "accuracy": float(hits.mean()),
        "macro_f1": intent_figures.macro_f1(labels, said.guess),
        "ece": calibration.calibration_error(said.confidence, hits),
        "ece_expected": calibration.expected_error(said.confidence, seed=seed).mean,
    }


def _told_apart(own: _Said, strange: _Said) -> dict[str, Any]:
    found = intent_refusal.told_apart(own.familiarity, strange.familiarity)
    return {name: found[name] for name in ("auroc", "recall")} if found else {}


def _deployed(
    said: _Said, labels: Sequence[str], strange: Mapping[str, _Said], *, known: frozenset[str]
) -> dict[str, Any]:
    """What the payload does as it is; to refuse a text whose label was never taught is no false refusal."""
    answered = ~said.abstained
    hits = _hits(said, labels)
    own = said.abstained[[label in known for label in labels]]
    return {
        "false_refusal": float(own.mean()) if len(own) else None,
        "accuracy_on_answered": float(hits[answered].mean()) if answered.any() else None,
        "coverage": float(answered.mean()),
        "oos_recall": {name: float(one.abstained.mean()) for name, one in strange.items()},
    }


def _text_ms(payload: Path, texts: Sequence[str], language: str | None) -> float:
    """Median milliseconds of one text alone on one thread."""
    model = loaders.open_payload(payload, threads=1)
    taken = []
    for text in [*texts[:3], *texts[:TIMED]]:
        began = time.perf_counter()
        model.answer([text], languages=[language or language_of(text)])
        taken.append(1000 * (time.perf_counter() - began))
    return round(float(np.median(taken[min(3, len(texts)) :])), 3)
