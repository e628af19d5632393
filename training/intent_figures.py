"""What an intent report shows: how often right, how truthful, what is refused, where and between what it errs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training import calibration, evidence, intervals, rows
from training.intent_head import counted, gram_matrix, rarity
from training.loaders.intent import clean
from training.report import Chart, Comparison, Metric, Slice

Doubles = npt.NDArray[np.float64]
BASELINE_BUCKETS = 8192
BASELINE_SAYS = (
    "baseline: keyword rules, as centres write them before they have a model: the most telling word (in Chinese two "
    "characters) decides; they are a yardstick and are not served: without an approved model, and outside of its "
    "scope, no intent is answered and a person decides; nearest_centroid: the closest mean of weighted character "
    "n-grams, shown for comparison"
)
_WORDS = re.compile(r"[a-z0-9']+|[^\W\d_a-z]+")
# Pairs and points that a reader can take in at once.
PAIRS_SHOWN, CURVE_POINTS = 10, 21


@dataclass(frozen=True)
class Answers:
    """What one model said of the judged rows: best guess, confidence before refusal, whether it refused."""

    guess: Sequence[str]
    confidence: Doubles
    abstained: npt.NDArray[np.bool_]
    reasons: Sequence[str] = ()  # why, in words, of each; none where nobody says why

    def hits(self, truth: Sequence[str]) -> Doubles:
        """1 where the best guess is right."""
        return np.asarray([a == b for a, b in zip(self.guess, truth, strict=True)], dtype=np.float64)


@dataclass(frozen=True)
class Answered:
    """The judged rows with everybody's answers."""

    truth: Sequence[str]
    weights: Doubles
    by: Mapping[str, Sequence[str]]  # dimension -> value of each row
    labels_known: frozenset[str]
    candidate: Answers
    baseline: Answers
    nearest_centroid: Answers
    champion: Answers | None


@dataclass(frozen=True)
class Figures:
    """The parts of a report that are measured."""

    metrics: tuple[Metric, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    slices: tuple[Slice, ...] = ()
    charts: tuple[Chart, ...] = ()
    limits: tuple[str, ...] = field(default_factory=tuple)

    def __add__(self, other: Figures) -> Figures:
        """These and the other's, in this order."""
        return Figures(**{name: mine + getattr(other, name) for name, mine in vars(self).items()})


def answered(table: pa.Table, *, candidate: Any, champion: Any | None) -> Answered:
    """Ask candidate, baseline and champion the judged rows, each by its own loader."""
    train, judged = rows.part(table, rows.TRAIN), rows.part(table, rows.JUDGE)
    texts, languages = judged["text"].to_pylist(), [str(one) for one in judged["language"].to_pylist()]
    truth = judged["label"].to_pylist()
    return Answered(
        truth=truth,
        weights=np.asarray(judged["weight"].to_pylist(), dtype=np.float64),
        by={
            "language": languages,
            "channel": [one or "unknown" for one in judged["channel"].to_pylist()],
            "intent": truth,
        },
        labels_known=frozenset(candidate.labels),
        candidate=_said(candidate, texts, languages),
        baseline=keyword_rules(train, texts),
        nearest_centroid=nearest_centroid(train, texts),
        champion=None if champion is None else _said(champion, texts, languages),
    )


def keyword_rules(train: pa.Table, texts: Sequence[str]) -> Answers:
    """The baseline: each text goes to the label of its most telling word; without a known word, to the commonest label.

    How telling: of the training texts with the word, the share that has the label, two texts counted against it.
    """
    labels = train["label"].to_pylist()
    with_word: dict[str, Counter[str]] = {}
    for text, label in zip(train["text"].to_pylist(), labels, strict=True):
        for word in words_of(text):
            with_word.setdefault(word, Counter())[label] += 1
    rules = {word: _rule(counts) for word, counts in with_word.items()}
    otherwise = (0.0, Counter(sorted(labels)).most_common(1)[0][0])
    said = [max((rules[word] for word in words_of(text) if word in rules), default=otherwise) for text in texts]
    confidence = np.asarray([share for share, _ in said], dtype=np.float64)
    return Answers([label for _, label in said], confidence, np.zeros(len(texts), dtype=bool))


def words_of(text: str) -> set[str]:
    """The different words of a text, case folded; a run of Han characters gives its pairs of neighbours."""
    found: set[str] = set()
    for run in _WORDS.findall(clean(text).casefold()):
        pairs = {run[place : place + 2] for place in range(len(run) - 1)}
        found |= {run} if run.isascii() or len(run) < 2 else pairs
    return found


def _rule(counts: Counter[str]) -> tuple[float, str]:
    label, most = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return most / (counts.total() + 2.0), label


def nearest_centroid(train: pa.Table, texts: Sequence[str]) -> Answers:
    """A model without an encoder: the label whose mean row of weighted character n-grams is closest, by cosine."""
    labels = train["label"].to_pylist()
    known, asked = (
        counted([clean(text) for text in part], buckets=BASELINE_BUCKETS) for part in (train["text"].to_pylist(), texts)
    )
    inverse_share = rarity(known, buckets=BASELINE_BUCKETS)
    names = sorted(set(labels))
    matrix = gram_matrix(known, inverse_share=inverse_share)
    members = np.asarray([[label == name for label in labels] for name in names], dtype=np.float32)
    centroids = members @ matrix
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
    likeness = gram_matrix(asked, inverse_share=inverse_share) @ centroids.T
    best = np.asarray(likeness).argmax(axis=1)
    confidence = np.asarray(likeness, dtype=np.float64).max(axis=1)
    return Answers([names[one] for one in best], confidence, np.zeros(len(texts), dtype=bool))


def figures(asked: Answered, *, seed: int) -> Figures:
    """All figures of the report, from the answers."""
    return Figures(
        metrics=(*_accuracies(asked, seed), *_truthfulness(asked, seed), *_refusals(asked)),
        comparisons=tuple(_comparisons(asked, seed)),
        slices=tuple(_slices(asked, seed)),
        charts=_charts(asked),
        limits=_limits(asked),
    )


def macro_f1(truth: Sequence[str], guess: Sequence[str]) -> float:
    """Mean over the labels that occur of 2 right / (said + true)."""
    right = Counter(a for a, b in zip(truth, guess, strict=True) if a == b)
    said, true = Counter(guess), Counter(truth)
    return float(np.mean([2 * right[label] / (said[label] + true[label]) for label in sorted(true)]))


def _said(model: Any, texts: Sequence[str], languages: Sequence[str]) -> Answers:
    said = model.answer(texts, languages=languages)
    return Answers(
        guess=[one["alternatives"][0]["intent"] for one in said],
        confidence=np.asarray([one["confidence"] for one in said], dtype=np.float64),
        abstained=np.asarray([one["abstained"] for one in said], dtype=bool),
        reasons=[str(one["reason"]) for one in said],
    )


def _accuracies(asked: Answered, seed: int) -> list[Metric]:
    hits = asked.candidate.hits(asked.truth)
    return [
        evidence.metric(
            "accuracy", numerators=hits * asked.weights, denominators=asked.weights, seed=seed,
            says="share of judged texts whose best guess is right, before any refusal, by label weight",
            says_zh="判定样本中首选意图正确的比例（拒答之前，按标签权重）",
        ),
        Metric("macro_f1", macro_f1(asked.truth, asked.candidate.guess), rows=len(hits),
               says="mean over intents of 2 x right / (said + true)", says_zh="各意图 F1 的平均值"),
    ]  # fmt: skip


def _truthfulness(asked: Answered, seed: int) -> list[Metric]:
    confidence, hits = asked.candidate.confidence, asked.candidate.hits(asked.truth)
    error = calibration.calibration_error(confidence, hits, weights=asked.weights)
    expected = calibration.expected_error(confidence, seed=seed, weights=asked.weights)
    count = len(hits)
    return [
        Metric("ece", error, better="lower", rows=count, says_zh="校准误差（15 个等量分箱）",
               says="mean gap between confidence and accuracy, 15 bins of equal mass, before refusal"),
        Metric("ece_expected", expected.mean, expected.low, expected.high, better="lower", rows=count,
               says="what a perfectly calibrated model would show on these rows by chance", 
               says_zh="完全校准的模型在这些样本上的期望误差"),
        # The chance part of the error is as it would be for a calibrated model: its spread is the interval.
        Metric("ece_excess", error - expected.mean, error - expected.high, error - expected.low, better="lower",
               rows=count, says="ece - ece_expected", says_zh="超出期望的误差"),
    ]  # fmt: skip


def _refusals(asked: Answered) -> list[Metric]:
    answered_rows = ~asked.candidate.abstained
    hits = asked.candidate.hits(asked.truth)
    known = np.asarray([label in asked.labels_known for label in asked.truth])
    return [
        _share("coverage", answered_rows, says_zh="作答比例", says="share of judged texts that are answered"),
        _share("accuracy_on_answered", hits[answered_rows] > 0, says_zh="作答正确率",
               says="share right among those answered"),
        _share("false_refusal", asked.candidate.abstained[known], better="lower", says_zh="已知意图被拒答的比例",
               says="share refused of the texts whose intent was learned"),
        _share("refused_though_right", asked.candidate.abstained[hits > 0], better="lower", says_zh="正确却拒答的比例",
               says="share refused of the texts whose best guess was right"),
    ]  # fmt: skip


def _share(name: str, marks: npt.NDArray[np.bool_], **told: Any) -> Metric:
    if not len(marks):
        return Metric(name, None, **told)
    got = intervals.proportion(int(marks.sum()), of=len(marks))
    return Metric(name, got.estimate, got.low, got.high, rows=len(marks), **told)


def _comparisons(asked: Answered, seed: int) -> list[Comparison]:
    ours = asked.candidate.hits(asked.truth) * asked.weights
    return [
        evidence.comparison("accuracy", against=name, candidate=ours, other=other.hits(asked.truth) * asked.weights,
                            better="higher", denominators=asked.weights, seed=seed)
        for name, other in [*_others(asked), ("nearest_centroid", asked.nearest_centroid)]
    ]  # fmt: skip


def _slices(asked: Answered, seed: int) -> list[Slice]:
    ours = asked.candidate.hits(asked.truth) * asked.weights
    shared: dict[str, Any] = {"metric": "accuracy", "candidate": ours, "seed": seed, "denominators": asked.weights}
    own = evidence.slices("language", values=asked.by["language"], against="absolute", **shared)
    against = [
        one
        for dimension in ("channel", "intent", "language")
        for name, other in _others(asked)
        for one in evidence.slices(
            dimension, values=asked.by[dimension], against=name, other=other.hits(asked.truth) * asked.weights, **shared
        )
    ]
    return own + against


def _others(asked: Answered) -> list[tuple[str, Answers]]:
    champion = [] if asked.champion is None else [("champion", asked.champion)]
    return [("baseline", asked.baseline), *champion]


def _charts(asked: Answered) -> tuple[Chart, ...]:
    hits = asked.candidate.hits(asked.truth)
    pairs = Counter(
        (true, said) for true, said in zip(asked.truth, asked.candidate.guess, strict=True) if true != said
    ).most_common(PAIRS_SHOWN)
    return (
        Chart("reliability", "Confidence and truth", "置信度与实际正确率",
              {"bins": calibration.reliability(asked.candidate.confidence, hits)}),
        Chart("bars", "Most confused pairs (true: said)", "最易混淆的意图（实际：判定）",
              {"labels": [f"{true}: {said}" for (true, said), _ in pairs], "values": [n for _, n in pairs]}),
        Chart("curves", "Right among answered, by share answered", "作答比例与正确率", 
              {"series": _curve(asked, hits), "x_label": "share answered 作答比例", "y_label": "right 正确率"}),
    )  # fmt: skip


def _curve(asked: Answered, hits: Doubles) -> list[dict[str, Any]]:
    order = np.argsort(-asked.candidate.confidence, kind="stable")
    running = np.cumsum(hits[order]) / np.arange(1, len(order) + 1)
    points = np.unique(np.linspace(max(0, len(order) // 20 - 1), len(order) - 1, CURVE_POINTS).astype(int))
    shares = [(int(p) + 1) / len(order) for p in points]
    return [{"name": "candidate", "x": shares, "y": [float(running[p]) for p in points]}]


def _limits(asked: Answered) -> tuple[str, ...]:
    unknown = sum(label not in asked.labels_known for label in asked.truth)
    told = [BASELINE_SAYS, "the threshold was set on held-out texts of known intents, on no others"]
    if unknown:
        told.append(f"{unknown} judged texts have an intent that the candidate never saw: they count as wrong")
    return tuple(told)
