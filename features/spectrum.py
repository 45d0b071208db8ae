"""The spectrum of one record, for display. It needs neither kernels nor a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from features.errors import SignalError


def amplitude_spectrum(x: NDArray[Any], sampling_rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the one-sided amplitude spectrum of a record, mean removed, Hann window.

    A sine of amplitude A on a line gives A; between two lines it gives at least 0.85 A on both.

    Parameters
    ----------
    x : (n,)
        Samples [any unit].
    sampling_rate : float
        [Hz].

    Returns
    -------
    frequency, amplitude : (n // 2 + 1,)
        [Hz] and the unit of `x`.

    Raises
    ------
    SignalError
        Fewer than 16 samples, a sample that is not finite, or a rate that is not positive.

    Notes
    -----
    F. J. Harris, "On the use of windows for harmonic analysis", Proc. IEEE 66 (1978).

    Examples
    --------
    >>> frequency, amplitude = amplitude_spectrum(3 * np.sin(2 * np.pi * 8 * np.arange(256) / 256), 256.0)
    >>> float(frequency[amplitude.argmax()]), round(float(amplitude.max()), 6)
    (8.0, 3.0)
    """
    samples = check_record(x, sampling_rate)
    n = len(samples)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    spectrum = fft.rfft((samples - samples.mean()) * window)
    amplitude = np.asarray(np.abs(spectrum) * (2 / (0.5 * n)), np.float64)
    amplitude[0] /= 2
    if n % 2 == 0:
        amplitude[-1] /= 2
    return np.asarray(np.arange(len(amplitude)) * (sampling_rate / n), np.float64), amplitude


def check_record(x: NDArray[Any], sampling_rate: float) -> NDArray[np.float64]:
    """Return `x` in double precision.

    Raises
    ------
    SignalError
        Fewer than 16 samples, a sample that is not finite, or a rate that is not positive.
    """
    samples = np.asarray(x, np.float64)
    if samples.ndim != 1 or len(samples) < 16:
        raise SignalError("x", f"shape {samples.shape} is not one record of at least 16 samples")
    if not np.isfinite(samples).all():
        raise SignalError(f"x, sample {int(np.argmin(np.isfinite(samples)))}", "not a finite number")
    if not 0 < sampling_rate < np.inf:
        raise SignalError("sampling_rate", f"{sampling_rate} Hz is not positive")
    return samples
