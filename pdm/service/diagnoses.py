"""What a caller asks of diagnoses: the newest that was computed, and a fresh one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError, RefusalError
from pdm.service.access import Caller
from pdm.service.diagnosis_words import in_words
from pdm.service.query import visible_machine
from pdm.store import access, diagnoses, fleet

Row = dict[str, Any]
Pool = ConnectionPool[Any]


def read_diagnosis(pool: Pool, caller: Caller, machine: str, at: datetime | None, language: str = "en") -> Row:
    """Return the newest diagnosis of a machine, or the newest from acquisitions up to `at`, with its words.

    `due` says what was asked for since and is not there yet.

    Raises
    ------
    NotFoundError
        There is no such machine that the caller may see, or no diagnosis of it yet; then the reason is told.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = diagnoses.fetch_diagnosis(conn, row["id"], at)
        due = diagnoses.fetch_due(conn, row["id"])
    if found is None:
        raise NotFoundError(_nothing_yet(machine, at, due))
    document = found.pop("document")
    return {**in_words(document, language), **found, "machine": machine, "due": due}


def request_diagnosis(pool: Pool, caller: Caller, machine: str, at: datetime | None, records: int) -> Row:
    """Ask for a diagnosis from at most `records` acquisitions, the newest or those up to `at`.

    A worker takes it at once if it has nothing else to do; it stands in place of a request that still waits.

    Raises
    ------
    NotFoundError
        There is no such machine that the caller may see.
    RefusalError
        The machine has no point that records waveforms.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        if all(point["sampling_rate_hz"] is None for point in fleet.list_points(conn, row["id"])):
            raise RefusalError(f"machine {machine!r} has no waveform point; a diagnosis is not possible")
        asked_at = diagnoses.ask(conn, row["id"], "request", at, records)
        access.insert_audit(
            conn, caller.name, "diagnosis.request", machine, at=at.isoformat() if at else None, records=records
        )
    return {"machine": machine, "asked_at": asked_at, "as_of": at, "records": records}


def _nothing_yet(machine: str, at: datetime | None, due: Row | None) -> str:
    until = "" if at is None else f" from acquisitions up to {at.isoformat()}"
    text = f"no diagnosis of machine {machine!r}{until} has been computed yet"
    if due is None:
        return f"{text}; request one with POST to the same path"
    if due["error"] is not None:
        return f"{text}; the last attempt failed: {due['error']}"
    return f"{text}; one was requested at {due['asked_at'].isoformat()} and is in the queue"
