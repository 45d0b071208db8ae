"""The registry of remaining-life models: status, events and bytes, which are not parsed here."""

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
    """Description of a model: version of its inputs, metrics and training data."""

    reads: str
    metrics: Mapping[str, Any]
    trained_on: Mapping[str, Any]


@dataclass(frozen=True)
class ModelEvent:
    """An event of a model, with user and reason."""

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
    """Promote a model to champion of its fleet; the previous champion is retired.

    Raises
    ------
    NotFoundError
        The model does not exist in the fleet.
    """
    _serve(conn, fleet, model_id)
    _note(conn, model_id, "promoted", actor, reason)


def roll_back(conn: Connection[Any], fleet: str, *, actor: str, reason: str) -> int:
    """Promote the previous champion again; returns its id.

    A repeated call goes back one more step.

    Raises
    ------
    ConflictError
        The fleet has no previous champion.
    """
    conn.execute(query("lock_fleet_models"), {"name": fleet})
    served = _served(conn.execute(query("fetch_promotions"), {"name": fleet}).fetchall())
    if len(served) < 2:
        raise ConflictError(f"fleet {fleet!r} has no previous champion")
    _serve(conn, fleet, served[-2])
    _note(conn, served[-2], "rolled-back", actor, reason)
    return served[-2]


def _served(events: Sequence[tuple[int, str, str]]) -> list[int]:
    """Return former champions in order, without those that were rolled back; `events` are newest first."""
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
    """Return the champion of each of these fleets; a fleet without one is omitted."""
    return dict(conn.execute(query("fetch_champion_ids"), {"names": list(fleets)}).fetchall())


def note_unreadable(conn: Connection[Any], model_id: int, reason: str) -> None:
    """Store that a model cannot be read."""
    conn.execute(query("note_unreadable_model"), {"model_id": model_id, "reason": reason})


def forget_unreadable(conn: Connection[Any], model_id: int) -> None:
    """Store that a model can be read."""
    conn.execute(query("forget_unreadable_model"), {"model_id": model_id})


def fetch_fleet(conn: Connection[Any], model_id: int) -> tuple[str, str]:
    """Return fleet and input version of a model; raises NotFoundError if the model does not exist."""
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
    """Return the events of a model, in order."""
    return fetch_all(conn, ModelEvent, "fetch_model_events", model_id=model_id)
