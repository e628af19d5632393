"""The one form of every answer, and the row of `predictions` that is kept of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from data_contracts.events import Event, canonical_json

# The source of every event that this process writes; nobody may send an event under it (serving.events).
SOURCE: Final = "parley/serving"

Source = Literal["model", "baseline", "rule", "off"]
Reason = dict[str, Any]


class Degraded(BaseModel):
    """Why an answer is less than it could be."""

    model_config = ConfigDict(extra="allow")

    reason: str


class Envelope(BaseModel):
    """Every answer: what, from what, under which approval, what was missing, and the id to come back with."""

    answer: Any
    source: Source
    version: str | None
    approval: str | None
    degraded: list[Degraded]
    prediction_id: str
    # Whether the agent should be asked for a verdict on this answer: a stated random share of them.
    verdict_asked: bool


@dataclass(frozen=True)
class Answer:
    """One answer on its way out, with the features as they were served."""

    capability: Literal["intent", "route", "forecast"]
    prediction_id: str
    answer: Any
    source: Source
    features: dict[str, Any]
    at: datetime
    version: str | None = None
    approval: str | None = None
    degraded: tuple[Reason, ...] = ()
    contact_id: str | None = None
    confidence: float | None = None
    verdict_asked: bool = False
    verdict_probability: float = 0.0

    def envelope(self) -> dict[str, Any]:
        """The body of the HTTP answer."""
        return {
            "answer": self.answer,
            "source": self.source,
            "version": self.version,
            "approval": self.approval,
            "degraded": list(self.degraded),
            "prediction_id": self.prediction_id,
            "verdict_asked": self.verdict_asked,
        }

    def event(self) -> Event:
        """The `prediction.served` event: one row of `predictions`."""
        data = {
            "prediction_id": self.prediction_id,
            "contact_id": self.contact_id,
            "capability": self.capability,
            "answer_source": self.source,
            "version": self.version,
            "approval": self.approval,
            "answer": canonical_json(self.answer),
            "confidence": self.confidence,
            "features": canonical_json(self.features),
            "degraded": canonical_json(list(self.degraded)),
            "verdict_asked": self.verdict_asked,
            "verdict_probability": self.verdict_probability,
        }
        return Event(
            id=self.prediction_id,
            source=SOURCE,
            type="prediction.served",
            time=self.at,
            data=data,
            subject=self.contact_id,
        )


def envelope_of(row: dict[str, Any]) -> dict[str, Any]:
    """The envelope of a row of `predictions`, as it was answered."""
    return {
        "answer": json.loads(row["answer"]),
        "source": row["answer_source"],
        "version": row.get("version"),
        "approval": row.get("approval"),
        "degraded": json.loads(row["degraded"]),
        "prediction_id": row["prediction_id"],
        "verdict_asked": bool(row.get("verdict_asked")),
    }


def features_of(row: dict[str, Any]) -> dict[str, Any]:
    """The features of a row of `predictions`, as they were served."""
    return dict(json.loads(row["features"]))


def asks_for_verdict(prediction_id: str, *, share: float, seed: int) -> bool:
    """Whether this prediction is one of the random share that asks for a verdict.

    The choice is a hash of id and seed: uniform over ids, the same however often it is asked, and independent of
    everything that is known of the contact. So weighting by 1 / share is unbiased.
    """
    drawn = hashlib.sha256(f"verdict|{seed}|{prediction_id}".encode("utf-8", "surrogatepass")).digest()[:8]
    return int.from_bytes(drawn) < share * 2**64


def digest_of(value: object) -> str:
    """sha256 (hex) of the canonical JSON of a request: equal requests, equal digests."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()
