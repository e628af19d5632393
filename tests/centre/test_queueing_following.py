from __future__ import annotations

import numpy as np
import pytest

from centre.queueing import call_log, following
from centre.queueing.call_log import CallLog
from centre.queueing.following import Following, Links
from tests.centre.small_log import contacts, leg, segments

DAY_S = 86_400.0


def read(legs: list[dict[str, object]], customers: dict[str, str] | None = None) -> CallLog:
    about = contacts({name: {"customer_id": who} for name, who in (customers or {}).items()})
    return call_log.read(segments(legs), time_zone="UTC", contacts=about)


def linked(log: CallLog, *, days: float = 1.0) -> Links:
    return following.links(log, window_s=days * DAY_S)


def fitted(log: CallLog, *, days: float = 1.0) -> Following:
    return following.fit(log, linked(log, days=days), window_s=days * DAY_S)


def test_a_contact_that_is_handed_on_is_followed_by_its_next_leg() -> None:
    log = read([leg(0, contact="c", outcome="transferred"), leg(60, queue="loans", contact="c", sequence=1), leg(90)])

    assert linked(log).handed_to.tolist() == [1, -1, -1]
    assert linked(log).fresh.tolist() == [True, False, True]


def test_the_same_customer_soon_again_is_a_repeat_and_a_stranger_is_not() -> None:
    legs = [leg(0, contact="a"), leg(500, contact="b"), leg(900, contact="c"), leg(950, contact="d")]
    log = read(legs, {"a": "kim", "b": "lee", "c": "kim"})

    assert linked(log).repeated_by.tolist() == [2, -1, -1, -1]
    assert linked(log).fresh.tolist() == [True, True, False, True]


def test_the_window_counts_from_the_end_of_the_first() -> None:
    legs = [leg(0, contact="a", handle_s=60.0), leg(60 + DAY_S, contact="b"), leg(121 + 2 * DAY_S, contact="c")]
    log = read(legs, {"a": "kim", "b": "kim", "c": "kim"})

    assert linked(log).repeated_by.tolist() == [1, -1, -1]


def test_a_contact_that_is_opened_again_is_a_repeat_and_no_transfer() -> None:
    log = read([leg(0, contact="a"), leg(4000, contact="a", sequence=1)])

    assert linked(log).handed_to.tolist() == [-1, -1]
    assert linked(log).repeated_by.tolist() == [1, -1]


def test_one_contact_repeats_one_other_at_most() -> None:
    # both were held at the same time; the later of the two is what the third repeats
    legs = [leg(0, contact="a", handle_s=100.0), leg(10, contact="b", handle_s=100.0), leg(500, contact="c")]
    log = read(legs, {"a": "kim", "b": "kim", "c": "kim"})

    assert linked(log).repeated_by.tolist() == [-1, 2, -1]


def test_shares_are_of_matured_contacts_by_how_the_first_ended() -> None:
    legs, customers = [], {}
    for n in range(40):  # a quarter of the answered come back, half of those who gave up
        gone = n % 2 == 1
        at_s = n * 3600.0
        legs.append(leg(at_s, contact=f"c{n}", outcome="abandoned" if gone else "answered", wait_s=30.0))
        customers[f"c{n}"] = f"k{n}"
        if n % 8 == 0 or (gone and n % 4 == 1):
            legs.append(leg(at_s + 1000, queue="loans", contact=f"again{n}"))
            customers[f"again{n}"] = f"k{n}"
    legs.append(leg(100 * DAY_S, contact="last"))
    log = read(legs, customers)

    told = fitted(log)

    cards, loans = 0, 1
    assert told.after_answer.share[cards] == pytest.approx(5 / 20)
    assert told.after_giving_up.share[cards] == pytest.approx(10 / 20)
    assert told.after_answer.stream(cards, 0.5) == loans
    assert told.after_answer.share[loans] == 0.0


def test_contacts_of_the_last_days_are_censored_and_a_short_log_tells_nothing() -> None:
    legs = [leg(0, contact="a"), leg(100, contact="b"), leg(DAY_S / 2, contact="c")]
    log = read(legs, {"a": "kim", "b": "kim"})

    assert fitted(log, days=1.0).after_answer.share.tolist() == [0.0]
    assert fitted(log, days=0.01).after_answer.share.tolist() == [1 / 2]


def test_shares_of_transfers_and_where_they_go() -> None:
    legs = []
    for n in range(12):
        moved = n % 3 == 0
        legs.append(leg(n * 100.0, contact=f"c{n}", outcome="transferred" if moved else "answered"))
        if moved:
            to = "loans" if n else "trade"
            legs.append(leg(n * 100.0 + 60, queue=to, contact=f"c{n}", sequence=1))

    told = fitted(read(legs)).transfers

    assert told.share.tolist() == [4 / 12, 0, 0]
    assert told.to[0].tolist() == [0, 3 / 4, 1 / 4]
    assert [told.stream(0, level) for level in (0.0, 0.74, 0.76, 0.999)] == [1, 1, 2, 2]


def coming_back(pairs: list[tuple[str, int, float]]) -> Following:
    """Fitted from first contacts at cards in an hour, each repeated in a queue after a delay; 60 of each."""
    legs, customers = [], {}
    for place, (queue, hour, delay_s) in enumerate(pairs):
        for n in range(60):
            at_s = n * 2 * DAY_S + hour * 3600.0
            for again in (0, 1):
                name = f"c{place}.{n}.{again}"
                at = at_s + again * (60 + delay_s)
                legs.append(leg(at, queue=queue if again else "cards", contact=name, agent=f"a{place}"))
                customers[name] = f"k{place}.{n}"
    return fitted(read(legs, customers))


def delays(told: Following, kind: int, ended_s: float) -> set[float]:
    """All delays that are drawn after an end (seconds from the first Monday)."""
    return {told.delay_s(kind, ended_s, level, first_weekday=0) for level in np.linspace(0, 0.99, 25)}


def test_who_comes_back_does_so_after_delays_of_those_who_ended_in_that_hour() -> None:
    # in the evening they call the next morning
    told = coming_back([("cards", 9, 600.0), ("cards", 16, 17 * 3600.0)])

    assert delays(told, 0, 9.1 * 3600) == {600.0}
    assert delays(told, 0, DAY_S + 16.01 * 3600) == {17 * 3600.0}
    # of an hour that nothing is known of, all delays that lead into opening hours
    assert delays(told, 0, 8.9 * 3600) == {600.0}
    assert delays(told, 0, 15.9 * 3600) == {600.0, 17 * 3600.0}


def test_who_writes_comes_back_at_other_times_than_who_calls() -> None:
    told = coming_back([("cards", 9, 600.0), ("letters", 9, 12 * 3600.0)])

    cards, letters = 0, 1
    assert delays(told, cards, 9 * 3600.0) == {600.0}
    assert delays(told, letters, 9 * 3600.0 + 60) == {12 * 3600.0}


def test_nobody_comes_back_while_the_centre_is_closed() -> None:
    """After an end at noon half come back after 10 minutes, half after 5 hours; but on Wednesdays nobody came later."""
    legs, customers = [], {}
    for n in range(80):
        for again in (0, 1):
            day = 7 * n + (0 if n % 2 else 2)
            at_s = day * DAY_S + 12 * 3600.0 + again * (60 + (5 * 3600.0 if n % 2 else 600.0))
            legs.append(leg(at_s, contact=f"c{n}.{again}"))
            customers[f"c{n}.{again}"] = f"k{n}"
    told = fitted(read(legs, customers))

    assert delays(told, 0, 12 * 3600.0 + 60) == {600.0, 5 * 3600.0}
    assert delays(told, 0, 2 * DAY_S + 12 * 3600.0 + 60) == {600.0}
    # on a day without a single contact nothing better is known
    assert delays(told, 0, 4 * DAY_S + 12 * 3600.0 + 60) == {600.0, 5 * 3600.0}
