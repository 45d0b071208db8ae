"""Views of receipts, work events, failed acquisitions, quarantined records and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.machines.work_events import EventDoubt
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class ReceiptSummary:
    """A receipt: sender, time, and number of records per result."""

    receipt_id: UUID
    received_at: datetime
    actor: str
    stored: int
    duplicate: int
    conflict: int
    rejected: int
    quarantined: int


@dataclass(frozen=True)
class StoredReceipt(ReceiptSummary):
    """A receipt with one result per record."""

    results: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RecordedWork:
    """A work event of a machine as it counts, with the user and time of its recording, doubts and corrections."""

    id: int
    kind: str
    component: str | None
    occurred_at: datetime
    finding: str | None
    note: str
    actor: str
    recorded_at: datetime
    status: str = "recorded"
    corrections: Sequence[Mapping[str, Any]] = ()
    doubts: tuple[EventDoubt, ...] = ()


@dataclass(frozen=True)
class SetAside:
    """An acquisition whose analysis failed, with the reason."""

    machine_id: int
    machine: str
    measured_at: datetime
    reason: str
    set_aside_at: datetime


@dataclass(frozen=True)
class Quarantined:
    """A quarantined record; `measured_at` is the implausible time as sent."""

    id: int
    machine: str
    measured_at: str
    reason: str
    received_at: datetime
    receipt_id: UUID


@dataclass(frozen=True)
class ModelSummary:
    """A model of remaining life, with its fleet and status."""

    id: int
    fleet: str
    version: int
    status: str
    created_at: datetime
    indicator_version: str
    sha256: str


@dataclass(frozen=True)
class ModelCard(ModelSummary):
    """A model of remaining life, with its metrics and training data."""

    metrics: Mapping[str, Any]
    trained_on: Mapping[str, Any]


def page_receipts(
    conn: Connection[Any], *, before: datetime, before_id: UUID, limit: int, actor: str | None
) -> list[ReceiptSummary]:
    """Return receipts, newest first; of one sender unless `actor` is None."""
    wanted = {"before": before, "before_id": before_id, "limit": limit, "actor": actor}
    return fetch_all(conn, ReceiptSummary, "page_receipts", **wanted)


def find_receipt(conn: Connection[Any], receipt_id: UUID, actor: str | None) -> StoredReceipt | None:
    """Return a receipt with its results; only receipts of `actor` unless it is None."""
    return fetch_first(conn, StoredReceipt, "find_receipt", id=receipt_id, actor=actor)


def page_work_events(
    conn: Connection[Any], machine_id: int, *, before: datetime, before_id: int, limit: int
) -> list[RecordedWork]:
    """Return the work events of a machine, newest first."""
    wanted = {"machine_id": machine_id, "before": before, "before_id": before_id, "limit": limit}
    return fetch_all(conn, RecordedWork, "page_work_events", **wanted)


def fetch_event_doubts(conn: Connection[Any], machine_id: int) -> list[EventDoubt]:
    """Return the doubts about the work events of a machine, in order of time."""
    return fetch_all(conn, EventDoubt, "fetch_event_doubts", machine_id=machine_id)


def find_work_event(conn: Connection[Any], machine_id: int, event_id: int) -> RecordedWork | None:
    """Return one work event of a machine."""
    return fetch_first(conn, RecordedWork, "find_work_event", machine_id=machine_id, id=event_id)


def page_set_aside(
    conn: Connection[Any], *, after_id: int, after: datetime, limit: int, site_ids: Sequence[int] | None
) -> list[SetAside]:
    """Return acquisitions whose analysis failed, by machine and time."""
    wanted = {"after_id": after_id, "after": after, "limit": limit, "site_ids": _listed(site_ids)}
    return fetch_all(conn, SetAside, "page_set_aside", **wanted)


def replay_set_aside(conn: Connection[Any], machine: str | None, site_ids: Sequence[int] | None) -> int:
    """Queue failed acquisitions again; returns their number."""
    values = {"machine": machine, "site_ids": _listed(site_ids)}
    row = conn.execute(query("replay_set_aside"), values).fetchone()
    assert row is not None
    return int(row[0])


def page_quarantine(
    conn: Connection[Any], *, before: int, limit: int, site_ids: Sequence[int] | None
) -> list[Quarantined]:
    """Return quarantined records, newest first."""
    return fetch_all(conn, Quarantined, "page_quarantine", before=before, limit=limit, site_ids=_listed(site_ids))


def page_models(conn: Connection[Any], *, before: int, limit: int, fleet: str | None) -> list[ModelSummary]:
    """Return models of remaining life, newest first."""
    return fetch_all(conn, ModelSummary, "page_models", before=before, limit=limit, fleet=fleet)


def find_model(conn: Connection[Any], model_id: int) -> ModelCard | None:
    """Return the card of a model: metrics and training data, without its bytes."""
    return fetch_first(conn, ModelCard, "find_model", id=model_id)


def _listed(site_ids: Sequence[int] | None) -> list[int] | None:
    return None if site_ids is None else list(site_ids)
