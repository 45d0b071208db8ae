"""What a point measured: its waveform in SI units, the spectrum of it, and the course of its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg_pool import ConnectionPool
from scipy.signal import hilbert

from pdm.errors import InvalidInputError, NotFoundError, RefusalError
from pdm.machines.units import si_conversion
from pdm.service.absent import explain_absences
from pdm.service.access import Caller
from pdm.service.query import visible_machine
from pdm.store import channels, fleet
from pdm.store.access import scoped
from pdm.store.payload import decode

Row = dict[str, Any]
Pool = ConnectionPool[Any]

SI_UNITS = {
    "acceleration": "m/s2",
    "velocity": "m/s",
    "displacement": "m",
    "current": "A",
    "voltage": "V",
    "temperature": "K",
    "pressure": "Pa",
    "speed": "Hz",
    "power": "W",
    "torque": "N.m",
    "force": "N",
    "flow": "m3/s",
    "ratio": "1",
}
DEFAULT_SPAN = timedelta(days=30)
MOST_BUCKETS = 2000
_DEFAULT_BUCKETS = 300


@dataclass(frozen=True)
class Measured:
    """One channel of one acquisition in SI: samples [unit] at sampling_rate [Hz]."""

    quantity: str
    unit: str
    sampling_rate: float
    samples: NDArray[np.float64]


def read_waveform(pool: Pool, caller: Caller, machine: str, measured_at: datetime, point: str) -> Measured:
    """Return a stored waveform in SI units.

    Raises
    ------
    NotFoundError
        The machine, the point or the waveform does not exist for the caller.
    """
    with pool.connection() as conn:
        found = _visible_point(conn, caller, machine, point)
        stored = channels.fetch_waveform(conn, found["id"], measured_at)
    if stored is None:
        raise NotFoundError(f"machine {machine!r} has no waveform of {point!r} at {measured_at.isoformat()}")
    kind = np.dtype(np.float32 if stored["scale"] is None else np.int16)
    raw = decode(stored["codec"], stored["payload"], kind, stored["sample_count"]).astype(np.float64)
    factor, offset = si_conversion(found["quantity"], found["unit"])
    samples = raw * (factor * (stored["scale"] or 1.0)) + offset
    # A tachometer's level stays in the unit that it was declared in.
    unit = found["unit"] if found["quantity"] == "tachometer" else SI_UNITS[found["quantity"]]
    return Measured(found["quantity"], unit, stored["sampling_rate"], samples)


def amplitude_spectrum(samples: NDArray[np.float64], sampling_rate: float) -> tuple[NDArray[np.float64], float]:
    """Return the single-sided amplitude spectrum under a Hann window.

    Parameters
    ----------
    samples : (n,) array
    sampling_rate : float [Hz]

    Returns
    -------
    amplitudes : (n // 2 + 1,) array
        Peak amplitude in the samples' unit: a sine of amplitude a on a line reads a.
    resolution : float [Hz]
        Distance between lines.

    Notes
    -----
    A sine between two lines reads up to 15 % low (scalloping of the Hann window [1]_).

    References
    ----------
    .. [1] F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform",
       Proc. IEEE 66 (1978), table 1.
    """
    count = len(samples)
    if count < 4:
        raise RefusalError(f"a spectrum needs at least 4 samples; there are {count}")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(count) / count)
    amplitudes = np.abs(np.fft.rfft((samples - samples.mean()) * window)) * (2 / window.sum())
    amplitudes[0] /= 2
    if count % 2 == 0:
        amplitudes[-1] /= 2
    return amplitudes, sampling_rate / count


def envelope_spectrum(
    samples: NDArray[np.float64], sampling_rate: float, band: tuple[float, float]
) -> tuple[NDArray[np.float64], float]:
    """Return the amplitude spectrum of the envelope within a frequency band [Hz].

    A bearing's defects repeat at its defect frequencies but ring at a structure's resonance; the envelope
    of the band around the resonance shows the repetition.
    """
    low, high = band
    if not 0 <= low < high <= sampling_rate / 2:
        raise InvalidInputError(
            f"band {low:g}..{high:g} Hz must increase and be within 0..{sampling_rate / 2:g} Hz", field="band_from_hz"
        )
    lines = np.fft.rfft(samples - samples.mean())
    frequencies = np.fft.rfftfreq(len(samples), 1 / sampling_rate)
    lines[(frequencies < low) | (frequencies > high)] = 0
    envelope = np.abs(hilbert(np.fft.irfft(lines, len(samples))))
    return amplitude_spectrum(envelope, sampling_rate)


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
) -> Row:
    """Return minimum, mean and maximum of a point's features in equal steps of time, and why some are absent.

    Of what was computed in several feature versions the newest counts.

    `resolution` [s] is chosen for some 300 steps where it is None; without a time range the last 30 days
    that were measured are meant.

    Raises
    ------
    InvalidInputError
        A name is no feature of this quantity, or the range holds more than 2000 steps.
    RefusalError
        Points of this quantity have no features.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = _visible_point(conn, caller, machine, point)
        table = channels.FEATURE_TABLES.get(found["quantity"])
        if table is None:
            raise RefusalError(f"points of {found['quantity']} have no features; they report scalars", field="point")
        known = channels.list_feature_columns(conn, table)
        chosen = _known_features(names, known)
        since, before = _range(since, before, channels.fetch_last_measured_at(conn, row["id"]))
        width = _width(before - since, resolution)
        buckets = channels.fetch_feature_buckets(
            conn,
            table,
            chosen,
            point_id=found["id"],
            since=since,
            before=before,
            width=width,
            limit=MOST_BUCKETS + 2,
        )
        versions = channels.fetch_absences(conn, table, chosen, point_id=found["id"], since=since, before=before)
    return {
        "machine": machine,
        "point": point,
        "quantity": found["quantity"],
        "resolution_s": width.total_seconds(),
        "from": since,
        "to": before,
        "starts": [bucket[0] for bucket in buckets],
        "available": known,
        "feature_version": max((version[0] for version in versions), default=None),
        "absent": explain_absences(versions, chosen),
        "counts": [bucket[1] for bucket in buckets],
        "features": {
            name: {
                part: [bucket[2 + 3 * place + offset] for bucket in buckets]
                for offset, part in enumerate(("minimum", "mean", "maximum"))
            }
            for place, name in enumerate(chosen)
        },
    }


def _visible_point(conn: Connection[Any], caller: Caller, machine: str, point: str) -> Row:
    with scoped(conn, caller.site_ids):
        found = fleet.find_point(conn, machine, point)
    if found is None:
        raise NotFoundError(f"machine {machine!r} has no point {point!r}")
    return found


def _known_features(names: Sequence[str], known: Sequence[str]) -> list[str]:
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"{name[:64]!r} is not a feature of this point; allowed: {', '.join(known)}", field="names"
            )
    return list(dict.fromkeys(names)) or [name for name in ("rms", "peak", "kurtosis") if name in known]


def _range(since: datetime | None, before: datetime | None, last: datetime | None) -> tuple[datetime, datetime]:
    end = before or (last or datetime.now(UTC)) + timedelta(microseconds=1)
    try:
        start = since or end - DEFAULT_SPAN
    except OverflowError:
        raise InvalidInputError("the time range starts before year 1", field="to") from None
    if start >= end:
        raise InvalidInputError("'from' must be before 'to'", field="from")
    return start, end


def _width(span: timedelta, resolution: float | None) -> timedelta:
    if resolution is None:
        return timedelta(seconds=max(1.0, round(span.total_seconds() / _DEFAULT_BUCKETS)))
    if span.total_seconds() / resolution > MOST_BUCKETS:
        raise InvalidInputError(
            f"the range has more than {MOST_BUCKETS} steps of {resolution:g} s; use a shorter range or longer steps",
            field="resolution_s",
        )
    return timedelta(seconds=resolution)
