"""What Prometheus is told: requests of this process, and gauges that the database knows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GAUGES = {
    "pending": "Acquisitions that wait for analysis.",
    "oldest_pending_s": "Age of the longest waiting acquisition in seconds.",
    "set_aside": "Acquisitions whose analysis failed.",
    "quarantined": "Records whose time cannot be right.",
    "machines": "Registered machines.",
    "undelivered": "Notifications that wait for their receiver.",
    "dead_letters": "Notifications that were given up.",
    "diagnoses_waiting": "Machines whose diagnosis is due.",
    "diagnoses_failed": "Machines whose last diagnosis that was due could not be computed.",
    "cold_saved_bytes": "Disk that the cold pass has given back of the waveforms that are kept.",
    "cold_unfinished": "Chunks of waveforms that the cold pass has begun and not finished.",
}
SEVERITIES = ("advisory", "warning", "critical")


class Metrics:
    """Counters of one process in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "pdm_http_requests", "Requests answered.", ["method", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "pdm_http_request_seconds", "Time to the end of the answer.", buckets=_BUCKETS, registry=self.registry
        )
        self._children: dict[tuple[str, int], Any] = {}
        self.database_up = Gauge("pdm_database_up", "Whether the database answers.", registry=self.registry)
        self.gauges = {
            name: Gauge(
                f"pdm_{name.removesuffix('_s')}" + ("_seconds" if name.endswith("_s") else ""),
                help_text,
                registry=self.registry,
            )
            for name, help_text in _GAUGES.items()
        }
        self.open_alerts = Gauge("pdm_open_alerts", "Open alerts.", ["severity"], registry=self.registry)

    def count(self, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        child = self._children.get((method, status))
        if child is None:
            child = self._children[method, status] = self._requests.labels(method, str(status))
        child.inc()
        self._seconds.observe(seconds)


class MetricsMiddleware:
    """Pure ASGI: counts requests and their duration; streams are counted, not timed."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if scope["path"] != "/v1/alerts/stream":
                method = scope["method"] if scope["method"] in _METHODS else "OTHER"
                self._metrics.count(method, status, time.perf_counter() - began)


_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})


def render(metrics: Metrics, counted: tuple[Mapping[str, Any], Mapping[str, int]] | None) -> tuple[bytes, str]:
    """Return the exposition and its content type; `counted` is None while the database is away."""
    metrics.database_up.set(0 if counted is None else 1)
    if counted is not None:
        gauges, open_alerts = counted
        for name, gauge in metrics.gauges.items():
            gauge.set(gauges[name])
        for severity in SEVERITIES:
            metrics.open_alerts.labels(severity).set(open_alerts.get(severity, 0))
    return generate_latest(metrics.registry), CONTENT_TYPE_LATEST
