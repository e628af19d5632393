"""What errors cost, and that critical intents are found, left to a person, or held against the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training import learned
from training import gates, intent, intent_costs, loaders, params
from training.intent_costs import Taxonomy
from training.intent_figures import Answered, Answers
from training.params import IntentCosts
from training.policy import GatePolicy
from training.report import Comparison

KNOWN = Taxonomy(
    parents={"fraud": "risk", "theft": "risk", "fee": "charges", "refund": "charges"},
    critical=frozenset({"fraud", "theft"}),
    told=True,
)
COSTS = IntentCosts()
POLICY = GatePolicy("intent", tuple(
    one for one in params.load(Path(__file__).parents[2] / "params.yaml").policy("intent").gates
    if one.metric == intent_costs.FOUND
))  # fmt: skip


@pytest.mark.parametrize(
    ("true", "said", "cost"),
    [
        ("fee", "fee", 0.0), ("fee", "refund", 0.5), ("fee", "login", 1.0), ("fee", "fraud", 1.0), ("fee", None, 0.3),
        ("fraud", "fraud", 0.0), ("fraud", "fee", 5.0), ("fraud", "theft", 0.5), ("fraud", None, 0.3),
        ("login", "risk", 1.0), ("fraud", "risk", 5.0),
    ],
)  # fmt: skip
def test_an_answer_costs_what_it_does_to_the_customer(true: str, said: str | None, cost: float) -> None:
    assert intent_costs.cost(true, said, known=KNOWN, costs=COSTS) == cost


def _answered(pairs: list[tuple[str, str | None, int]], **others: Answers) -> Answered:
    """(true, said or None, how often)."""
    rows = [(true, said) for true, said, count in pairs for _ in range(count)]
    truth = [true for true, _ in rows]
    ours = Answers(
        [said or "fee" for _, said in rows], np.ones(len(rows)), np.asarray([said is None for _, said in rows])
    )
    told: dict[str, Any] = {"candidate": ours, "baseline": ours, "nearest_centroid": ours, "champion": None, **others}
    return Answered(truth=truth, weights=np.ones(len(rows)), by={}, labels_known=frozenset(truth), **told)


def _figures(asked: Answered, known: Taxonomy = KNOWN) -> Any:
    return intent_costs.figures(asked, known=known, costs=COSTS, seed=7)


def _judged(asked: Answered, known: Taxonomy = KNOWN) -> dict[str, tuple[str, str]]:
    shown = Comparison("accuracy", "baseline", 1.0, 0.5, 0.5, 0.4, 0.6, 400)
    got = gates.judge_gates(
        POLICY, claim="first", metrics=(), comparisons=[shown], slices=_figures(asked, known).slices
    )
    return {one.slice.value: (one.status, one.consequence) for one in got.slices}


def test_the_mean_cost_is_that_of_counting_beside_baseline_and_champion() -> None:
    asked = _answered([("fraud", "fee", 1), ("fee", "fee", 2), ("fee", None, 1)])
    always = Answers(["fee"] * 4, np.ones(4), np.zeros(4, dtype=bool))
    found = _figures(_answered([("fraud", "fee", 1), ("fee", "fee", 2), ("fee", None, 1)], champion=always))

    assert found.metrics[0].value == pytest.approx((5.0 + 0.3) / 4)
    assert {one.against: one.other for one in found.comparisons} == {
        "baseline": pytest.approx(5.3 / 4), "champion": pytest.approx(5.0 / 4),
    }  # fmt: skip
    assert [one.against for one in _figures(asked).comparisons] == ["baseline"]


@pytest.mark.parametrize(("missed", "status"), [(6, "passed"), (7, "failed")])
def test_a_critical_intent_reaches_the_floor_with_its_bound_or_holds_the_model_back(missed: int, status: str) -> None:
    asked = _answered([("fraud", "fraud", 30 - missed), ("fraud", "fee", missed), ("theft", "theft", 40)])

    assert _judged(asked) == {"fraud": (status, "held" if status == "failed" else ""), "theft": ("passed", "")}


def test_what_a_person_decides_and_what_goes_to_the_same_urgent_hands_is_not_missed() -> None:
    asked = _answered([("fraud", None, 20), ("fraud", "theft", 20), ("theft", "theft", 40)])

    assert _judged(asked)["fraud"] == ("passed", "")


def test_a_critical_intent_of_few_rows_or_none_is_shown_as_not_judged() -> None:
    asked = _answered([("fraud", "fee", 29), ("fee", "fee", 40)])

    assert _judged(asked) == {"fraud": ("not_judged", ""), "theft": ("not_judged", "")}


@pytest.mark.parametrize(
    ("known", "words"),
    [(Taxonomy(), "no taxonomy"), (Taxonomy(parents={"fee": "charges"}, told=True), "calls no intent critical")],
)
def test_without_critical_intents_no_floor_binds_and_the_report_says_so(known: Taxonomy, words: str) -> None:
    asked = _answered([("fraud", "fee", 40)])

    assert _judged(asked, known) == {"none known": ("not_judged", "")}
    assert words in _figures(asked, known).limits[0]
    assert _figures(asked, known).metrics[0].value == pytest.approx(1.0)


def test_an_older_folder_of_features_has_no_taxonomy_and_is_judged_all_the_same(tmp_path: Path) -> None:
    assert intent_costs.taxonomy(tmp_path) == Taxonomy()

    told = {"intents": {"fraud": {"parent": "risk", "critical": True}, "fee": {"parent": None, "critical": False}}}
    (tmp_path / "taxonomy.json").write_text(json.dumps(told), encoding="utf-8")
    assert intent_costs.taxonomy(tmp_path) == Taxonomy({"fraud": "risk"}, frozenset({"fraud"}), told=True)


@pytest.mark.parametrize(("missed", "doubt"), [(5.0, 0.06), (0.3, 1.0), (0.1, 1.0), (0.0, 1.0)])
def test_doubt_is_worth_a_question_from_the_ratio_of_the_costs_on(missed: float, doubt: float) -> None:
    told = intent_costs.caution(KNOWN, ["fee", "fraud"], costs=IntentCosts(missed_critical_cost=missed))

    assert told == {"critical": ["fraud"], "critical_doubt": pytest.approx(doubt)}


def test_a_model_that_may_be_missing_a_critical_intent_asks_a_person_and_says_which(tmp_path: Path) -> None:
    data = learned.write_intents(tmp_path / "d")
    told = {"intents": {one: {"parent": None, "critical": one == "card_lost"} for one in learned.TOPICS}}

    def answers(to: Path) -> list[dict[str, Any]]:
        sure = learned.params(intent={"costs": {"missed_critical_cost": 100.0}})
        intent.fit(data, params=sure.intent, seed=learned.SEED, threads=1, to=to, encoder_cache=None)
        texts = ["balance money stolen wallet account", "balance money account much left", "lost card stolen block"]
        return list(loaders.open_payload(to).answer(texts, languages=["en"] * 3))

    plain = answers(tmp_path / "plain")
    (data / "taxonomy.json").write_text(json.dumps(told), encoding="utf-8")
    careful = answers(tmp_path / "careful")

    assert [one["alternatives"] for one in careful] == [one["alternatives"] for one in plain]
    assert "card_lost most of all" in careful[0]["reason"]
    assert [one["intent"] for one in careful[1:]] == ["balance", "card_lost"]
    assert not any("critical" in one["reason"] for one in plain)
