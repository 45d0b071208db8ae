"""The registry of remaining-life models, and the past lives that they learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.errors import NotFoundError
from pdm.prognosis.model import RemainingLifeModel
from pdm.prognosis.train import Life
from pdm.store.queries import query


def insert_model(conn: Connection[Any], fleet: str, model: RemainingLifeModel) -> tuple[int, int]:
    """Register a model as challenger; returns its id and its version within the fleet."""
    body = model.to_bytes()
    conn.execute(query("lock_fleet_models"), {"name": fleet})
    row = conn.execute(
        query("insert_model"),
        {
            "name": fleet,
            "indicator_version": model.indicator_version,
            "body": body,
            "sha256": hashlib.sha256(body).digest(),
            "metrics": Jsonb(model.metrics),
            "trained_on": Jsonb(model.trained_on),
        },
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def promote(conn: Connection[Any], fleet: str, model_id: int) -> None:
    """Let a model serve its fleet from now on; the champion before it retires.

    Promoting a retired model is the way back. Raises NotFoundError if there is no such model.
    """
    conn.execute(query("lock_fleet_models"), {"name": fleet})
    conn.execute(query("retire_champion"), {"name": fleet})
    row = conn.execute(query("promote_model"), {"model_id": model_id}).fetchone()
    if row is None or row[0] != fleet:
        raise NotFoundError(f"fleet {fleet!r} has no model {model_id}")


def fetch_champion_ids(conn: Connection[Any], fleets: Sequence[str]) -> dict[str, int]:
    """Return which model serves each of these fleets; a fleet without one is left out."""
    return dict(conn.execute(query("fetch_champion_ids"), {"names": list(fleets)}).fetchall())


def fetch_model(conn: Connection[Any], model_id: int) -> RemainingLifeModel:
    """Return a registered model, its checksum verified before it is parsed.

    Raises
    ------
    NotFoundError
        There is no such model.
    ModelError
        The stored bytes are not those that were registered.
    """
    row = conn.execute(query("fetch_model_body"), {"model_id": model_id}).fetchone()
    if row is None:
        raise NotFoundError(f"there is no model {model_id}")
    return RemainingLifeModel.from_bytes(row[0], sha256=row[1])


def fetch_lives(conn: Connection[Any], fleet: str, rule_version: str) -> list[Life]:
    """Return the lives of a fleet's machines: the courses of indicators between closing work events.

    The part after a machine's last closing event is a life that has not ended: censored.
    """
    lives: list[Life] = []
    marks = conn.execute(query("fetch_life_marks"), {"fleet": fleet}).fetchall()
    for (machine_id, machine), group in groupby(marks, key=lambda row: (row[0], row[1])):
        ends = [(row[3], row[2], row[4]) for row in group if row[3] is not None]
        wanted = {"machine_id": machine_id, "rule_version": rule_version}
        with conn.cursor(binary=True) as cursor:
            course = cursor.execute(query("fetch_indicator_course"), wanted).fetchall()
        lives += _segments(machine, course, ends)
    return lives


def _segments(
    machine: str, course: Sequence[tuple[datetime, list[float]]], ends: Sequence[tuple[datetime, str, str | None]]
) -> list[Life]:
    lives = []
    rows = list(course)
    for ended_at, ended_by, component in ends:
        inside = [row for row in rows if row[0] <= ended_at]
        rows = rows[len(inside) :]
        if inside:
            lives.append(_life(machine, component, inside, ended_by, ended_at))
    if rows:
        lives.append(_life(machine, None, rows, "censored", rows[-1][0]))
    return lives


def _life(
    machine: str,
    component: str | None,
    rows: Sequence[tuple[datetime, list[float]]],
    ended_by: str,
    ended_at: datetime,
) -> Life:
    return Life(
        machine=machine,
        component=component,
        measured_at_s=np.array([row[0].timestamp() for row in rows]),
        indicators=np.array([row[1] for row in rows], np.float32),
        ended_by=ended_by,
        ended_at_s=ended_at.timestamp(),
    )
