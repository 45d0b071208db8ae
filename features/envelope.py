"""The envelope spectrum of one record, for display. It needs neither kernels nor a compiler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from features.errors import SignalError
from features.spectrum import amplitude_spectrum, check_record


def envelope_spectrum(
    x: NDArray[Any], sampling_rate: float, band: tuple[float, float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the amplitude spectrum of the squared envelope of a band, in which bearing faults are lines.

    Parameters
    ----------
    x : (n,)
        Samples [any unit].
    sampling_rate : float
        [Hz].
    band : (lowest, highest), optional
        [Hz]; by default 1/4 to 3/4 of half the sampling rate, the band of the catalogue's envelope features.

    Returns
    -------
    frequency, amplitude : (lines,)
        [Hz] up to the width of the band, and the unit of `x` squared.

    Raises
    ------
    SignalError
        As `amplitude_spectrum`, or the band is not inside 0 to half the sampling rate.

    Notes
    -----
    R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", MSSP 25 (2011), section 5.
    """
    samples = check_record(x, sampling_rate)
    n = len(samples)
    if band is None:
        first, stop = n // 8, n // 8 + n // 4
    else:
        low, high = band
        if not 0 <= low < high <= sampling_rate / 2:
            raise SignalError("band", f"{low} to {high} Hz is not inside 0 to {sampling_rate / 2} Hz")
        first, stop = round(low * n / sampling_rate), round(high * n / sampling_rate) + 1
    spectrum = fft.rfft(samples - samples.mean())[first:stop]
    length = max(16, 2 * len(spectrum))
    analytic = fft.ifft(spectrum, length) * (2 * length / n)
    frequency, amplitude = amplitude_spectrum(np.abs(analytic) ** 2, sampling_rate * length / n)
    return frequency, amplitude


LEVELS = (4, 8, 16, 32)
"""Number of equal bands of each level of a kurtogram."""
LEAST_BAND_LINES = 32
"""Least lines, and so samples of its signal, of a band."""
_WEAKEST = 1e-9
"""Share of a record's power below which a band contains only rounding errors, as in the kernels."""
_END_SHARE = 16
"""The fraction 1/n of a band's samples is excluded at either end, as in the kernels."""


@dataclass(frozen=True)
class Kurtogram:
    """The kurtogram of a record: per level, its bands' centres [Hz] and kurtoses.

    `bands` is the number of bands per level, `highest` the largest kurtosis and `band` (lowest, highest) [Hz] its band.
    A band without power has the kurtosis -2.
    """

    bands: tuple[int, ...]
    centres: tuple[NDArray[np.float64], ...]
    kurtosis: tuple[NDArray[np.float64], ...]
    highest: float
    band: tuple[float, float]


def kurtogram(x: NDArray[Any], sampling_rate: float) -> Kurtogram:
    """Return the kurtosis of a record's envelope by frequency and bandwidth: high in bands of impacts.

    The kurtosis is mean |z|^4 / (mean |z|^2)^2 - 2 of a band's analytic signal z, 0 for Gaussian noise and -1 for
    a steady tone. A sixteenth is excluded at either end, because of the transients of a record whose ends do not match.

    Parameters
    ----------
    x : (n,)
        Samples [any unit], at least 256.
    sampling_rate : float
        [Hz].

    Returns
    -------
    Kurtogram
        The levels of 4, 8, 16 and 32 bands whose bands have at least 32 lines.

    Raises
    ------
    SignalError
        As `amplitude_spectrum`, or fewer than 256 samples, or a constant signal.

    Notes
    -----
    J. Antoni, "Fast computation of the kurtogram for the detection of transient faults", MSSP 21 (2007); in the
    frequency domain with ideal filters. Its largest value is the feature `kurtogram_kurtosis`, within 1e-4.

    Examples
    --------
    >>> record = np.random.default_rng(0).normal(size=4096)
    >>> record[::512] += 20.0
    >>> kurtogram(record, 10_000.0).highest > 3
    True
    """
    samples = check_record(x, sampling_rate)
    if len(samples) < 8 * LEAST_BAND_LINES:
        raise SignalError("x", f"{len(samples)} samples are fewer than {8 * LEAST_BAND_LINES}")
    lines = fft.rfft(samples - samples.mean())[: len(samples) // 2]
    total = float(np.sum(np.abs(lines) ** 2))
    if np.ptp(samples) == 0:
        raise SignalError("x", "the signal does not change")
    bands = tuple(n for n in LEVELS if len(lines) // n >= LEAST_BAND_LINES)
    step = sampling_rate / len(samples)
    kurtosis = tuple(_kurtosis(lines, n, total) for n in bands)
    centres = tuple(np.asarray((np.arange(n) + 0.5) * (len(lines) // n) * step, np.float64) for n in bands)
    level = int(np.argmax([values.max() for values in kurtosis]))
    best = int(np.argmax(kurtosis[level]))
    width = len(lines) // bands[level] * step
    return Kurtogram(bands, centres, kurtosis, float(kurtosis[level][best]), (best * width, (best + 1) * width))


def _kurtosis(lines: NDArray[np.complex128], bands: int, total: float) -> NDArray[np.float64]:
    width = len(lines) // bands
    skipped = width // _END_SHARE
    signals = fft.ifft(lines[: bands * width].reshape(bands, width), axis=1) * width
    power = np.abs(signals[:, skipped : width - skipped]) ** 2
    mean = power.mean(axis=1)
    heard = mean > _WEAKEST * total
    ratio = (power**2).mean(axis=1) / np.where(heard, mean, 1.0) ** 2 - 2.0
    return np.asarray(np.where(heard, ratio, -2.0), np.float64)
