"""Raw bodies: a short JSON header and the samples in binary form, for gateways."""

from __future__ import annotations

import json
import struct
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from pdm.errors import MalformedBodyError
from pdm.ingest.forms import convert, read_record
from pdm.ingest.json_body import records_of
from pdm.ingest.records import MAX_SAMPLES, Decoded, RefusedPartError, make_waveform
from pdm.measurements import Waveform

MEDIA_TYPE = "application/vnd.pdm.raw"
MAGIC = b"PDM1"
LENGTH = struct.Struct("<I")
DTYPES: dict[str, np.dtype[Any]] = {"i2": np.dtype("<i2"), "f4": np.dtype("<f4")}


class RawWaveformForm(msgspec.Struct, forbid_unknown_fields=True):
    """One waveform of the header; `offset` is the position of its samples in the body [bytes]."""

    point: str
    unit: str
    sampling_rate_hz: float
    dtype: Literal["i2", "f4"]
    count: int
    scale: float | None = None
    offset: int = -1


class _Layout(msgspec.Struct):
    dtype: Literal["i2", "f4"]
    count: int


def decode_raw(body: bytes) -> list[Decoded]:
    """Decode a raw body; samples are views of it where they are aligned.

    Raises
    ------
    MalformedBodyError
        Magic, header or the length of the samples are wrong, so that the parts cannot be separated.
    """
    start = len(MAGIC) + LENGTH.size
    if len(body) < start or body[: len(MAGIC)] != MAGIC:
        raise MalformedBodyError(f"a raw body must begin with {MAGIC.decode()} and the length of the header")
    (length,) = LENGTH.unpack_from(body, len(MAGIC))
    if start + length > len(body):
        raise MalformedBodyError(f"the header needs {length} bytes but only {len(body) - start} bytes follow")
    try:
        plain = msgspec.json.decode(body[start : start + length])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        plain = _lenient(body[start : start + length])
    records = records_of(plain)
    end = _place_samples(records, start + length)
    if end != len(body):
        raise MalformedBodyError(f"the header describes a body of {end} bytes but the body has {len(body)}")

    def to_waveform(form: RawWaveformForm, field: str) -> Waveform:
        samples = _view(body, form)
        if form.dtype == "i2" and form.scale is None:
            raise RefusedPartError(
                "missing-field", f"channel {form.point!r}: counts (i2) require a scale", f"{field}.scale"
            )
        if form.dtype == "f4" and form.scale is not None:
            raise RefusedPartError(
                "wrong-type", f"channel {form.point!r}: floats (f4) must not have a scale", f"{field}.scale"
            )
        return make_waveform(form.point, form.unit, form.sampling_rate_hz, form.scale, samples, field)

    return [read_record(index, record, RawWaveformForm, to_waveform) for index, record in enumerate(records)]


def _lenient(header: bytes) -> Any:
    """Parse with Python's parser, which accepts NaN and Infinity, so that these are rejected by name."""
    try:
        return json.loads(header)
    except RecursionError:
        raise MalformedBodyError("the header is nested too deeply") from None
    except ValueError as error:
        raise MalformedBodyError(f"the header is not valid JSON: {error}"[:300]) from None


def _place_samples(records: list[Any], offset: int) -> int:
    """Set the offset of the samples in each waveform's entry, and return the end of the last one."""
    for index, record in enumerate(records):
        waveforms = record.get("waveforms", []) if isinstance(record, dict) else None
        if not isinstance(waveforms, list):
            raise MalformedBodyError(f"record {index} has no list of waveforms", field="waveforms", record=index)
        for place, entry in enumerate(waveforms):
            field = f"acquisitions[{index}].waveforms[{place}]"
            try:
                layout = convert(entry, _Layout, field)
            except RefusedPartError as refusal:
                raise MalformedBodyError(refusal.problem.detail, field=refusal.problem.field, record=index) from None
            if not 0 <= layout.count <= MAX_SAMPLES or "offset" in entry:
                raise MalformedBodyError(
                    f"{field}: count must be in 0..{MAX_SAMPLES}, and the header must not contain offsets",
                    field=field,
                    record=index,
                )
            entry["offset"] = offset
            offset += layout.count * DTYPES[layout.dtype].itemsize
    return offset


def _view(body: bytes, form: RawWaveformForm) -> NDArray[Any]:
    samples: NDArray[Any] = np.frombuffer(body, DTYPES[form.dtype], form.count, form.offset)
    return samples if samples.flags.aligned else samples.copy()
