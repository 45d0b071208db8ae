"""The use cases of correcting what a point reported, or a bearing, from a date on, and of voiding a correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, InvalidInputError, NotFoundError, TimestampError
from pdm.machines.corrections import CorrectedField, MeasurementCorrection
from pdm.machines.kinds import ComponentKind
from pdm.machines.model import Bearing, MeasurementPoint
from pdm.machines.units import si_conversion
from pdm.service.ingestion.validation import doubt_time
from pdm.service.machines.retirement import Action
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import visible_machine
from pdm.store.analysis import diagnoses
from pdm.store.database.connection import database_required
from pdm.store.machines import access, corrections
from pdm.store.machines.corrections import RecordedCorrection
from pdm.store.machines.registration import StoredMachine, fetch_machine
from pdm.words.similar import suggest

Pool = ConnectionPool[Any]
Value = float | str | Bearing | None

_FACTORS = (1e-9, 1e9)  # magnitude of an allowed factor
_FEATURED = ("acceleration", "current")  # quantities of which features are computed


@dataclass(frozen=True)
class Wanted:
    """The field that was wrong in [since, before), and its right value; without an end it applies from then on."""

    field: CorrectedField
    value: Value
    since: datetime
    before: datetime | None


def correct_point(pool: Pool, machine: str, point: str, wanted: Wanted, action: Action) -> int:
    """Correct what a point reported from a date on; returns the id of the correction.

    Samples and values stay as they were sent; the correction is applied when they are read. Features, quality and all
    that was concluded from them are computed again in the background where the records are still stored.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such point.
    InvalidInputError
        The value is impossible for the point, or nothing would change.
    TimestampError
        The date is implausible.
    ConflictError
        The point is retired, or swapped with another one in this span.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored, found = _locked(conn, machine, wanted, action)
        described = _find_point(stored, point)
        if wanted.field is CorrectedField.SWAP:
            wanted = replace(wanted, value=stored.former_keys.point(str(wanted.value)))
        wanted = _check_value(stored, described, wanted)
        correction = _describe(stored, described, wanted)
        same = _find_same(stored, correction)
        if same is not None:
            return same
        _check_changes(stored, correction)
        return _record(conn, stored, correction, found, action, {"point": point})


def correct_component(pool: Pool, machine: str, component: str, wanted: Wanted, action: Action) -> int:
    """Correct the bearing of a component from a date on; returns the id of the correction.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such component.
    InvalidInputError
        The component is no bearing, or nothing would change.
    TimestampError
        The date is implausible.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored, found = _locked(conn, machine, wanted, action)
        component = stored.former_keys.component(component)
        if component not in stored.component_ids:
            raise NotFoundError(
                f"machine {machine!r} has no component {component!r}; {suggest(component, list(stored.component_ids))}",
                field="component",
            )
        described = next(each for each in stored.machine.components if each.key == component)
        if described.kind is not ComponentKind.BEARING:
            raise InvalidInputError(
                f"component {component!r} of machine {machine!r} is a {described.kind}; a bearing can be "
                f"corrected only of a component of kind bearing",
                field="bearing",
            )
        correction = MeasurementCorrection(
            0, wanted.field, wanted.value, described.bearing, wanted.since, wanted.before, component=component
        )
        same = _find_same(stored, correction)
        if same is not None:
            return same
        _check_changes(stored, correction)
        return _record(conn, stored, correction, found, action, {"component": component})


def void_correction(pool: Pool, machine: str, correction_id: int, action: Action) -> bool:
    """Take a correction back; returns whether it was in force. Everything is computed again without it.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such correction.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, action.site_ids)
        corrections.lock_analysis(conn, stored.id)
        stored = fetch_machine(conn, machine, action.site_ids)
        if corrections.find_correction(conn, stored.id, correction_id) is None:
            raise NotFoundError(f"machine {machine!r} has no correction {correction_id}", field="id")
        correction = next((each for each in stored.corrections.of if each.id == correction_id), None)
        if correction is None:
            return False
        until = _find_not_corrected(conn, stored, correction)
        corrections.void_correction(conn, correction_id, until, action.reason, action.actor)
        _compute_again(conn, stored, correction, until)
        access.insert_audit(
            conn, action.actor, "measurement.void-correction", machine, id=correction_id, reason=action.reason
        )
    return True


def list_corrections(
    pool: Pool, caller: Caller, machine: str, *, before_id: int, limit: int
) -> list[RecordedCorrection]:
    """Return the corrections of the measurements of a machine, newest first, voided ones too."""
    with visible_machine(pool, caller, machine) as (conn, row):
        return corrections.page_corrections(conn, row.id, before_id=before_id, limit=limit)


def read_correction(pool: Pool, caller: Caller, machine: str, correction_id: int) -> RecordedCorrection:
    """Return a correction of the measurements of a machine.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such correction.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = corrections.find_correction(conn, row.id, correction_id)
    if found is None:
        raise NotFoundError(f"machine {machine!r} has no correction {correction_id}", field="id")
    return found


def _locked(
    conn: Connection[Any], machine: str, wanted: Wanted, action: Action
) -> tuple[StoredMachine, datetime | None]:
    """Return a machine of which no record is analysed until the transaction ends, and its last analysed acquisition."""
    stored = fetch_machine(conn, machine, action.site_ids)
    doubt = doubt_time(wanted.since, stored.machine.timeline, action.now, action.future_tolerance)
    if doubt is not None:
        raise TimestampError(f"from {doubt}", field="from")
    if wanted.before is not None and wanted.before <= wanted.since:
        raise InvalidInputError(
            f"'from' ({wanted.since.isoformat()}) must be before 'until' ({wanted.before.isoformat()})", field="until"
        )
    last = corrections.lock_analysis(conn, stored.id)
    return fetch_machine(conn, machine, action.site_ids), last


def _find_point(stored: StoredMachine, point: str) -> MeasurementPoint:
    if point in stored.retired_points:
        raise ConflictError(
            f"point {point!r} of machine {stored.machine.key!r} is retired since "
            f"{stored.retired_points[point][1].isoformat()}; restore it first",
            field="point",
        )
    if point not in stored.point_ids:
        raise NotFoundError(
            f"machine {stored.machine.key!r} has no point {point!r}; {suggest(point, list(stored.point_ids))}",
            field="point",
        )
    return next(each for each in stored.machine.points if each.key == point)


def _check_value(stored: StoredMachine, point: MeasurementPoint, wanted: Wanted) -> Wanted:
    """Return what is wanted with a value that is possible for the point."""
    if wanted.field is CorrectedField.FACTOR:
        return _check_factor(point, wanted)
    if wanted.field is CorrectedField.UNIT:
        return _check_unit(point, wanted)
    if wanted.field is CorrectedField.SAMPLING_RATE:
        return _check_rate(point, wanted)
    if wanted.field is CorrectedField.SWAP:
        _check_swap(stored, point, wanted)
    return wanted


def _check_factor(point: MeasurementPoint, wanted: Wanted) -> Wanted:
    _refuse_tachometer(point, wanted)
    value = wanted.value
    if not isinstance(value, int | float) or not math.isfinite(value) or not _FACTORS[0] <= abs(value) <= _FACTORS[1]:
        raise InvalidInputError(
            f"factor {value} must be a number whose magnitude is {_FACTORS[0]:g} to {_FACTORS[1]:g}; values as they "
            f"were sent are multiplied by it, and -1 reverses the sign",
            field="factor",
        )
    return replace(wanted, value=float(value))


def _check_unit(point: MeasurementPoint, wanted: Wanted) -> Wanted:
    _refuse_tachometer(point, wanted)
    si_conversion(point.quantity, str(wanted.value))
    return wanted


def _check_rate(point: MeasurementPoint, wanted: Wanted) -> Wanted:
    if not point.is_waveform:
        raise InvalidInputError(
            f"point {point.key!r} reports scalars, which have no sampling rate; allowed: factor, unit, swap_with, "
            f"direction",
            field="sampling_rate_hz",
        )
    changed = replace(point, sampling_rate=wanted.value)  # type: ignore[arg-type]
    return replace(wanted, value=changed.sampling_rate)


def _check_swap(stored: StoredMachine, point: MeasurementPoint, wanted: Wanted) -> None:
    if wanted.value == point.key:
        raise InvalidInputError(
            f"point {point.key!r} cannot be swapped with itself; give another point of machine {stored.machine.key!r}",
            field="swap_with",
        )
    other = _find_point(stored, str(wanted.value))
    for name in ("quantity", "unit", "sampling_rate"):
        one, two = getattr(point, name), getattr(other, name)
        if one != two:
            raise InvalidInputError(
                f"points {point.key!r} and {other.key!r} differ in {name} ({one}, {two}); only points that are "
                f"equal in quantity, unit and sampling rate can be swapped",
                field="swap_with",
            )
    ids, span = {stored.point_ids[point.key], stored.point_ids[other.key]}, (wanted.since, wanted.before)
    for each in stored.corrections.of:
        pair = {each.point_id, each.swapped_with}
        if each.field is CorrectedField.SWAP and pair & ids and pair != ids and each.overlaps(*span):
            raise ConflictError(
                f"correction {each.id} swaps one of the points {point.key!r} and {other.key!r} with another one in "
                f"this span; void it first",
                field="swap_with",
            )


def _refuse_tachometer(point: MeasurementPoint, wanted: Wanted) -> None:
    if point.quantity == "tachometer":
        raise InvalidInputError(
            f"point {point.key!r} is a tachometer, of which only the times of pulses matter; allowed: "
            f"sampling_rate_hz, swap_with, direction",
            field=wanted.field.value,
        )


def _describe(stored: StoredMachine, point: MeasurementPoint, wanted: Wanted) -> MeasurementCorrection:
    registered: dict[CorrectedField, Value] = {
        CorrectedField.FACTOR: 1.0,
        CorrectedField.UNIT: point.unit,
        CorrectedField.SAMPLING_RATE: point.sampling_rate,
        CorrectedField.DIRECTION: point.direction,
        CorrectedField.SWAP: point.key,
    }
    return MeasurementCorrection(
        0,
        wanted.field,
        wanted.value,
        registered[wanted.field],
        wanted.since,
        wanted.before,
        stored.point_ids[point.key],
        stored.point_ids[str(wanted.value)] if wanted.field is CorrectedField.SWAP else None,
        quantity=point.quantity,
        unit=point.unit,
    )


def _find_same(stored: StoredMachine, correction: MeasurementCorrection) -> int | None:
    """Return the last correction of the field in this span if it is the same: a repeated request changes nothing."""
    for each in reversed(stored.corrections.of):
        if _concerns_same(each, correction):
            return each.id if replace(each, id=0) == correction else None
    return None


def _check_changes(stored: StoredMachine, correction: MeasurementCorrection) -> None:
    if correction.field is CorrectedField.SWAP or correction.value != correction.registered:
        return
    if not any(_concerns_same(each, correction) for each in stored.corrections.of):
        raise InvalidInputError(
            f"{correction.field} is {_shown(correction.registered)} already and no correction of it is in force in "
            f"this span; give another value",
            field=correction.field.value,
        )


def _concerns_same(each: MeasurementCorrection, correction: MeasurementCorrection) -> bool:
    """Whether two corrections are of one field of one point or component and have times in common."""
    return (
        each.field is correction.field
        and (each.point_id, each.component) == (correction.point_id, correction.component)
        and each.overlaps(correction.begins_at, correction.ends_at)
    )


def _shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _record(
    conn: Connection[Any],
    stored: StoredMachine,
    correction: MeasurementCorrection,
    last: datetime | None,
    action: Action,
    detail: dict[str, str],
) -> int:
    until = _find_not_corrected(conn, stored, correction)
    component_id = stored.component_ids.get(correction.component or "")
    number = corrections.insert_correction(
        conn, stored.id, component_id, correction, until, action.reason, action.actor
    )
    if last is not None:
        _compute_again(conn, stored, correction, until)
    access.insert_audit(
        conn,
        action.actor,
        "measurement.correct",
        stored.machine.key,
        id=number,
        field=correction.field.value,
        reason=action.reason,
        **detail,
    )
    return number


def _find_not_corrected(
    conn: Connection[Any], stored: StoredMachine, correction: MeasurementCorrection
) -> datetime | None:
    """Return until when features in the span of a correction cannot be computed again; None: all can be."""
    affected = _affected(stored, correction)
    if correction.field is CorrectedField.DIRECTION or not affected:
        return None
    return corrections.find_not_corrected(conn, affected, correction.begins_at, correction.ends_at)


def _affected(stored: StoredMachine, correction: MeasurementCorrection) -> Sequence[int]:
    """Return the points whose features depend on a correction."""
    featured = {
        stored.point_ids[each.key]: each
        for each in stored.machine.points
        if each.is_waveform and each.quantity in _FEATURED
    }
    if correction.component is not None:
        bearings = [each for each in stored.machine.components if each.kind is ComponentKind.BEARING]
        is_only = len(bearings) == 1
        return [number for number, each in featured.items() if is_only or each.component == correction.component]
    sampled = [each for each in stored.machine.points if each.quantity == "tachometer"]
    if any(stored.point_ids[each.key] == correction.point_id for each in sampled):
        return list(featured)
    return [number for number in featured if number in (correction.point_id, correction.swapped_with)]


def _compute_again(
    conn: Connection[Any], stored: StoredMachine, correction: MeasurementCorrection, until: datetime | None
) -> None:
    """Compute again what depends on a correction; a direction matters to diagnoses alone."""
    if until is not None and until == correction.ends_at:
        return  # nothing of the span is stored any more
    if correction.field is not CorrectedField.DIRECTION:
        corrections.request_recalculation(conn, stored.id, until or correction.begins_at)
    elif any(each.is_waveform for each in stored.machine.points):
        diagnoses.ask(conn, stored.id, "interval", None, diagnoses.RECORDS)
