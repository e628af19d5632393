"""A centre of a few agents, drawn from a seed: tables of every dataset that the features read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from data_contracts.arrow import table

START = datetime(2026, 3, 2, tzinfo=UTC)
AGENTS = ("ann", "bob", "cai", "dee")
TOPICS = ("card", "login", "loan")
WORDS = {
    "card": ("my card was swallowed", "the card does not work", "卡被吞了", "new card please"),
    "login": ("i cannot log in", "password reset", "我的密码忘了", "the code does not come"),
    "loan": ("what does a loan cost", "raise my loan", "贷款利率是多少", "pay back the loan"),
}


def common(at: datetime, known_at: datetime | None = None, **others: Any) -> dict[str, Any]:
    """The columns that every dataset has."""
    known = known_at or at
    told = {"happened_at": at, "known_at": known, "source": "tiny", "event_id": "e", "backfilled": True}
    return {**told, "simulated": True, "timeless": False, **others}


def tiny_centre(*, seed: int = 1, days: int = 42, per_day: int = 24) -> dict[str, pa.Table]:
    """Records of `days` days from START, open 08:00 to 20:00 UTC, closed on Sundays."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _DATASETS}
    for place, name in enumerate(AGENTS):
        told = {"agent_id": name, "revision": 0, "hired_on": START.date(), "languages": ["en", "zh"][: 1 + place % 2]}
        rows["agents"].append(told | {"skills": ["q1", "q2"], "status": "active", "team": "t"} | common(START))
    for topic in TOPICS:
        told = {"intent_id": topic, "revision": 0, "name_en": topic, "critical": False, "automatable": True}
        rows["intents"].append(told | common(START))
    for day in range(days):
        if (START + timedelta(days=day)).weekday() == 6:
            continue
        for number in range(per_day):
            _contact(rows, rng, f"c{day:03d}{number:03d}", START + timedelta(days=day))
    return {name: table(name, told) for name, told in rows.items()}


def two_channels(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The same centre, a third of whose contacts come by voice and in Chinese, the others by chat."""
    rows = [
        row | ({"channel": "voice", "language": "zh"} if int(row["contact_id"][1:]) % 3 == 0 else {"channel": "chat"})
        for row in tables["contacts"].to_pylist()
    ]
    return tables | {"contacts": table("contacts", rows)}


_DATASETS = (
    "agents",
    "intents",
    "contacts",
    "segments",
    "utterances",
    "decisions",
    "verdicts",
    "ratings",
    "predictions",
)


def _contact(rows: dict[str, list[dict[str, Any]]], rng: np.random.Generator, name: str, day: datetime) -> None:
    at = day + timedelta(hours=8 + 12 * float(rng.random()))
    topic = TOPICS[int(rng.integers(3))]
    agent = AGENTS[int(rng.integers(4))]
    wait, handle = 20 + int(rng.integers(60)), 60 + int(rng.integers(200)) * (1 + AGENTS.index(agent))
    ended = at + timedelta(seconds=wait + handle)
    customer = f"p{int(rng.integers(80)):02d}" if rng.random() < 0.8 else None
    queue = "q1" if topic == "card" else "q2"
    about = {"contact_id": name, "revision": 0, "channel": "chat", "direction": "inbound", "queue": queue}
    about |= {"topic": topic, "language": "en", "customer_id": customer, "priority": 0, "started_at": at}
    rows["contacts"].append(about | {"ended_at": ended, "outcome": "answered", "reopened": False} | common(ended))
    offered = at + timedelta(seconds=wait)
    leg = {"segment_id": f"{name}.s", "contact_id": name, "sequence": 0, "kind": "agent", "queue": queue}
    leg |= {"agent_id": agent, "queued_at": at, "offered_at": offered, "answered_at": offered, "ended_at": ended}
    leg |= {"wait_s": float(wait), "handle_s": float(handle), "disposition_code": topic, "outcome": "answered"}
    rows["segments"].append(leg | common(ended))
    said = f"{WORDS[topic][int(rng.integers(4))]} {int(rng.integers(400))}"
    turn = {"contact_id": name, "turn": 0, "speaker": "customer", "text": said, "spoken_at": at}
    rows["utterances"].append(turn | common(at, ended))
    made = {"decision_id": f"{name}.d", "revision": 0, "contact_id": name, "attempt": 0, "queue": queue}
    made |= {"eligible": json.dumps(AGENTS), "chosen_agent_id": agent, "propensity": 0.25, "policy": "random"}
    rows["decisions"].append(made | common(offered))
    if rng.random() < 0.3:
        told = {"rating_id": f"{name}.r", "contact_id": name, "score": 1 + int(rng.integers(5))}
        rows["ratings"].append(told | common(ended + timedelta(hours=1)))
    if rng.random() < 0.2:
        told = {"verdict_id": f"{name}.v", "contact_id": name, "capability": "intent", "agent_id": agent}
        told |= {"verdict": "wrong", "instead": topic, "prompted": True}
        rows["verdicts"].append(told | common(ended + timedelta(minutes=2)))


def shuffled_after(tables: dict[str, pa.Table], moment: datetime, *, seed: int = 3) -> dict[str, pa.Table]:
    """The same tables with every row that became known after `moment` spoiled: its figures belong to other rows."""
    rng = np.random.default_rng(seed)
    spoiled = {}
    for name, told in tables.items():
        later = np.asarray([known > moment for known in told["known_at"].to_pylist()], dtype=bool)
        order = np.arange(told.num_rows)
        order[later] = rng.permutation(order[later])
        columns = {}
        for column in told.column_names:
            keep = column in ("known_at", "happened_at", *_KEYS)
            columns[column] = told[column] if keep else told[column].take(pa.array(order))
        spoiled[name] = pa.table(columns, schema=told.schema)
    return spoiled


_KEYS = ("contact_id", "segment_id", "decision_id", "verdict_id", "rating_id", "revision", "turn", "prediction_id")
