"""Acquisitions to Arrow IPC streams, one row per channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pdm.measurements import Acquisition


def to_arrow(acquisitions: Sequence[Acquisition]) -> bytes:
    """Return acquisitions as an Arrow IPC stream; see `pdm.ingest.encode.encode_arrow`."""
    waveforms = [w for a in acquisitions for w in a.waveforms]
    all_counts = bool(waveforms) and all(w.samples.dtype == np.int16 for w in waveforms)
    dtype = np.dtype(np.int16) if all_counts else np.dtype(np.float32)
    rows: list[tuple[Any, ...]] = []
    lengths: list[int | None] = []
    for a in acquisitions:
        context = (a.context.speed, a.context.load, a.context.state)
        for w in a.waveforms:
            rows.append((a.machine, a.measured_at, w.point, w.unit, w.sampling_rate, w.scale, None, *context))
            lengths.append(w.samples.size)
        for s in a.scalars:
            rows.append((a.machine, a.measured_at, s.point, s.unit, None, None, s.value, *context))
            lengths.append(None)
    names = [
        "machine",
        "measured_at",
        "point",
        "unit",
        "sampling_rate_hz",
        "scale",
        "value",
        "speed_hz",
        "load",
        "state",
    ]
    kinds = [
        pa.string(),
        pa.timestamp("us", tz="UTC"),
        pa.string(),
        pa.string(),
        *[pa.float64()] * 5,
        pa.string(),
    ]
    columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(kinds)]
    values = np.concatenate([w.samples.astype(dtype, copy=False) for w in waveforms] or [np.empty(0, dtype)])
    offsets = np.concatenate([[0], np.cumsum([n or 0 for n in lengths])]).astype(np.int64)
    absent = pa.array([n is None for n in lengths], pa.bool_())
    samples = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values), mask=absent)
    batch = pa.record_batch([*columns, samples], names=[*names, "samples"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream
