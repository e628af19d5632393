"""Feature rows: one for each agent, missing things missing, and nothing guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from data_contracts.errors import InputError
from features import routing

AT = datetime(2026, 4, 1, 15, 30, tzinfo=UTC)  # a Wednesday
CONTACT = {"queue": "q1", "topic": "card", "channel": "voice", "language": "zh", "priority": 2, "at": AT}
AGENT = {
    "agent_handled_count": 40.0,
    "agent_log_handle_excess": 0.1,
    "agent_resolution_rate": 0.7,
    "agent_hired_s": (AT - timedelta(days=10)).timestamp(),
    "agent_speaks_en": 1.0,
    "agent_speaks_zh": 0.0,
    "topic_log_handle_mean": 5.0,
}


def row(
    contact: dict[str, Any] | None = None, customer: dict[str, Any] | None = None, **agent: Any
) -> dict[str, float]:
    told = AGENT | agent
    found = routing.rows(contact or CONTACT, ["a"], customer or {}, [told], [told])
    assert found.shape == (1, len(routing.COLUMNS))
    return dict(zip(routing.COLUMNS, found[0].tolist(), strict=True))


def test_time_wait_tenure_and_language_are_of_the_moment() -> None:
    told = row(CONTACT | {"queued_at": AT - timedelta(seconds=90)})
    assert (told["hour_utc"], told["weekday_utc"], told["wait_s"]) == (15.5, 2.0, 90.0)
    assert (told["agent_tenure_days"], told["agent_speaks_language"]) == (10.0, 0.0)
    assert row(CONTACT | {"language": "en"})["agent_speaks_language"] == 1.0
    assert np.isnan(row(CONTACT | {"language": "fr"})["agent_speaks_language"])


def test_an_agent_new_to_a_topic_stands_where_shrinkage_puts_them() -> None:
    told = row()
    assert told["agent_topic_handled_count"] == 0.0
    assert told["agent_topic_log_handle_mean"] == pytest.approx(5.1)
    assert told["agent_topic_resolution_rate"] == 0.7
    assert row(agent_topic_log_handle_mean=4.0)["agent_topic_log_handle_mean"] == 4.0


def test_an_unknown_customer_is_told_from_one_without_contacts() -> None:
    unknown, quiet = (
        row(),
        row(customer={"customer_contacts_7d": 0.0, "customer_last_contact_s": AT.timestamp() - 7200}),
    )
    assert (unknown["customer_known"], quiet["customer_known"]) == (0.0, 1.0)
    assert np.isnan(unknown["customer_hours_since_last"])
    assert quiet["customer_hours_since_last"] == 2.0


def test_the_same_topic_as_last_time_is_seen() -> None:
    last = {"customer_contacts_7d": 1.0, "customer_last_topic_code": routing.code("card")}
    assert row(customer=last)["customer_same_topic_as_last"] == 1.0
    assert row(CONTACT | {"topic": "loan"}, customer=last)["customer_same_topic_as_last"] == 0.0


def test_without_a_topic_the_queue_stands_for_it() -> None:
    assert routing.topic_of({"queue": "q1", "topic": None}) == "q1"
    assert routing.topic_of({}) == ""
    assert row(CONTACT | {"topic": None})["topic_code"] == routing.code("q1")
    assert routing.code(None) == -1.0


def test_each_agent_has_a_row_in_order_and_none_is_forgotten() -> None:
    others = [AGENT | {"agent_handled_count": float(n)} for n in range(5)]
    found = routing.rows(CONTACT, list("abcde"), {}, others, others)
    assert found[:, routing.COLUMNS.index("agent_handled_count")].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    with pytest.raises(InputError, match="an agent without features"):
        routing.rows(CONTACT, ["a", "b"], {}, [AGENT], [AGENT])
    assert routing.rows(CONTACT, [], {}, [], []).shape == (0, len(routing.COLUMNS))


def test_the_columns_without_agents_say_nothing_of_an_agent() -> None:
    one, other = (
        row(),
        row(agent_handled_count=1.0, agent_log_handle_excess=-1.0, agent_speaks_zh=1.0, agent_hired_s=0.0),
    )
    changed = {name for name in routing.COLUMNS if one[name] != other[name] and not np.isnan(one[name])}
    assert changed
    assert changed <= set(routing.AGENT_COLUMNS) < set(routing.COLUMNS)


def test_names_keep_their_codes() -> None:
    assert [routing.code(name) for name in ("card", "login", "贷款")] == [
        float(c) for c in (__import__("zlib").crc32(n.encode()) % 997 for n in ("card", "login", "贷款"))
    ]
