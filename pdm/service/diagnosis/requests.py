"""Requests of callers: read the newest diagnosis, or request a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError, RefusalError
from pdm.service.diagnosis.translation import in_words
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import visible_machine
from pdm.store.analysis import diagnoses
from pdm.store.analysis.diagnoses import DiagnosisDue
from pdm.store.machines import access, machine_views
from pdm.store.machines.registration import fetch_machine

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class DiagnosisRequest:
    """An accepted request of a diagnosis from at most `records` acquisitions up to `as_of`."""

    machine: str
    asked_at: datetime
    as_of: datetime | None
    records: int


def read_diagnosis(
    pool: Pool, caller: Caller, machine: str, at: datetime | None, language: str = "en"
) -> Mapping[str, Any]:
    """Return the newest diagnosis of a machine, or the newest from acquisitions up to `at`, with its texts.

    `due` is a later request that is not finished.

    Raises
    ------
    NotFoundError
        The machine does not exist, is not visible to the caller, or has no diagnosis yet; the message has the reason.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = diagnoses.fetch_diagnosis(conn, row.id, at)
        keys = fetch_machine(conn, row.machine).former_keys
        due = diagnoses.fetch_due(conn, row.id)
    if found is None:
        raise NotFoundError(_nothing_yet(machine, at, due))
    known = {name: value for name, value in vars(found).items() if name != "document"}
    return {**in_words(keys.document(found.document), language), **known, "machine": machine, "due": due}


def request_diagnosis(pool: Pool, caller: Caller, machine: str, at: datetime | None, records: int) -> DiagnosisRequest:
    """Request a diagnosis from at most `records` acquisitions, the newest or those up to `at`.

    An idle worker computes it at once; it replaces a request that still waits.

    Raises
    ------
    NotFoundError
        The machine does not exist or is not visible to the caller.
    RefusalError
        The machine has no waveform point.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        if all(point.sampling_rate_hz is None for point in machine_views.list_points(conn, row.id)):
            raise RefusalError(f"machine {machine!r} has no waveform point; a diagnosis is not possible")
        asked_at = diagnoses.ask(conn, row.id, "request", at, records)
        access.insert_audit(
            conn, caller.name, "diagnosis.request", machine, at=at.isoformat() if at else None, records=records
        )
    return DiagnosisRequest(machine, asked_at, at, records)


def _nothing_yet(machine: str, at: datetime | None, due: DiagnosisDue | None) -> str:
    until = "" if at is None else f" from acquisitions up to {at.isoformat()}"
    text = f"no diagnosis of machine {machine!r}{until} has been computed yet"
    if due is None:
        return f"{text}; request one with POST to the same path"
    if due.error is not None:
        return f"{text}; the last attempt failed: {due.error}"
    return f"{text}; one was requested at {due.asked_at.isoformat()} and is in the queue"
