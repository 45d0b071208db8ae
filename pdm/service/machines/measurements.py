"""Measurements of a point: waveform in SI units, spectrum, and feature history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from psycopg_pool import ConnectionPool

from features.envelope import envelope_spectrum
from features.errors import SignalError
from features.spectrum import amplitude_spectrum
from pdm.errors import InvalidInputError, NotFoundError, RefusalError
from pdm.machines.corrections import NO_CORRECTIONS, MeasurementCorrection
from pdm.machines.units import si_conversion, si_unit
from pdm.service.machines.absence_reasons import Absence, explain_absences
from pdm.service.machines.time_steps import MOST_STEPS, choose_range, choose_width
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import visible_machine, visible_point
from pdm.store.acquisitions import acquisitions_read
from pdm.store.acquisitions.waveform_codec import decode
from pdm.store.machines.corrections import fetch_corrections
from pdm.store.machines.machine_views import FoundPoint
from pdm.words.similar import suggest

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class Measured:
    """One channel of one acquisition in SI: samples [unit] at sampling_rate [Hz], and the corrections in them."""

    quantity: str
    unit: str
    sampling_rate: float
    samples: NDArray[np.float64]
    corrections: Sequence[MeasurementCorrection] = ()


@dataclass(frozen=True)
class MeasuredSpectrum:
    """An amplitude spectrum [unit] of the `signal` or its `squared-envelope`; line k is at k times resolution [Hz]."""

    of: Literal["signal", "squared-envelope"]
    unit: str
    resolution: float
    amplitudes: NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """History of a feature, one value per step; None for a step without the feature."""

    minimum: Sequence[float | None]
    mean: Sequence[float | None]
    maximum: Sequence[float | None]


@dataclass(frozen=True)
class FeatureCourse:
    """Features of a point in equal steps [s] of [since, before); all lists have one entry per step."""

    machine: str
    point: str
    quantity: str
    resolution_s: float
    since: datetime
    before: datetime
    starts: Sequence[datetime]
    counts: Sequence[int]
    available: Sequence[str]
    features: Mapping[str, Statistics]
    feature_version: int | None
    absent: Mapping[str, Absence]
    corrections: Sequence[MeasurementCorrection]


def read_waveform(pool: Pool, caller: Caller, machine: str, measured_at: datetime, point: str) -> Measured:
    """Return a stored waveform in SI units as it is corrected.

    Raises
    ------
    NotFoundError
        The machine, the point or the waveform does not exist for the caller.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = visible_point(conn, caller, machine, point)
        if found.sampling_rate_hz is None:
            raise NotFoundError(f"point {point!r} has no waveforms{_where_else(found, machine)}")
        corrections = fetch_corrections(conn, [row.id]).get(row.id, NO_CORRECTIONS)
        sent_as = corrections.counterpart(found.id, measured_at)
        stored = acquisitions_read.fetch_waveform(conn, sent_as, measured_at)
    if stored is None:
        raise NotFoundError(f"machine {machine!r} has no waveform of {point!r} at {measured_at.isoformat()}")
    kind = np.dtype(np.float32 if stored.scale is None else np.int16)
    raw = decode(stored.codec, stored.payload, kind, stored.sample_count).astype(np.float64)
    reading = corrections.reading(sent_as, measured_at)
    if reading.has_other_values:
        raw = raw * (reading.gain * (stored.scale or 1.0)) + reading.offset
    factor, offset = si_conversion(found.quantity, found.unit)
    samples = raw * (factor * (1.0 if reading.has_other_values else stored.scale or 1.0)) + offset
    # The level of a tachometer keeps its declared unit.
    unit = found.unit if found.quantity == "tachometer" else si_unit(found.quantity)
    applied = corrections.applied(found.id, measured_at, measured_at + timedelta.resolution)
    return Measured(found.quantity, unit, reading.sampling_rate or stored.sampling_rate, samples, applied)


def compute_spectrum(
    measured: Measured, kind: str, band: tuple[float | None, float | None] = (None, None)
) -> MeasuredSpectrum:
    """Return the amplitude spectrum of a waveform (`amplitude`) or of its squared envelope in a band (`envelope`).

    It is the spectrum of `features.spectrum` and `features.envelope`, which the diagnosis uses too.

    Parameters
    ----------
    measured : Measured
    kind : {"amplitude", "envelope"}
    band : (lowest, highest)
        [Hz] of the envelope; by default 1/4 to 3/4 of half the sampling rate. An end that is None is 0 or half
        the sampling rate.

    Raises
    ------
    InvalidInputError
        The band is not inside 0 to half the sampling rate.
    RefusalError
        The waveform has fewer than 16 samples.
    """
    samples, rate = measured.samples, measured.sampling_rate
    try:
        if kind == "amplitude":
            frequency, amplitudes = amplitude_spectrum(samples, rate)
            return MeasuredSpectrum("signal", measured.unit, float(frequency[1]), amplitudes)
        frequency, amplitudes = envelope_spectrum(samples, rate, _band(band, rate))
    except SignalError as error:
        if error.where == "band":
            raise InvalidInputError(f"band: {error.what}", field="band_from_hz") from error
        raise RefusalError(f"a spectrum of this waveform is not possible: {error.what}") from error
    return MeasuredSpectrum("squared-envelope", f"({measured.unit})^2", float(frequency[1]), amplitudes)


def _band(band: tuple[float | None, float | None], rate: float) -> tuple[float, float] | None:
    low, high = band
    if low is None and high is None:
        return None
    return low or 0.0, rate / 2 if high is None else high


def read_features(
    pool: Pool,
    caller: Caller,
    machine: str,
    point: str,
    *,
    names: Sequence[str],
    since: datetime | None,
    before: datetime | None,
    resolution: float | None,
) -> FeatureCourse:
    """Return minimum, mean and maximum of a point's features in equal steps of time, with reasons of absence.

    Of several feature versions of a row the newest is used.

    If `resolution` [s] is None, it gives about 300 steps; without a time range the last 30 days with measurements
    are returned.

    Raises
    ------
    InvalidInputError
        A name is not a feature of this quantity, or the range has more than 2000 steps.
    RefusalError
        Points of this quantity have no features.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = visible_point(conn, caller, machine, point)
        table = acquisitions_read.FEATURE_TABLES.get(found.quantity)
        if table is None:
            raise RefusalError(
                f"point {point!r} of {found.quantity} has no features{_where_else(found, machine)}", field="point"
            )
        known = acquisitions_read.list_feature_columns(conn, table)
        chosen = _known_features(names, known)
        since, before = choose_range(since, before, acquisitions_read.fetch_last_measured_at(conn, row.id))
        width = choose_width(before - since, resolution)
        buckets = acquisitions_read.fetch_feature_buckets(
            conn,
            table,
            chosen,
            point_id=found.id,
            since=since,
            before=before,
            width=width,
            limit=MOST_STEPS + 2,
        )
        versions = acquisitions_read.fetch_absences(conn, table, chosen, point_id=found.id, since=since, before=before)
        corrections = fetch_corrections(conn, [row.id]).get(row.id, NO_CORRECTIONS)
    return FeatureCourse(
        machine=machine,
        point=point,
        quantity=found.quantity,
        resolution_s=width.total_seconds(),
        since=since,
        before=before,
        starts=[bucket[0] for bucket in buckets],
        counts=[bucket[1] for bucket in buckets],
        available=known,
        features={name: _statistics(buckets, place) for place, name in enumerate(chosen)},
        feature_version=max((version[0] for version in versions), default=None),
        absent=explain_absences(versions, chosen),
        corrections=corrections.applied(found.id, since, before, with_bearings=True),
    )


def _statistics(buckets: Sequence[tuple[Any, ...]], place: int) -> Statistics:
    minimum, mean, maximum = ([bucket[2 + 3 * place + part] for bucket in buckets] for part in range(3))
    return Statistics(minimum, mean, maximum)


def _where_else(point: FoundPoint, machine: str) -> str:
    if point.sampling_rate_hz is not None:
        return ""
    return f"; it reports scalars: read /v1/machines/{machine}/scalars/{point.point}"


def _known_features(names: Sequence[str], known: Sequence[str]) -> list[str]:
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"{name[:64]!r} is not a feature of this point; {suggest(name, known)}", field="names"
            )
    return list(dict.fromkeys(names)) or [name for name in ("rms", "peak", "kurtosis") if name in known]
