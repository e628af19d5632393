"""What a routing model sees of a contact and an agent: one row for each agent that could take the contact.

Training rows and served rows come out of one function, `assemble`. Serving imports this module: no pandas, no feast.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from data_contracts.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from features.params import LabelParams, RoutingDataParams

Floats = npt.NDArray[np.float64]

# What the feature store holds of each entity; every name says its entity, so that views can be joined side by side.
CUSTOMER_FIELDS = (
    "customer_contacts_7d",
    "customer_contacts_30d",
    "customer_last_contact_s",
    "customer_last_answered",
    "customer_last_topic_code",
)
AGENT_FIELDS = (
    "agent_handled_count",
    "agent_log_handle_excess",
    "agent_resolution_rate",
    "agent_rating_mean",
    "agent_hired_s",
    "agent_speaks_en",
    "agent_speaks_zh",
)
AGENT_TOPIC_FIELDS = ("agent_topic_handled_count", "agent_topic_log_handle_mean", "agent_topic_resolution_rate")
TOPIC_FIELDS = ("topic_handled_count", "topic_log_handle_mean", "topic_resolution_rate")

CONTACT_COLUMNS = (
    "queue_code",
    "topic_code",
    "channel_code",
    "language_code",
    "priority",
    "hour_utc",
    "weekday_utc",
    "wait_s",
)
CUSTOMER_COLUMNS = (
    "customer_known",
    "customer_contacts_7d",
    "customer_contacts_30d",
    "customer_hours_since_last",
    "customer_last_answered",
    "customer_same_topic_as_last",
)
TOPIC_COLUMNS = TOPIC_FIELDS
# Those that the comparison "the same model without agent features" leaves out (DESIGN section 4).
AGENT_COLUMNS = (
    "agent_handled_count",
    "agent_log_handle_excess",
    "agent_resolution_rate",
    "agent_rating_mean",
    "agent_tenure_days",
    "agent_speaks_language",
    *AGENT_TOPIC_FIELDS,
)
COLUMNS = (*CONTACT_COLUMNS, *CUSTOMER_COLUMNS, *TOPIC_COLUMNS, *AGENT_COLUMNS)
# Whole numbers without an order; -1 stands for unknown.
CATEGORICAL = ("queue_code", "topic_code", "channel_code", "language_code")

CHANNELS = ("voice", "chat", "email", "ticket", "messaging")
LANGUAGES = ("en", "zh")
# A prime keeps codes small (LightGBM writes a bit for each value up to the largest); two of 20 names share a code in
# one centre of six, and such a pair is still told apart by its topic's figures.
_CODES = 997
_DAY_S = 86_400.0


def code(name: str | None) -> float:
    """A stable whole number for a queue or topic; -1 for none."""
    return float(zlib.crc32(name.encode()) % _CODES) if name else -1.0


def topic_of(contact: Mapping[str, Any]) -> str:
    """The topic that was known before routing, or the queue where none was; the empty text if neither."""
    return str(contact.get("topic") or contact.get("queue") or "")


def agent_topic_key(agent_id: str, topic: str) -> str:
    """The key of an agent's figures on a topic."""
    return f"{agent_id}|{topic}"


def rows(
    contact: Mapping[str, Any],
    agents: Sequence[str],
    customer_features: Mapping[str, Any],
    agent_features: Sequence[Mapping[str, Any]],
    agent_topic_features: Sequence[Mapping[str, Any]],
) -> Floats:
    """The feature rows of one decision: float64 (agents, COLUMNS), missing values NaN.

    contact: queue, topic, channel, language, priority, queued_at, and `at`, the moment of decision (datetimes aware,
    or seconds since 1970); what is missing is unknown. customer_features: of `Mirror.customer`, empty if not known.
    agent_features, agent_topic_features: one mapping for each agent in order, of `Mirror.agents` (it gives all three of
    agent, agent-by-topic and topic fields in one mapping, which may be passed as both).
    """
    if not len(agents) == len(agent_features) == len(agent_topic_features):
        raise InputError(
            "an agent without features",
            expected=f"{len(agents)} mappings, one for each agent",
            came=f"{len(agent_features)} and {len(agent_topic_features)}",
        )
    pairs = zip(agent_features, agent_topic_features, strict=True)
    told = [{**contact, **customer_features, **agent, **on_topic} for agent, on_topic in pairs]
    raw: dict[str, Sequence[Any] | Floats] = {
        name: [row.get(name) for row in told]
        for name in (*CUSTOMER_FIELDS, *AGENT_FIELDS, *AGENT_TOPIC_FIELDS, *TOPIC_FIELDS, "priority")
    }
    raw |= {name: [row.get(name) for row in told] for name in ("queue", "channel", "language")}
    raw["topic"] = [topic_of(contact)] * len(told)
    raw["at_s"] = [_seconds(contact.get("at"))] * len(told)
    raw["queued_at_s"] = [_seconds(contact.get("queued_at"))] * len(told)
    return assemble(raw)


def assemble(raw: Mapping[str, Sequence[Any] | Floats]) -> Floats:
    """Raw columns of n offers to float64 (n, COLUMNS): the one place where a feature is computed from what is stored.

    raw: fields of the four views, priority, queue, topic, channel, language, at_s, queued_at_s (seconds since 1970).
    """
    found = {**_contact_columns(raw), **_customer_columns(raw), **_topic_columns(raw)}
    found |= _agent_columns(raw, found)
    return np.column_stack([found[name] for name in COLUMNS]).astype(np.float64, copy=False)


def build(
    tables: Mapping[str, pa.Table],
    *,
    params: RoutingDataParams,
    labels: LabelParams,
    as_of: datetime,
    to: Path,
    repo: Path,
    threads: int = 2,
) -> dict[str, Any]:
    """Write `to`/routing/{offers,candidates}.parquet and `to`/store/*.parquet; see `features.offers.build`."""
    from features.offers import build as build_offers

    return build_offers(tables, params=params, labels=labels, as_of=as_of, to=to, repo=repo, threads=threads)


def _contact_columns(raw: Mapping[str, Any]) -> dict[str, Floats]:
    at_s = _floats(raw["at_s"])
    days = np.floor(at_s / _DAY_S)
    return {
        "queue_code": _codes(raw["queue"]),
        "topic_code": _codes(raw["topic"]),
        "channel_code": _places(raw["channel"], CHANNELS),
        "language_code": _places(raw["language"], LANGUAGES),
        "priority": _floats(raw["priority"]),
        "hour_utc": (at_s - days * _DAY_S) / 3600.0,
        "weekday_utc": np.mod(days + 3.0, 7.0),  # 1970-01-01 was a Thursday; Monday is 0
        "wait_s": np.maximum(at_s - _floats(raw["queued_at_s"]), 0.0),
    }


def _customer_columns(raw: Mapping[str, Any]) -> dict[str, Floats]:
    last_s, contacts_7d = _floats(raw["customer_last_contact_s"]), _floats(raw["customer_contacts_7d"])
    last_topic = _floats(raw["customer_last_topic_code"])
    same = np.where(np.isnan(last_topic), np.nan, (last_topic == _codes(raw["topic"])).astype(np.float64))
    return {
        "customer_known": (~np.isnan(contacts_7d)).astype(np.float64),
        "customer_contacts_7d": np.nan_to_num(contacts_7d),
        "customer_contacts_30d": np.nan_to_num(_floats(raw["customer_contacts_30d"])),
        "customer_hours_since_last": np.maximum(_floats(raw["at_s"]) - last_s, 0.0) / 3600.0,
        "customer_last_answered": _floats(raw["customer_last_answered"]),
        "customer_same_topic_as_last": same,
    }


def _topic_columns(raw: Mapping[str, Any]) -> dict[str, Floats]:
    found = {name: _floats(raw[name]) for name in TOPIC_FIELDS}
    found["topic_handled_count"] = np.nan_to_num(found["topic_handled_count"])
    return found


def _agent_columns(raw: Mapping[str, Any], found: Mapping[str, Floats]) -> dict[str, Floats]:
    excess, resolution = _floats(raw["agent_log_handle_excess"]), _floats(raw["agent_resolution_rate"])
    on_topic = {name: _floats(raw[name]) for name in AGENT_TOPIC_FIELDS}
    # An agent who never had the topic stands where shrinkage with no observation would put them.
    expected = found["topic_log_handle_mean"] + np.nan_to_num(excess)
    handle, rate = on_topic["agent_topic_log_handle_mean"], on_topic["agent_topic_resolution_rate"]
    return {
        "agent_handled_count": np.nan_to_num(_floats(raw["agent_handled_count"])),
        "agent_log_handle_excess": excess,
        "agent_resolution_rate": resolution,
        "agent_rating_mean": _floats(raw["agent_rating_mean"]),
        "agent_tenure_days": np.maximum(_floats(raw["at_s"]) - _floats(raw["agent_hired_s"]), 0.0) / _DAY_S,
        "agent_speaks_language": _speaks(raw),
        "agent_topic_handled_count": np.nan_to_num(on_topic["agent_topic_handled_count"]),
        "agent_topic_log_handle_mean": np.where(np.isnan(handle), expected, handle),
        "agent_topic_resolution_rate": np.where(np.isnan(rate), resolution, rate),
    }


def _speaks(raw: Mapping[str, Any]) -> Floats:
    language = _places(raw["language"], LANGUAGES)
    english, chinese = _floats(raw["agent_speaks_en"]), _floats(raw["agent_speaks_zh"])
    return np.select([language == 0.0, language == 1.0], [english, chinese], default=np.nan)


def _floats(values: Sequence[Any] | Floats) -> Floats:
    if isinstance(values, np.ndarray):
        return values.astype(np.float64, copy=False)
    return np.asarray([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _codes(names: Iterable[str | None]) -> Floats:
    known: dict[str | None, float] = {}
    return np.asarray([known[n] if n in known else known.setdefault(n, code(n)) for n in names], dtype=np.float64)


def _places(names: Iterable[str | None], known: Sequence[str]) -> Floats:
    places = {name: float(place) for place, name in enumerate(known)}
    return np.asarray([places.get(name or "", -1.0) for name in names], dtype=np.float64)


def _seconds(moment: datetime | float | None) -> float:
    if moment is None:
        return float("nan")
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
