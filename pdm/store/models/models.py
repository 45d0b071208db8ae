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
from pdm.prognosis.lives_by_component import MACHINE_LIFE
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.lives import FleetLife
from pdm.prognosis.training.life_division import ClosedLife, Segment, divide
from pdm.store.database.queries import query
from pdm.store.models import registry

_Record = tuple[datetime, list[float], dict[str, Any] | None]  # time, indicators, and those of each life


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
    """Return the lives of a fleet's machines and their components: indicators over time between closing work events.

    The time after the last closing event is a life that has not ended: censored. Lives in doubt are omitted.
    """
    lives: list[FleetLife] = []
    marks = conn.execute(query("fetch_life_marks"), {"fleet": fleet}).fetchall()
    for (machine_id, machine), group in groupby(marks, key=lambda row: (row[0], row[1])):
        ends = [ClosedLife(*row[2:]) for row in group if row[2] is not None]
        wanted = {"machine_id": machine_id, "rule_version": rule_version}
        with conn.cursor(binary=True) as cursor:
            course = cursor.execute(query("fetch_indicator_course"), wanted).fetchall()
        times = [row[0] for row in course]
        lives += [_life(machine, course[life.begin : life.end], life) for life in divide(times, ends)]
    return lives


def fetch_doubts(conn: Connection[Any], fleet: str) -> list[dict[str, Any]]:
    """Return the failures of a fleet whose lives are in doubt, by machine and id of the work event."""
    rows = conn.execute(query("fetch_life_doubts"), {"fleet": fleet})
    return [{"machine": machine, "work_event": event, "doubt": doubt} for machine, event, doubt in rows]


def _life(machine: str, rows: Sequence[_Record], life: Segment) -> FleetLife:
    return FleetLife(
        machine=machine,
        life_time=np.array([row[0].timestamp() for row in rows]),
        settings=np.empty((len(rows), 0)),
        values=np.array([_own(life.component, *row[1:]) for row in rows], np.float32).astype(np.float64),
        ended_by=life.ended_by,
        ended_at=life.ended_at.timestamp(),
        reads=INDICATOR_VERSION,
        component=life.component,
    )


def _own(component: str, of_all: Sequence[float], of_lives: dict[str, Any] | None) -> Sequence[float]:
    """Return the indicators of a component's life, or of the machine's, where the machine had several lives."""
    own = of_lives and (of_lives.get(component) or of_lives.get(MACHINE_LIFE))
    return [np.nan if value is None else value for value in own] if own else of_all
