"""Inputs of the analysis: contexts, waveforms and scalars of many acquisitions in one query each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from pdm.machines.corrections import NO_CORRECTIONS, Reading
from pdm.machines.work_events import LifeEnd, SensorReplaced, TurningPoint
from pdm.measurements import OperatingContext
from pdm.store.acquisitions.cold_storage import FramePlace, fetch_payloads
from pdm.store.acquisitions.waveform_codec import decode
from pdm.store.database.queries import query
from pdm.store.machines.corrections import fetch_corrections

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)

Key = tuple[int, datetime]  # machine or point id, measured_at


@dataclass(frozen=True)
class StoredWaveform:
    """A channel: float32 in the point's unit, or int16 counts with `scale` [unit per count].

    Corrections are applied: `point_id` is the point that was measured, `sent_as` that under whose key it is stored.
    """

    point_id: int
    measured_at: datetime
    sampling_rate: float
    samples: NDArray[np.float32] | NDArray[np.int16]
    scale: float | None
    sent_as: int = 0


def fetch_machine_keys(conn: Connection[Any], machine_ids: Sequence[int]) -> dict[int, str]:
    """Return the keys of machines by their ids."""
    rows = conn.execute(query("fetch_analysed_machines"), {"machine_ids": list(machine_ids)})
    return {row[0]: row[1] for row in rows}


def fetch_contexts(conn: Connection[Any], keys: Sequence[Key]) -> dict[Key, OperatingContext]:
    """Return the operating contexts of the acquisitions `keys`."""
    if not keys:
        return {}
    rows = conn.execute(query("fetch_claimed_acquisitions"), _bounds(keys))
    return {(row[0], row[1]): OperatingContext(speed=row[2], load=row[3], state=row[4]) for row in rows}


def fetch_waveforms(conn: Connection[Any], keys: Sequence[Key]) -> list[StoredWaveform]:
    """Return all waveforms of the acquisitions `keys` as they are corrected, by point and time."""
    if not keys:
        return []
    corrections = fetch_corrections(conn, sorted({machine_id for machine_id, _ in keys}))
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(query("fetch_claimed_waveforms"), _bounds(keys)).fetchall()
    cold = iter(fetch_payloads(conn, [FramePlace(row[0], *row[7:10]) for row in rows if row[6] is None]))
    found = []
    for point_id, measured_at, sampling_rate, count, scale, codec, payload, *_, machine_id in rows:
        content = next(cold) if payload is None else payload
        if content is not None:  # otherwise retention has just dropped it
            dtype = np.dtype(np.int16 if scale is not None else np.float32)
            samples = decode(codec, content, dtype, count)
            reading = corrections.get(machine_id, NO_CORRECTIONS).reading(point_id, measured_at)
            found.append(
                StoredWaveform(
                    reading.point_id,
                    measured_at,
                    reading.sampling_rate or sampling_rate,
                    *correct_samples(samples, scale, reading),
                    point_id,
                )
            )
    return sorted(found, key=lambda each: (each.point_id, each.measured_at)) if corrections else found


def correct_samples(
    samples: NDArray[Any], scale: float | None, reading: Reading
) -> tuple[NDArray[np.float32] | NDArray[np.int16], float | None]:
    """Return samples and scale as a correction has them; counts stay counts where the unit has no offset."""
    if not reading.has_other_values:
        return samples, scale
    if scale is None or reading.offset:
        corrected = samples.astype(np.float64) * (reading.gain * (scale or 1.0)) + reading.offset
        return corrected.astype(np.float32), None
    if reading.gain < 0:
        samples = np.negative(np.maximum(samples, -np.iinfo(np.int16).max)).astype(np.int16)
    return samples, scale * abs(reading.gain)


def fetch_scalars(conn: Connection[Any], keys: Sequence[Key]) -> dict[Key, float]:
    """Return all scalars of the acquisitions `keys` as they are corrected, by point and time, in the points' units."""
    if not keys:
        return {}
    corrections = fetch_corrections(conn, sorted({machine_id for machine_id, _ in keys}))
    found = {}
    for point_id, measured_at, value, machine_id in conn.execute(query("fetch_claimed_scalars"), _bounds(keys)):
        reading = corrections.get(machine_id, NO_CORRECTIONS).reading(point_id, measured_at)
        found[reading.point_id, measured_at] = reading.gain * value + reading.offset
    return found


def fetch_measured_before(conn: Connection[Any], point_id: int, measured_at: datetime) -> tuple[datetime, float] | None:
    """Return time and value, as it was sent, of the last measurement of a scalar point before a time."""
    row = conn.execute(query("fetch_measured_before"), {"point_id": point_id, "measured_at": measured_at}).fetchone()
    return None if row is None else (row[0], float(row[1]))


def fetch_too_fast_since(
    conn: Connection[Any], point_id: int, after: datetime, before: datetime, records: int
) -> list[tuple[datetime, float]]:
    """Return time and value, as sent, of the last records of a point in (after, before) that changed too fast."""
    wanted = {"point_id": point_id, "after": after, "before": before, "records": records}
    rows = conn.execute(query("fetch_too_fast_since"), wanted).fetchall()
    return [(at, float(value)) for at, value in reversed(rows)]


def fetch_times_between(conn: Connection[Any], machine_id: int, after: datetime, until: datetime) -> list[datetime]:
    """Return the acquisition times of a machine in (after, until], oldest first."""
    wanted = {"machine_id": machine_id, "after": after, "until": until}
    return [row[0] for row in conn.execute(query("fetch_times_between"), wanted)]


def fetch_life_ends(conn: Connection[Any], after: dict[int, datetime | None]) -> dict[int, list[TurningPoint]]:
    """Return, by machine, the lives that events closed and the sensors replaced after the given time, in order."""
    ends: dict[int, list[TurningPoint]] = {machine_id: [] for machine_id in after}
    wanted = {"machine_ids": list(after), "after": [at or BEGINNING for at in after.values()]}
    for machine_id, occurred_at, component in conn.execute(query("fetch_life_ends"), wanted):
        ends[machine_id].append(LifeEnd(occurred_at, component))
    for machine_id, replaced_at, point in conn.execute(query("fetch_replaced_sensors"), wanted):
        ends[machine_id].append(SensorReplaced(replaced_at, point))
    return {machine_id: sorted(found, key=lambda each: each.occurred_at) for machine_id, found in ends.items()}


def _bounds(keys: Sequence[Key]) -> dict[str, Any]:
    times = [measured_at for _, measured_at in keys]
    return {
        "machine_ids": [machine_id for machine_id, _ in keys],
        "measured_at": times,
        "first": min(times),
        "last": max(times),
    }
