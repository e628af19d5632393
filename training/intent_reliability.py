"""How truthful confidence is in each language and channel: a reliability plot each, and the calibration error.

Beside it stands the error that a perfectly calibrated model would show on as many rows.

Confidence is calibrated by language, for all channels together: a map for each channel was measured and did not pay
(docs/decisions/0009-one-calibration-a-language.md). These figures say whether that still holds here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training import calibration
from training.calibration import Expected
from training.intent_figures import Answered, Figures
from training.report import Chart, Metric

Doubles = npt.NDArray[np.float64]
# Fewer rows tell nothing: of 100 the calibration error of a perfect model is about .08.
FEWEST_ROWS = 100
# Rows in a bin of a plot: a share of 20 is known to 10 points, so few bins where rows are few.
ROWS_A_BIN = 20


@dataclass(frozen=True)
class Part:
    """The judged rows of one language and channel: confidence before refusal, right or not, weights."""

    language: str
    channel: str
    confidence: Doubles
    hits: Doubles
    weights: Doubles

    @property
    def error(self) -> float:
        """The calibration error of these rows."""
        return calibration.calibration_error(self.confidence, self.hits, weights=self.weights)

    def expected(self, *, seed: int) -> Expected:
        """What a perfectly calibrated model would show on them."""
        return calibration.expected_error(self.confidence, seed=seed, weights=self.weights)


def figures(answered: Answered, *, seed: int) -> Figures:
    """A metric and a plot for each language and channel with `FEWEST_ROWS` and more, and one table of all of them."""
    found = [(part, part.expected(seed=seed)) for part in parts(answered)]
    if not found:
        return Figures()
    return Figures(
        metrics=tuple(_metric(part, by_chance) for part, by_chance in found),
        charts=(_table(found), *(_plot(part) for part, _ in found)),
    )


def parts(answered: Answered) -> Iterator[Part]:
    """The languages and channels with rows enough, in order of their names."""
    named = list(zip(answered.by["language"], answered.by["channel"], strict=True))
    hits = answered.candidate.hits(answered.truth)
    for language, channel in sorted(set(named)):
        mine = np.asarray([one == (language, channel) for one in named])
        if mine.sum() >= FEWEST_ROWS:
            yield Part(language, channel, answered.candidate.confidence[mine], hits[mine], answered.weights[mine])


def _metric(part: Part, by_chance: Expected) -> Metric:
    error = part.error
    return Metric(
        f"ece_excess_{part.language}_{part.channel}", error - by_chance.mean, error - by_chance.high,
        error - by_chance.low, better="lower", rows=len(part.hits),
        says=f"calibration error in {part.language} by {part.channel}, less that of a perfectly calibrated model",
        says_zh="该语言与渠道超出期望的校准误差",
    )  # fmt: skip


def _table(found: list[tuple[Part, Expected]]) -> Chart:
    columns = [
        "language 语言",
        "channel 渠道",
        "rows 样本",
        "said 置信度",
        "right 正确率",
        "ECE",
        "by chance 期望 (95%)",
    ]
    told = [
        [part.language, part.channel, str(len(part.hits)), f"{_mean(part.confidence, part.weights):.1%}",
         f"{_mean(part.hits, part.weights):.1%}", f"{part.error:.3f}",
         f"{by_chance.mean:.3f} ({by_chance.low:.3f} – {by_chance.high:.3f})"]
        for part, by_chance in found
    ]  # fmt: skip
    return Chart(
        "table", "Confidence by language and channel", "各语言与渠道的置信度", {"columns": columns, "rows": told}
    )


def _mean(values: Doubles, weights: Doubles) -> float:
    return float(np.average(values, weights=np.maximum(weights, 1e-9)))


def _plot(part: Part) -> Chart:
    bins = max(1, min(calibration.BINS, len(part.hits) // ROWS_A_BIN))
    named = f"{part.language}, {part.channel}"
    return Chart("reliability", f"Confidence and truth: {named}", f"置信度与实际正确率：{named}",
                 {"bins": calibration.reliability(part.confidence, part.hits, bins=bins)})  # fmt: skip
