"""The fleet: registering machines, and what is known of their health and remaining life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query

from api import dependencies as deps
from api import paging
from api.schemas.machines import (
    ExplanationAnswer,
    FleetMachine,
    FleetRegistration,
    HealthAnswer,
    HealthEntry,
    MachineAnswer,
    PrognosisAnswer,
    PrognosisEntry,
    Registration,
    WhatIfAnswer,
    WhatIfQuestion,
    WorkEventAnswer,
    WorkEventCorrectionQuestion,
    WorkEventQuestion,
)
from api.schemas.pages import Page
from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import machine_from_document, machines_from_document
from pdm.machines.model import Machine
from pdm.machines.work_events import Correction, EventStatus, WorkEvent, WorkEventKind
from pdm.service.machines import queries, registration, work_event_corrections, work_events
from pdm.service.machines.machine_views import MachineDetails, MachineHealth, MachinePrognosis
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import find_machine_keys
from pdm.service.prognosis import explanation_requests, what_if
from pdm.service.prognosis.what_if import WhatIf
from pdm.store.acquisitions.receipt_views import RecordedWork

router = APIRouter(prefix="/v1", tags=["machines"])

MachineKey = Annotated[str, Depends(deps.read_machine_key)]
Since = Annotated[deps.Moment | None, Query(alias="from", description="Measured at or after this.")]
Before = Annotated[deps.Moment | None, Query(alias="to", description="Measured before this.")]
AsOf = Annotated[deps.Moment | None, Query(description="What was known at this time on the wall clock.")]


@router.put("/machines/{machine}")
def register_machine(
    machine: Annotated[deps.Key, Path(description="The machine's key, or one that it had.")],
    document: Annotated[dict[str, Any], Body()],
    resources: deps.ResourcesDep,
    caller: deps.Operator,
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
) -> Registration:
    """Register a machine, or change one."""
    described = machine_from_document(document)
    named, sent = find_machine_keys(resources.pool, caller, [machine, described.key])
    if named != sent:
        raise InvalidInputError(
            f"the body has machine {described.key!r} but the path has {machine!r}; they must be equal", field="key"
        )
    return _register(resources, caller, [described], dry_run)[0]


@router.post("/fleet")
def register_fleet(
    document: Annotated[dict[str, Any], Body()],
    resources: deps.ResourcesDep,
    caller: deps.Operator,
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
) -> FleetRegistration:
    """Register a whole fleet, all of it or nothing; machines that it does not name stay as they are."""
    machines = machines_from_document(document)
    return FleetRegistration(dry_run=dry_run, machines=_register(resources, caller, machines, dry_run))


@router.get("/machines", response_model=Page[FleetMachine])
def list_machines(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    site: Annotated[deps.Key | None, Query()] = None,
    line: Annotated[deps.Key | None, Query()] = None,
    retired: Annotated[bool, Query(description="The retired machines instead of those in use.")] = False,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List the fleet with health, remaining life and open alerts."""
    (after,) = paging.decode(cursor, ("",))
    rows = queries.list_machines(
        resources.pool, caller, after=after, limit=limit + 1, site=site, line=line, retired=retired
    )
    return paging.page(rows, limit, "machine")


@router.get("/machines/{machine}", response_model=MachineAnswer)
def read_machine(machine: MachineKey, resources: deps.ResourcesDep, caller: deps.Reader) -> MachineDetails:
    """Read one machine with its components and points."""
    return queries.read_machine(resources.pool, caller, machine)


@router.get("/machines/{machine}/health", response_model=HealthAnswer)
def read_health(
    machine: MachineKey, resources: deps.ResourcesDep, caller: deps.Reader, as_of: AsOf = None
) -> MachineHealth:
    """Read the newest assessment with its evidence."""
    return queries.read_health(resources.pool, caller, machine, as_of)


@router.get("/machines/{machine}/health/history", response_model=Page[HealthEntry])
def list_health(
    machine: MachineKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    since: Since = None,
    before: Before = None,
    limit: deps.Limit = 500,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List what is now known of the machine's health at each acquisition, newest first."""
    (until,) = paging.decode(cursor, (before or paging.END_OF_TIME,))
    rows = queries.list_health(
        resources.pool, caller, machine, since=since or paging.START_OF_TIME, before=until, limit=limit + 1
    )
    return paging.page(rows, limit, "measured_at")


@router.get("/machines/{machine}/prognosis", response_model=PrognosisAnswer)
def read_prognosis(
    machine: MachineKey, resources: deps.ResourcesDep, caller: deps.Reader, as_of: AsOf = None
) -> MachinePrognosis:
    """Read the newest remaining useful life with its interval, source and evidence."""
    return queries.read_prognosis(resources.pool, caller, machine, as_of)


@router.get("/machines/{machine}/prognosis/explanation", response_model=ExplanationAnswer)
def explain_prognosis(machine: MachineKey, resources: deps.ResourcesDep, caller: deps.Reader) -> dict[str, Any]:
    """Say why remaining life is what it is: contributors, what moved since last week, past lives alike."""
    return explanation_requests.explain_prognosis(resources.pool, resources.settings.dsn, caller, machine)


@router.post("/machines/{machine}/prognosis/what-if", response_model=WhatIfAnswer)
def ask_what_if(
    machine: MachineKey, question: WhatIfQuestion, resources: deps.ResourcesDep, caller: deps.Reader
) -> WhatIf:
    """Say how long the machine would last under another load or speed, where past lives can tell."""
    return what_if.prognose_under(resources.pool, caller, machine, load=question.load, speed=question.speed_hz)


@router.get("/machines/{machine}/prognosis/history", response_model=Page[PrognosisEntry])
def list_prognoses(
    machine: MachineKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    since: Since = None,
    before: Before = None,
    limit: deps.Limit = 500,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List the remaining useful life told at each acquisition, newest first."""
    (until,) = paging.decode(cursor, (before or paging.END_OF_TIME,))
    rows = queries.list_prognoses(
        resources.pool, caller, machine, since=since or paging.START_OF_TIME, before=until, limit=limit + 1
    )
    return paging.page(rows, limit, "measured_at")


@router.get("/machines/{machine}/work-events", response_model=Page[WorkEventAnswer])
def list_work_events(
    machine: MachineKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List what was done to a machine, newest first."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_ID))
    rows = queries.list_work_events(
        resources.pool, caller, machine, before=before, before_id=before_id, limit=limit + 1
    )
    return paging.page(rows, limit, "occurred_at", "id")


@router.post("/machines/{machine}/work-events", status_code=201, response_model=WorkEventAnswer)
def record_work_event(
    machine: MachineKey, question: WorkEventQuestion, resources: deps.ResourcesDep, caller: deps.Sender
) -> RecordedWork:
    """Record what was done: a failure or replacement ends a life and begins the next."""
    event = WorkEvent(
        machine=machine,
        kind=WorkEventKind(question.kind),
        occurred_at=question.occurred_at,
        component=question.component,
        finding=question.finding,
        note=question.note,
    )
    event_id, _ = work_events.record_work_event(
        resources.pool,
        event,
        actor=caller.name,
        site_ids=caller.site_ids,
        now=datetime.now(UTC),
        future_tolerance=resources.future_tolerance,
    )
    return queries.read_work_event(resources.pool, caller, machine, event_id)


@router.patch("/machines/{machine}/work-events/{event_id}", response_model=WorkEventAnswer)
def correct_work_event(
    machine: MachineKey,
    event_id: Annotated[deps.RowId, Path(description="The id of the work event.")],
    question: WorkEventCorrectionQuestion,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
) -> RecordedWork:
    """Correct, void or confirm a work event; what was concluded from it is concluded again in the background."""
    given = question.model_dump(include=question.model_fields_set & {"kind", "occurred_at", "component"})
    for name in ("kind", "occurred_at"):
        if name in given and given[name] is None:
            raise InvalidInputError(f"{name} cannot be null; leave it out to keep it", field=name)
    if "kind" in given:
        given["kind"] = WorkEventKind(given["kind"])
    work_event_corrections.correct_work_event(
        resources.pool,
        machine,
        event_id,
        Correction(EventStatus(question.status), question.reason, given),
        actor=caller.name,
        site_ids=caller.site_ids,
        now=datetime.now(UTC),
        future_tolerance=resources.future_tolerance,
    )
    return queries.read_work_event(resources.pool, caller, machine, event_id)


def _register(
    resources: deps.Resources, caller: Caller, machines: Sequence[Machine], dry_run: bool
) -> list[Registration]:
    done = registration.register_fleet(
        resources.pool, machines, actor=caller.name, site_ids=caller.site_ids, dry_run=dry_run
    )
    return [Registration(**asdict(item)) for item in done]
