"""How one model speaks each language: mix of the heads, threshold of refusal, and whether it may answer at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training import calibration, intervals
from training.calibration import Mix, Scores
from training.intent_recipes import Asked, Evidence
from training.loaders.intent import familiarity
from training.params import IntentParams

Doubles = npt.NDArray[np.float64]
# For languages that no held-out row has: a person answers.
ANY = "*"
# What a mix's weights of the signs are learned by (`intent_strangers.weights`).
SignWeights = Callable[[Mix], list[float]]


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows of one language, or of all, with the mix that describes them."""

    parts: tuple[Asked, ...]
    mix: Mix

    @classmethod
    def of(cls, parts: Sequence[Asked], *, mix: Mix | None = None, only: Sequence[int] | None = None) -> HeldOut:
        """With the mix that is given, or the best one for these rows (of the heads in `only`)."""
        return cls(tuple(parts), mix or calibration.best_mix(_scores(parts), only=only))

    @classmethod
    def everybody(cls, parts: Sequence[Asked]) -> HeldOut:
        """Rows of all languages: where there are several, no encoder is let go that one of them may need."""
        several = len({language for part in parts for language in part.said.languages}) > 1
        return cls.of(parts, only=range(parts[0].read.scores.shape[1]) if several else None)

    @property
    def rows(self) -> int:
        """How many."""
        return sum(len(part.said.texts) for part in self.parts)

    @property
    def languages(self) -> list[str]:
        """Those that occur."""
        return sorted({language for part in self.parts for language in part.said.languages})

    def right_count(self) -> int:
        """Rows whose best guess is right."""
        return sum(int((part.read.shares(self.mix).argmax(axis=1) == part.said.labels).sum()) for part in self.parts)

    def speaking(self, language: str) -> list[Asked]:
        """The rows of a language, part by part."""
        return _speaking(self.parts, language)

    def refusal(self, weights: Sequence[float], *, refused_share: float) -> dict[str, Any]:
        """The tables and the threshold for that share of false refusals among these rows."""
        told = np.concatenate([part.signs(self.mix) for part in self.parts])
        tables = calibration.tables(told)
        known = familiarity(told, tables=tables, weights=weights)
        return {"tables": tables, "threshold": calibration.threshold(known, refused_share=refused_share)}

    def share_below(self, weights: Sequence[float], *, refused_share: float, rows: int) -> float:
        """Where that share of all rows is refused, the share of the first `rows` that is: are they odd ones?"""
        told = np.concatenate([part.signs(self.mix) for part in self.parts])
        known = familiarity(told, tables=calibration.tables(told), weights=weights)
        return float((known[:rows] < np.quantile(known, refused_share)).mean())


@dataclass(frozen=True)
class Calibrating:
    """What calibrating needs besides the rows: how the signs' weights are learned, and the figures."""

    sign_weights: SignWeights
    params: IntentParams
    untuned: Sequence[Asked] = ()

    def refusal(self, held: HeldOut, *, language: str | None) -> dict[str, Any]:
        """Weights, tables and threshold by these rows (of one language, or of all)."""
        weights = self.sign_weights(held.mix)
        share = self._share(held, language=language)
        return {"sign_weights": weights, **held.refusal(weights, refused_share=share)}

    def _share(self, held: HeldOut, *, language: str | None) -> float:
        """The share to refuse among these rows so that of all rows it is the one that was asked for.

        A control variate: what the untuned model makes of all rows tells whether those that a tuned one read are
        harder or easier than the rest. Held within a factor of two.
        """
        asked = self.params.false_refusal
        untuned = self.untuned if language is None else _speaking(self.untuned, language)
        if not untuned:
            return asked
        every = HeldOut.of(untuned)
        found = every.share_below(self.sign_weights(every.mix), refused_share=asked, rows=held.rows)
        return float(np.clip(found, 0.5 * asked, 2.0 * asked))


def told(
    everybody: HeldOut, *, evidence: Evidence, sign_weights: SignWeights, params: IntentParams, abroad: int | None
) -> dict[str, dict[str, Any]]:
    """What the payload says of each language: mix, tables, threshold, whether it answers, and on what that rests.

    abroad: the place of the encoder that knows other languages, which alone can read one that no row was in.
    """
    by = Calibrating(sign_weights, params, evidence.untuned)
    usual = everybody if abroad is None else HeldOut.of(everybody.parts, only=[abroad])
    why = "no row of this language was there to calibrate on"
    found: dict[str, dict[str, Any]] = {
        ANY: {"mix": list(usual.mix), **by.refusal(usual, language=None), "answers": False, "rows": 0, "why": why}
    }
    for language in everybody.languages:
        found[language] = _language(language, everybody, by)
    return found


def _speaking(parts: Sequence[Asked], language: str) -> list[Asked]:
    marked = [(part, [one == language for one in part.said.languages]) for part in parts]
    return [part.take(np.flatnonzero(marks)) for part, marks in marked if any(marks)]


def _language(language: str, everybody: HeldOut, by: Calibrating) -> dict[str, Any]:
    own, params = everybody.speaking(language), by.params
    alone = sum(len(part.said.texts) for part in own) >= params.min_language_rows
    held = HeldOut.of(own, mix=None if alone else everybody.mix)
    refusal = by.refusal(held, language=language) if alone else by.refusal(everybody, language=None)
    share = intervals.proportion(held.right_count(), of=held.rows)
    answers = share.low >= params.language_floor
    seen = f"right on {share.estimate:.1%} of {held.rows} texts, surely on {share.low:.1%}"
    return {
        "mix": list(held.mix), **refusal, "answers": answers, "rows": held.rows,
        "accuracy": round(share.estimate, 6), "accuracy_low": round(share.low, 6), "own_calibration": alone,
        "why": "" if answers else f"{seen}, needed {params.language_floor:.0%}",
    }  # fmt: skip


def _scores(parts: Sequence[Asked]) -> Scores:
    return Scores(
        of_heads=np.concatenate([part.read.scores for part in parts]),
        truth=np.concatenate([part.said.labels for part in parts]),
        weights=np.concatenate([part.said.weights for part in parts]),
    )
