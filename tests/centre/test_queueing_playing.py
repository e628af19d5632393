"""A fitted centre, played: the same customers whoever answers, and a log that gives the fit again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp

import numpy as np
import pytest

from centre.queueing import arrivals, concurrency, following, handling, measures, playing, presence
from centre.queueing.contacts import Contact
from centre.queueing.fitting import Fit
from centre.queueing.patience import estimate
from centre.queueing.playing import Played, Transferring
from centre.queueing.policies import most_urgent
from tests.centre.small_fit import centre, exponential

DAY_S = 86_400.0


class ShortestIdle:
    """The agent who has been idle for the shortest time: another order of events for the same customers."""

    def agent_for(self, contact: Contact, eligible: Sequence[int], now_s: float) -> tuple[int, float]:
        return eligible[-1], 1.0

    def contact_for(self, agent: int, heads: Sequence[Contact], now_s: float) -> int:
        return most_urgent(heads)


def by_customer(played: Played) -> dict[int, tuple[float, float, bool]]:
    """When the first leg of each customer was queued, what it took, and whether it gave up."""
    log = played.log
    return {
        int(customer): (float(log.queued_s[row]), float(log.handle_s[row]), bool(log.gone[row]))
        for row, customer in reversed(list(enumerate(log.customer)))
    }


def abandoned(played: Played) -> float:
    return float(played.log.gone.mean())


def waited_s(played: Played) -> float:
    return float(played.log.wait_s.mean())


def test_the_same_seed_is_the_same_log() -> None:
    fit = centre(transfers=(0.1, 0.0), returns=(0.1, 0.1), wrap_up=exponential(20))

    one, other, third = (playing.play(fit, days=3, seed=seed) for seed in (1, 1, 2))

    for name in ("queued_s", "wait_s", "handle_s", "agent", "contact", "customer"):
        assert getattr(one.log, name).tolist() == pytest.approx(getattr(other.log, name).tolist(), nan_ok=True)
    assert one.log.queued_s.tolist() != third.log.queued_s.tolist()


def test_another_agent_changes_no_customer() -> None:
    """Who comes, when, for how long with an agent of the same pace: nine agents see the customers whom eight saw."""
    fit = centre(agents=8)

    eight, nine = (playing.play(fit, days=5, seed=3, agents=count) for count in (8, 9))

    few, more = by_customer(eight), by_customer(nine)
    assert few.keys() == more.keys()
    assert all(few[one][0] == more[one][0] for one in few)
    answered = [one for one in few if not few[one][2] and not more[one][2]]
    assert len(answered) > 2000
    assert all(few[one][1] == pytest.approx(more[one][1], abs=1e-6) for one in answered)
    assert waited_s(nine) < 0.8 * waited_s(eight)


def test_patience_is_the_customers_own() -> None:
    """Whoever gives up among many agents gives up among few, and after the same time."""
    fit = centre(agents=8)

    few, many = (playing.play(fit, days=5, seed=3, agents=count).log for count in (6, 7))

    left = {int(one): float(wait) for one, wait, gone in zip(few.customer, few.wait_s, few.gone, strict=True) if gone}
    also = {
        int(one): float(wait) for one, wait, gone in zip(many.customer, many.wait_s, many.gone, strict=True) if gone
    }
    both = left.keys() & also.keys()
    assert len(both) > 100
    assert all(left[one] == pytest.approx(also[one], abs=1e-6) for one in both)


def test_a_policy_changes_no_customer_either() -> None:
    fit = centre(agents=8, effects=0.0)

    plain, other = (playing.play(fit, days=5, seed=3, policy=policy) for policy in (None, ShortestIdle()))

    assert plain.log.agent.tolist() != other.log.agent.tolist()
    assert {key: told[0] for key, told in by_customer(plain).items()} == {
        key: told[0] for key, told in by_customer(other).items()
    }


def test_a_difference_on_the_same_customers_is_far_surer_than_on_others() -> None:
    """One agent more: over twelve seeds the paired difference of the share abandoned varies a tenth as much."""
    fit = centre(agents=8)
    few = np.array([abandoned(playing.play(fit, days=2, seed=seed, agents=8)) for seed in range(12)])
    more = np.array([abandoned(playing.play(fit, days=2, seed=seed, agents=9)) for seed in range(12)])
    others = np.array([abandoned(playing.play(fit, days=2, seed=100 + seed, agents=9)) for seed in range(12)])

    assert np.var(few - more, ddof=1) < 0.2 * np.var(few - others, ddof=1)
    assert (few - more > 0).all()


def test_what_was_fitted_is_found_again_in_what_was_played() -> None:
    fit = centre(agents=12, transfers=(0.15, 0.0), returns=(0.2, 0.1), effects=0.3, patience_s=150)
    log = playing.play(fit, days=70, seed=4).log

    linked = following.links(log, window_s=2 * 3600)
    onward = following.fit(log, linked, window_s=2 * 3600)
    assert onward.transfers.share == pytest.approx([0.15, 0.0], abs=0.006)
    assert onward.after_answer.share == pytest.approx([0.2, 0.1], abs=0.012)
    fresh = linked.fresh
    again = arrivals.fit(log.stream[fresh], log.queued_s[fresh], streams=2, weekdays=log.weekdays)
    assert again.per_day.mean(axis=1) == pytest.approx([720, 360], rel=0.08)
    assert again.day_variance == pytest.approx([0.02, 0.02], abs=0.01)
    pace = handling.fit(log)
    assert pace.log_mean == pytest.approx(fit.handling.log_mean, abs=0.1)
    assert pace.effects[0] - pace.effects[0].mean() == pytest.approx(fit.handling.effects[0], abs=0.06)
    assert pace.transfer_shift[0] == pytest.approx(fit.handling.transfer_shift[0], abs=0.06)
    willing = estimate(log.wait_s, abandoned=log.gone)
    assert willing.one_s(0.5) == pytest.approx(150 * np.log(2), rel=0.12)


def test_wrap_up_that_no_log_tells_takes_the_agent_and_stays_untold() -> None:
    silent = playing.play(centre(wrap_up=exponential(60)), days=5, seed=5)
    plain = playing.play(centre(), days=5, seed=5)

    assert waited_s(silent) > 1.5 * waited_s(plain)
    told, other = by_customer(silent), by_customer(plain)
    answered = [one for one in told.keys() & other.keys() if not told[one][2] and not other[one][2]]
    assert all(told[one][1] == pytest.approx(other[one][1], abs=1e-6) for one in answered)
    found = presence.fit(silent.log).wrap_up
    assert found is not None
    assert found.one_s(0.5) == pytest.approx(60 * np.log(2), rel=0.2)


@pytest.mark.parametrize(
    ("rule", "first"),
    [(Transferring(keeps_place=True), True), (Transferring(keeps_place=False), False),
     (Transferring(keeps_place=False, priority=-1), True)],
)  # fmt: skip
def test_a_transfer_waits_less_where_it_keeps_its_place_or_goes_first(rule: Transferring, first: bool) -> None:
    fit = centre(agents=7, transfers=(0.3, 0.0), patience_s=1e6, per_hour=50)

    log = playing.play(fit, days=3, seed=6, transferring=rule).log

    handed = following.links(log, window_s=0).handed_to
    moved = log.wait_s[handed[handed >= 0]].mean()
    others = log.wait_s[(log.stream == 1) & following.links(log, window_s=0).fresh].mean()
    assert (moved < 0.5 * others) == first


def test_who_is_handed_on_is_told_in_one_contact_and_who_comes_back_in_another() -> None:
    log = playing.play(centre(transfers=(0.5, 0.0), returns=(0.3, 0.3)), days=2, seed=7).log

    linked = following.links(log, window_s=DAY_S)
    after = linked.handed_to
    moved = np.flatnonzero(after >= 0)
    assert (log.contact[moved] == log.contact[after[moved]]).all()
    assert (log.stream[after[moved]] == 1).all()
    back = np.flatnonzero(linked.repeated_by >= 0)
    assert (log.contact[back] != log.contact[linked.repeated_by[back]]).all()
    assert (log.customer[back] == log.customer[linked.repeated_by[back]]).all()


def test_chats_side_by_side_need_fewer_agents() -> None:
    alone, beside = (playing.play(centre(agents=5, places=places), days=3, seed=8) for places in (1, 3))

    assert abandoned(beside) < 0.5 * abandoned(alone)


def test_a_log_of_chats_tells_that_they_were_held_side_by_side() -> None:
    log = playing.play(centre(agents=4, places=3), days=5, seed=8).log

    assert concurrency.fit(log) == ((True, True), 3)


def test_the_urgent_wait_less() -> None:
    fit = replace(centre(agents=7), priorities=((np.array([0, 2]), np.array([0.5, 1.0])),) * 2)

    log = playing.play(fit, days=5, seed=9).log

    assert set(log.priority.tolist()) == {0, 2}
    assert log.wait_s[log.priority == 2].mean() < 0.7 * log.wait_s[log.priority == 0].mean()


def test_measures_are_those_of_the_definitions() -> None:
    """Worked by hand from four legs: two answered at once and after 30 s, one gave up after 5 s, one after 60 s."""
    fit: Fit = centre(agents=2)
    log = replace(
        fit.log, days=2, stream=np.array([0, 0, 0, 1]), queued_s=np.arange(4.0), wait_s=np.array([0.0, 30, 5, 60]),
        handle_s=np.array([100.0, 300, np.nan, np.nan]), agent=np.array([0, 1, -1, -1]),
        gone=np.array([False, False, True, True]),
    )  # fmt: skip

    cards, loans, whole = measures.of(
        log, at_work_s=np.array([400.0, 600.0]), serves=np.ones((2, 2), bool), within_s=20
    )

    assert (cards.queue, loans.queue, whole.queue) == ("cards", "loans", "all")
    assert (cards.contacts_per_day, cards.handle_s, cards.wait_s) == (1.5, 200.0, pytest.approx(35 / 3))
    assert cards.abandoned_share == pytest.approx(1 / 3)
    assert cards.level_offered == pytest.approx(1 / 3)
    assert cards.level_left == pytest.approx(2 / 3)
    assert cards.occupancy == pytest.approx(400 / 1000)
    assert (loans.level_offered, loans.level_left, loans.abandoned_share) == (0, 0, 1)
    assert np.isnan(loans.handle_s)
    assert whole.wait_s == pytest.approx(95 / 4)


def test_the_mean_handle_time_played_is_that_of_the_fit() -> None:
    log = playing.play(centre(agents=20), days=30, seed=10).log

    cards = log.handle_s[(log.stream == 0) & ~log.gone]
    assert cards[cards > 10].mean() == pytest.approx(180 * exp(0.6**2 / 2), rel=0.03)
