"""What a family measured, row by row, made into the figures of a report: metrics, comparisons, slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from data_contracts.errors import NotEnoughData
from training.intervals import Floats, columns, paired, single
from training.report import Better, Comparison, Metric, Slice


def metric(name: str, *, numerators: ArrayLike, seed: int, better: Better = "higher", **told: Any) -> Metric:
    """A `Metric` with its bootstrap interval. `told`: denominators, blocks (see `single`), unit, says, says_zh."""
    words = {key: told.pop(key) for key in ("unit", "says", "says_zh") if key in told}
    got = single(numerators, seed=seed, **told)
    rows = int(np.size(numerators))
    return Metric(name=name, value=got.estimate, low=got.low, high=got.high, better=better, rows=rows, **words)


def comparison(
    name: str, *, against: str, candidate: ArrayLike, other: ArrayLike, better: Better, seed: int, **told: Any
) -> Comparison:
    """A `Comparison` for the report, by `paired`; `told` as there."""
    got = paired(candidate, other=other, better=better, seed=seed, **told)
    gap = got.difference
    return Comparison(
        metric=name, against=against, candidate=got.candidate, other=got.other, difference=gap.estimate,
        low=gap.low, high=gap.high, rows=got.rows, better=better, method=got.method,
    )  # fmt: skip


def slices(
    dimension: str,
    *,
    values: Sequence[str],
    metric: str,
    against: str,
    candidate: ArrayLike,
    other: ArrayLike | None = None,
    better: Better = "higher",
    seed: int,
    denominators: ArrayLike | None = None,
    blocks: Sequence[Any] | None = None,
) -> list[Slice]:
    """One `Slice` a value of the dimension, sorted by value. `values`: one a row.

    With `other`, the two are compared as in `paired`; without, `against` is "absolute" and the interval is the
    candidate's own. A slice of one row or one block has figures and no interval.
    """
    ours, theirs, below = columns(candidate, candidate if other is None else other, denominators)
    made = []
    for value in sorted(set(values)):
        rows = np.array([index for index, one in enumerate(values) if one == value])
        part = _Part(ours[rows], theirs[rows], below[rows], None if blocks is None else [blocks[row] for row in rows])
        figures = part.own(seed) if other is None else part.against_other(better, seed)
        made.append(Slice(dimension, value, metric, against, len(rows), better=better, **figures))
    return made


@dataclass(frozen=True)
class _Part:
    """The rows of one slice."""

    ours: Floats
    theirs: Floats
    below: Floats
    blocks: Sequence[Any] | None

    def own(self, seed: int) -> dict[str, float | None]:
        try:
            got = single(self.ours, denominators=self.below, blocks=self.blocks, seed=seed)
        except NotEnoughData:
            return {"candidate": _ratio(self.ours, self.below)}
        return {"candidate": got.estimate, "low": got.low, "high": got.high}

    def against_other(self, better: Better, seed: int) -> dict[str, float | None]:
        try:
            got = paired(
                self.ours, other=self.theirs, better=better, denominators=self.below, blocks=self.blocks, seed=seed
            )
        except NotEnoughData:
            return {"candidate": _ratio(self.ours, self.below), "other": _ratio(self.theirs, self.below)}
        gap = got.difference
        return {
            "candidate": got.candidate, "other": got.other, "difference": gap.estimate,
            "low": gap.low, "high": gap.high, "p_worse": got.p_worse,
        }  # fmt: skip


def _ratio(above: Floats, below: Floats) -> float | None:
    return float(above.sum() / below.sum()) if below.sum() > 0 else None
