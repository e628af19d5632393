"""What journeys ask of the application, and how long they wait for what another process does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.journeys.desk import Desk


def waiting_for(desk: Desk, family: str) -> dict[str, Any] | None:
    """The request of a family that waits for a reviewer, or None."""
    waiting = desk.parley("review", "list", "--json").told["waiting"]
    return next((one for one in waiting if one["family"] == family), None)


def champion(desk: Desk, family: str) -> str | None:
    """The version that the chain calls champion."""
    families = desk.parley("status", "--json").told["families"]
    return next((one["champion"] for one in families if one["family"] == family), None)


def ask(client: httpx.Client, desk: Desk, text: str, language: str | None = None) -> dict[str, Any]:
    """What `/v1/intent` answers."""
    turns = [{"speaker": "customer", "text": text}]
    body = {"contact_id": f"live-{time.monotonic_ns()}", "turns": turns, "channel": "chat", "language": language}
    answer = client.post("/v1/intent", json=body, headers=desk.headers("desktop"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def answered_by_model(client: httpx.Client, desk: Desk, text: str, *, within_s: float = 30) -> dict[str, Any]:
    """The first answer that a model gave: the server may have just begun, and have to fetch it first."""
    ends = time.monotonic() + within_s
    while (answer := ask(client, desk, text))["source"] != "model":
        assert time.monotonic() < ends, answer
        time.sleep(0.1)
    return answer


def swapped_after(
    client: httpx.Client, desk: Desk, text: str, *, by: Callable[[], object]
) -> tuple[dict[str, Any], float]:
    """The first answer of a model while `by` promotes it, and how many seconds after the chain's entry it came.

    Somebody asks all the while: the promotion is in the chain before the command that wrote it has ended.
    """

    def first() -> tuple[dict[str, Any], datetime]:
        return answered_by_model(client, desk, text, within_s=120), datetime.now(UTC)

    with ThreadPoolExecutor(max_workers=1) as asking:
        waiting = asking.submit(first)
        by()
        answer, answered_at = waiting.result()
    return answer, (answered_at - promoted_at(desk)).total_seconds()


def promoted_at(desk: Desk) -> datetime:
    """When the newest promotion was written into the chain."""
    lines = (desk.home / "history" / "promotions.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return datetime.fromisoformat([one["at"] for one in entries if one["kind"] == "promotion.promoted"][-1])


def wait_until(holds: Callable[[], bool], *, within_s: float = 30) -> None:
    """Wait for something that another process does."""
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.2)


def forecast_period(desk: Desk) -> dict[str, str]:
    """A queue that the issued forecast knows, and the day after it was issued."""
    current = json.loads((desk.home / "issued" / "current.json").read_text())
    since = datetime.fromisoformat(current["as_of"])
    return {"queue": current["queues"][0], "from": since.isoformat(), "to": (since + timedelta(days=1)).isoformat()}
