"""Corrections of what a point reported or a bearing is, from a date on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from api import dependencies as deps
from api import paging
from api.schemas.corrections import (
    ComponentCorrectionQuestion,
    CorrectionAnswer,
    CorrectionVoidQuestion,
    PointCorrectionQuestion,
)
from api.schemas.pages import Page
from pdm.errors import InvalidInputError
from pdm.ingest.bearing_form import bearing_from_document
from pdm.machines.corrections import CorrectedField
from pdm.service.machines import measurement_corrections
from pdm.service.machines.measurement_corrections import Wanted
from pdm.service.platform.access import Caller
from pdm.store.machines.corrections import RecordedCorrection

router = APIRouter(prefix="/v1/machines/{machine}", tags=["machines"])

MachineKey = Annotated[str, Depends(deps.read_machine_key)]
PointKey = Annotated[str, Depends(deps.read_point_key)]
ComponentKey = Annotated[deps.Key, Path(description="The component's key, or one that it had.")]
CorrectionId = Annotated[deps.RowId, Path(description="The id of the correction.")]

_FIELDS = [each.value for each in CorrectedField if each is not CorrectedField.BEARING]
_GONE = "waveforms are no longer stored: features, health and alerts of this span are not corrected"
_STAYS = "waveforms are no longer stored: features of this span remain as the correction had made them"
_OPEN_ENDED = (
    "it also applies to records that are still to come: once the sender is right, send another correction from then on "
    "with the registered value (factor 1; the same swap_with ends a swap)"
)


@router.post("/points/{point}/correct", response_model=CorrectionAnswer)
def correct_point(
    machine: MachineKey,
    point: PointKey,
    question: PointCorrectionQuestion,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
) -> dict[str, Any]:
    """Correct scale, unit, sampling rate or direction of a point from a date on, or swap two channels.

    Stored samples stay as they were sent. Features and all conclusions are computed again in the background.
    """
    given = [name for name in _FIELDS if name in question.model_fields_set]
    if len(given) != 1:
        raise InvalidInputError(
            f"{len(given)} corrected fields are given ({', '.join(given) or 'none'}); give exactly one of "
            f"{', '.join(_FIELDS)}",
            field=given[1] if given else "factor",
        )
    value = getattr(question, given[0])
    if value is None and given[0] != CorrectedField.DIRECTION:
        raise InvalidInputError(f"{given[0]} cannot be null; give the right value", field=given[0])
    wanted = Wanted(CorrectedField(given[0]), value, question.since, question.until)
    number = measurement_corrections.correct_point(
        resources.pool, machine, point, wanted, resources.action(caller, question.reason)
    )
    return _read(resources, caller, machine, number)


@router.post("/components/{component}/correct", response_model=CorrectionAnswer)
def correct_component(
    machine: MachineKey,
    component: ComponentKey,
    question: ComponentCorrectionQuestion,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
) -> dict[str, Any]:
    """Correct the bearing of a component from a date on."""
    bearing = bearing_from_document(question.bearing)
    wanted = Wanted(CorrectedField.BEARING, bearing, question.since, question.until)
    number = measurement_corrections.correct_component(
        resources.pool, machine, component, wanted, resources.action(caller, question.reason)
    )
    return _read(resources, caller, machine, number)


@router.get("/corrections", response_model=Page[CorrectionAnswer])
def list_corrections(
    machine: MachineKey,
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List all corrections of points and components of a machine, newest first, voided ones too."""
    (before_id,) = paging.decode(cursor, (paging.LAST_ID,))
    found = measurement_corrections.list_corrections(
        resources.pool, caller, machine, before_id=before_id, limit=limit + 1
    )
    page = paging.page(found, limit, "id")
    return page | {"items": [_answer(each) for each in page["items"]]}


@router.patch("/corrections/{correction_id}", response_model=CorrectionAnswer)
def void_correction(
    machine: MachineKey,
    correction_id: CorrectionId,
    question: CorrectionVoidQuestion,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
) -> dict[str, Any]:
    """Void a correction that was wrong itself; all is computed again without it."""
    measurement_corrections.void_correction(
        resources.pool, machine, correction_id, resources.action(caller, question.reason)
    )
    return _read(resources, caller, machine, correction_id)


def _read(resources: deps.Resources, caller: Caller, machine: str, number: int) -> dict[str, Any]:
    return _answer(measurement_corrections.read_correction(resources.pool, caller, machine, number))


def _answer(found: RecordedCorrection) -> dict[str, Any]:
    is_voided = found.voided_at is not None
    voided = {
        "reason": found.voided_reason,
        "actor": found.voided_by,
        "recorded_at": found.voided_at,
        "not_reverted": _span(found, found.not_reverted_until, _STAYS),
    }
    return vars(found) | {
        "status": "voided" if is_voided else "in-force",
        "value": _value(found.value),
        "registered": _value(found.registered),
        "from": found.begins_at,
        "until": found.ends_at,
        "is_open_ended": found.ends_at is None,
        "notice": _OPEN_ENDED if found.ends_at is None and not is_voided else None,
        "not_corrected": _span(found, found.not_corrected_until, _GONE),
        "progress": "computing" if found.is_computed else "concluding" if found.is_concluded else "done",
        "computed_until": found.reached,
        "voided": voided if is_voided else None,
    }


def _span(found: RecordedCorrection, until: datetime | None, reason: str) -> dict[str, Any] | None:
    return None if until is None else {"from": found.begins_at, "until": until, "reason": reason}


def _value(document: Any) -> Any:
    return next(iter(document.values())) if isinstance(document, dict) else document
