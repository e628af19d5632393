"""Fine-tuning the sentence encoder on a centre's own examples: sentence-transformers' trainer and its ranking loss.

A batch holds pairs of different intents only, so that every other row of it is a true negative, and the intents of a
batch are those that are hard to tell apart. The partner of a text is another text of its intent, or the intent's name:
names carry meaning, and with five examples they are a sixth. No checkpoint is written, nothing is fetched.
"""

from __future__ import annotations

import contextlib
import copy
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features import text as texts
from training.params import TuningParams

Labels = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
# All ways of telling a pair's two texts from the other texts of the batch (Li et al. 2023, GTE): the strongest of the
# losses tried on ten examples an intent (docs/measurements.md).
DIRECTIONS = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
# How much chance there is in which intents meet in a batch, in cosine: alike ones often, all of them sometimes.
MEETING_NOISE = 0.08
# Rows that are computed together, of like length: half of a batch of customers' texts is padding otherwise.
CHUNK = 16


@dataclass(frozen=True)
class Lesson:
    """What is learned from: cleaned texts, their label numbers, and each label's name in words."""

    texts: Sequence[str]
    labels: Labels
    names: Sequence[str]


def words_of(label: str) -> str:
    """A label's id as words: `card_arrival` says something to an encoder that knows English."""
    return " ".join(label.replace("_", " ").replace("-", " ").split()).lower()


def tune(
    base: str, lesson: Lesson, *, vectors: Doubles | Any, params: TuningParams, seed: int, threads: int, to: Path
) -> Path:
    """Fine-tune the encoder `base` and export it into folder `to` (`texts.export_onnx`); returns `to`.

    vectors: of the lesson's texts under the encoder as it is (n, d), for which intents are alike. The same lesson, seed
    and threads give the same bytes on one kind of machine.
    """
    import torch

    with _threads(threads), tempfile.TemporaryDirectory() as scratch:
        torch.manual_seed(seed)
        model = texts.load_model(base)
        tuned = copy.deepcopy(model)  # the trainer leaves its own precision wrapped around the one that it trains
        if not params.tune_words:
            for name, weights in model.named_parameters():
                weights.requires_grad_("word_embeddings" not in name)
        pairs = paired(lesson, vectors=np.asarray(vectors), params=params, seed=seed)
        _train(model, pairs, params=params, seed=seed, scratch=Path(scratch))
        tuned.load_state_dict(_between(tuned.state_dict(), model.state_dict(), share=params.tuned_share))
        return texts.export_onnx(base, to=to, model=tuned)


def _between(before: dict[str, Any], after: dict[str, Any], *, share: float) -> dict[str, Any]:
    """Weights so far on the way from the encoder as it came to the tuned one (Wortsman et al. 2022)."""
    return {name: before[name].lerp(value.to(before[name].dtype), share) if value.is_floating_point() else value
            for name, value in after.items()}  # fmt: skip


def paired(
    lesson: Lesson, *, vectors: npt.NDArray[Any], params: TuningParams, seed: int
) -> list[list[tuple[str, str]]]:
    """The batches: lists of (text, partner), no intent twice in one; `params.passes` texts are seen for each given."""
    rng = np.random.default_rng(seed)
    rows = {int(label): np.flatnonzero(lesson.labels == label) for label in np.unique(lesson.labels)}
    labels = np.asarray(sorted(rows))
    likeness = _likeness(vectors, [rows[label] for label in labels])
    size = min(params.batch_intents, len(labels))
    batches = max(1, round(params.passes * len(lesson.texts) / (2 * size)))
    return [
        [_pair(lesson, int(label), rows[int(label)], rng, params) for label in labels[_meeting(likeness, size, rng)]]
        for _ in range(batches)
    ]


def _likeness(vectors: npt.NDArray[Any], members: Sequence[Labels]) -> Doubles:
    """Cosines between the mean rows of the intents."""
    means = np.stack([vectors[rows].mean(axis=0) for rows in members]).astype(np.float64)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return np.asarray(means @ means.T)


def _meeting(likeness: Doubles, size: int, rng: np.random.Generator) -> Labels:
    """One intent by chance and those that are most like it, with some noise."""
    first = int(rng.integers(len(likeness)))
    noisy = likeness[first] + rng.normal(0.0, MEETING_NOISE, len(likeness))
    noisy[first] = np.inf
    return np.argsort(-noisy, kind="stable")[:size].astype(np.int64)


def _pair(lesson: Lesson, label: int, rows: Labels, rng: np.random.Generator, params: TuningParams) -> tuple[str, str]:
    """A text of the intent and another one, or its name: as often as one text of it, times `name_weight`."""
    if len(rows) == 1 or rng.random() < params.name_weight / len(rows):
        return lesson.texts[int(rng.choice(rows))], lesson.names[label]
    one, other = rng.choice(rows, 2, replace=False)
    return lesson.texts[int(one)], lesson.texts[int(other)]


def _train(
    model: Any, batches: Sequence[Sequence[tuple[str, str]]], *, params: TuningParams, seed: int, scratch: Path
) -> None:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

    flat = [pair for batch in batches for pair in batch]
    rows = Dataset.from_dict({"anchor": [one for one, _ in flat], "positive": [other for _, other in flat]})
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(scratch), num_train_epochs=1, per_device_train_batch_size=len(batches[0]),
        learning_rate=params.learning_rate, warmup_steps=max(1, len(batches) // 10), weight_decay=params.weight_decay,
        seed=seed, data_seed=seed, use_cpu=True, bf16=params.half_precision and has_half_precision(),
        save_strategy="no", logging_strategy="no",
        eval_strategy="no", report_to="none", disable_tqdm=True, batch_sampler=_in_order,
    )  # fmt: skip
    with _quiet():
        trainer = SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=rows, loss=_ranking_loss(model, scale=params.scale)
        )
        trainer.train()


def has_half_precision() -> bool:
    """Whether this processor multiplies bfloat16 itself; where it must pretend to, it is slower than without."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _in_order(dataset: Any, batch_size: int, drop_last: bool, **_told: Any) -> Any:
    """The batches were drawn before: they are taken as they come."""
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from torch.utils.data import SequentialSampler

    return DefaultBatchSampler(SequentialSampler(dataset), batch_size=batch_size, drop_last=drop_last)


def _ranking_loss(model: Any, *, scale: float) -> Any:
    """sentence-transformers' own loss; only the forward pass is cut into chunks of like length."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    class ByLength(MultipleNegativesRankingLoss):  # type: ignore[misc]
        def forward(self, sentence_features: Any, labels: Any) -> Any:
            columns = [_embedded(self.model, features) for features in sentence_features]
            return self.compute_loss_from_embeddings([column.float() for column in columns], labels)

    return ByLength(model, scale=scale, directions=DIRECTIONS, partition_mode="joint")


def _embedded(model: Any, features: dict[str, Any]) -> Any:
    import torch

    lengths = features["attention_mask"].sum(dim=1)
    order = torch.argsort(lengths, stable=True)
    parts = []
    for chunk in order.split(CHUNK):
        longest = int(lengths[chunk].max())
        cut = {
            name: value[chunk, :longest]
            for name, value in features.items()
            if isinstance(value, torch.Tensor) and value.ndim == 2
        }
        parts.append(model(cut)["sentence_embedding"])
    back = torch.argsort(order, stable=True)
    return torch.cat(parts)[back]


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """That many threads for torch, which are part of what makes the bytes; as it was afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The trainer prints its summary, whatever it is told: a stage's output is for people."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
