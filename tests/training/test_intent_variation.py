"""What a model loses when words vary: counted right, and held against it by the gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training import learned
from training import gates, intent, intent_variation, loaders, params
from training.intent_figures import Answers
from training.intent_variation import Judged
from training.intent_wordings import KINDS
from training.policy import GatePolicy
from training.report import Comparison, Metric

POLICY = GatePolicy("intent", tuple(
    one for one in params.load(Path(__file__).parents[2] / "params.yaml").policy("intent").gates
    if one.metric.startswith("accuracy_lost")
))  # fmt: skip
ENGLISH = "I cannot find the password of my account, what is it {}"
CHINESE = "我的账户密码忘了，怎么找回来呢，第{}次了"


class _Model:
    """Right as long as the text passes the test that it is made with."""

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self.knows = knows

    def answer(self, texts: Sequence[str], *, languages: Sequence[str]) -> list[dict[str, Any]]:
        return [{"alternatives": [{"intent": "right" if self.knows(text) else "wrong"}]} for text in texts]


def _judged(count: int = 200, *, abstains_in: tuple[str, ...] = (), right: float = 1.0) -> Judged:
    texts = [form.format(number) for number in range(count) for form in (ENGLISH, CHINESE)]
    languages = ["en", "zh"] * count
    guess = ["right" if place < right * 2 * count else "wrong" for place in range(2 * count)]
    abstained = np.asarray([one in abstains_in for one in languages])
    said = Answers(guess, np.ones(2 * count), abstained)
    return Judged(texts, languages, ["right"] * (2 * count), np.ones(2 * count), said)


def _gates(judged: Judged, model: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Status by gate, and by kind of variation."""
    found = intent_variation.figures(judged, model=model, seed=7)
    shown = Comparison("accuracy", "baseline", 1.0, 0.5, 0.5, 0.4, 0.6, 400)
    got = gates.judge_gates(POLICY, claim="first", metrics=found.metrics, comparisons=[shown], slices=found.slices)
    return {one.metric: one.status for one in got.gates}, {one.slice.value: one.status for one in got.slices}


def test_a_model_that_never_minds_loses_nothing_and_passes_under_every_kind() -> None:
    of_gates, of_kinds = _gates(_judged(), _Model(lambda text: True))

    assert of_gates == {"accuracy_lost_manner": "passed", "accuracy_lost_noise": "passed"}
    assert of_kinds == dict.fromkeys(KINDS, "passed")


def test_a_model_that_emoji_confuse_fails_there_and_nowhere_else() -> None:
    of_gates, of_kinds = _gates(_judged(), _Model(lambda text: ord(max(text)) < 0x1F000))

    assert of_kinds == {**dict.fromkeys(KINDS, "passed"), "emoji": "failed"}
    assert of_gates == {"accuracy_lost_manner": "failed", "accuracy_lost_noise": "passed"}


@pytest.mark.parametrize(("share", "status"), [(0.04, "passed"), (0.06, "failed")])
def test_five_points_may_be_lost_under_one_manner_and_not_six(share: float, status: str) -> None:
    judged = _judged()
    cut = int(share * 300)
    seen: list[str] = []

    def knows(text: str) -> bool:
        seen.append(text)
        return len(seen) > cut

    kind = "politeness"
    [told] = [intent_variation.ask(judged, kind=kind, model=_Model(knows), seed=7)]
    lost = float((told.before - told.after).mean())

    assert len(told.rows) == 300
    assert lost == pytest.approx(share)
    assert (lost <= POLICY.gates[0].margin) == (status == "passed")


def test_where_the_model_answers_nobody_nothing_is_measured_and_nothing_passes() -> None:
    of_gates, of_kinds = _gates(_judged(abstains_in=("en", "zh")), _Model(lambda text: True))

    assert of_gates == {"accuracy_lost_manner": "missing", "accuracy_lost_noise": "missing"}
    assert set(of_kinds.values()) == {"missing"}


def test_a_language_that_goes_to_a_person_anyway_is_not_varied() -> None:
    told = intent_variation.ask(_judged(abstains_in=("zh",)), kind="typos", model=_Model(lambda text: True), seed=7)

    assert set(told.languages) == {"en"}


def test_customers_of_one_language_do_not_mix_it_with_another() -> None:
    model = _Model(lambda text: True)

    assert len(intent_variation.ask(_judged(), kind="mixed languages", model=model, seed=7).rows) > 100
    assert not len(intent_variation.ask(_judged(abstains_in=("zh",)), kind="mixed languages", model=model, seed=7).rows)


def test_few_rows_are_not_judged() -> None:
    of_gates, of_kinds = _gates(_judged(20), _Model(lambda text: True))

    assert of_gates["accuracy_lost_noise"] == "not_judged"
    assert set(of_kinds.values()) == {"not_judged"}


def test_one_row_varied_in_many_ways_has_no_interval_and_is_missing() -> None:
    whole = _judged(1)
    one = Judged(
        whole.texts[:1], ["en"], ["right"], np.ones(1), Answers(["right"], np.ones(1), np.zeros(1, dtype=bool))
    )

    assert set(_gates(one, _Model(lambda text: True))[0].values()) == {"missing"}


def test_the_loss_is_the_difference_of_what_was_right_by_weight() -> None:
    judged = _judged(right=0.5)
    found = intent_variation.figures(judged, model=_Model(lambda text: False), seed=7)
    told = intent_variation.ask(judged, kind="emoji", model=_Model(lambda text: False), seed=7)
    [lost] = [one.candidate for one in found.slices if one.value == "emoji"]

    assert lost == pytest.approx(np.mean([judged.said.guess[row] == "right" for row in told.rows]))


def test_the_report_of_a_trained_model_shows_each_kind_by_language_and_the_forms_change_nothing(tmp_path: Path) -> None:
    data = learned.write_intents(tmp_path / "d")
    asked = learned.params().intent
    intent.fit(data, params=asked, seed=learned.SEED, threads=1, to=tmp_path / "m", encoder_cache=None)
    report = intent.judge(
        data, candidate=tmp_path / "m", champion=None, params=learned.params(), seed=learned.SEED, threads=1
    )
    [table] = [one for one in report.charts if one.title == "Answers when words vary"]
    kept = {(row[0].split(" ")[0], row[1]): row[-1] for row in table.data["rows"]}

    assert loaders.open_payload(tmp_path / "m").labels
    assert {name for name, _ in kept} >= {"typos", "emoji", "full", "other", "politeness"}
    assert {
        kept[name].split(" ")[0] for name in (("emoji", "en"), ("emoji", "zh"), ("full", "en"), ("other", "zh"))
    } == {"100.0%"}
    assert {one.name for one in report.metrics} >= {"accuracy_lost_manner", "accuracy_lost_noise", "mean_cost"}


def test_every_metric_is_oriented_as_its_gate_asks() -> None:
    found = intent_variation.figures(_judged(), model=_Model(lambda text: True), seed=7)

    assert {one.better for one in (*found.metrics, *found.slices)} == {"lower"}
    assert all(isinstance(one, Metric) and one.says and one.says_zh for one in found.metrics)
