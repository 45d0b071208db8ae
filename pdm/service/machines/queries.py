"""Read use cases: assessments, histories, alerts and receipts of machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg_pool import ConnectionPool

from pdm.alerts.kinds.declared_units import declare_contributors
from pdm.errors import NotFoundError, UnavailableError
from pdm.machines.former_keys import FormerKeys
from pdm.machines.work_events import EventDoubt
from pdm.service.machines.machine_views import FleetMachine, MachineDetails, MachineHealth, MachinePrognosis
from pdm.service.platform.access import Caller, Role
from pdm.service.platform.visibility import visible_machine
from pdm.service.prognosis.interval_coverage import verdict_on
from pdm.store.acquisitions import acquisitions_read, receipt_views
from pdm.store.acquisitions.acquisitions_read import ListedAcquisition
from pdm.store.acquisitions.receipt_views import Quarantined, ReceiptSummary, RecordedWork, SetAside, StoredReceipt
from pdm.store.alerts import alert_views
from pdm.store.alerts.alert_views import Alert, AlertSummary, HistoryEvent
from pdm.store.analysis import assessments_read, diagnoses, queue, reanalyses
from pdm.store.analysis.assessments_read import AssessmentEntry, PrognosisEntry, StoredAssessment
from pdm.store.analysis.reanalyses import Reanalysis
from pdm.store.database.compatibility import check_schema
from pdm.store.database.connection import check_server
from pdm.store.machines import machine_views, retirement
from pdm.store.machines.access import scoped
from pdm.store.machines.machine_views import AnalysisBacklog
from pdm.store.machines.registration import fetch_machine

Pool = ConnectionPool[Any]


def list_machines(
    pool: Pool, caller: Caller, *, after: str, limit: int, site: str | None, line: str | None, retired: bool = False
) -> list[FleetMachine]:
    """Return the fleet, or its retired machines, with their newest health, remaining life and worst open alert."""
    with pool.connection() as conn:
        with scoped(conn, caller.site_ids):
            machines = machine_views.page_machines(
                conn, after=after, limit=limit, site=site, line=line, retired=retired
            )
        current = machine_views.fetch_current_verdicts(conn, [machine.id for machine in machines])
    return [FleetMachine.of(machine, current[machine.id]) for machine in machines]


def read_machine(pool: Pool, caller: Caller, machine: str) -> MachineDetails:
    """Return one machine with its components, points and newest assessment."""
    with visible_machine(pool, caller, machine) as (conn, found):
        return MachineDetails(
            **vars(found),
            **vars(machine_views.fetch_current_verdicts(conn, [found.id])[found.id]),
            components=machine_views.list_components(conn, found.id),
            points=machine_views.list_points(conn, found.id),
            retired_points=retirement.list_retired_points(conn, found.id),
            diagnosed_at=diagnoses.fetch_last_diagnosed(conn, found.id),
        )


def read_health(pool: Pool, caller: Caller, machine: str, as_of: datetime | None) -> MachineHealth:
    """Return the newest assessment, or the newest at `as_of`; a machine without analysis is learning.

    An acquisition without a verdict changes none: then the last verdict is returned, with its time.
    """
    with visible_machine(pool, caller, machine) as (conn, found):
        newest, judged = assessments_read.fetch_judged(conn, found.id, as_of)
        at = None if judged is None else judged.measured_at
        prognosis = assessments_read.fetch_prognosis(conn, found.id, as_of, at)
        on_hold = queue.fetch_hold(conn, found.id)
        stored = fetch_machine(conn, machine)
    keys = stored.former_keys
    is_judged = judged is newest
    newest = newest and _renamed(newest, keys)
    judged = newest if is_judged else judged and _renamed(judged, keys)
    health = MachineHealth.of(found, newest, judged, prognosis, on_hold)
    named = health.named(stored.machine)
    return replace(named, evidence=declare_contributors(named.evidence, stored.machine))


def _renamed(assessment: StoredAssessment, keys: FormerKeys) -> StoredAssessment:
    """Return an assessment with the present keys of what was renamed since."""
    component = assessment.component
    return replace(
        assessment,
        component=None if component is None else keys.component(component),
        evidence=keys.document(assessment.evidence),
    )


def read_prognosis(pool: Pool, caller: Caller, machine: str, as_of: datetime | None) -> MachinePrognosis:
    """Return the newest prognosis, or the newest at `as_of`; without one, the reason.

    Of a machine whose newest acquisitions gave no verdict on health, that of the last verdict.
    """
    with visible_machine(pool, caller, machine) as (conn, found):
        _, judged = assessments_read.fetch_judged(conn, found.id, as_of)
        at = None if judged is None else judged.measured_at
        prognosis = assessments_read.fetch_prognosis(conn, found.id, as_of, at)
        if prognosis is not None:
            keys = fetch_machine(conn, found.machine).former_keys
            prognosis = replace(prognosis, evidence=keys.document(prognosis.evidence))
        return MachinePrognosis.of(found.machine, prognosis, verdict_on(conn, found.fleet, prognosis))


def list_health(
    pool: Pool, caller: Caller, machine: str, *, since: datetime, before: datetime, limit: int
) -> list[AssessmentEntry]:
    """Return one assessment per acquisition, newest first."""
    with visible_machine(pool, caller, machine) as (conn, row):
        return assessments_read.page_assessments(conn, row.id, since=since, before=before, limit=limit)


def list_prognoses(
    pool: Pool, caller: Caller, machine: str, *, since: datetime, before: datetime, limit: int
) -> list[PrognosisEntry]:
    """Return one prognosis per acquisition, newest first."""
    with visible_machine(pool, caller, machine) as (conn, row):
        return assessments_read.page_prognoses(conn, row.id, since=since, before=before, limit=limit)


def list_acquisitions(
    pool: Pool, caller: Caller, machine: str, *, since: datetime, before: datetime, limit: int
) -> list[ListedAcquisition]:
    """Return the acquisitions of a machine, newest first."""
    with visible_machine(pool, caller, machine) as (conn, row):
        found = acquisitions_read.page_acquisitions(conn, row.id, since=since, before=before, limit=limit)
        keys = fetch_machine(conn, row.machine).former_keys
    return [replace(each, missing=[keys.point(point) for point in each.missing]) for each in found]


def list_work_events(
    pool: Pool, caller: Caller, machine: str, *, before: datetime, before_id: int, limit: int
) -> list[RecordedWork]:
    """Return the work events of a machine, newest first, with the doubts about them."""
    with visible_machine(pool, caller, machine) as (conn, row):
        events = receipt_views.page_work_events(conn, row.id, before=before, before_id=before_id, limit=limit)
        doubts = receipt_views.fetch_event_doubts(conn, row.id)
    return [_doubted(event, doubts) for event in events]


def read_work_event(pool: Pool, caller: Caller, machine: str, event_id: int) -> RecordedWork:
    """Return a work event of a machine with the doubts about it.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such event.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = receipt_views.find_work_event(conn, row.id, event_id)
        doubts = receipt_views.fetch_event_doubts(conn, row.id)
    if found is None:
        raise NotFoundError(f"machine {machine!r} has no work event {event_id}")
    return _doubted(found, doubts)


def _doubted(event: RecordedWork, doubts: Sequence[EventDoubt]) -> RecordedWork:
    return replace(event, doubts=tuple(each for each in doubts if event.id in (each.failure, each.earlier)))


def list_alerts(
    pool: Pool,
    caller: Caller,
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
    **wanted: Any,
) -> list[AlertSummary]:
    """Return alerts of visible machines, newest first; `wanted` as in `AlertFilter`."""
    asked = alert_views.AlertFilter(**wanted)
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        return alert_views.page_alerts(conn, before=before, before_id=before_id, limit=limit, wanted=asked)


def list_alert_history(pool: Pool, caller: Caller, *, before: int, limit: int, **wanted: Any) -> list[HistoryEvent]:
    """Return events of visible alerts, newest first; `wanted` as in `HistoryFilter`."""
    asked = alert_views.HistoryFilter(**wanted)
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        return alert_views.page_history(conn, before=before, limit=limit, wanted=asked)


def read_alert(pool: Pool, caller: Caller, alert_id: UUID) -> Alert:
    """Return an alert with its evidence and history.

    Raises
    ------
    NotFoundError
        It does not exist or is not visible to the caller.
    """
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        found = alert_views.find_alert(conn, alert_id)
    if found is None:
        raise NotFoundError(f"unknown alert {alert_id}")
    return found


def list_receipts(pool: Pool, caller: Caller, *, before: datetime, before_id: UUID, limit: int) -> list[ReceiptSummary]:
    """Return receipts, newest first; senders and callers limited to sites get only their own."""
    with pool.connection() as conn:
        return receipt_views.page_receipts(conn, before=before, before_id=before_id, limit=limit, actor=_sender(caller))


def read_receipt(pool: Pool, caller: Caller, receipt_id: UUID) -> StoredReceipt:
    """Return a receipt with one result per record."""
    with pool.connection() as conn:
        found = receipt_views.find_receipt(conn, receipt_id, _sender(caller))
    if found is None:
        raise NotFoundError(f"unknown receipt {receipt_id}")
    return found


def list_set_aside(pool: Pool, caller: Caller, *, after_id: int, after: datetime, limit: int) -> list[SetAside]:
    """Return acquisitions whose analysis failed."""
    with pool.connection() as conn:
        return receipt_views.page_set_aside(conn, after_id=after_id, after=after, limit=limit, site_ids=caller.site_ids)


def list_quarantine(pool: Pool, caller: Caller, *, before: int, limit: int) -> list[Quarantined]:
    """Return quarantined records."""
    with pool.connection() as conn:
        return receipt_views.page_quarantine(conn, before=before, limit=limit, site_ids=caller.site_ids)


def list_reanalyses(pool: Pool, caller: Caller, *, after_id: int, limit: int, machine: str | None) -> list[Reanalysis]:
    """Return machines that are concluded again, or wait for it, and how far that is."""
    with pool.connection() as conn:
        return reanalyses.page_reanalyses(
            conn, after_id=after_id, limit=limit, machine=machine, site_ids=caller.site_ids
        )


def count_waiting(pool: Pool) -> AnalysisBacklog:
    """Return how much waits for analysis."""
    with pool.connection() as conn:
        return machine_views.count_waiting(conn)


def count_for_metrics(pool: Pool) -> tuple[dict[str, float], dict[str, int]]:
    """Return the gauges read from the database, and open alerts by severity."""
    with pool.connection() as conn:
        return machine_views.count_for_metrics(conn)


def check_ready(pool: Pool) -> None:
    """Raise an error unless requests can be served.

    Raises
    ------
    UnavailableError
        The database is unavailable, or its schema does not match this code.
    ConfigurationError
        The server settings could lose acknowledged data.
    """
    with pool.connection() as conn:
        if not machine_views.is_migrated(conn):
            raise UnavailableError("the database has no schema; run `pdm migrate`")
        check_schema(conn)
        check_server(conn)


def _sender(caller: Caller) -> str | None:
    return caller.name if caller.role is Role.INGEST or caller.site_ids is not None else None
