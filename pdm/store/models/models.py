"""Models of remaining life in use, and the past lives for their training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from psycopg import Connection

from pdm.health.baseline.indicators import INDICATOR_VERSION
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.lives import FleetLife
from pdm.store.database.queries import query
from pdm.store.models import registry


def insert_model(
    conn: Connection[Any], fleet: str, model: FleetModel, *, actor: str, reason: str = "", comparison: Any = None
) -> tuple[int, int]:
    """Register a model as challenger; returns its id and its version within the fleet."""
    body = model.to_bytes()
    return registry.insert_body(
        conn,
        fleet,
        body,
        hashlib.sha256(body).digest(),
        registry.Card(model.reads, {**model.metrics, "comparison": comparison}, model.trained_on),
        kind="registered",
        actor=actor,
        reason=reason,
    )


def fetch_champion(conn: Connection[Any], fleet: str) -> tuple[int, FleetModel] | None:
    """Return id and model of the champion of a fleet, or None."""
    model_id = registry.fetch_champion_ids(conn, [fleet]).get(fleet)
    return None if model_id is None else (model_id, fetch_model(conn, model_id))


def fetch_model(conn: Connection[Any], model_id: int) -> FleetModel:
    """Return a registered model, its checksum verified before it is parsed.

    Raises
    ------
    NotFoundError
        The model does not exist.
    ModelError
        The stored bytes differ from the registered ones.
    """
    body, sha256 = registry.fetch_body(conn, model_id)
    return FleetModel.from_bytes(body, sha256=sha256)


def fetch_lives(conn: Connection[Any], fleet: str, rule_version: str) -> list[FleetLife]:
    """Return the lives of a fleet's machines: indicators over time between closing work events.

    The time after the last closing event of a machine is a life that has not ended: censored.
    """
    lives: list[FleetLife] = []
    marks = conn.execute(query("fetch_life_marks"), {"fleet": fleet}).fetchall()
    for (machine_id, machine), group in groupby(marks, key=lambda row: (row[0], row[1])):
        ends = [(row[3], row[2]) for row in group if row[3] is not None]
        wanted = {"machine_id": machine_id, "rule_version": rule_version}
        with conn.cursor(binary=True) as cursor:
            course = cursor.execute(query("fetch_indicator_course"), wanted).fetchall()
        lives += _segments(machine, course, ends)
    return lives


def _segments(
    machine: str, course: Sequence[tuple[datetime, list[float]]], ends: Sequence[tuple[datetime, str]]
) -> list[FleetLife]:
    lives = []
    rows = list(course)
    for ended_at, ended_by in ends:
        inside = [row for row in rows if row[0] <= ended_at]
        rows = rows[len(inside) :]
        if inside:
            lives.append(_life(machine, inside, ended_by, ended_at))
    if rows:
        lives.append(_life(machine, rows, "censored", rows[-1][0]))
    return lives


def _life(
    machine: str,
    rows: Sequence[tuple[datetime, list[float]]],
    ended_by: str,
    ended_at: datetime,
) -> FleetLife:
    return FleetLife(
        machine=machine,
        life_time=np.array([row[0].timestamp() for row in rows]),
        settings=np.empty((len(rows), 0)),
        values=np.array([row[1] for row in rows], np.float32).astype(np.float64),
        ended_by=ended_by,
        ended_at=ended_at.timestamp(),
        reads=INDICATOR_VERSION,
    )
