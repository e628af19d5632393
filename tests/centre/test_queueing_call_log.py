from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from centre.queueing import call_log, concurrency
from centre.queueing.call_log import NOBODY
from data_contracts.errors import NotEnoughData
from tests.centre.small_log import contacts, leg, segments


def test_only_legs_that_entered_a_queue_count() -> None:
    legs = [leg(10), leg(20, outcome="abandoned"), leg(30, outcome="phantom"), leg(40, outcome="completed")]
    legs.append({**leg(50), "queued_at": None})

    log = call_log.read(segments(legs), time_zone="UTC")

    assert log.queued_s.tolist() == [10, 20]
    assert log.gone.tolist() == [False, True]
    assert log.agent.tolist() == [0, NOBODY]
    assert log.ended_s.tolist() == [70, 20]


def test_days_are_those_of_the_centre() -> None:
    # 17:00 in Greenwich is one in the morning of the next day in Singapore
    log = call_log.read(segments([leg(17 * 3600), leg(41 * 3600)]), time_zone="Asia/Singapore")

    assert log.first_day == date(2026, 3, 3)
    assert log.queued_s.tolist() == [3600, 25 * 3600]
    assert (log.days, log.weekdays.tolist()) == (2, [1, 2])


def test_a_log_without_a_queue_is_told_so() -> None:
    with pytest.raises(NotEnoughData, match="no contact is known that entered a queue"):
        call_log.read(segments([leg(1, outcome="completed")]), time_zone="UTC")


def test_a_queue_with_several_channels_is_several_kinds_of_contact_and_a_language_is_not() -> None:
    legs = [leg(n, queue=queue, contact=f"c{n}") for n, queue in enumerate(["cards", "cards", "cards", "loans"])]
    about = contacts(
        {
            "c0": {"channel": "voice", "language": "en"},
            "c1": {"channel": "voice", "language": "zh"},
            "c2": {"channel": "chat", "language": "en"},
            "c3": {"channel": "voice", "language": "en"},
        }
    )

    log = call_log.read(segments(legs), time_zone="UTC", contacts=about)

    assert log.kinds == ("cards · chat", "cards · voice", "loans")
    assert len(log.streams) == 4
    assert log.kind.tolist() == [1, 1, 0, 2]


def test_who_called_and_how_urgently_is_taken_from_the_contact() -> None:
    about = contacts({"c0": {"customer_id": "kim", "priority": 2}, "c1": {"customer_id": None, "priority": None}})

    log = call_log.read(segments([leg(0, contact="c0"), leg(1, contact="c1"), leg(2, contact="c9")]),
                        time_zone="UTC", contacts=about)  # fmt: skip

    assert log.customer.tolist() == [0, NOBODY, NOBODY]
    assert log.priority.tolist() == [2, 0, 0]


def chats(*, apart_s: float) -> list[dict[str, object]]:
    return [leg(n * apart_s, handle_s=300.0, contact=f"c{n}") for n in range(300)]


def test_contacts_that_overlap_share_their_agent_in_as_many_places_as_were_held() -> None:
    # one every 100 s that lasts 300 s: two others are in hand when the next begins
    log = call_log.read(segments(chats(apart_s=101)), time_zone="UTC")

    assert concurrency.held_beside(log)[5:].tolist() == [2] * 295
    assert concurrency.fit(log) == ((True,), 3)


def test_contacts_one_after_another_do_not_share_even_if_clocks_differ() -> None:
    log = call_log.read(segments(chats(apart_s=280)), time_zone="UTC")

    assert concurrency.fit(log) == ((False,), 1)


def test_a_busy_call_queue_is_not_taken_for_chats_because_of_the_odd_overlap() -> None:
    legs = [*chats(apart_s=320), leg(320 * 150 + 100, handle_s=50.0, contact="odd")]

    log = call_log.read(segments(legs), time_zone="UTC")

    assert np.max(concurrency.held_beside(log)) == 1
    assert concurrency.fit(log) == ((False,), 1)
