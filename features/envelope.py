"""The envelope spectrum of one record, to look at. It needs neither kernels nor a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from features.errors import SignalError
from features.spectrum import amplitude_spectrum, check_record


def envelope_spectrum(
    x: NDArray[Any], sampling_rate: float, band: tuple[float, float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the amplitude spectrum of the squared envelope of a band, where bearing faults show as lines.

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
