"""The routing decision itself: who is eligible, what the model or the baseline says of them, and the draw."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from data_contracts.errors import InputError, Overloaded
from data_contracts.events import stamp
from features import routing as features
from serving import choosing
from serving.desk import Desk
from serving.envelope import Reason, Source
from serving.forms import Channel, Id, Moment, Name, primary_language
from serving.mirrored import STALE
from serving.permission import Asked, permitted
from serving.slots import Slot
from training.subject import UNKNOWN_LANGUAGE

logger = logging.getLogger("parley.serving")


class AgentOffered(BaseModel):
    """An agent as the caller's switch sees them now."""

    model_config = ConfigDict(extra="forbid")

    agent_id: Id
    state: Literal["available", "busy", "wrap_up", "break", "training", "offline"]
    idle_s: Annotated[FiniteFloat, Field(ge=0)]
    languages: list[Name] | None = None
    skills: list[Name] | None = None


class RouteAsked(BaseModel):
    """A contact that waits, and the agents who could take it. Contact and attempt are the key of the answer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "contact_id": "c-1029",
                    "attempt": 0,
                    "queue": "billing",
                    "channel": "chat",
                    "language": "en",
                    "customer_id": "k-77",
                    "topic": "invoice",
                    "agents": [
                        {"agent_id": "a-1", "state": "available", "idle_s": 42.0, "languages": ["en", "zh"]},
                        {"agent_id": "a-2", "state": "available", "idle_s": 7.5, "skills": ["billing"]},
                    ],
                }
            ]
        },
    )

    contact_id: Id
    attempt: Annotated[int, Field(ge=0, le=1_000)]
    queue: Name
    channel: Channel
    agents: list[AgentOffered]
    language: Annotated[str, Field(min_length=2, max_length=35)] | None = None
    customer_id: Id | None = None
    topic: Name | None = None
    business_unit: Name | None = None
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] | None = None
    queued_at: Moment | None = None


@dataclass
class Decision:
    """What was decided, from what."""

    at: datetime
    slot: Slot
    source: Source
    degraded: tuple[Reason, ...]
    eligible: list[str]
    excluded: dict[str, str]
    scores: dict[str, float]
    matrix: dict[str, Any]
    chosen: choosing.Chosen | None
    reason: str = ""


async def decide(asked: RouteAsked, desk: Desk) -> Decision:
    """Decide by the approved model where it may answer and can, else by the baseline; never waits for a person."""
    slot, now = desk.slot("routing"), desk.now()
    language = primary_language(asked.language) if asked.language else None
    scope = Asked(
        unit=asked.business_unit,
        queue=asked.queue,
        channel=asked.channel,
        language=language or UNKNOWN_LANGUAGE,
        contact_id=asked.contact_id,
    )
    permission = permitted(slot, scope, at=now)
    eligible, excluded = _eligible(asked)
    decision = Decision(now, slot, permission.source, permission.degraded, eligible, excluded, {}, {}, None)
    if permission.source == "off":
        decision.reason = "switched off"
    elif not eligible:
        decision.reason = "no eligible agent"
        decision.source = "baseline"
    else:
        draw = choosing.generator(asked.contact_id, asked.attempt, seed=desk.doors.seed)
        if permission.source == "model":
            await _by_model(decision, asked, desk, draw)
        if decision.chosen is None:
            _by_baseline(decision, asked, draw)
    return decision


async def _by_model(decision: Decision, asked: RouteAsked, desk: Desk, draw: np.random.Generator) -> None:
    """Score and draw; leaves `chosen` empty, with the reason, when mirror or model fail."""
    mirror = desk.mirror.current()
    if mirror is None:
        detail = desk.mirror.problem or "online features were never materialised"
        decision.degraded = (*decision.degraded, {"reason": "no_features", "detail": detail})
        return
    if decision.at - mirror.as_of > STALE:
        told = {"reason": "features_stale", "detail": f"materialised at {stamp(mirror.as_of)}"}
        decision.degraded = (*decision.degraded, told)
    if unknown := mirror.unknown_agents(decision.eligible):
        detail = f"{len(unknown)} of {len(decision.eligible)} eligible agents have no features"
        decision.degraded = (*decision.degraded, {"reason": "agents_unknown", "count": len(unknown), "detail": detail})
    try:
        job = partial(_scored, decision.slot.model, mirror, asked, decision.eligible, decision.at)
        decision.scores, chances, decision.matrix = await desk.work["routing"].do(job)
    except Overloaded:
        raise
    except Exception:
        logger.exception("the routing model failed", extra={"told": {"version": decision.slot.version}})
        decision.degraded = (*decision.degraded, {"reason": "model_failed", "detail": "see the log"})
        return
    if chances is None:
        decision.chosen = choosing.by_score(decision.scores, exploration=desk.doors.exploration, draw=draw)
    else:
        decision.chosen = choosing.by_chances(chances, scores=decision.scores, policy="softmax", draw=draw)


def _scored(
    model: Any, mirror: Any, asked: RouteAsked, agents: list[str], at: datetime
) -> tuple[dict[str, float], dict[str, float] | None, dict[str, Any]]:
    """Scores and (where the model has a policy of its own) chances by agent, and the feature rows as they were seen."""
    language = primary_language(asked.language) if asked.language else None
    contact = {
        "queue": asked.queue,
        "topic": asked.topic,
        "channel": asked.channel,
        "language": language,
        "priority": asked.priority,
        "queued_at": asked.queued_at,
        "at": at,
    }
    of_agents = mirror.agents(agents, features.topic_of(contact))
    of_customer = mirror.customer(asked.customer_id) if asked.customer_id else {}
    matrix = features.rows(contact, agents, of_customer, of_agents, of_agents)
    told = np.asarray(model.score(matrix)["score"], dtype=np.float64)
    if told.shape != (len(agents),) or not np.isfinite(told).all():
        raise InputError(
            "the routing model gave no usable scores",
            expected=f"{len(agents)} finite scores",
            came=str(told.shape),
            where="model",
        )
    own = getattr(model, "propensities", None)
    chances = None if own is None else dict(zip(agents, np.asarray(own(told), dtype=float).tolist(), strict=True))
    seen = {
        "mirror": mirror.version,
        "columns": list(features.COLUMNS),
        "rows": {
            agent: [None if np.isnan(v) else v for v in row.tolist()] for agent, row in zip(agents, matrix, strict=True)
        },
    }
    return dict(zip(agents, told.tolist(), strict=True)), chances, seen


def _by_baseline(decision: Decision, asked: RouteAsked, draw: np.random.Generator) -> None:
    idle_s = {agent.agent_id: agent.idle_s for agent in asked.agents if agent.agent_id in set(decision.eligible)}
    decision.source, decision.scores = "baseline", idle_s
    decision.chosen = choosing.by_idle(idle_s, draw=draw)


def _eligible(asked: RouteAsked) -> tuple[list[str], dict[str, str]]:
    """The agents who may take the contact, in the order of their ids; and why each of the others may not."""
    excluded = {agent.agent_id: why for agent in asked.agents if (why := _why_not(agent, asked))}
    return sorted(agent.agent_id for agent in asked.agents if agent.agent_id not in excluded), excluded


def _why_not(agent: AgentOffered, asked: RouteAsked) -> str:
    if agent.state != "available":
        return f"state {agent.state}"
    wanted = asked.language
    spoken = None if agent.languages is None else {primary_language(name) for name in agent.languages}
    if wanted and spoken is not None and primary_language(wanted) not in spoken:
        return f"does not speak {asked.language}"
    if agent.skills is not None and asked.queue not in agent.skills:
        return f"no skill for {asked.queue}"
    return ""
