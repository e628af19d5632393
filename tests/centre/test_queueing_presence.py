from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from centre.queueing import call_log, presence
from centre.queueing.call_log import CallLog
from centre.queueing.presence import Presence
from tests.centre.small_log import MONDAY, leg, segments

DAY_S = 86_400
NINE = 9 * 3600.0


def read(legs: list[dict[str, object]]) -> CallLog:
    return call_log.read(segments(legs), time_zone="UTC")


def spans(legs: list[dict[str, object]], agent: str = "ann") -> list[list[tuple[float, float]]]:
    log = read(legs)
    told = presence.fit(log)
    return [[(start - NINE, end - NINE) for start, end in day] for day in told.spans[log.agents.index(agent)]]


def test_an_agent_is_there_from_the_first_answer_to_the_last_end() -> None:
    assert spans([leg(NINE, handle_s=60.0), leg(NINE + 500, handle_s=100.0)]) == [[(0, 600)]]


def test_an_agent_whom_nobody_saw_for_long_was_away() -> None:
    assert spans([leg(NINE), leg(NINE + 3000, handle_s=100.0)]) == [[(0, 60), (3000, 3100)]]
    assert spans([leg(NINE), leg(NINE + 2700, handle_s=100.0)]) == [[(0, 2800)]]


def test_an_agent_who_let_a_customer_wait_was_on_a_break_until_that_one_was_served() -> None:
    """Ann ends at 60; one who came at 100 waits until Bob has time at 600; Ann answers the next at 700."""
    legs = [
        leg(NINE, handle_s=60.0),
        leg(NINE, handle_s=600.0, agent="bob"),
        leg(NINE + 100, wait_s=500.0, agent="bob"),
        leg(NINE + 700, handle_s=100.0),
    ]

    assert spans(legs) == [[(0, 60), (600, 800)]]
    assert spans(legs, "bob") == [[(0, 660)]]


def test_who_does_not_serve_a_queue_need_not_answer_it() -> None:
    legs = [leg(NINE), leg(NINE + 100, queue="loans", wait_s=500.0, agent="bob"), leg(NINE + 700, handle_s=100.0)]

    assert spans(legs) == [[(0, 800)]]


def test_a_short_while_away_with_somebody_waiting_is_wrap_up() -> None:
    """After each contact Ann takes 20 s, though the next one has been waiting: the log tells nothing of them."""
    legs = [leg(NINE + n, wait_s=n * 79.0, handle_s=60.0, contact=f"c{n}") for n in range(60)]

    told = presence.fit(read(legs))

    assert told.spans == ((((NINE, NINE + 59 * 80 + 60),),),)
    assert told.wrap_up is not None
    assert told.wrap_up.one_s(0.4) == pytest.approx(20.0)


def test_without_a_customer_waiting_there_is_nothing_to_tell_of_wrap_up() -> None:
    assert presence.fit(read([leg(NINE + 100 * n) for n in range(60)])).wrap_up is None


def state(agent: str, at_s: float, what: str) -> dict[str, object]:
    return {"agent_id": agent, "changed_at": MONDAY + timedelta(seconds=at_s), "state": what}


def test_where_states_are_told_they_are_believed() -> None:
    log = read([leg(NINE), leg(NINE + DAY_S), leg(NINE, agent="bob")])
    states = [
        state("ann", NINE - 600, "available"), state("ann", NINE, "busy"), state("ann", NINE + 60, "available"),
        state("ann", NINE + 70, "break"), state("ann", NINE + 900, "available"), state("zoe", NINE, "available"),
        state("ann", NINE + 1200, "offline"),
    ]  # fmt: skip

    told = presence.fit(log, pa.Table.from_pylist(states))

    ann, bob = told.spans
    assert ann == (((NINE - 600, NINE + 70), (NINE + 900, NINE + 1200)), ())
    assert bob == (((NINE, NINE + 60),), ())
    assert told.wrap_up is None


def test_who_leaves_with_the_end_of_a_contact_was_to_leave_during_it() -> None:
    log = read([leg(NINE), leg(NINE + 100, handle_s=500.0)])
    states = [
        state("ann", NINE, "busy"), state("ann", NINE + 60, "available"), state("ann", NINE + 100, "busy"),
        state("ann", NINE + 550, "wrap_up"), state("ann", NINE + 600, "offline"),
    ]  # fmt: skip

    told = presence.fit(log, pa.Table.from_pylist(states))

    assert told.spans == ((((NINE, NINE + 350),),),)
    # she was at work until the contact ended all the same
    assert told.at_work_s(log).tolist() == [600.0]


def test_time_at_work_counts_what_a_contact_needs_beyond_a_span_once() -> None:
    log = read([leg(90, handle_s=60.0), leg(250, handle_s=300.0), leg(20, agent="bob")])

    worked = presence.at_work_s([((0.0, 100.0), (200.0, 300.0), (400.0, 500.0)), ((0.0, 100.0),)], log)

    assert worked.tolist() == [150 + 200 + 100 + 0, 100]


def test_each_agent_serves_what_that_agent_answered_and_not_the_odd_one() -> None:
    legs = [leg(n, agent="ann") for n in range(300)] + [leg(400, queue="loans", agent="ann")]
    legs += [leg(500 + n, queue="loans", agent="bob") for n in range(5)]
    legs += [leg(900, queue="orphan", agent=None)]

    # of a queue whose agents nobody knows everybody is thought to be
    assert presence.fit(read(legs)).serves.tolist() == [[True, False, True], [False, True, True]]


def three_agents() -> Presence:
    """At work on a Monday and a Tuesday, then on the next Monday: for 3, 2 and 1 hours."""
    own = [(((0.0, 3600.0 * hours),), (), ((60.0, 3600.0 * hours),)) for hours in (1, 3, 2)]
    return Presence(np.array([[True, False], [True, True], [False, True]]), tuple(own), None)


def test_each_day_of_a_roster_repeats_one_of_its_weekday_in_turn() -> None:
    plan = presence.days_in_turn(np.array([0, 1, 0]), first_weekday=6, days=16)
    (agent,) = three_agents().roster([0], plan=plan)

    # Sunday none; then Mondays of the log by turns, and Tuesdays without anybody
    assert agent.spans == ((DAY_S, DAY_S + 3600), (8 * DAY_S + 60, 8 * DAY_S + 3600), (15 * DAY_S, 15 * DAY_S + 3600))
    assert agent.skills == frozenset({0})


def test_a_roster_of_fewer_keeps_those_who_worked_most_and_one_of_more_has_copies() -> None:
    told = three_agents()

    assert told.chosen(None) == [0, 1, 2]
    assert told.chosen(2) == [1, 2]
    assert told.chosen(5) == [1, 2, 0, 1, 2]


def test_a_night_shift_that_runs_into_the_next_day_is_one_span() -> None:
    own = ((23 * 3600.0, DAY_S + 600.0),), ((300.0, 3600.0),)
    (agent,) = Presence(np.ones((1, 1), bool), (own,), None).roster([0], plan=[0, 1])

    assert agent.spans == ((23 * 3600.0, DAY_S + 3600.0),)
