"""The estimators against a world whose truth can be summed: three agents, known rewards, a known logging policy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from data_contracts.errors import InputError
from training import off_policy
from training.off_policy import Decisions

Floats = npt.NDArray[np.float64]
MEANS = np.asarray([1.0, 2.0, 4.0])
LOGGING = np.asarray([0.6, 0.3, 0.1])
TARGET = np.asarray([0.1, 0.2, 0.7])
TRUTH = float(TARGET @ MEANS)


def _log(count: int = 6000, *, seed: int = 5) -> Decisions:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(3, count, p=LOGGING)
    return Decisions(
        of=np.repeat(np.arange(count), 3),
        chosen=np.arange(count) * 3 + chosen,
        propensity=LOGGING[chosen],
        reward=MEANS[chosen] + rng.normal(0, 0.5, count),
    )


def _valued(log: Decisions, *, predicted: Floats, max_weight: float = 100.0) -> off_policy.Valued:
    count = len(log.chosen)
    return off_policy.valued(
        log, target=np.tile(TARGET, count), predicted=np.tile(predicted, count), max_weight=max_weight
    )


def test_all_three_estimators_find_the_true_value() -> None:
    log = _log()

    found = _valued(log, predicted=MEANS)

    assert found.doubly_robust.mean() == pytest.approx(TRUTH, abs=0.06)
    assert found.weighted_reward.mean() == pytest.approx(TRUTH, abs=0.15)
    assert found.weighted_reward.sum() / found.weight.sum() == pytest.approx(TRUTH, abs=0.1)


def test_doubly_robust_survives_a_wrong_model_of_rewards() -> None:
    assert _valued(_log(20000), predicted=np.asarray([5.0, 0.0, -3.0])).doubly_robust.mean() == pytest.approx(
        TRUTH, abs=0.25
    )


def test_doubly_robust_survives_wrong_propensities_with_a_right_model() -> None:
    log = _log()
    wrong = Decisions(log.of, log.chosen, np.full(len(log.chosen), 1 / 3), log.reward)

    assert _valued(wrong, predicted=MEANS).doubly_robust.mean() == pytest.approx(TRUTH, abs=0.06)
    assert abs(_valued(wrong, predicted=MEANS).weighted_reward.mean() - TRUTH) > 0.5  # the near miss: IPS does not


def test_a_good_model_makes_doubly_robust_less_noisy_than_ips() -> None:
    found = _valued(_log(), predicted=MEANS)

    assert found.doubly_robust.std() < 0.5 * found.weighted_reward.std()


def test_the_logging_policy_is_worth_what_it_earned() -> None:
    log = _log(300)

    found = off_policy.valued(log, target=np.tile(LOGGING, 300), predicted=np.zeros(900), max_weight=10.0)

    assert found.doubly_robust.tolist() == pytest.approx(log.reward.tolist())
    assert found.effective_count == pytest.approx(300)


def test_a_doubly_robust_row_worked_by_hand() -> None:
    log = Decisions(
        of=np.asarray([0, 0]), chosen=np.asarray([0]), propensity=np.asarray([0.5]), reward=np.asarray([3.0])
    )

    found = off_policy.valued(log, target=np.asarray([0.25, 0.75]), predicted=np.asarray([2.0, 4.0]), max_weight=9.0)

    # direct 0.25 x 2 + 0.75 x 4 = 3.5; weight 0.25 / 0.5 = 0.5; correction 0.5 x (3 - 2)
    assert found.doubly_robust.tolist() == [4.0]


def test_weights_above_the_limit_are_cut_and_counted() -> None:
    log = _log(1000)

    found = _valued(log, predicted=MEANS, max_weight=5.0)

    assert found.weight.max() == 5.0  # 0.7 / 0.1 would be 7
    assert found.cut_share == pytest.approx((log.propensity == 0.1).mean())


@pytest.mark.parametrize("propensity", [0.0, -0.1, float("nan")])
def test_a_chosen_agent_without_a_chance_is_refused(propensity: float) -> None:
    with pytest.raises(InputError, match="no chance"):
        Decisions(np.asarray([0]), np.asarray([0]), np.asarray([propensity]), np.asarray([1.0]))


def test_a_chosen_agent_of_another_decision_is_refused() -> None:
    with pytest.raises(InputError, match="not among the eligible"):
        Decisions(np.asarray([0, 1]), np.asarray([1, 1]), np.asarray([0.5, 0.5]), np.asarray([1.0, 1.0]))


def test_a_policy_that_does_not_sum_to_one_is_refused() -> None:
    with pytest.raises(InputError, match="sum to one"):
        off_policy.valued(_log(2), target=np.full(6, 0.5), predicted=np.zeros(6), max_weight=9.0)


def test_the_best_is_taken_and_equals_share() -> None:
    log = _log(2)

    found = off_policy.best_of(log, np.asarray([1.0, 3.0, 2.0, 5.0, 5.0, np.nan]))

    assert found.tolist() == [0.0, 1.0, 0.0, 0.5, 0.5, 0.0]


def test_the_softmax_explores_everybody() -> None:
    found = off_policy.softmax_of(_log(1), np.asarray([0.0, 0.0, 1000.0]), temperature=0.5, explore_share=0.06)

    assert found.tolist() == pytest.approx([0.02, 0.02, 0.96])
