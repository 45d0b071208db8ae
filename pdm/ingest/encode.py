"""Encoding of acquisitions as bodies of POST /v1/acquisitions, for clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from pdm.ingest import json_body, raw_body
from pdm.ingest.decode import ARROW_MEDIA_TYPE
from pdm.measurements import Acquisition, Waveform


def encode_json(acquisitions: Sequence[Acquisition]) -> tuple[str, bytes]:
    """Return content type and JSON body; float32 samples are written with all significant digits."""
    document = {"acquisitions": [_record(a, _json_waveform) for a in acquisitions]}
    return json_body.MEDIA_TYPE, msgspec.json.encode(document)


def encode_raw(acquisitions: Sequence[Acquisition]) -> tuple[str, bytes]:
    """Return content type and raw body: a JSON header, then all samples in order."""
    document = {"acquisitions": [_record(a, _raw_waveform) for a in acquisitions]}
    header = msgspec.json.encode(document)
    start = len(raw_body.MAGIC) + raw_body.LENGTH.size
    header += b" " * (-(start + len(header)) % 4)  # aligns the samples
    samples = [
        np.ascontiguousarray(w.samples, raw_body.DTYPES[_dtype(w)]).data for a in acquisitions for w in a.waveforms
    ]
    return raw_body.MEDIA_TYPE, b"".join([raw_body.MAGIC, raw_body.LENGTH.pack(len(header)), header, *samples])


def encode_arrow(acquisitions: Sequence[Acquisition]) -> tuple[str, bytes]:
    """Return content type and Arrow IPC stream, one row per channel.

    A list column has a single type: if there are both counts and floats, counts are sent as floats, which represent
    every int16 exactly.
    """
    from pdm.ingest.arrow_stream import to_arrow  # imported only where used: pyarrow takes 40 MiB

    return ARROW_MEDIA_TYPE, to_arrow(acquisitions)


def _record(acquisition: Acquisition, waveform: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "machine": acquisition.machine,
        "measured_at": acquisition.measured_at.isoformat().replace("+00:00", "Z"),
    }
    context = acquisition.context
    given = {"speed_hz": context.speed, "load": context.load, "state": context.state}
    if known := {name: value for name, value in given.items() if value is not None}:
        record["context"] = known
    if acquisition.waveforms:
        record["waveforms"] = [waveform(w) for w in acquisition.waveforms]
    if acquisition.scalars:
        record["scalars"] = [{"point": s.point, "unit": s.unit, "value": s.value} for s in acquisition.scalars]
    return record


def _json_waveform(waveform: Waveform) -> dict[str, Any]:
    return {**_described(waveform), "samples": waveform.samples.tolist()}


def _raw_waveform(waveform: Waveform) -> dict[str, Any]:
    return {**_described(waveform), "dtype": _dtype(waveform), "count": int(waveform.samples.size)}


def _described(waveform: Waveform) -> dict[str, Any]:
    described = {"point": waveform.point, "unit": waveform.unit, "sampling_rate_hz": waveform.sampling_rate}
    return described if waveform.scale is None else {**described, "scale": waveform.scale}


def _dtype(waveform: Waveform) -> str:
    return "f4" if waveform.scale is None else "i2"
