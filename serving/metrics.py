"""What a serving process counts, in a Prometheus registry of its own (two applications in one process stay apart)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# Around the bars of issue 3 (p50 4 ms, p99 12 ms) and up to the longest wait.
BUCKETS_S: Final = (0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Counters and histograms of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "parley_http_requests", "HTTP requests.", ("method", "route", "status"), registry=self.registry
        )
        self._request_s = Histogram(
            "parley_http_request_seconds",
            "Time from a request's first byte to its answer.",
            ("route",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._answers = Counter(
            "parley_answers", "Answers by capability and source.", ("capability", "source"), registry=self.registry
        )
        self._answer_s = Histogram(
            "parley_answer_seconds",
            "Time to an answer, without HTTP.",
            ("capability",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._degraded = Counter(
            "parley_degraded_answers",
            "Answers that were degraded, by reason.",
            ("capability", "reason"),
            registry=self.registry,
        )
        self._asked = Counter(
            "parley_verdicts_asked", "Predictions that ask for a verdict.", ("capability",), registry=self.registry
        )
        self._events = Counter("parley_events_taken", "Events taken in over HTTP.", ("type",), registry=self.registry)
        # Looking a series up by its labels costs more than counting in it, and there are few.
        self._of_request = cache(lambda *labels: self._requests.labels(*labels))
        self._of_route = cache(lambda route: self._request_s.labels(route))
        self._of_answer = cache(lambda *labels: self._answers.labels(*labels))
        self._of_capability = cache(lambda capability: self._answer_s.labels(capability))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request; `route` is the path's template, never the path itself."""
        self._of_request(method, route, str(status)).inc()
        self._of_route(route).observe(seconds)

    def answer(self, capability: str, source: str, *, reasons: Iterable[str], asked: bool, seconds: float) -> None:
        """Count one answer of a capability, the reasons why it was degraded, and whether it asks for a verdict."""
        self._of_answer(capability, source).inc()
        self._of_capability(capability).observe(seconds)
        for reason in set(reasons):
            self._degraded.labels(capability, reason).inc()
        if asked:
            self._asked.labels(capability).inc()

    def event(self, type_: str) -> None:
        """Count one event that was taken in."""
        self._events.labels(type_).inc()

    def watch(self, collector: Collector) -> None:
        """Add something that is looked at when the metrics are read."""
        self.registry.register(collector)

    def text(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)


class Gauges(Collector):
    """Gauges read at the moment of the scrape: each function returns (labels, value) pairs."""

    def __init__(self, named: Mapping[str, tuple[str, tuple[str, ...], Any]]) -> None:
        """`named`: metric name -> (what it says, label names, function without arguments)."""
        self._named = named

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """See `prometheus_client`."""
        for name, (said, labels, read) in self._named.items():
            family = GaugeMetricFamily(name, said, labels=labels)
            for values, number in read():
                family.add_metric(values, number)
            yield family
