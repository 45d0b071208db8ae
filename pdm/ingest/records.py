"""Validation common to all wire formats: channels and records are made here or rejected with a reason code."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.machines.model import check_key
from pdm.machines.names import read_machine_name
from pdm.measurements import Acquisition, OperatingContext, Problem, Scalar, Waveform

MAX_RECORDS = 4096
MAX_CHANNELS = 256
MAX_SAMPLES = 4 * 1024 * 1024
MAX_SAMPLING_RATE_HZ = 10e6
_MAX_TEXT = 64
_INT16 = np.iinfo(np.int16)
_FLOAT32_MAX = float(np.finfo(np.float32).max)

_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?([Zz]|[+-]\d\d:\d\d)?", flags=re.ASCII)


class RefusedPartError(Exception):
    """A part of a body is invalid; the decoders catch this and report it as a problem."""

    def __init__(self, code: str, detail: str, field: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code, detail, field)


@dataclass(frozen=True)
class Decoded:
    """One record of a body: the acquisition of its accepted channels, and the problems of the others.

    `acquisition` is None if no part of the record is accepted; `machine` and `measured_at` are then as sent, if they
    could be read.
    """

    record: int
    acquisition: Acquisition | None
    machine: str | None
    measured_at: str | None
    problems: tuple[Problem, ...] = ()


def make_waveform(
    point: str, unit: str, sampling_rate: float | None, scale: float | None, samples: NDArray[Any], field: str
) -> Waveform:
    """Validate one channel's samples and convert them to the canonical form.

    Parameters
    ----------
    samples : ndarray (n,)
        float64, float32 or int16. With `scale` they are counts and become int16; without, float32.
    field : str
        Place of the channel in the record, for the problem.

    Raises
    ------
    RefusedPartError
        The channel is invalid.
    """
    _check_channel_key(point, field)
    _check_text(unit, f"{field}.unit")
    if sampling_rate is None or not 0 < sampling_rate <= MAX_SAMPLING_RATE_HZ:
        raise RefusedPartError(
            "out-of-range",
            f"channel {point!r}: sampling_rate_hz is {sampling_rate}, not in (0, {MAX_SAMPLING_RATE_HZ:.0f}]",
            f"{field}.sampling_rate_hz",
        )
    if scale is not None and not 0 < scale < math.inf:
        raise RefusedPartError(
            "out-of-range",
            f"channel {point!r}: scale must be positive and finite, not {scale}",
            f"{field}.scale",
        )
    where = f"{field}.samples"
    if samples.size == 0:
        raise RefusedPartError("empty-samples", f"channel {point!r} has no samples", where)
    if samples.size > MAX_SAMPLES:
        raise RefusedPartError(
            "too-many-samples",
            f"channel {point!r} has {samples.size} samples; at most {MAX_SAMPLES} are allowed",
            where,
        )
    canonical = _as_float32(samples, point, where) if scale is None else _as_counts(samples, point, where)
    return Waveform(point, canonical, float(sampling_rate), unit, None if scale is None else float(scale))


def make_scalar(point: str, unit: str, value: float, field: str) -> Scalar:
    """Validate one scalar value.

    Raises
    ------
    RefusedPartError
        The value is invalid.
    """
    _check_channel_key(point, field)
    _check_text(unit, f"{field}.unit")
    if not math.isfinite(value):
        raise RefusedPartError("not-finite", f"channel {point!r}: value is {value}", f"{field}.value")
    return Scalar(point, float(value), unit)


def make_context(speed: float | None, load: float | None, state: str | None, field: str) -> OperatingContext:
    """Validate an operating context; `speed` is in Hz.

    Raises
    ------
    RefusedPartError
        The context is invalid.
    """
    if speed is not None and not 0 <= speed < 1e5:
        raise RefusedPartError("out-of-range", f"speed of {speed} Hz is not in [0, 100000)", f"{field}.speed")
    if load is not None and not -100 <= load <= 100:
        raise RefusedPartError(
            "out-of-range",
            f"load {load} is a fraction of rated load (not percent) and must be in [-100, 100]",
            f"{field}.load",
        )
    if state is not None:
        _check_text(state, f"{field}.state")
    return OperatingContext(speed, load, state)


def parse_measured_at(text: str) -> datetime:
    """Parse an RFC 3339 time with offset as an aware UTC time.

    Raises
    ------
    RefusedPartError
        It is not an RFC 3339 time, has no offset, or has a finer resolution than the stored microseconds.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        hint = ""
        if re.fullmatch(r"-?\d{1,30}(\.\d*)?", text, flags=re.ASCII):
            hint = f"; it looks like {_epoch_unit(float(text))} since 1970"
        raise _refused_time(f"{text[:80]!r} is not an RFC 3339 time such as 2026-11-01T10:00:00Z{hint}")
    date, clock, fraction, offset = match.groups()
    if offset is None:
        raise _refused_time(f"{text!r} has no UTC offset; write 'Z' or '+09:00' after it")
    if fraction and fraction[6:].strip("0"):
        raise _refused_time(f"{text!r} is finer than one microsecond, the resolution of stored times")
    micro = f".{fraction[:6]:0<6}" if fraction else ""
    try:
        return datetime.fromisoformat(f"{date}T{clock}{micro}{offset.upper().replace('Z', '+00:00')}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _refused_time(f"{text!r} is not a valid time: {error}") from None


def refuse_numeric_time(value: float) -> RefusedPartError:
    """Return the error for a time sent as a number, with its probable unit."""
    return _refused_time(
        f"a number ({value!r}, which looks like {_epoch_unit(value)} since 1970) is not a valid time; send an "
        f"RFC 3339 string such as 2026-11-01T10:00:00Z"
    )


def assemble(
    record: int,
    machine: str,
    measured_at: datetime,
    waveforms: Sequence[Waveform],
    scalars: Sequence[Scalar],
    context: OperatingContext,
    problems: Sequence[Problem],
) -> Decoded:
    """Make the acquisition of a record's accepted channels; reject the record if there are none.

    A point that occurs twice in one record is omitted both times, because the correct one is unknown.
    """
    try:
        machine = read_machine_name(machine)
    except InvalidInputError as error:
        return refused_record(record, machine, measured_at.isoformat(), [Problem("key", error.message, "machine")])
    found = list(problems)
    if len(waveforms) + len(scalars) > MAX_CHANNELS:
        detail = f"{len(waveforms) + len(scalars)} channels in one record; at most {MAX_CHANNELS} are allowed"
        return refused_record(
            record, machine, measured_at.isoformat(), [Problem("too-many-channels", detail, "waveforms")]
        )
    keys = [*(waveform.point for waveform in waveforms), *(scalar.point for scalar in scalars)]
    if len(set(keys)) != len(keys):
        twice = {key for key, times in Counter(keys).items() if times > 1}
        waveforms = [waveform for waveform in waveforms if waveform.point not in twice]
        scalars = [scalar for scalar in scalars if scalar.point not in twice]
        found += [
            Problem(
                "duplicate-channel",
                f"channel {key!r} is given more than once; all of its values are ignored",
                key,
            )
            for key in sorted(twice)
        ]
    if not waveforms and not scalars:
        if not found:
            found.append(Problem("empty-record", "the record has neither waveforms nor scalars", "waveforms"))
        return refused_record(record, machine, measured_at.isoformat(), found)
    acquisition = Acquisition(machine, measured_at, tuple(waveforms), tuple(scalars), context)
    return Decoded(record, acquisition, machine, measured_at.isoformat(), tuple(found))


def refused_record(record: int, machine: object, measured_at: object, problems: Sequence[Problem]) -> Decoded:
    """Return the result of a record that is rejected as a whole."""
    return Decoded(record, None, _shown(machine), _shown(measured_at), tuple(problems))


def _as_float32(samples: NDArray[Any], point: str, field: str) -> NDArray[np.float32]:
    canonical: NDArray[np.float32] = samples
    if samples.dtype != np.float32:
        with np.errstate(over="ignore", invalid="ignore"):
            canonical = samples.astype(np.float32)
    finite = np.isfinite(canonical)
    if finite.all():
        return canonical
    first = int(np.argmin(finite))
    value = float(samples[first])
    if math.isfinite(value):
        detail = f"channel {point!r}: sample {first} ({value:g}) is beyond single precision (+-{_FLOAT32_MAX:.3g})"
        raise RefusedPartError("out-of-range", detail, f"{field}[{first}]")
    detail = f"channel {point!r}: sample {first} is {value}; {int(finite.size - finite.sum())} are not finite"
    raise RefusedPartError("not-finite", detail, f"{field}[{first}]")


def _as_counts(samples: NDArray[Any], point: str, field: str) -> NDArray[np.int16]:
    if samples.dtype == np.int16:
        return samples
    with np.errstate(invalid="ignore", over="ignore"):
        counts: NDArray[np.int16] = samples.astype(np.int16)
        same = counts == samples
    if same.all():
        return counts
    first = int(np.argmin(same))
    value = float(samples[first])
    if not math.isfinite(value):
        raise RefusedPartError("not-finite", f"channel {point!r}: sample {first} is {value}", f"{field}[{first}]")
    detail = (
        f"channel {point!r}: sample {first} ({value:g}) is not an integer within "
        f"{_INT16.min}..{_INT16.max}; 'scale' requires integer counts"
    )
    raise RefusedPartError("out-of-range", detail, f"{field}[{first}]")


def _check_channel_key(point: str, field: str) -> None:
    try:
        check_key(point, "point")
    except InvalidInputError as error:
        raise RefusedPartError("key", error.message[:300], f"{field}.point") from None


def _check_text(text: str, field: str) -> None:
    if not 1 <= len(text) <= _MAX_TEXT or not text.isprintable():
        raise RefusedPartError("wrong-type", f"{field} must be 1-{_MAX_TEXT} printable characters", field)


def _epoch_unit(value: float) -> str:
    for limit, unit in ((1e11, "seconds"), (1e14, "milliseconds"), (1e17, "microseconds")):
        if abs(value) < limit:
            return unit
    return "nanoseconds"


def _refused_time(detail: str) -> RefusedPartError:
    return RefusedPartError("timestamp", f"measured_at {detail}", "measured_at")


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    return "".join(c if c.isprintable() else "?" for c in str(value)[:_MAX_TEXT])
