"""What an intent model refuses: the stated rate beside the deployed one, and how many texts of no intent it finds.

Two kinds of evidence, told apart. Estimated: texts of intents that were left out of the learning (`intent_strangers`),
which lie close to those that are known: in-domain. Measured: texts that the centre itself calls outside of every intent
(`intent.out_of_scope`), by its own word in-domain or out-of-domain; they are asked here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.parts import OUTSIDE
from training import intervals, rows
from training.intent_figures import Answered, Figures
from training.params import IntentParams
from training.report import Chart, Metric

Doubles = npt.NDArray[np.float64]
# Shares of the known texts refused at which strangers are counted (DESIGN section 6), and those that a curve has.
REFUSED = ("0.01", "0.05", "0.10")
DRAWN = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3)
# How the loader begins its reason where a text is below the threshold.
UNLIKE = "too unlike"
NO_STRANGERS = (
    "refusal: no texts outside every intent were known (intent.out_of_scope names none that are there), so what is "
    "found of them is estimated: in-domain by intents left out, out-of-domain not at all"
)


def told_apart(own: Doubles, strange: Doubles) -> dict[str, Any] | None:
    """How well familiarity tells strangers from the model's own texts; None without both.

    Returns `auroc`; `recall`: the share of strangers refused where 1, 5 and 10% of the own texts are; `curve`: the same
    at `DRAWN`; and how many there were, `known` and `strange`.
    """
    if not len(own) or not len(strange):
        return None

    def found(share: float) -> float:
        return round(float((strange < np.quantile(own, share)).mean()), 6)

    return {
        "auroc": round(auroc(own, strange), 6), "recall": {share: found(float(share)) for share in REFUSED},
        "curve": [found(share) for share in DRAWN], "known": len(own), "strange": len(strange),
    }  # fmt: skip


def auroc(own: Doubles, strange: Doubles) -> float:
    """The chance that one of `own` is above one of `strange`, half where they are equal (Mann and Whitney 1947)."""
    ordered = np.sort(strange)
    below, upto = (np.searchsorted(ordered, own, side=side) for side in ("left", "right"))
    return float((below + upto).sum() / (2.0 * len(own) * len(strange)))


@dataclass(frozen=True)
class _Strangers:
    """Texts of no intent of one kind: how they are told apart, and how many are refused as deployed."""

    name: str
    kind: str
    apart: Mapping[str, Any]
    deployed: intervals.Interval | None = None


def figures(table: pa.Table, answered: Answered, *, model: Any, params: IntentParams) -> Figures:
    """Metrics, the table and the curves of refusal. table: examples.parquet; model: the opened candidate."""
    estimated = list(_estimated(model.languages))
    measured = list(_measured(table, answered, model=model, kinds=params.out_of_scope))
    strangers = [*estimated, *measured]
    return Figures(
        metrics=(*_own(answered, stated=params.false_refusal), *(one for part in strangers for one in _metrics(part))),
        charts=_charts(strangers),
        limits=() if measured else (NO_STRANGERS,),
    )


def _own(answered: Answered, *, stated: float) -> list[Metric]:
    """The rate that the threshold was set for, and what it does to judged texts that no other rule refuses."""
    known = [label in answered.labels_known for label in answered.truth]
    reasons = [why for why, own in zip(answered.candidate.reasons, known, strict=True) if own]
    unlike = np.asarray([why.startswith(UNLIKE) for why in reasons if not why or why.startswith(UNLIKE)], dtype=bool)
    says = "share of known texts that the threshold was set to refuse, on held-out texts (intent.false_refusal)"
    told = [Metric("false_refusal_stated", stated, better="lower", says=says, says_zh="阈值所设定的误拒率")]
    if not len(unlike):
        return told
    got = intervals.proportion(int(unlike.sum()), of=len(unlike))
    return [*told, Metric(
        "false_refusal_by_threshold", got.estimate, got.low, got.high, better="lower", rows=len(unlike),
        says="share of judged texts of known intents below the threshold, of those that no other rule sends to a "
             "person; exact interval: stated below it, customers have moved away from what was learned",
        says_zh="判定样本中已知意图低于阈值的比例（不含其他规则转人工的）",
    )]  # fmt: skip


def _estimated(languages: Mapping[str, Mapping[str, Any]]) -> Iterator[_Strangers]:
    """By intents left out, once for all languages that hear the same encoders."""
    by_weights: dict[tuple[float, ...], list[str]] = {}
    for language, told in sorted(languages.items()):
        if language != "*" and told.get("left_out"):
            by_weights.setdefault(tuple(told["sign_weights"]), []).append(language)
    for names in by_weights.values():
        yield _Strangers("_".join(names), "in-domain, estimated by intents left out", languages[names[0]]["left_out"])


def _measured(table: pa.Table, answered: Answered, *, model: Any, kinds: Mapping[str, str]) -> Iterator[_Strangers]:
    """Each label of `intent.out_of_scope` that has texts, against the judged texts of known intents."""
    outside = rows.part(table, OUTSIDE)
    if not outside.num_rows:
        return
    judged = rows.part(table, rows.JUDGE)
    known = [label in answered.labels_known for label in answered.truth]
    own = _familiarity(model, judged.filter(pa.array(known)))
    labels = outside["label"].to_pylist()
    for name in sorted(set(labels)):
        part = outside.filter(pa.array([label == name for label in labels]))
        apart = told_apart(own, _familiarity(model, part))
        refused = [one["abstained"] for one in model.answer(part["text"].to_pylist(), languages=_languages(part))]
        if apart is not None:
            yield _Strangers(name, kinds.get(name, ""), apart, intervals.proportion(sum(refused), of=len(refused)))


def _familiarity(model: Any, part: pa.Table) -> Doubles:
    return np.asarray(model.familiarity(part["text"].to_pylist(), languages=_languages(part)), dtype=np.float64)


def _languages(part: pa.Table) -> list[str]:
    return [str(one) for one in part["language"].to_pylist()]


def _metrics(one: _Strangers) -> list[Metric]:
    apart, prefix = one.apart, "outside" if one.deployed else "left_out"
    told = [
        Metric(f"{prefix}_auroc_{one.name}", apart["auroc"], rows=apart["strange"], says_zh="区分能力 AUROC",
               says=f"chance that a known text looks more familiar than one of no intent ({one.kind})"),
        Metric(f"{prefix}_found_{one.name}", apart["recall"]["0.05"], rows=apart["strange"], 
               says=f"share refused of texts of no intent where 5% of the known ones are ({one.kind})",
               says_zh="误拒 5% 时识别出的范围外文本比例"),
    ]  # fmt: skip
    if one.deployed is None:
        return told
    got = one.deployed
    return [*told, Metric(f"{prefix}_refused_{one.name}", got.estimate, got.low, got.high, rows=apart["strange"],
                          says=f"share refused, as deployed, of texts of no intent ({one.kind}); exact interval",
                          says_zh="实际部署下拒答的范围外文本比例")]  # fmt: skip


def _table(strangers: Sequence[_Strangers]) -> Chart:
    columns = [
        "texts of no intent 范围外文本", "kind 类别", "texts 数量", "AUROC",
        *(f"at {float(one):.0%}" for one in REFUSED), "deployed 实际",
    ]  # fmt: skip
    told = [
        [one.name, one.kind, str(one.apart["strange"]), f"{one.apart['auroc']:.3f}",
         *(f"{one.apart['recall'][share]:.1%}" for share in REFUSED), _shown(one.deployed)]
        for one in strangers
    ]  # fmt: skip
    return Chart("table", "Found of texts of no intent, where so many known ones are refused",
                 "不同误拒率下识别出的范围外文本", {"columns": columns, "rows": told})  # fmt: skip


def _shown(share: intervals.Interval | None) -> str:
    return "–" if share is None else f"{share.estimate:.1%} ({share.low:.1%} – {share.high:.1%})"


def _charts(strangers: Sequence[_Strangers]) -> tuple[Chart, ...]:
    return (_table(strangers), _curves(strangers)) if strangers else ()


def _curves(strangers: Sequence[_Strangers]) -> Chart:
    series = [{"name": _named(one), "x": list(DRAWN), "y": list(one.apart["curve"])} for one in strangers]
    return Chart("curves", "Texts of no intent found, by share of known texts refused", "误拒率与范围外文本识别率",
                 {"series": series, "x_label": "known refused 误拒", "y_label": "found 识别"})  # fmt: skip


def _named(one: _Strangers) -> str:
    return one.name if one.deployed else f"left out ({one.name.replace('_', ', ')})"
