"""From stored rows to snapshots: what analysis knows of each acquisition of a claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from features.catalogue import FEATURE_VERSION, names
from pdm.health.snapshot import Snapshot
from pdm.machines.units import si_conversion
from pdm.measurements import OperatingContext
from pdm.quality.verdict import GOOD, ChannelQuality
from pdm.service.analysis.channel_checks import Memories, NewRecords, judge_channels
from pdm.service.analysis.feature_extraction import (
    CURRENT_COLUMNS,
    VIBRATION_COLUMNS,
    FeatureRows,
    current_rows,
    vibration_rows,
)
from pdm.service.analysis.shaft_lookup import FeatureChannel
from pdm.store.analysis import analysis_inputs, channel_quality, feature_rows
from pdm.store.analysis.analysis_inputs import StoredWaveform
from pdm.store.machines.registration import StoredMachine

Key = tuple[int, datetime]

TABLES = {"acceleration": "feature_vibration_v1", "current": "feature_current_v1"}
_CHANNEL_CURRENT = len(names("current", "channel"))


def featurise_new(
    conn: Connection[Any],
    machines: Mapping[int, StoredMachine],
    keys: Sequence[Key],
    memories: Memories | None = None,
) -> list[Snapshot]:
    """Compute and store the features of newly received acquisitions; returns snapshots in the order of `keys`.

    With `memories` the channels are judged by these, which are updated in place, and not by the stored ones.
    """
    contexts = analysis_inputs.fetch_contexts(conn, keys)
    channels = channels_of(machines, contexts, analysis_inputs.fetch_waveforms(conn, keys))
    vibration = vibration_rows(channels["acceleration"], channels["tachometer"])
    current = current_rows(channels["current"])
    _store(conn, TABLES["acceleration"], vibration)
    _store(conn, TABLES["current"], current)
    scalars = _of_points_in_use(machines, analysis_inputs.fetch_scalars(conn, keys))
    vectors = {**_by_key(vibration), **_by_key(current)}
    sampled = [each for group in channels.values() for each in group]
    quality = judge_channels(conn, machines, NewRecords(sampled, vectors, scalars, contexts), memories)
    return _snapshots(machines, keys, contexts, vectors, scalars, quality)


def channels_of(
    machines: Mapping[int, StoredMachine],
    contexts: Mapping[Key, OperatingContext],
    waveforms: Iterable[StoredWaveform],
) -> dict[str, list[FeatureChannel]]:
    """Return stored waveforms by quantity, with what is known of their machines."""
    channels: dict[str, list[FeatureChannel]] = defaultdict(list)
    owners = _owners(machines)
    for waveform in waveforms:
        if waveform.point_id not in owners:  # swapped with a point that is retired
            continue
        machine_id, name = owners[waveform.point_id]
        stored, at = machines[machine_id], waveform.measured_at
        machine = stored.corrections.correct_machine(stored.machine, at)
        registered = next(p for p in machine.points if p.key == name)
        point = stored.corrections.correct_point(registered, waveform.point_id, at)
        channels[point.quantity].append(
            FeatureChannel(
                point_id=waveform.point_id,
                measured_at=waveform.measured_at,
                point=point,
                machine=machine,
                speed=contexts[machine_id, waveform.measured_at].speed,
                samples=waveform.samples,
                sampling_rate=waveform.sampling_rate,
                scale=waveform.scale,
                sent_as=waveform.sent_as,
            )
        )
    return channels


def recall(conn: Connection[Any], machine_id: int, machine: StoredMachine, times: Sequence[datetime]) -> list[Snapshot]:
    """Return snapshots of acquisitions whose features are stored already, in their newest version, for a replay."""
    keys = [(machine_id, at) for at in times]
    machines = {machine_id: machine}
    quantities = {machine.point_ids[p.key]: p.quantity for p in machine.machine.points if p.is_waveform}
    vectors: dict[Key, NDArray[np.float32]] = {}
    for quantity, columns in (("acceleration", VIBRATION_COLUMNS), ("current", CURRENT_COLUMNS)):
        points = [point_id for point_id, kind in quantities.items() if kind == quantity]
        vectors |= feature_rows.fetch_features(conn, TABLES[quantity], columns, points, times)
    return _snapshots(
        machines,
        keys,
        analysis_inputs.fetch_contexts(conn, keys),
        vectors,
        _of_points_in_use(machines, analysis_inputs.fetch_scalars(conn, keys)),
        channel_quality.fetch_quality(conn, machine_id, times),
    )


def _store(conn: Connection[Any], table: str, rows: FeatureRows) -> None:
    feature_rows.insert_features(
        conn, table, rows.columns, rows.point_ids, rows.measured_at, rows.values, rows.reasons, FEATURE_VERSION
    )


def _by_key(rows: FeatureRows) -> dict[Key, NDArray[np.float32]]:
    return dict(zip(zip(rows.point_ids, rows.measured_at, strict=True), rows.values, strict=True))


def _of_points_in_use(machines: Mapping[int, StoredMachine], scalars: Mapping[Key, float]) -> dict[Key, float]:
    """Return the scalars without those of a point that was swapped with another and is retired."""
    owners = _owners(machines)
    return {key: value for key, value in scalars.items() if key[0] in owners}


def _owners(machines: Mapping[int, StoredMachine]) -> dict[int, tuple[int, str]]:
    return {
        point_id: (machine_id, name)
        for machine_id, stored in machines.items()
        for name, point_id in stored.point_ids.items()
    }


def _snapshots(
    machines: Mapping[int, StoredMachine],
    keys: Sequence[Key],
    contexts: Mapping[Key, OperatingContext],
    vectors: Mapping[Key, NDArray[np.float32]],
    scalars: Mapping[Key, float],
    quality: Mapping[Key, ChannelQuality],
) -> list[Snapshot]:
    vibration: dict[Key, dict[str, NDArray[np.float32]]] = {key: {} for key in keys}
    current: dict[Key, dict[str, NDArray[np.float32]]] = {key: {} for key in keys}
    values: dict[Key, dict[str, float]] = {key: {} for key in keys}
    doubted: dict[Key, dict[str, ChannelQuality]] = {key: {} for key in keys}
    owners = _owners(machines)
    points = {machine_id: {p.key: p for p in stored.machine.points} for machine_id, stored in machines.items()}
    for (point_id, measured_at), vector in vectors.items():
        machine_id, name = owners[point_id]
        target = vibration if points[machine_id][name].quantity == "acceleration" else current
        is_measured = quality.get((point_id, measured_at), GOOD).is_measured
        target[machine_id, measured_at][name] = vector if is_measured else np.full_like(vector, np.nan)
    for (point_id, measured_at), value in scalars.items():
        machine_id, name = owners[point_id]
        factor, offset = si_conversion(points[machine_id][name].quantity, points[machine_id][name].unit)
        is_measured = quality.get((point_id, measured_at), GOOD).is_measured
        values[machine_id, measured_at][name] = factor * value + offset if is_measured else np.nan
    for (point_id, measured_at), found in quality.items():
        machine_id, name = owners[point_id]
        doubted[machine_id, measured_at][name] = found
    return [
        Snapshot(
            measured_at=key[1],
            context=contexts[key],
            vibration=dict(sorted(vibration[key].items())),
            current={name: vector[:_CHANNEL_CURRENT] for name, vector in sorted(current[key].items())},
            current_group=_group(current[key], doubted[key]),
            scalars=dict(sorted(values[key].items())),
            quality=dict(sorted(doubted[key].items())),
        )
        for key in keys
    ]


def _group(
    current: Mapping[str, NDArray[np.float32]], quality: Mapping[str, ChannelQuality]
) -> NDArray[np.float32] | None:
    """Return the features that the phases share: those of the first; NaN where a phase is no measurement."""
    if not current:
        return None
    shared = current[min(current)][_CHANNEL_CURRENT:]
    return shared if all(quality.get(phase, GOOD).is_measured for phase in current) else np.full_like(shared, np.nan)
