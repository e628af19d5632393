"""How good the champion's answers turned out to be, beside what its report promised: the live quality of a family."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from data_contracts.errors import NotEnoughData
from flows import asking, issuing
from flows.compose import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from training.intervals import Interval

RIGHT, JUDGED = ("right", "used"), ("right", "used", "wrong")


@dataclass(frozen=True)
class Live:
    """One figure of what was answered, by the same definition as in the champion's report.

    best: the end of its 95% interval that speaks for the champion. count: what it rests on, random verdicts for intent
    and counted days for the forecast. judged: the report's figure. All None where nothing can be compared.
    """

    measure: str = ""
    value: float | None = None
    best: float | None = None
    count: int = 0
    judged: float | None = None


def live(place: Workspace, family: str, *, now: datetime) -> Live:
    """What is known by now of the champion's answers; nothing without a champion, and nothing of routing.

    A routing answer is not right or wrong by itself: its value is measured against a policy, in its report.
    """
    champion = place.standing().champion(family)
    if champion is None or family == "routing":
        return Live()
    metrics = place.registry.get(family, champion.version).card.get("metrics", {})
    if family == "intent":
        return _intent(place, f"{family}/{champion.version}", metrics, now=now)
    return _forecast(place, champion.version, metrics, now=now)


def _intent(place: Workspace, version: str, metrics: dict[str, float], *, now: datetime) -> Live:
    """The share of right answers by random verdicts: of the champion's own, abstentions (no answers) left out."""
    from training import intervals

    judged = metrics.get("accuracy_on_answered", metrics.get("accuracy"))
    said = [word in RIGHT for word in _random_words(place, _answers(place, version, now=now), now=now)]
    if not said:
        return Live("accuracy on answered", judged=judged)
    share = intervals.proportion(sum(said), of=len(said))
    return Live("accuracy on answered", share.estimate, share.high, len(said), judged)


def _answers(place: Workspace, version: str, *, now: datetime) -> frozenset[str]:
    """The predictions in which this version named an intent."""
    from features.labels import answered_intent

    columns = ["prediction_id", "capability", "answer_source", "version", "answer"]
    served = place.archive.read("predictions", known_until=now).select(columns).to_pylist()
    return frozenset(
        row["prediction_id"]
        for row in served
        if (row["capability"], row["answer_source"], row["version"]) == ("intent", "model", version)
        and answered_intent(row["answer"]) is not None
    )


def _random_words(place: Workspace, answers: frozenset[str], *, now: datetime) -> Iterator[str]:
    """What agents who were asked at random said of these answers, where it judges them."""
    columns = ["prediction_id", "prompted", "verdict"]
    for row in place.archive.read("verdicts", known_until=now).select(columns).to_pylist():
        if row["prompted"] and row["prediction_id"] in answers and row["verdict"] in JUDGED:
            yield row["verdict"]


def _forecast(place: Workspace, version: str, metrics: dict[str, float], *, now: datetime) -> Live:
    """WAPE by interval of what this version issued against what was counted since; days are drawn together."""
    judged, params = metrics.get("wape"), issuing.params_of(place, version)
    issued = _issued_medians(place, version)
    counted = _counted(place, params, now=now) if issued else ()
    zone = ZoneInfo(params.forecast.time_zone)
    pairs = [
        (
            row["interval_start"].astimezone(zone).date(),
            row["offered_count"],
            issued[row["queue"], row["interval_start"]],
        )
        for row in counted
        if (row["queue"], row["interval_start"]) in issued and row["offered_count"] is not None
    ]
    days = len({day for day, _, _ in pairs})
    told = _wape(pairs)
    if told is None:
        return Live("wape", count=days, judged=judged)
    return Live("wape", told.estimate, told.low, days, judged)


def _wape(pairs: list[tuple[Any, float, float]]) -> Interval | None:
    """Sum of |actual - median| over sum of actual; None where fewer than two days or no contact were counted."""
    from training import intervals

    days, actual, said = zip(*pairs, strict=True) if pairs else ((), (), ())
    errors = [abs(one - other) for one, other in zip(actual, said, strict=True)]
    try:
        return intervals.single(errors, denominators=actual, blocks=days, seed=asking.DEFAULT_SEED)
    except NotEnoughData:
        return None


def _issued_medians(place: Workspace, version: str) -> dict[tuple[str, datetime], float]:
    """By queue and interval: the median of offered contacts that this version issued last before it began."""
    import pyarrow.parquet as pq

    folder = place.settings.issued_dir
    told = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/issue.json")]
    own = [one for one in told if one["source"] == "model" and one["version"] == version]
    medians = {}
    for one in sorted(own, key=lambda issue: datetime.fromisoformat(issue["as_of"])):
        for row in pq.read_table(
            folder / one["table"], columns=["queue", "interval_start", "offered_q500"]
        ).to_pylist():
            if row["offered_q500"] is not None:
                medians[row["queue"], row["interval_start"]] = float(row["offered_q500"])
    return medians


def _counted(place: Workspace, params: Any, *, now: datetime) -> list[dict[str, Any]]:
    """Demand by queue and interval as it is known now."""
    from features import demand

    try:
        table: pa.Table = demand.intervals(issuing.demand_tables(place, now), params=params.forecast, as_of=now)
    except NotEnoughData:
        return []
    rows: list[dict[str, Any]] = table.select(["queue", "interval_start", "offered_count"]).to_pylist()
    return rows
