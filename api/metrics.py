"""Prometheus metrics: requests of this process, and gauges read from the database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pdm.store.models.live_coverage import FleetCoverage

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GAUGES = {
    "pending": "Acquisitions in the analysis queue.",
    "oldest_pending_s": "Age of the longest waiting acquisition in seconds.",
    "set_aside": "Acquisitions whose analysis failed.",
    "machines_on_hold": "Machines whose analysis is on hold for a reason other than their data.",
    "reanalyses": "Machines that are concluded again, or wait for it, after late data or a corrected event.",
    "oldest_reanalysis_s": "Age of the longest waiting or running reanalysis in seconds.",
    "reanalysis_share": "Share done of the long reanalyses that run; 1 without any.",
    "models_unreadable": "Serving models of remaining life that a worker cannot read.",
    "worker_deaths_last_day": "Workers that ended in the last 24 hours because one of their threads failed.",
    "quarantined": "Quarantined records, because of an implausible time.",
    "machines": "Registered machines.",
    "undelivered": "Notifications in the outbox.",
    "dead_letters": "Notifications that failed permanently.",
    "diagnoses_waiting": "Machines whose diagnosis is due.",
    "diagnoses_failed": "Machines whose last diagnosis failed.",
    "cold_saved_bytes": "Disk space freed by the cold pass.",
    "cold_unfinished": "Waveform chunks with an unfinished cold pass.",
}
_ALARM_GAUGES = {  # ISA-18.2 and IEC 62682 over the last day: docs/kpi.md
    "alarms_last_day": "Alarms annunciated in the last 24 hours.",
    "alarm_rate_mean": "Annunciated alarms per 10 minutes, mean of the last 24 hours.",
    "alarm_rate_most": "Annunciated alarms per 10 minutes, maximum of the last 24 hours.",
    "alarm_floods_last_day": "Alarm floods of the last 24 hours.",
    "alarm_flood_now": "Whether an alarm flood is active.",
    "alarm_flood_share": "Share of the last 24 hours in alarm floods.",
    "alarms_chattering": "Chattering alarms: three times within a minute, in the last 24 hours.",
    "alarms_repeating": "Repeating alarms: three times in the last 24 hours.",
    "alarms_stale": "Stale alarms: active for more than 24 hours.",
    "alarm_bad_actors_share": "Share of the ten most frequent alarms in all alarms of the last 24 hours.",
    "alarm_acknowledge_s": "Median time to acknowledge in the last 24 hours.",
    "alarms_unacknowledged": "Alarms of the last 24 hours that were not acknowledged.",
    "alarm_precision": "Share of true alarms in the cases with feedback in the last 24 hours.",
}
SEVERITIES = ("advisory", "warning", "critical")


class Metrics:
    """Metrics of one process in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "pdm_http_requests", "Requests answered.", ["method", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "pdm_http_request_seconds", "Time to the end of the response.", buckets=_BUCKETS, registry=self.registry
        )
        self._children: dict[tuple[str, int], Any] = {}
        self.database_up = Gauge("pdm_database_up", "Whether the database is available.", registry=self.registry)
        self.gauges = {
            name: Gauge(
                f"pdm_{name.removesuffix('_s')}" + ("_seconds" if name.endswith("_s") else ""),
                help_text,
                registry=self.registry,
            )
            for name, help_text in (_GAUGES | _ALARM_GAUGES).items()
        }
        self.open_alerts = Gauge("pdm_open_alerts", "Open alerts.", ["severity"], registry=self.registry)
        self.coverage = Gauge(
            "pdm_interval_coverage",
            "Share of prediction intervals of remaining life that contained the true failure time, mean over "
            "the failed lives.",
            ["fleet", "source", "level"],
            registry=self.registry,
        )

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
        """Forward a request and count its response."""
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


@dataclass(frozen=True)
class Counted:
    """Values read from the database: gauges by name, open alerts by severity, and rows of live coverage."""

    gauges: Mapping[str, Any]
    open_alerts: Mapping[str, int]
    coverage: Sequence[FleetCoverage]


def render(metrics: Metrics, counted: Counted | None) -> tuple[bytes, str]:
    """Return the exposition and its content type; `counted` is None while the database is unavailable."""
    metrics.database_up.set(0 if counted is None else 1)
    if counted is not None:
        for name, gauge in metrics.gauges.items():
            gauge.set(counted.gauges[name])
        for severity in SEVERITIES:
            metrics.open_alerts.labels(severity).set(counted.open_alerts.get(severity, 0))
        metrics.coverage.clear()
        for each in counted.coverage:
            metrics.coverage.labels(each.fleet, each.source, f"{each.level:g}").set(each.coverage)
    return generate_latest(metrics.registry), CONTENT_TYPE_LATEST
