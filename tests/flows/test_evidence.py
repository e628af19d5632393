"""What `watch` sees in an archive: whose word counts, whose answers are judged, what was issued and what came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from centre.clock import FixedClock
from data_contracts.arrow import table
from flows import watching
from flows.compose import Workspace, workspace
from flows.outputs import write_json, write_table
from tests.features.centre import common
from tests.training.lives import House

KNEW = datetime(2026, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
SAID = datetime(2026, 4, 20, tzinfo=UTC)
METRICS = {"accuracy": 0.8, "accuracy_on_answered": 0.9, "wape": 0.2}
Row = dict[str, Any]


@pytest.fixture
def place(home: Path, tmp_path: Path) -> Workspace:
    """A workspace with a champion of each family that knew until KNEW: version 2, after a version 1."""
    house = House(tmp_path, clock=FixedClock(NOW))
    for family in ("intent", "forecast", "routing"):
        for marker in ("a", "b"):
            told = {"request": {"as_of": KNEW.isoformat()}, "metrics": METRICS, "params": {}}
            request = house.request(house.register(marker=marker, family=family, **told)).body["id"]
            house.approve(request)
            house.promote(request)
    found = workspace(home, clock=house.clock)
    found.settings.keys_dir.mkdir(parents=True)
    vars(found).update(history=house.history, chain=house.history, registry=house.registry)
    return found


def archive(place: Workspace, **rows: Sequence[Row]) -> None:
    told = {name: table(name, given) for name, given in rows.items()}
    place.archive.write(place.archive.head() + 1, told, recorded_on=NOW.date(), log_upto=0)


def answered(name: str, **changes: Any) -> Row:
    """An intent answer of the champion."""
    row: Row = {
        "prediction_id": name, "contact_id": f"c-{name}", "capability": "intent", "answer_source": "model",
        "version": "intent/2", "approval": "a" * 64, "answer": json.dumps({"intent": "card", "abstained": False}),
        "features": "{}", "degraded": "[]", "verdict_asked": True,
    }  # fmt: skip
    return row | common(SAID) | changes


def said(name: str, **changes: Any) -> Row:
    """A verdict on the answer of that name, asked for at random."""
    row: Row = {"verdict_id": f"v-{name}", "prediction_id": name, "capability": "intent", "agent_id": "kim",
                "verdict": "right", "prompted": True}  # fmt: skip
    return row | common(SAID) | changes


def test_the_agents_are_those_whose_word_became_a_new_label(place: Workspace) -> None:
    names = ("1", "2", "3", "4", "5", "6")
    archive(
        place,
        predictions=[answered(name) for name in names],
        verdicts=[
            said("1"),
            said("2", agent_id="lee", verdict="wrong", instead="loan"),
            said("3", agent_id="ignores", verdict="ignored"),
            said("4", agent_id="names-nothing", verdict="wrong"),
            said("5", agent_id="too-old", **common(KNEW - timedelta(days=1))),
            said("6", agent_id="known-later", **common(SAID, NOW + timedelta(hours=1))),
        ],
    )

    seen = watching.feedback(place, "intent")

    assert (seen.mature, seen.agents) == (2, 2)
    assert seen.verdicts == 4
    assert seen.since == KNEW.isoformat()


def test_an_agent_whose_word_was_outvoted_did_not_make_the_label(place: Workspace) -> None:
    verdicts = [said("1", verdict_id=f"v-{n}", agent_id=agent, verdict="wrong", instead=word)
                for n, (agent, word) in enumerate([("kim", "loan"), ("lee", "loan"), ("max", "card")])]  # fmt: skip
    archive(place, predictions=[answered("1")], verdicts=verdicts)

    seen = watching.feedback(place, "intent")

    assert (seen.mature, seen.agents) == (1, 2)


NOT_JUDGED: dict[str, tuple[Row, Row]] = {
    "the baseline's answer": ({"answer_source": "baseline", "version": None, "approval": None}, {}),
    "an answer of a former version": ({"version": "intent/1"}, {}),
    "an abstention": ({"answer": json.dumps({"intent": "card", "abstained": True})}, {}),
    "an answer of another capability": ({"capability": "route"}, {}),
    "a verdict that nobody asked for": ({}, {"prompted": False}),
    "a verdict on nothing that was served": ({}, {"prediction_id": "elsewhere"}),
    "a verdict that judges nothing": ({}, {"verdict": "ignored"}),
}


@pytest.mark.parametrize("what", NOT_JUDGED)
def test_live_quality_is_that_of_the_champions_answers_by_random_verdicts(place: Workspace, what: str) -> None:
    answer, word = NOT_JUDGED[what]
    archive(
        place,
        predictions=[answered("1"), answered("2"), answered("3"), answered("4"), answered("5", **answer)],
        verdicts=[said("1"), said("2", verdict="used"), said("3"), said("4", verdict="wrong"),
                  said("5", **{"verdict": "wrong", **word})],
    )  # fmt: skip

    seen = watching.feedback(place, "intent")

    assert (seen.live, seen.measured, seen.judged) == (0.75, 4, METRICS["accuracy_on_answered"])
    assert seen.live_best == pytest.approx(0.9937, abs=1e-4)  # Clopper and Pearson, 3 of 4


def test_without_a_champion_nothing_is_measured(home: Path, clock: FixedClock) -> None:
    place = workspace(home, clock=clock)
    archive(place, predictions=[answered("1")], verdicts=[said("1")])

    seen = watching.feedback(place, "intent")

    assert (seen.since, seen.mature, seen.agents) == (None, 1, 1)
    assert (seen.live, seen.measured, seen.judged) == (None, 0, None)


def issue(place: Workspace, name: str, *, at: datetime, median: float, starts: list[datetime], **about: Any) -> None:
    """A forecast as `issue_forecast` leaves it."""
    folder = place.settings.issued_dir / name
    told = {"source": "model", "version": "2", "as_of": at.isoformat(), "table": f"{name}/intervals.parquet", **about}
    times = pa.array(starts, pa.timestamp("us", tz="UTC"))
    folder.mkdir(parents=True)
    write_table(
        pa.table({"queue": ["q"] * len(starts), "interval_start": times, "offered_q500": [median] * len(starts)}),
        folder / "intervals.parquet",
    )
    write_json(folder / "issue.json", told)


def counted(start: datetime, count: int, **changes: Any) -> Row:
    """What came in a half hour."""
    row: Row = {"interval_start": start, "interval_s": 1800, "queue": "q", "offered_count": count}
    return row | common(start, start + timedelta(minutes=30)) | changes


def test_a_forecast_is_measured_by_what_the_champion_issued_last_before_each_interval(place: Workspace) -> None:
    days = [SAID + timedelta(days=n, hours=9) for n in range(3)]
    issue(place, "first", at=SAID, median=1000.0, starts=days)
    issue(place, "second", at=SAID + timedelta(hours=1), median=12.0, starts=days[:2])
    issue(place, "third", at=SAID + timedelta(hours=2), median=8.0, starts=days[2:])
    issue(place, "baselines", at=SAID + timedelta(hours=3), median=9e9, starts=days, source="baseline", version=None)
    issue(place, "former", at=SAID + timedelta(hours=4), median=9e9, starts=days, version="1")
    issue(place, "to-come", at=SAID + timedelta(hours=5), median=9e9, starts=[NOW + timedelta(days=1)])
    uncovered = counted(days[0] + timedelta(hours=1), 500)
    archive(place, volumes=[counted(days[0], 10), counted(days[1], 20), counted(days[2], 10), uncovered])

    seen = watching.feedback(place, "forecast")

    assert seen.live == pytest.approx((2 + 8 + 2) / 40)
    assert (seen.measure, seen.measured, seen.judged) == ("wape", 3, METRICS["wape"])
    assert seen.live_best is not None
    assert seen.live_best < seen.live


@pytest.mark.parametrize("days", [0, 1])
def test_a_day_alone_measures_no_forecast(place: Workspace, days: int) -> None:
    starts = [SAID + timedelta(hours=9)]
    issue(place, "first", at=SAID, median=12.0, starts=starts)
    archive(place, volumes=[counted(start, 10) for start in starts[:days]] or [counted(SAID, 3)])

    seen = watching.feedback(place, "forecast")

    assert (seen.live, seen.measured) == (None, days)
    assert "not measured yet" in watching.decide(seen).why


def test_of_routing_no_live_quality_is_told(place: Workspace) -> None:
    archive(place, predictions=[answered("1", capability="route")], verdicts=[said("1", capability="route")])

    seen = watching.feedback(place, "routing")

    assert (seen.live, seen.measured, seen.verdicts) == (None, 0, 1)
