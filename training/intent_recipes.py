"""Three ways of learning intents behind one door, chosen by how much data there is, and named in the report.

frozen: the encoder as it came and a head on its vectors. contrastive: the encoder is tuned on pairs first, its word
vectors aside. full: all of its weights are tuned. Rows that taught nothing say how far to trust the result: those that
were held out, or, where there are too few, folds that are left out one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_contracts.errors import InputError, NotEnoughData
from features import encoder_light
from features import text as texts
from features.encoders import OnnxEncoder
from training import intent_head, intent_lightness, intent_tuning
from training.intent_head import Examples, Head
from training.intent_lightness import Lightness
from training.loaders.intent import Read, clean, signs
from training.params import IntentParams, TuningParams

FROZEN, CONTRASTIVE, FULL = "frozen", "contrastive", "full"
RECIPES = (FROZEN, CONTRASTIVE, FULL)
# With many examples a tenth of them calibrates: the encoder learns from the others alone.
FULL_FOLDS = 10
SAYS = {
    FROZEN: "frozen encoder, logistic regression on vectors and on character n-grams",
    CONTRASTIVE: "encoder tuned on pairs of examples and intents' names, then as frozen",
    FULL: "all weights of the encoder tuned on pairs, then as frozen",
}
Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Said:
    """Labelled texts: cleaned, with label numbers, weights, languages, and the ids by which they are known."""

    texts: Sequence[str]
    labels: Rows
    weights: Doubles
    languages: Sequence[str]
    ids: Sequence[str]

    def take(self, rows: Rows) -> Said:
        """These rows only."""
        texts, languages, ids = ([one[row] for row in rows] for one in (self.texts, self.languages, self.ids))
        return Said(texts, self.labels[rows], self.weights[rows], languages, ids)


@dataclass(frozen=True)
class Learned:
    """Encoders and the heads on them; the ids of the training rows that are remembered; what lightness costs each."""

    encoders: tuple[texts.Encoder, ...]
    head: Head
    known_ids: Sequence[str]
    lightness: tuple[Lightness | None, ...] = ()

    @property
    def light(self) -> frozenset[int]:
        """The places of the encoders whose weights have 8 bits."""
        return _allowed(self.lightness)

    def asked(self, said: Said) -> Asked:
        """What it sees in rows that taught nothing."""
        return Asked(self.head, self.head.read(examples(said, self.encoders)), said)


@dataclass(frozen=True)
class Asked:
    """Held-out rows as a model that never saw them reads them."""

    head: Head
    read: Read
    said: Said

    def take(self, rows: Rows) -> Asked:
        """These rows only."""
        return Asked(self.head, self.read.take(rows), self.said.take(rows))

    def signs(self, mix: Sequence[float]) -> Doubles:
        """The loader's signs of familiarity (n, signs)."""
        return signs(self.read, mix=mix, arrays=self.head.arrays())


@dataclass(frozen=True)
class School:
    """What learning needs besides the rows: the encoders as they came, labels in order, figures, a place to work in.

    The first encoder knows English, a second one other languages. abroad: the place of the encoder that reads languages
    which no row is in; none where there is no such language. light: the places of those whose weights have 8 bits.
    """

    bases: tuple[texts.Encoder, ...]
    names: Sequence[str]
    params: IntentParams
    seed: int
    threads: int
    scratch: Path
    abroad: int | None = None
    light: frozenset[int] = frozenset()

    def reading_abroad(self, said: Said, *, recipe: str) -> School:
        """With the encoder for languages that customers speak and no row is in, as it came: a place of its own beside
        the tuned one, which forgets some of what it is not shown (docs/decisions/0008-how-intent-learns.md)."""
        if not self.params.multilingual or not set(self.params.languages) - set(said.languages):
            return self
        if recipe != CONTRASTIVE:
            return replace(self, abroad=len(self.bases) - 1)
        return replace(self, bases=(*self.bases, self.bases[-1]), abroad=len(self.bases))


def said_of(table: pa.Table, labels: Sequence[str], *, max_chars: int) -> Said:
    """The rows of a feature table (example_id, text, label, weight, language)."""
    number = {label: i for i, label in enumerate(labels)}
    return Said(
        texts=[clean(text)[:max_chars] for text in table["text"].to_pylist()],
        labels=np.asarray([number[label] for label in table["label"].to_pylist()], dtype=np.int64),
        weights=np.asarray(table["weight"].to_pylist(), dtype=np.float64),
        languages=[str(one) for one in table["language"].to_pylist()],
        ids=table["example_id"].to_pylist(),
    )


def examples(said: Said, encoders: Sequence[texts.Encoder]) -> Examples:
    """The rows with their vectors."""
    return Examples(tuple(one.encode(said.texts) for one in encoders), said.texts, said.labels, said.weights)


def chosen(said: Said, *, params: IntentParams) -> tuple[str, str]:
    """The recipe for these rows and why. InputError for an unknown one, or one that this encoder cannot follow."""
    tunable = texts.is_tunable(params.encoder)
    if params.recipe != "auto":
        return _asked_for(params.recipe, tunable=tunable), "asked for"
    each = _middle(said)
    seen = f"{each:g} examples of the middle intent"
    if not tunable:
        return FROZEN, f"this encoder cannot be tuned ({seen})"
    if (many := len(np.unique(said.labels))) > intent_head.MOST_LABELS:
        return FROZEN, f"{many} labels, too many to tune for in reasonable time ({seen})"
    if each < 2:
        return FROZEN, f"{seen}: no pairs to learn from"
    return (CONTRASTIVE if _few(said, params) else FULL), seen


def _middle(said: Said) -> float:
    """Examples of the intent in the middle."""
    return float(np.median(np.unique(said.labels, return_counts=True)[1]))


def _few(said: Said, params: IntentParams) -> bool:
    return _middle(said) <= params.contrastive_most


def _asked_for(recipe: str, *, tunable: bool) -> str:
    if recipe not in RECIPES:
        raise InputError("unknown recipe", expected=", ".join(("auto", *RECIPES)), came=recipe, where="intent.recipe")
    if recipe != FROZEN and not tunable:
        raise InputError("this encoder cannot be tuned", expected=FROZEN, came=recipe, where="intent.recipe")
    return recipe


def learned(said: Said, *, recipe: str, held: Said | None, school: School, name: str) -> Learned:
    """Learn from these rows; `held` chooses the strength of the heads, `name` is the encoder's folder in scratch."""
    return _headed(said, _encoders(said, recipe=recipe, school=school, name=name), held=held, school=school)


def _encoders(said: Said, *, recipe: str, school: School, name: str) -> tuple[texts.Encoder, ...]:
    """The encoders as this recipe makes them of these rows, in full precision."""
    if recipe == FROZEN:
        return school.bases
    sources = school.params.encoders
    tuned = [
        _tuned(source, base, said, recipe=recipe, school=school, to=school.scratch / f"{name}-{place}")
        for place, (source, base) in enumerate(zip(sources, school.bases, strict=False))
    ]
    return (*tuned, *school.bases[len(sources) :])


def _tuned(source: str, base: texts.Encoder, said: Said, *, recipe: str, school: School, to: Path) -> texts.Encoder:
    """The encoder of that name, tuned on these rows; as it came where it cannot be tuned, or where that gains nothing:
    with many examples the one for all languages is right as often untuned, and knows strangers better."""
    if not texts.is_tunable(source) or (recipe == FULL and source == texts.MULTILINGUAL):
        return base
    folder = intent_tuning.tune(
        source, intent_tuning.Lesson(said.texts, said.labels, _words(school)), vectors=base.encode(said.texts),
        params=_tuning(recipe, school.params, source), seed=school.seed, threads=school.threads, to=to,
    )  # fmt: skip
    return OnnxEncoder(folder, threads=school.threads)


def _words(school: School) -> list[str]:
    return [intent_tuning.words_of(one) for one in school.names]


def _headed(said: Said, encoders: tuple[texts.Encoder, ...], *, held: Said | None, school: School) -> Learned:
    """The heads on these encoders, which are lighter where that was allowed."""
    encoders = tuple(_lighter(one, school) if at in school.light else one for at, one in enumerate(encoders))
    asked = None if held is None else examples(held, encoders)
    named = tuple(one.encode(_words(school)) for one in encoders) if _few(said, school.params) else None
    head = intent_head.fit(
        examples(said, encoders), held=asked, label_count=len(school.names), params=school.params, named=named
    )
    return Learned(encoders, head, [said.ids[row] for row in head.known_rows])


def _lighter(encoder: texts.Encoder, school: School) -> texts.Encoder:
    assert isinstance(encoder, OnnxEncoder)  # noqa: S101 - others are never measured to be light enough
    folder = encoder_light.lightened(encoder.folder, to=school.scratch / f"light-{encoder.digest[:16]}")
    return OnnxEncoder(folder, threads=school.threads)


def _lightness(said: Said, encoder: texts.Encoder, school: School) -> Lightness | None:
    """What it costs to make this encoder lighter, on these rows; None where it is not asked for, or cannot be told."""
    if not school.params.lighten or len(said.texts) < intent_lightness.FEWEST_ROWS:
        return None
    if not isinstance(encoder, OnnxEncoder):
        return None
    heavy, light = (one.encode(said.texts) for one in (encoder, _lighter(encoder, school)))
    return intent_lightness.measured(heavy, light, said.labels, seed=school.seed)


def _tuning(recipe: str, params: IntentParams, source: str) -> TuningParams:
    """How this encoder is tuned by this recipe."""
    told = params.tuning
    if source == texts.MULTILINGUAL:
        return replace(told, learning_rate=told.multilingual_learning_rate, tuned_share=told.multilingual_share)
    if recipe == FULL:
        return replace(told, passes=told.full_passes, tune_words=True, tuned_share=told.full_tuned_share)
    return told


@dataclass(frozen=True)
class Evidence:
    """What models made of rows that taught them nothing.

    untuned: every row that was left out in turn, as read under the encoders as they came, those of `parts` first: a
    tuned model is too dear to be made for every fold, and the folds that it was made for may be odd ones. Empty where
    `parts` hold every row.
    """

    parts: Sequence[Asked]
    untuned: Sequence[Asked] = ()


def learned_and_asked(said: Said, held: Said, *, recipe: str, school: School) -> tuple[Learned, Evidence]:
    """The model, and what it (or models like it) made of rows that taught it nothing.

    With rows enough that were held out, those. With fewer they teach too. Where all weights are tuned there are many
    rows: one fold of them teaches the head but not the encoder. Else folds of all rows are left out in turn: models
    learn from the rest and read their fold, the model itself learns from everything. NotEnoughData where no row can be
    left out.
    """
    if len(held.texts) >= school.params.min_language_rows:
        made = _made(said, held=held, recipe=recipe, school=school)
        return made, Evidence([made.asked(held)])
    everything = _together(said, held)
    folds = _folds(everything, school, count=FULL_FOLDS if recipe == FULL else school.params.folds)
    if not folds:
        raise NotEnoughData("too few rows to calibrate on", expected="two examples of an intent", came="one of each",
                            remedy="Give an intent a second example, or texts to calibrate on.")  # fmt: skip
    if recipe == FULL:
        return _learned_once(everything, folds[0], school=school)
    made = _made(everything, held=None, recipe=recipe, school=school)
    school = replace(school, light=made.light)
    used = folds[: _folds_used(len(everything.texts), recipe=recipe, school=school)]
    parts = [_left_out(everything, fold, recipe=recipe, school=school) for fold in used]
    untuned = folds if recipe != FROZEN and len(used) < len(folds) else []
    return made, Evidence(parts, [_left_out(everything, one, recipe=FROZEN, school=school) for one in untuned])


def _folds_used(rows: int, *, recipe: str, school: School) -> int:
    """All of them where lessons are short: heads alone (of thousands of labels they are not), or few texts."""
    params, every = school.params, school.params.folds
    if recipe == FROZEN:
        return every if len(school.names) <= intent_head.MOST_LABELS else params.folds_used
    texts_read = rows + every * rows * (every - 1) / every
    return every if texts_read <= params.lesson_texts else params.folds_used


def _made(said: Said, *, held: Said | None, recipe: str, school: School) -> Learned:
    """The model itself; its encoders are lighter where that costs next to nothing. What the one for languages that no
    row is in would lose, nobody can tell."""
    encoders = _encoders(said, recipe=recipe, school=school, name="encoder")
    asked = (None if at == school.abroad else one for at, one in enumerate(encoders))
    lightness = tuple(None if one is None else _lightness(said, one, school) for one in asked)
    light = replace(school, light=_allowed(lightness))
    return replace(_headed(said, encoders, held=held, school=light), lightness=lightness)


def _allowed(lightness: Sequence[Lightness | None]) -> frozenset[int]:
    return frozenset(at for at, one in enumerate(lightness) if one is not None and one.allowed)


def _learned_once(said: Said, fold: Rows, *, school: School) -> tuple[Learned, Evidence]:
    """All weights tuned on the rows outside of the fold; the head, once it was asked the fold, learns from it too."""
    rest, left = said.take(np.setdiff1d(np.arange(len(said.texts)), fold)), said.take(fold)
    first = _made(rest, held=left, recipe=FULL, school=school)
    strengths = tuple(one.strength for one in first.head.of_vectors[:1])
    chosen = replace(school.params, strengths=strengths, ngram_strengths=(first.head.gram_strength,))
    again = _headed(said, first.encoders, held=None, school=replace(school, params=chosen))
    return replace(again, lightness=first.lightness), Evidence([first.asked(left)])


def _together(said: Said, held: Said) -> Said:
    if not held.texts:
        return said
    return Said(
        [*said.texts, *held.texts],
        np.concatenate([said.labels, held.labels]),
        np.concatenate([said.weights, held.weights]),
        [*said.languages, *held.languages],
        [*said.ids, *held.ids],
    )


def _folds(said: Said, school: School, *, count: int) -> list[Rows]:
    """The rows of each fold: an intent's rows are dealt out in turn, a lone one is never left out."""
    fold = np.full(len(said.texts), -1, dtype=np.int64)
    rng = np.random.default_rng(school.seed)
    for label in np.unique(said.labels):
        rows = rng.permutation(np.flatnonzero(said.labels == label))
        if len(rows) > 1:
            fold[rows] = (np.arange(len(rows)) + rng.integers(count)) % count
    kept = (np.flatnonzero(fold == number) for number in range(count))
    return [rows for rows in kept if len(rows)]


def _left_out(said: Said, fold: Rows, *, recipe: str, school: School) -> Asked:
    rest, left = said.take(np.setdiff1d(np.arange(len(said.texts)), fold)), said.take(fold)
    return learned(rest, recipe=recipe, held=None, school=school, name=f"without-{int(fold[0])}").asked(left)
