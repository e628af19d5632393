"""The world's parameters: read once from `world.yaml`, where each stands with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from data_contracts.errors import MissingColumn, UnknownParameter

FILE = Path(__file__).with_name("world.yaml")


@dataclass(frozen=True)
class Group:
    """A topic of the menu and of agents' skill; it belongs to one queue."""

    id: str
    queue: str
    name_en: str
    name_zh: str


@dataclass(frozen=True)
class Intent:
    """What a customer wants. `share` is relative; `resolution` that of an average agent; `handle_s` a median."""

    id: str
    group: str
    name_en: str
    name_zh: str
    critical: bool
    automatable: bool
    share: float = 0.0
    resolution: float = 0.7
    handle_s: float = 400.0
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """An entry of the list from which agents choose at wrap-up; a coarse one stands for several intents."""

    id: str
    queue: str
    intents: tuple[str, ...]


@dataclass(frozen=True)
class WorldParams:
    """All of `world.yaml`; what each means and why it is so stands there. Change one with `dataclasses.replace`."""

    time_zone: str
    open_hour: int
    close_hour: int
    channel_shares: Mapping[str, float]
    chinese_share: float
    contacts_per_weekday: float
    weekday_factors: tuple[float, ...]
    hour_factors: tuple[float, ...]
    email_hour_factors: tuple[float, ...]
    weekly_trend: float
    day_level_sd: float
    day_level_autocorrelation: float
    interval_sd: float
    group_level_sd: float
    holiday_days: tuple[int, ...]
    holiday_factor: float
    after_holiday_factor: float
    campaign_days: tuple[int, ...]
    campaign_factors: Mapping[str, float]
    outage_starts_h: tuple[float, ...]
    outage_hours: float
    outage_factors: Mapping[str, float]
    customer_count: int
    customer_rate_shape: float
    identified_share: Mapping[str, float]
    customer_segments: Mapping[str, float]
    consent_share: float
    priority_segment: str
    agent_count: int
    bilingual_agents: int
    queues_per_agent: tuple[int, ...]
    skill_sd: float
    general_skill_sd: float
    tenure_effect: float
    pace_sd: float
    pace_group_sd: float
    tenure_days_log: Mapping[str, float]
    joiners: int
    leavers: int
    handle_sigma: float
    channel_handle_factors: Mapping[str, float]
    wrap_up_share: float
    hold_share: float
    hold_length: float
    misrouted_handle_factor: float
    transfer_chance: float
    patience_s: Mapping[str, float]
    menu_s: Mapping[str, float]
    misrouted_logit: float
    repeat_chance_unresolved: float
    repeat_delay_h: float
    repeat_delay_sigma: float
    repeat_same_channel: float
    redial_chance: float
    redial_delay_s: float
    reopen_chance: float
    topic_right: float
    topic_missing: float
    topic_near: float
    code_noise: float
    code_noise_near: float
    code_missing: float
    code_other: float
    code_first: float
    codes: tuple[Code, ...]
    verdict_chance: float
    volunteer_chance: float
    verdict_noise: float
    rating_chance: float
    rating_bias: float
    rating_liking: Mapping[str, float]
    rating_delay_s: float
    verdict_delay_s: float
    policy_epsilon: float
    propensity_policy: str
    shift_starts: tuple[float, ...]
    shift_hours: float
    lunch_h: float
    pause_h: float
    training_chance: float
    training_h: float
    absence_chance: float
    days_per_week: int
    wording_cut: float
    typo_chance: Mapping[str, float]
    asr_error_chance: float
    second_turn_chance: float
    clarified_share: float
    clarified_manner: Mapping[str, float]
    groups: tuple[Group, ...]
    intents: tuple[Intent, ...]
    novel: Intent

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues, in the order in which their groups stand."""
        return tuple(dict.fromkeys(group.queue for group in self.groups))


@lru_cache(maxsize=8)
def load(path: Path = FILE) -> WorldParams:
    """The parameters in a file.

    Raises UnknownParameter for one too many, MissingColumn for one that is missing or has no source.
    """
    told: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {field.name for field in fields(WorldParams)}
    if unknown := sorted(told.keys() - known):
        raise UnknownParameter(
            "no such parameter of the world",
            expected=", ".join(sorted(known)),
            came=", ".join(unknown),
            where=path.name,
        )
    if missing := sorted(name for name in known if not {"value", "source"} <= (told.get(name) or {}).keys()):
        raise MissingColumn("parameters without value or source", came=", ".join(missing), where=path.name)
    return WorldParams(**{name: _shaped(name, entry["value"]) for name, entry in told.items()})


def sources(path: Path = FILE) -> dict[str, str]:
    """Where each parameter comes from, by name."""
    return {name: entry["source"] for name, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items()}


def _shaped(name: str, value: Any) -> Any:
    if name == "groups":
        return tuple(Group(**group) for group in value)
    if name == "intents":
        return tuple(_intent(intent) for intent in value)
    if name == "codes":
        return tuple(Code(one["id"], one["queue"], tuple(one["intents"])) for one in value)
    if name == "novel":
        return _intent(value)
    return tuple(value) if isinstance(value, list) else value


def _intent(value: Mapping[str, Any]) -> Intent:
    return Intent(**{**value, "near": tuple(value.get("near", ()))})
