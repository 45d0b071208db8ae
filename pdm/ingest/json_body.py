"""JSON bodies, for manual use and small senders."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from pdm.errors import BodyTooLargeError, MalformedBodyError
from pdm.ingest.forms import ContextForm, HeadForm, ScalarForm, make_record, read_record
from pdm.ingest.records import MAX_CHANNELS, MAX_RECORDS, Decoded, make_waveform
from pdm.measurements import Waveform

MEDIA_TYPE = "application/json"
MAX_JSON_BYTES = 16 * 1024 * 1024  # a number of two bytes becomes an object of 32: 256 MiB at worst


class WaveformForm(msgspec.Struct, forbid_unknown_fields=True):
    """One waveform of a record."""

    point: str
    unit: str
    sampling_rate_hz: float
    samples: list[float]
    scale: float | None = None


class _RecordForm(msgspec.Struct, forbid_unknown_fields=True):
    machine: str
    measured_at: str
    context: ContextForm | None = None
    waveforms: list[WaveformForm] = []
    scalars: list[ScalarForm] = []


class _BodyForm(msgspec.Struct, forbid_unknown_fields=True):
    acquisitions: list[_RecordForm]


_DECODER = msgspec.json.Decoder(_BodyForm)


def decode_json(body: bytes) -> list[Decoded]:
    """Decode a JSON body: in one pass if all of it is valid, otherwise record by record.

    Raises
    ------
    MalformedBodyError
        It is not valid JSON, or not an object with a list of acquisitions.
    BodyTooLargeError
        It is longer than `MAX_JSON_BYTES`; larger bodies must be Arrow or raw.
    """
    if len(body) > MAX_JSON_BYTES:
        raise BodyTooLargeError(
            f"the JSON body has {len(body)} bytes; at most {MAX_JSON_BYTES} are allowed; send Arrow, raw or "
            f"smaller batches"
        )
    try:
        form = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return [
            read_record(index, plain, WaveformForm, _to_waveform) for index, plain in enumerate(_plain_records(body))
        ]
    records = form.acquisitions
    check_count(len(records))
    return [
        make_record(
            index,
            HeadForm(record.machine, record.measured_at, record.context),
            record.waveforms[: MAX_CHANNELS + 1],
            record.scalars[: MAX_CHANNELS + 1],
            _to_waveform,
        )
        for index, record in enumerate(records)
    ]


def check_count(records: int) -> None:
    """Reject a body without records or with too many.

    Raises
    ------
    MalformedBodyError
        There are none, or more than `MAX_RECORDS`.
    """
    if not 0 < records <= MAX_RECORDS:
        raise MalformedBodyError(
            f"the body has {records} acquisitions; 1 to {MAX_RECORDS} are allowed", field="acquisitions"
        )


def records_of(plain: Any) -> list[Any]:
    """Return the list of records of a decoded JSON document.

    Raises
    ------
    MalformedBodyError
        It is not an object with a list of acquisitions as its only field.
    """
    if not isinstance(plain, dict) or not isinstance(plain.get("acquisitions"), list):
        raise MalformedBodyError("the body must be an object with a list 'acquisitions'", field="acquisitions")
    if other := [key for key in plain if key != "acquisitions"]:
        raise MalformedBodyError(
            f"unknown field {other[0][:64]!r}; the only field next to it is 'acquisitions'", field=other[0][:64]
        )
    records: list[Any] = plain["acquisitions"]
    check_count(len(records))
    return records


def _plain_records(body: bytes) -> list[Any]:
    """Parse the body with Python's parser, which accepts NaN and Infinity, so that these are rejected by name."""
    try:
        plain = json.loads(body)
    except RecursionError:
        raise MalformedBodyError("the body is nested too deeply") from None
    except ValueError as error:
        raise MalformedBodyError(f"the body is not valid JSON: {error}"[:300]) from None
    return records_of(plain)


def _to_waveform(form: WaveformForm, field: str) -> Waveform:
    samples = np.fromiter(form.samples, np.float64, len(form.samples))
    return make_waveform(form.point, form.unit, form.sampling_rate_hz, form.scale, samples, field)
