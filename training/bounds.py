"""Within what a parameter makes sense, by its name, in one table: what lies outside is refused before a run exists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from data_contracts.errors import InputError

# Numbers beyond this overflow the 32-bit counts of the libraries that take them.
MOST: Final = 2.0**31 - 1


@dataclass(frozen=True)
class Bound:
    """From `least` to `most`, the ends too unless `open`; `reason` says what would lie beyond."""

    reason: str
    least: float
    most: float = MOST
    open: bool = False

    def holds(self, value: float) -> bool:
        """Whether the value makes sense; NaN never does."""
        return self.least < value < self.most if self.open else self.least <= value <= self.most

    @property
    def ends(self) -> str:
        """From where to where, in words."""
        ends = f"more than {self.least:.12g}" if self.open else f"{self.least:.12g} or more"
        if self.most < MOST:
            ends = f"between {self.least:.12g} and {self.most:.12g}" + ("" if self.open else ", ends included")
        return ends

    def __str__(self) -> str:
        return f"{self.ends}: {self.reason}"


COUNT = Bound("with none there is nothing to learn from or to judge", 1)
TIME = Bound("time does not run backwards", 0)
STEP = Bound("a step of no length never ends", 0, open=True)
SHARE = Bound("it is a share of a whole", 0, 1)
PART = Bound("both parts together must leave rows to learn from", 0, 0.5, open=True)
SOME = Bound("a share of none leaves nothing", 0, 1, open=True)
DRAG = Bound("a penalty below none rewards what it should punish", 0)
RATE = Bound("a step of none learns nothing, one above the whole overshoots", 1e-6, 1)
POSITIVE = Bound("the learner divides by it", 0, open=True)
PRICE = Bound("an answer that pays for itself would be sought, right or wrong", 0)
WORTH = Bound("a utility must not want what costs the centre", 0)

# The quantiles of an issued forecast, by which its columns are named (`training.aggregates.LEVELS`).
PUBLISHED: Final = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
_DAY_S: Final = 86_400

KINDS: Final = ("in-domain", "out-of-domain")

BOUNDS: Final[Mapping[str, Bound]] = {
    **dict.fromkeys(("max_rows", "max_judge_rows", "max_calibrate_rows", "min_train_rows", "max_chars"), COUNT),
    **dict.fromkeys(("ngram_buckets", "max_iterations", "min_language_rows", "alternatives", "rounds"), COUNT),
    **dict.fromkeys(
        ("min_leaf_rows", "min_decisions", "max_candidate_decisions", "max_origins", "max_origin_rows"), COUNT
    ),
    **dict.fromkeys(("lag_weeks", "max_lag_weeks", "max_history_days"), COUNT),
    **dict.fromkeys(("repeat_window_days", "repeat_window_days_by_source", "repeat_settle_h"), TIME),
    **dict.fromkeys(("wrap_up_settle_h", "min_handle_s", "settle_s"), TIME),
    **dict.fromkeys(("agent_snapshot_h", "customer_snapshot_h"), STEP),
    **dict.fromkeys(
        ("weight_labelled", "weight_corrected", "weight_confirmed", "weight_clustered", "weight_wrap_up"), SHARE
    ),
    **dict.fromkeys(("open_share", "language_floor", "false_refusal", "explore_share"), SHARE),
    **dict.fromkeys(("tuned_share", "full_tuned_share", "multilingual_share"), SHARE),
    **dict.fromkeys(("judge_share", "calibrate_share"), PART),
    **dict.fromkeys(("shrink_handle", "shrink_resolution", "shrink_rating", "baseline_shrink"), DRAG),
    **dict.fromkeys(("leaf_drag", "min_leaf_days"), DRAG),
    **dict.fromkeys(("strengths", "ngram_strengths", "temperature_min"), POSITIVE),
    **dict.fromkeys(("resolution_value_min", "handle_value_min", "rating_value_min"), WORTH),
    "interval_s": Bound("a calendar is counted in intervals of a day", 60, 86_400),
    "horizon_days": Bound("beyond eight weeks nothing was learned of how far off a forecast is", 1, 56),
    "leaves": Bound("a tree of one leaf decides nothing; LightGBM takes no more", 2, 131_072),
    **dict.fromkeys(("learning_rate", "multilingual_learning_rate"), RATE),
    "feature_share": Bound("a tree without features decides nothing", 1e-6, 1),
    **dict.fromkeys(("contrastive_most", "folds", "folds_used", "batch_intents", "lesson_texts"), COUNT),
    **dict.fromkeys(("remembered", "remembered_most", "remembered_width"), COUNT),
    **dict.fromkeys(("passes", "full_passes", "scale"), POSITIVE),
    **dict.fromkeys(("weight_decay", "name_weight"), DRAG),
    **dict.fromkeys(("error_cost", "same_parent_cost", "missed_critical_cost", "refusal_cost"), PRICE),
    "max_weight": Bound("a row counts at least once", 1),
    "quantiles": SOME,
}
"""Every numeric parameter of `training.params`, whatever its section: one name means one thing everywhere."""


def refuse_senseless(name: str, value: Any, *, where: str) -> None:
    """Raises InputError for a number (or one of several) that the parameter of this name cannot mean."""
    bound = BOUNDS.get(name)
    if bound is None or value is None:  # a parameter that may be left out
        return
    for one in _numbers(value):
        if isinstance(one, bool) or not isinstance(one, int | float) or math.isinf(one) or not bound.holds(one):
            raise InputError(
                "a parameter has a value that makes no sense",
                expected=str(bound),
                came=repr(one),
                where=where,
                remedy="docs/reference/parameters.md says what it is for",
            )


def refuse_uneven(name: str, value: Any, *, where: str) -> None:
    """Raises InputError for intervals that no day is made of, and quantiles that the issued tables do not name."""
    expected = ""
    if name == "interval_s" and _DAY_S % value:
        expected = f"a part of a day, as 900, 1800 or {_DAY_S}: the last interval of a day would be cut"
    if name == "quantiles" and tuple(value) != PUBLISHED:
        expected = f"{', '.join(map(str, PUBLISHED))}: issued tables name these"
    if expected:
        raise InputError("a parameter has a value that makes no sense", expected=expected, came=str(value)[:80],
                         where=where, remedy="docs/reference/parameters.md says what it is for")  # fmt: skip


def refuse_unknown_kinds(kinds: Mapping[str, str], *, where: str) -> None:
    """Raises InputError for a label whose texts lie nobody knows how near (`intent.out_of_scope`)."""
    if unknown := {label: kind for label, kind in kinds.items() if kind not in KINDS}:
        raise InputError("unknown kind of a label out of scope", expected=" or ".join(KINDS), came=str(unknown),
                         where=where, remedy=f"Write {{{next(iter(unknown))}: {KINDS[1]}}}.")  # fmt: skip


def _numbers(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]
