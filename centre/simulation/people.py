"""Who lives in the world: customers, and agents with the skill and pace that no record shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from centre.simulation.parameters import WorldParams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LANGUAGES: Final = ("en", "zh")
REGIONS: Final = ("central", "north", "north-east", "east", "west")

_GIVEN: Final = (
    (
        "Aisha",
        "Ben",
        "Carla",
        "Daniel",
        "Elena",
        "Farid",
        "Grace",
        "Hannah",
        "Ivan",
        "Jasmine",
        "Kevin",
        "Leela",
        "Samir",
    ),
    ("伟", "芳", "娜", "敏", "静", "磊", "洋", "艳", "杰", "娟", "涛", "秀英", "霞", "建国", "晓东", "雨婷", "志强"),
)
_FAMILY: Final = (
    ("Abdullah", "Brown", "Costa", "Das", "Evans", "Fernandez", "Gomez", "Hughes", "Iyer", "Jones", "Kumar", "Menon"),
    ("王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "林", "何"),
)


@dataclass(frozen=True)
class Customers:
    """Columns of the customers, one entry each; `rate` is how often one needs something, relative to the others."""

    names: list[str]
    languages: Ints
    segments: list[str]
    regions: Ints
    joined_days: Ints
    consents: NDArray[np.bool_]
    rate: Floats


@dataclass(frozen=True)
class Agents:
    """Columns of the agents. Latent: resolution in logits (n x groups) and log handle time (n x groups)."""

    names: list[str]
    teams: Ints
    languages: list[tuple[str, ...]]
    queues: list[tuple[str, ...]]
    tenure_days: Ints
    joins_day: Ints
    leaves_day: Ints
    skill: Floats
    pace: Floats


def customers(params: WorldParams, *, rng: np.random.Generator) -> Customers:
    """`customer_count` customers; the share of Chinese speakers holds in weight of contacts on average."""
    n = params.customer_count
    languages = (rng.random(n) < params.chinese_share).astype(np.int64)
    kinds = list(params.customer_segments)
    picked = rng.choice(len(kinds), size=n, p=list(params.customer_segments.values()))
    return Customers(
        names=_names(languages, rng),
        languages=languages,
        segments=[kinds[place] for place in picked],
        regions=rng.integers(len(REGIONS), size=n),
        joined_days=rng.integers(30, 4000, size=n),
        consents=rng.random(n) < params.consent_share,
        rate=rng.gamma(params.customer_rate_shape, size=n),
    )


def agents(params: WorldParams, *, days: int, rng: np.random.Generator) -> Agents:
    """`agent_count` agents; the last `joiners` come in the third week, the first `leavers` go in the second last."""
    n, groups = params.agent_count, len(params.groups)
    usual = params.tenure_days_log
    tenure = rng.lognormal(usual["mean"], usual["sd"], size=n).astype(np.int64) + 1
    joins, leaves = _stays(params, days)
    tenure[joins > 0] = 0
    z = (np.log1p(tenure) - usual["mean"]) / usual["sd"]
    overall = rng.normal(0, params.general_skill_sd, n) + params.tenure_effect * np.clip(z, -2.5, 2.5)
    skill = overall[:, None] + rng.normal(0, params.skill_sd, (n, groups))
    pace = rng.normal(0, params.pace_sd, n)[:, None] + rng.normal(0, params.pace_group_sd, (n, groups))
    skill -= skill.mean(axis=0)  # the taxonomy states what the average agent does
    pace -= pace.mean(axis=0)
    bilingual = rng.permutation(n) < params.bilingual_agents
    return Agents(
        names=_names(bilingual.astype(np.int64), rng),
        teams=np.arange(n) % 4,
        languages=[LANGUAGES if both else LANGUAGES[:1] for both in bilingual],
        queues=_queues(params, bilingual, rng),
        tenure_days=tenure,
        joins_day=joins,
        leaves_day=leaves,
        skill=skill,
        pace=pace,
    )


def _stays(params: WorldParams, days: int) -> tuple[Ints, Ints]:
    n = params.agent_count
    joins, leaves = np.zeros(n, dtype=np.int64), np.full(n, days, dtype=np.int64)
    if days > 21:
        joins[n - params.joiners :] = 15
        leaves[: params.leavers] = days - 10
    return joins, leaves


def _queues(params: WorldParams, bilingual: NDArray[np.bool_], rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Skills dealt round so that every queue has its share of agents in each language; in the centre's order."""
    names, dealt = params.queues, []
    for both in (True, False):
        for turn, agent in enumerate(np.flatnonzero(bilingual == both)):
            count = params.queues_per_agent[int(rng.integers(len(params.queues_per_agent)))]
            first = names[turn % len(names)]
            others = [names[place] for place in rng.permutation(len(names)) if names[place] != first]
            chosen = {first, *others[: count - 1]}
            dealt.append((int(agent), tuple(name for name in names if name in chosen)))
    return [queues for _, queues in sorted(dealt)]


def _names(chinese: Ints, rng: np.random.Generator) -> list[str]:
    draws = rng.random((len(chinese), 2)).tolist()
    return [_name(zh, given, family) for zh, (given, family) in zip(chinese.tolist(), draws, strict=True)]


def _name(chinese: int, given: float, family: float) -> str:
    first, last = _GIVEN[chinese], _FAMILY[chinese]
    called, born = first[int(given * len(first))], last[int(family * len(last))]
    return born + called if chinese else f"{called} {born}"
