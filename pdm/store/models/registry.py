"""The registry of remaining-life models: which serve, who let them, and their bytes, which are not read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.errors import ConflictError, NotFoundError
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all


@dataclass(frozen=True)
class Card:
    """What is said of a model beside its bytes: the version of what it reads, how good it is, what it learned from."""

    reads: str
    metrics: Mapping[str, Any]
    trained_on: Mapping[str, Any]


@dataclass(frozen=True)
class ModelEvent:
    """What became of a model, by whom and why."""

    kind: str
    at: datetime
    actor: str
    reason: str


def insert_body(
    conn: Connection[Any],
    fleet: str,
    body: bytes,
    sha256: bytes,
    card: Card,
    *,
    kind: Literal["registered", "imported"],
    actor: str,
    reason: str,
) -> tuple[int, int]:
    """Register a model's bytes as challenger; returns its id and its version within the fleet."""
    conn.execute(query("lock_fleet_models"), {"name": fleet})
    row = conn.execute(
        query("insert_model"),
        {
            "name": fleet,
            "indicator_version": card.reads,
            "body": body,
            "sha256": sha256,
            "metrics": Jsonb(dict(card.metrics)),
            "trained_on": Jsonb(dict(card.trained_on)),
        },
    ).fetchone()
    assert row is not None
    _note(conn, row[0], kind, actor, reason)
    return row[0], row[1]


def promote(conn: Connection[Any], fleet: str, model_id: int, *, actor: str, reason: str) -> None:
    """Let a model serve its fleet from now on; the champion before it retires.

    Raises
    ------
    NotFoundError
        The fleet has no such model.
    """
    _serve(conn, fleet, model_id)
    _note(conn, model_id, "promoted", actor, reason)


def roll_back(conn: Connection[Any], fleet: str, *, actor: str, reason: str) -> int:
    """Let the model serve that served before the present champion; returns its id.

    Called again it goes back another step.

    Raises
    ------
    ConflictError
        No other model has served this fleet before.
    """
    conn.execute(query("lock_fleet_models"), {"name": fleet})
    served = _served(conn.execute(query("fetch_promotions"), {"name": fleet}).fetchall())
    if len(served) < 2:
        raise ConflictError(f"fleet {fleet!r} has no previous champion")
    _serve(conn, fleet, served[-2])
    _note(conn, served[-2], "rolled-back", actor, reason)
    return served[-2]


def _served(events: Sequence[tuple[int, str, str]]) -> list[int]:
    """Return the models that served, in order, without those that were rolled back; `events` are the last first."""
    served: list[int] = []
    for model_id, kind, _ in reversed(events):
        if kind == "rolled-back":
            served.pop()
        elif not served or served[-1] != model_id:
            served.append(model_id)
    return served


def _serve(conn: Connection[Any], fleet: str, model_id: int) -> None:
    conn.execute(query("lock_fleet_models"), {"name": fleet})
    conn.execute(query("retire_champion"), {"name": fleet})
    row = conn.execute(query("promote_model"), {"model_id": model_id}).fetchone()
    if row is None or row[0] != fleet:
        raise NotFoundError(f"fleet {fleet!r} has no model {model_id}")


def _note(conn: Connection[Any], model_id: int, kind: str, actor: str, reason: str) -> None:
    values = {"model_id": model_id, "kind": kind, "actor": actor, "reason": reason}
    conn.execute(query("note_model_event"), values)


def fetch_champion_ids(conn: Connection[Any], fleets: Sequence[str]) -> dict[str, int]:
    """Return which model serves each of these fleets; a fleet without one is left out."""
    return dict(conn.execute(query("fetch_champion_ids"), {"names": list(fleets)}).fetchall())


def note_unreadable(conn: Connection[Any], model_id: int, reason: str) -> None:
    """Write down that a model cannot be read."""
    conn.execute(query("note_unreadable_model"), {"model_id": model_id, "reason": reason})


def forget_unreadable(conn: Connection[Any], model_id: int) -> None:
    """Write down that a model can be read."""
    conn.execute(query("forget_unreadable_model"), {"model_id": model_id})


def fetch_fleet(conn: Connection[Any], model_id: int) -> tuple[str, str]:
    """Return of which fleet a model is and what it reads; raises NotFoundError if there is no such model."""
    row = conn.execute(query("fetch_model_fleet"), {"model_id": model_id}).fetchone()
    if row is None:
        raise NotFoundError(f"unknown model {model_id}")
    return row[0], row[1]


def fetch_body(conn: Connection[Any], model_id: int) -> tuple[bytes, bytes]:
    """Return a model's bytes and the SHA-256 they were registered with; raises NotFoundError."""
    row = conn.execute(query("fetch_model_body"), {"model_id": model_id}).fetchone()
    if row is None:
        raise NotFoundError(f"unknown model {model_id}")
    return bytes(row[0]), bytes(row[1])


def fetch_events(conn: Connection[Any], model_id: int) -> list[ModelEvent]:
    """Return what became of a model, in order."""
    return fetch_all(conn, ModelEvent, "fetch_model_events", model_id=model_id)
