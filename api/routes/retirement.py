"""Machines and measurement points out of use and back, sensors that are replaced, and the timeline of a machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from api import dependencies as deps
from api.schemas.machines import MachineAnswer, ReasonQuestion, ReplacementQuestion, TimelineQuestion
from pdm.machines.model import Timeline
from pdm.service.machines import queries, retirement
from pdm.service.machines.machine_views import MachineDetails
from pdm.service.machines.retirement import Action
from pdm.service.platform.access import Caller

router = APIRouter(prefix="/v1", tags=["machines"])

MachineKey = Annotated[str, Depends(deps.read_machine_key)]
PointKey = Annotated[str, Depends(deps.read_point_key)]


@router.post("/machines/{machine}/retire", response_model=MachineAnswer)
def retire_machine(
    machine: MachineKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Take a machine out of use: its alerts end, it leaves line and site, and records of it are rejected."""
    retirement.retire_machine(resources.pool, machine, _action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/restore", response_model=MachineAnswer)
def restore_machine(
    machine: MachineKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Bring a retired machine back."""
    retirement.restore_machine(resources.pool, machine, _action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/points/{point}/retire", response_model=MachineAnswer)
def retire_point(
    machine: MachineKey, point: PointKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Take a measurement point out of use: it is not missing, silent or counted any more."""
    retirement.retire_point(resources.pool, machine, point, _action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/points/{point}/restore", response_model=MachineAnswer)
def restore_point(
    machine: MachineKey, point: PointKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Bring a retired measurement point back."""
    retirement.restore_point(resources.pool, machine, point, _action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/points/{point}/replace", response_model=MachineAnswer)
def replace_point(
    machine: MachineKey,
    point: PointKey,
    question: ReplacementQuestion,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
) -> MachineDetails:
    """Replace the sensor of a point by another, also of another sampling rate, under the same key or a new one."""
    given = question.model_dump(include=question.model_fields_set - {"at", "reason", "key"})
    if "sampling_rate_hz" in given:
        given["sampling_rate"] = given.pop("sampling_rate_hz")
    action = _action(caller, question.reason)
    retirement.replace_point(resources.pool, machine, point, question.at, question.key, given, action)
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/timeline", response_model=MachineAnswer)
def change_timeline(
    machine: MachineKey, question: TimelineQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Change the clock of a machine's data, with a reason."""
    action = _action(caller, question.reason)
    retirement.change_timeline(resources.pool, machine, Timeline(question.timeline), action)
    return queries.read_machine(resources.pool, caller, machine)


def _action(caller: Caller, reason: str) -> Action:
    return Action(caller.name, caller.site_ids, datetime.now(UTC), reason)
