"""Small worlds whose truth is known, written as the build stage writes features: what the families are tried on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import routing as routing_features
from training.params import Params, from_mapping

SEED, THREADS = 7, 1
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
TOPICS = {
    "card_lost": ["lost", "card", "stolen", "wallet", "block"],
    "balance": ["balance", "money", "account", "much", "left"],
    "password": ["password", "login", "reset", "forgot", "code"],
    "loan": ["loan", "borrow", "rate", "mortgage", "repay"],
}
CHINESE = {
    "card_lost": "卡丢了挂失钱包",
    "balance": "余额还有多少钱",
    "password": "忘记密码重置登录",
    "loan": "贷款利率借钱还款",
}
GATES: dict[str, Any] = {
    "intent": {"gates": [{"name": "beats", "metric": "accuracy", "comparator": "baseline", "rows": 20},
                         {"name": "keeps up", "metric": "accuracy", "comparator": "champion", "margin": 0.005,
                          "rows": 20},
                         {"name": "language", "metric": "accuracy", "comparator": "absolute", "margin": 0.6,
                          "slices": ["language"], "overall": False}], "slice_rows": 20},
    "routing": {"slice_margin": 0.18,
                "gates": [{"name": "beats", "metric": "policy_value", "comparator": "baseline",
                           "slices": ["queue", "language", "channel"]},
                          {"name": "by agents", "metric": "policy_value", "comparator": "baseline",
                           "other": "without_agent_features"},
                          {"name": "keeps up", "metric": "policy_value", "comparator": "champion", "margin": 0.01,
                           "relative": True}]},
    "forecast": {"gates": [{"name": "beats", "metric": "wape", "comparator": "baseline", "better": "lower"},
                           {"name": "keeps up", "metric": "wape", "comparator": "champion", "margin": 0.02,
                            "relative": True, "better": "lower"}]},
}  # fmt: skip


def params(**changed: dict[str, Any]) -> Params:
    """Small and quick: the hashing encoder, few trees."""
    told: dict[str, Any] = {
        "intent": {
            "encoder": "hash-128",
            "multilingual": "",
            "strengths": [10.0],
            "ngram_strengths": [10.0],
            "ngram_buckets": 1024,
        },
        "routing": {"rounds": 40},
        "forecast": {"rounds": 20},
        "gates": GATES,
    }
    return from_mapping({name: {**part, **changed.get(name, {})} for name, part in told.items()})


def write_intents(
    data: Path, *, labels: tuple[str, ...] = tuple(TOPICS), rows: int = 60, wrong_share: float = 0.0, zh: bool = True
) -> Path:
    """examples.parquet: texts of three telling words and one that misleads; `wrong_share` of the
    train labels are another's."""
    rng = np.random.default_rng(SEED)
    told = [
        _example(rng, label, language, number, wrong_share=wrong_share)
        for label in labels
        for language in (("en", "zh") if zh else ("en",))
        for number in range(rows)
    ]
    data.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(told), data / "examples.parquet")
    return data


def _example(rng: np.random.Generator, label: str, language: str, number: int, *, wrong_share: float) -> dict[str, Any]:
    other = str(rng.choice([one for one in TOPICS if one != label]))
    if language == "en":
        words = [*rng.choice(TOPICS[label], 3, replace=False), rng.choice(TOPICS[other]), *rng.choice(["the", "my"], 2)]
        text = " ".join(rng.permutation(words)) + f" {number}"
    else:
        hints = [*rng.choice(list(CHINESE[label]), 4, replace=False), *rng.choice(list(CHINESE[other]), 2)]
        text = "".join(rng.permutation(hints)) + f"我的{number}"
    part = "judge" if number % 5 == 0 else "calibrate" if number % 5 == 1 else "train"
    said = other if rng.random() < wrong_share else label
    return {
        "example_id": f"{label}-{language}-{number}", "text": text, "language": language, "channel": "chat",
        "label": said if part == "train" else label, "weight": 1.0, "part": part, "happened_at": MONDAY,
        "timeless": True,
    }  # fmt: skip


def write_offers(
    data: Path, *, decisions: int = 900, by: str = "agent", propensities: bool = True, idle: str = "random",
    reversed_in: tuple[str, str] | None = None,
) -> Path:  # fmt: skip
    """offers.parquet and candidates.parquet of eight agents, chosen evenly among three eligible ones.

    by: what resolves a contact. "agent": the agent's skill, which its features show. "customer": the customer alone.
    idle: who is idle longest. "random", "best" (the most skilled), "some" (told of every other decision), or "none".
    reversed_in: (dimension, value) in which the skilled are the bad ones, which no feature shows.
    """
    rng, idles = np.random.default_rng(SEED), np.random.default_rng(SEED + 1)
    skill = np.linspace(0.1, 0.9, 8)
    offers, candidates = [], []
    for number in range(decisions):
        day, customer = number * 30 // decisions, rng.random()
        part = "train" if day < 16 else "calibrate" if day < 19 else "judge"
        eligible = rng.choice(8, 3, replace=False)
        told = {"queue": ("cards", "loans", "loans", "tiny" if number % 12 == 3 else "loans")[number % 4],
                "language": ("zh", "en")[number % 3 > 0], "channel": ("chat", "voice")[number % 2]}  # fmt: skip
        swapped = reversed_in is not None and told[reversed_in[0]] == reversed_in[1]
        doer = 7 - eligible[0] if swapped else eligible[0]
        chance = skill[doer] if by == "agent" else customer
        resolved = float(rng.random() < chance)
        handle_s = float(np.exp(rng.normal(5.5 - (skill[doer] if by == "agent" else customer), 0.3)))
        shared = {"decision_id": f"d{number:05}", "happened_at": MONDAY + timedelta(days=day, minutes=number % 600),
                  "part": part, "contact_id": f"c{number:05}", **told}  # fmt: skip
        idle_s = skill[eligible] if idle == "best" else idles.random(3)
        logged = idle in ("random", "best") or (idle == "some" and number % 2 == 0)
        seen = [_features(rng, skill[one] if by == "agent" else 0.5, customer) for one in eligible]
        chance_chosen = 1 / 3 if propensities else None
        offers.append({**shared, **seen[0], "segment_id": f"s{number:05}", "agent_id": f"a{eligible[0]}",
                       "rating": None,
                       "resolved": resolved, "handle_s": handle_s, "propensity": chance_chosen})  # fmt: skip
        if part == "judge":
            candidates += [
                {**shared, **seen[place], "agent_id": f"a{agent}", "chosen": place == 0,
                 "idle_s": 60 * float(idle_s[place]) if logged else None,
                 "propensity": chance_chosen if place == 0 else None}
                for place, agent in enumerate(eligible)
            ]  # fmt: skip
    data.mkdir(parents=True, exist_ok=True)
    _write(offers, data / "offers.parquet")
    _write(candidates, data / "candidates.parquet")
    return data


def _write(rows: list[dict[str, Any]], to: Path) -> None:
    table = pa.Table.from_pylist(rows)
    for name in ("propensity", "rating", "idle_s"):
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, name, table[name].cast(pa.float64()))
    pq.write_table(table, to)


def _features(rng: np.random.Generator, skill: float, customer: float) -> dict[str, float]:
    found = dict.fromkeys(routing_features.COLUMNS, 0.0)
    found |= {
        "customer_contacts_30d": 10 * (1 - customer), "agent_resolution_rate": skill + rng.normal(0, 0.03),
        "agent_topic_log_handle_mean": 5.5 - skill + rng.normal(0, 0.05), "topic_log_handle_mean": 5.0,
    }  # fmt: skip
    return found


def write_intervals(data: Path, *, days: int = 60, level: float = 40.0, queues: tuple[str, ...] = ("calls",)) -> Path:
    """intervals.parquet: hourly Poisson counts from 08 to 18 with a weekly shape, a common factor a day, and a trend
    that the median of six weeks is late to see. The last 10 days judge, the 6 before calibrate."""
    rng = np.random.default_rng(SEED)
    told = []
    for day in range(days):
        part = "judge" if day >= days - 10 else "calibrate" if day >= days - 16 else "train"
        factor = (1 + 0.012 * day) * np.exp(rng.normal(0, 0.03)) * (1.2 if day % 7 == 0 else 0.6 if day % 7 > 4 else 1)
        for queue in queues:
            for hour in range(8, 18):
                start = MONDAY + timedelta(days=day, hours=hour)
                count = float(rng.poisson(level * factor * (1 + 0.5 * np.sin(hour))))
                told.append({"queue": queue, "interval_start": start, "interval_s": 3600, "offered_count": count,
                             "handled_count": count, "handle_s": float(300 + rng.normal(0, 20)), "is_open": True,
                             "known_at": start + timedelta(hours=1), "part": part})  # fmt: skip
    data.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(told), data / "intervals.parquet")
    return data


def payload_of(folder: Path) -> dict[str, Any]:
    """payload.json of a folder."""
    return dict(json.loads((folder / "payload.json").read_text(encoding="utf-8")))


def assert_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The same answer of an intent model: its words, and probabilities within a millionth."""
    figures = ("confidence", "margin")
    assert [one[name] for name in figures] == pytest.approx([other[name] for name in figures], abs=1e-6)
    for name in ("intent", "abstained", "language"):
        assert one[name] == other[name]
    assert one["reason"].partition(":")[0] == other["reason"].partition(":")[0]
    ranked = [[guess["intent"] for guess in answer["alternatives"]] for answer in (one, other)]
    assert ranked[0] == ranked[1]
