"""Machines and measurement points out of use and back, sensors that are replaced, and the timeline of a machine."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api import dependencies as deps
from api.schemas.machines import MachineAnswer, ReasonQuestion, ReplacementQuestion, TimelineQuestion
from pdm.machines.model import Timeline
from pdm.service.machines import queries, retirement
from pdm.service.machines.machine_views import MachineDetails
from pdm.service.platform.visibility import find_machine_key

router = APIRouter(prefix="/v1", tags=["machines"])

MachineKey = Annotated[str, Depends(deps.read_machine_key)]
PointKey = Annotated[str, Depends(deps.read_point_key)]


@router.post("/machines/{machine}/retire", response_model=MachineAnswer)
def retire_machine(
    machine: MachineKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Take a machine out of use: its alerts end, it leaves line and site, and records of it are rejected."""
    retirement.retire_machine(resources.pool, machine, resources.action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/restore", response_model=MachineAnswer)
def restore_machine(
    machine: MachineKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Bring a retired machine back."""
    retirement.restore_machine(resources.pool, machine, resources.action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/points/{point}/retire", response_model=MachineAnswer)
def retire_point(
    machine: MachineKey, point: PointKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Take a measurement point out of use: it is not missing, silent or counted any more."""
    retirement.retire_point(resources.pool, machine, point, resources.action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/points/{point}/restore", response_model=MachineAnswer)
def restore_point(
    machine: MachineKey, point: PointKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Bring a retired measurement point back."""
    retirement.restore_point(resources.pool, machine, point, resources.action(caller, question.reason))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/points/{point}/replace", response_model=MachineAnswer)
def replace_point(
    machine: MachineKey,
    point: PointKey,
    question: ReplacementQuestion,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
) -> MachineDetails:
    """Replace the sensor of a point by another, also of another sampling rate, or move it to another machine.

    The answer is the machine at which it measures from then on.
    """
    given = question.model_dump(include=question.model_fields_set - {"at", "reason", "key", "machine"})
    target = machine if question.machine is None else find_machine_key(resources.pool, caller, question.machine)
    if "sampling_rate_hz" in given:
        given["sampling_rate"] = given.pop("sampling_rate_hz")
    action = resources.action(caller, question.reason)
    retirement.replace_point(resources.pool, machine, point, question.at, question.key, given, action, target)
    return queries.read_machine(resources.pool, caller, target)


@router.post("/machines/{machine}/timeline", response_model=MachineAnswer)
def change_timeline(
    machine: MachineKey, question: TimelineQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Change the clock of a machine's data, with a reason."""
    action = resources.action(caller, question.reason)
    retirement.change_timeline(resources.pool, machine, Timeline(question.timeline), action)
    return queries.read_machine(resources.pool, caller, machine)
