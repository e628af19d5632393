"""A contact log of a few lines, written by hand, as the tests of fitting need it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def leg(
    at_s: float,
    *,
    queue: str = "cards",
    wait_s: float = 0.0,
    handle_s: float | None = 60.0,
    agent: str | None = "ann",
    outcome: str = "answered",
    contact: str | None = None,
    sequence: int = 0,
) -> dict[str, Any]:
    """One leg, `at_s` seconds after the Monday's midnight in UTC; who gives up has neither agent nor handle time."""
    gone = outcome == "abandoned"
    return {
        "contact_id": contact or f"{queue}-{at_s}-{agent}",
        "sequence": sequence,
        "queue": queue,
        "queued_at": MONDAY + timedelta(seconds=at_s),
        "wait_s": wait_s,
        "handle_s": None if gone else handle_s,
        "agent_id": None if gone else agent,
        "outcome": outcome,
    }


def segments(legs: Sequence[dict[str, Any]]) -> pa.Table:
    """The legs as the archive would give them."""
    schema = pa.schema(
        [
            ("contact_id", pa.string()), ("sequence", pa.int64()), ("queue", pa.string()),
            ("queued_at", pa.timestamp("us", "UTC")), ("wait_s", pa.float64()), ("handle_s", pa.float64()),
            ("agent_id", pa.string()), ("outcome", pa.string()),
        ]
    )  # fmt: skip
    return pa.Table.from_pylist(list(legs), schema)


def contacts(rows: dict[str, dict[str, Any]]) -> pa.Table:
    """Contacts by id, with what is known of each: channel, language, customer_id, priority."""
    schema = pa.schema(
        [("contact_id", pa.string()), ("channel", pa.string()), ("language", pa.string()),
         ("customer_id", pa.string()), ("priority", pa.int64())]
    )  # fmt: skip
    return pa.Table.from_pylist([{"contact_id": ident, **told} for ident, told in rows.items()], schema)
