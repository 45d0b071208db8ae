"""Corrections of measurements, append-only, and the recalculation that they require."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import RowFactory, namedtuple_row
from psycopg.types.json import Jsonb

from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.corrections import CorrectedField, Corrections, MeasurementCorrection
from pdm.machines.model import Bearing, BearingGeometry
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all

Value = float | str | Bearing | None
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class RecordedCorrection:
    """A correction of measurements as recorded, and whether it was voided and is applied to the stored records yet."""

    id: int
    point: str | None
    component: str | None
    field: str
    value: Any
    registered: Any
    begins_at: datetime
    ends_at: datetime | None
    not_corrected_until: datetime | None
    reason: str
    actor: str
    recorded_at: datetime
    voided_reason: str | None
    voided_by: str | None
    voided_at: datetime | None
    not_reverted_until: datetime | None
    is_computed: bool
    reached: datetime | None
    is_concluded: bool | None


@dataclass(frozen=True)
class Recalculation:
    """From when on features are computed again, the last acquisition done, and what is remembered after it by point."""

    since: datetime
    reached: datetime | None
    memories: Mapping[str, Sequence[float | None]]


def fetch_corrections(conn: Connection[Any], machine_ids: Sequence[int]) -> dict[int, Corrections]:
    """Return the corrections in force of those machines that have any."""
    by_name: RowFactory[Any] = namedtuple_row
    found: dict[int, list[MeasurementCorrection]] = defaultdict(list)
    with conn.cursor(row_factory=by_name) as cursor:
        for row in cursor.execute(query("fetch_corrections"), {"machine_ids": list(machine_ids)}):
            found[row.machine_id].append(_correction(row))
    return {machine_id: Corrections(tuple(those)) for machine_id, those in found.items()}


def page_corrections(conn: Connection[Any], machine_id: int, *, before_id: int, limit: int) -> list[RecordedCorrection]:
    """Return the corrections of the measurements of a machine that were made before one of them, newest first."""
    wanted = {"machine_id": machine_id, "before_id": before_id, "limit": limit}
    return fetch_all(conn, RecordedCorrection, "list_corrections", **wanted)


def find_correction(conn: Connection[Any], machine_id: int, correction_id: int) -> RecordedCorrection | None:
    """Return one correction of the measurements of a machine."""
    found = page_corrections(conn, machine_id, before_id=min(correction_id, 2**63 - 2) + 1, limit=1)
    return found[0] if found and found[0].id == correction_id else None


def lock_analysis(conn: Connection[Any], machine_id: int) -> datetime | None:
    """Lock the analysis of a machine until the transaction ends; returns the time of its last analysed acquisition."""
    row = conn.execute(query("lock_analysis"), {"machine_id": machine_id}).fetchone()
    return None if row is None else row[0]


def insert_correction(
    conn: Connection[Any],
    machine_id: int,
    component_id: int | None,
    correction: MeasurementCorrection,
    not_corrected_until: datetime | None,
    reason: str,
    actor: str,
) -> int:
    """Append a correction; returns its id."""
    values = {
        "machine_id": machine_id,
        "point_id": correction.point_id,
        "component_id": component_id,
        "swapped_with": correction.swapped_with,
        "field": correction.field.value,
        "value": Jsonb(_document(correction.value)),
        "registered": Jsonb(_document(correction.registered)),
        "begins_at": correction.begins_at,
        "ends_at": correction.ends_at,
        "not_corrected_until": not_corrected_until,
        "reason": reason,
        "actor": actor,
    }
    row = conn.execute(query("insert_correction"), values).fetchone()
    assert row is not None
    return int(row[0])


def void_correction(
    conn: Connection[Any], correction_id: int, not_corrected_until: datetime | None, reason: str, actor: str
) -> bool:
    """Take a correction back; returns False if it was voided before."""
    values = {
        "correction_id": correction_id,
        "not_corrected_until": not_corrected_until,
        "reason": reason,
        "actor": actor,
    }
    return conn.execute(query("void_correction"), values).fetchone() is not None


def find_first_waveform(
    conn: Connection[Any], point_ids: Sequence[int], since: datetime, before: datetime | None
) -> datetime | None:
    """Return the time of the oldest stored waveform of some points in [since, before)."""
    wanted = {"point_ids": list(point_ids), "since": since, "before": before}
    row = conn.execute(query("find_first_waveform"), wanted).fetchone()
    return None if row is None else row[0]


def find_not_corrected(
    conn: Connection[Any], point_ids: Sequence[int], since: datetime, before: datetime | None
) -> datetime | None:
    """Return until when features of some points in [since, before) cannot be computed again; None: all can be."""
    first = find_first_waveform(conn, point_ids, since, before)
    wanted = {"point_ids": list(point_ids), "since": since, "before": before if first is None else first}
    row = conn.execute(query("find_last_features"), wanted).fetchone()
    if row is None or row[0] is None:
        return None
    return first or before or row[0] + _TICK


def request_recalculation(conn: Connection[Any], machine_id: int, since: datetime) -> None:
    """Let features and quality of a machine be computed again from a time on, if anything was analysed since."""
    conn.execute(query("request_recalculation"), {"machine_id": machine_id, "since": since})


def fetch_recalculation(conn: Connection[Any], machine_id: int) -> Recalculation | None:
    """Return what is computed again of a machine; None if nothing is."""
    row = conn.execute(query("fetch_recalculation"), {"machine_id": machine_id}).fetchone()
    return None if row is None else Recalculation(*row)


def save_recalculation(
    conn: Connection[Any], machine_id: int, reached: datetime, memories: Mapping[str, Sequence[float | None]]
) -> None:
    """Note how far a recalculation has come, and what is remembered of the channels then."""
    values = {"machine_id": machine_id, "reached": reached, "memories": Jsonb(dict(memories))}
    conn.execute(query("save_recalculation"), values)


def finish_recalculation(conn: Connection[Any], machine_id: int) -> None:
    """Note that nothing of a machine is left to be computed again."""
    conn.execute(query("finish_recalculation"), {"machine_id": machine_id})


def page_times(
    conn: Connection[Any], machine_id: int, after: datetime, until: datetime, limit: int, beyond: str
) -> list[datetime]:
    """Return the next acquisitions of a machine in (after, until] that have features, oldest first.

    Failed ones are omitted, but for those with the reason `beyond`.
    """
    wanted = {"machine_id": machine_id, "after": after, "until": until, "limit": limit, "beyond": beyond}
    return [row[0] for row in conn.execute(query("page_analysed_times"), wanted)]


def fetch_times_before(conn: Connection[Any], machine_id: int, before: datetime, limit: int) -> list[datetime]:
    """Return the last analysed acquisitions of a machine before a time, oldest first."""
    wanted = {"machine_id": machine_id, "before": before, "limit": limit}
    return [row[0] for row in conn.execute(query("fetch_times_before"), wanted)]


def fetch_uncorrected_points(conn: Connection[Any], machine_id: int, at: datetime) -> set[int]:
    """Return the points of which a correction left the features before a time as they were."""
    return {row[0] for row in conn.execute(query("fetch_uncorrected_points"), {"machine_id": machine_id, "at": at})}


def fetch_swapped_points(conn: Connection[Any], machine_id: int) -> list[int]:
    """Return the points of a machine that were ever swapped, also by a correction that was voided."""
    return [row[0] for row in conn.execute(query("fetch_swapped_points"), {"machine_id": machine_id})]


def fetch_stored_times(conn: Connection[Any], point_ids: Sequence[int], times: Sequence[datetime]) -> list[datetime]:
    """Return those of some times at which a waveform of one of some points is stored."""
    values = {"point_ids": list(point_ids), "measured_at": list(times), "first": min(times), "last": max(times)}
    return [row[0] for row in conn.execute(query("fetch_stored_times"), values)]


def forget_features(conn: Connection[Any], point_ids: Sequence[int], times: Sequence[datetime]) -> None:
    """Remove the features of points at some times: the records of these times are those of other points."""
    values = {"point_ids": list(point_ids), "measured_at": list(times), "first": min(times), "last": max(times)}
    conn.execute(query("forget_vibration_features"), values)
    conn.execute(query("forget_current_features"), values)


def _correction(row: Any) -> MeasurementCorrection:
    return MeasurementCorrection(
        row.id,
        CorrectedField(row.field),
        _value(row.value),
        _value(row.registered),
        row.begins_at,
        row.ends_at,
        row.point_id,
        row.swapped_with,
        row.component,
        row.quantity or "",
        row.unit or "",
    )


def _document(value: Value) -> Any:
    if isinstance(value, BearingGeometry):
        return {"geometry": asdict(value)}
    if isinstance(value, BearingMultipliers):
        return {"multipliers": asdict(value)}
    return value


def _value(document: Any) -> Value:
    if not isinstance(document, dict):
        found: Value = document
        return found
    if "geometry" in document:
        return BearingGeometry(**document["geometry"])
    return BearingMultipliers(**document["multipliers"])
