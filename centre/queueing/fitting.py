"""From a call log to the parameters of its queues, and from these to contacts and service for the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, inf
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from centre.queueing.engine import Contact, Leg
from centre.queueing.patience import Floats, Survival, exponential_patience_s, kaplan_meier
from data_contracts.errors import NotEnoughData

HOURS: Final = 24
MIN_HANDLE_S: Final = 10.0  # shorter contacts are wrong connections and tests (DESIGN section 6 leaves them out too)


@dataclass(frozen=True)
class QueueFit:
    """One queue: mean arrivals by weekday (Monday first) and local hour, lognormal service, patience with censoring.

    `dispersion` is variance over mean of hourly counts around those means: 1 for a Poisson process, above it otherwise.
    `patience_s` is infinite and `patience` None where nobody gave up.
    """

    arrivals_per_hour: Floats
    dispersion: float
    handle_log_mean: float
    handle_log_sd: float
    handled_count: int
    patience_s: float
    patience: Survival | None

    @property
    def mean_handle_s(self) -> float:
        """Mean handle time of the fitted lognormal, seconds."""
        return exp(self.handle_log_mean + self.handle_log_sd**2 / 2)


def fit(segments: pa.Table, *, time_zone: str) -> dict[str, QueueFit]:
    """Fit every queue of a table of checked segments (needs queue, queued_at, wait_s, handle_s, outcome).

    Rows that never entered a queue are left out. Raises NotEnoughData for a queue with fewer than two handled contacts.
    """
    told = segments.filter(pc.is_valid(segments["queued_at"]))
    days = _days(told, time_zone)
    queues = sorted(set(told["queue"].to_pylist()))
    return {queue: _queue(told.filter(pc.equal(told["queue"], queue)), queue, time_zone, days) for queue in queues}


def contacts(fits: Mapping[str, QueueFit], *, first_weekday: int, days: int, rng: np.random.Generator) -> list[Contact]:
    """Draw arrivals for `days` days from a midnight on: skill n is the n-th queue by name; patience exponential."""
    drawn = [
        _arrivals(fits[queue], skill, first_weekday=first_weekday, days=days, rng=rng)
        for skill, queue in enumerate(sorted(fits))
    ]
    merged = sorted((arrives, skill, patience) for queue in drawn for arrives, skill, patience in queue)
    return [Contact(key, arrives, skill, 0, patience) for key, (arrives, skill, patience) in enumerate(merged)]


class FittedService:
    """The engine's service by fit: every agent alike, nobody comes back."""

    def __init__(self, fits: Mapping[str, QueueFit], rng: np.random.Generator) -> None:
        self._shapes = [(fits[queue].handle_log_mean, fits[queue].handle_log_sd) for queue in sorted(fits)]
        self._rng = rng

    def handle_s(self, contact: Contact, agent: int, now_s: float) -> float:
        """A draw from the queue's lognormal."""
        mean, sd = self._shapes[contact.skill]
        return exp(self._rng.normal(mean, sd))

    def follow_ups(self, leg: Leg) -> Iterable[Contact]:
        """None."""
        return ()


def _queue(rows: pa.Table, queue: str, time_zone: str, days: Floats) -> QueueFit:
    handle = np.asarray(rows["handle_s"].drop_null(), dtype=np.float64)
    logs = np.log(handle[handle > MIN_HANDLE_S])
    if len(logs) < 2:
        raise NotEnoughData("too few handled contacts", expected="2 or more", came=str(len(logs)), where=queue)
    rates, dispersion = _rates(rows, time_zone, days)
    waited = rows.filter(pc.is_valid(rows["wait_s"]))
    gone = np.asarray(pc.equal(waited["outcome"], "abandoned"))
    waits = np.asarray(waited["wait_s"], dtype=np.float64)
    return QueueFit(
        arrivals_per_hour=rates,
        dispersion=dispersion,
        handle_log_mean=float(logs.mean()),
        handle_log_sd=float(logs.std(ddof=1)),
        handled_count=len(logs),
        patience_s=exponential_patience_s(waits, abandoned=gone) if gone.any() else inf,
        patience=kaplan_meier(waits, abandoned=gone) if gone.any() else None,
    )


def _days(rows: pa.Table, time_zone: str) -> Floats:
    """How often each weekday occurs between the first and the last day of the log."""
    numbers = _day_numbers(rows, time_zone)
    span = np.arange(numbers.min(), numbers.max() + 1)
    return np.bincount(_weekday(span), minlength=7).astype(np.float64)


def _rates(rows: pa.Table, time_zone: str, days: Floats) -> tuple[Floats, float]:
    """Mean count by weekday and hour, and the dispersion of the counts around it."""
    numbers = _day_numbers(rows, time_zone)
    hours = np.asarray(pc.hour(_local(rows, time_zone)), dtype=np.int64)
    span = int(days.sum())
    first = numbers.min()
    counts = np.zeros((max(span, int(numbers.max() - first) + 1), HOURS))
    np.add.at(counts, (numbers - first, hours), 1)
    weekdays = _weekday(first + np.arange(len(counts)))
    totals = np.zeros((7, HOURS))
    np.add.at(totals, weekdays, counts)
    rates = totals / np.maximum(days, 1)[:, None]
    mean = rates[weekdays]
    # Degrees of freedom: the means were taken from these very counts, one for each weekday and hour that occurs.
    spare = max(1.0, float((mean > 0).sum() - (rates > 0).sum()))
    seen = mean > 0
    return rates, float((((counts - mean) ** 2)[seen] / mean[seen]).sum() / spare)


def _local(rows: pa.Table, time_zone: str) -> Any:
    return pc.local_timestamp(rows["queued_at"].cast(pa.timestamp("us", tz=time_zone)))


def _day_numbers(rows: pa.Table, time_zone: str) -> Any:
    return np.asarray(_local(rows, time_zone).cast(pa.date32()).cast(pa.int32()), dtype=np.int64)


def _weekday(day_numbers: Any) -> Any:
    return (day_numbers + 3) % 7  # 1970-01-01 was a Thursday


def _arrivals(
    told: QueueFit, skill: int, *, first_weekday: int, days: int, rng: np.random.Generator
) -> list[tuple[float, int, float]]:
    weekdays = (first_weekday + np.arange(days)) % 7
    counts = rng.poisson(told.arrivals_per_hour[weekdays])
    starts = np.repeat(np.arange(days * HOURS) * 3600.0, counts.ravel()) + rng.uniform(0, 3600, counts.sum())
    patience = rng.exponential(told.patience_s, len(starts)) if told.patience_s < inf else np.full(len(starts), inf)
    return [(float(at), skill, float(waits)) for at, waits in zip(starts, patience, strict=True)]
