"""Automatic retraining: for a fleet without a model, after new failures, and after a drift of features."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Connection

from pdm.health.assessment import RULE_VERSION
from pdm.prognosis.model.lives import FEWEST_FAILED_LIVES
from pdm.prognosis.training.drift import Drift, find_feature_drift, find_residual_drift
from pdm.settings import Settings
from pdm.store.models import jobs, registry

ACTOR = "tick"
AT_MOST_EVERY = timedelta(days=1)  # interval between trainings of the same fleet
FEATURES_AT_MOST_EVERY = timedelta(days=7)  # a drift of features remains until lives have ended under it
RECENT = timedelta(days=7)
RECENT_RECORDS = 500  # acquisitions per machine


@dataclass(frozen=True)
class _Watched:
    """A fleet with failures, and its champion, if any."""

    fleet: str
    champion_id: int | None
    registered_at: datetime | None
    failures: int
    failures_since: int
    last_failure_at: datetime
    asked_at: datetime | None


def ask_where_due(conn: Connection[Any], settings: Settings, now: datetime) -> str:
    """Request the due trainings; returns a summary as text."""
    if settings.retrain_interval_s <= 0:
        return "switched off"
    asked = []
    for row in jobs.fetch_fleets_to_watch(conn):
        watched = _Watched(*row)
        reason = _reason(conn, watched, timedelta(seconds=settings.retrain_interval_s), now)
        if reason is not None:
            jobs.ask_for_training(conn, watched.fleet, seed=0, actor=ACTOR, reason=reason)
            asked.append(f"{watched.fleet}: {reason}")
    return "; ".join(asked) or "nothing is due"


def _reason(conn: Connection[Any], watched: _Watched, interval: timedelta, now: datetime) -> str | None:
    if watched.asked_at is not None and now - watched.asked_at < AT_MOST_EVERY:
        return None
    if watched.champion_id is None or watched.registered_at is None:
        is_news = watched.asked_at is None or watched.last_failure_at > watched.asked_at
        is_enough = watched.failures >= FEWEST_FAILED_LIVES and is_news
        return f"{watched.failures} failures and no model yet" if is_enough else None
    if watched.failures_since and now - watched.registered_at >= interval:
        return f"scheduled: {watched.failures_since} failures since the champion was trained"
    drift = _find_drift(conn, watched, watched.champion_id, now)
    return None if drift is None else f"drift of {drift.kind}: {drift.reason}"


def _find_drift(conn: Connection[Any], watched: _Watched, champion_id: int, now: datetime) -> Drift | None:
    body, sha256 = registry.fetch_body(conn, champion_id)
    if hashlib.sha256(body).digest() != sha256:
        return Drift("bytes", "those of the champion are damaged")
    champion = json.loads(body)
    if watched.failures_since:
        errors = jobs.fetch_errors_since(
            conn, watched.fleet, champion_id, watched.registered_at, cap=float(champion["cap"])
        )
        drift = find_residual_drift(float(champion["metrics"]["rmse"]), errors)
        if drift is not None:
            return drift
    if watched.asked_at is not None and now - watched.asked_at < FEATURES_AT_MOST_EVERY:
        return None
    recent = jobs.fetch_recent_indicators(conn, watched.fleet, RULE_VERSION, now - RECENT, RECENT_RECORDS)
    sensors = champion["sensors"]
    values = np.array([row for row in recent if len(row) == len(sensors)], np.float64).reshape(-1, len(sensors))
    return find_feature_drift(sensors, champion["deciles"], values)
