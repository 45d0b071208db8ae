# mypy: disable-error-code=assignment
"""Loops over the spectra of a block's rows: window, power, features of the lines, and the envelope's band."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.vibration_columns import (
    BAND_POWER,
    CENTROID,
    FLATNESS,
    KURTOSIS,
    PEAK_FREQUENCY,
    ROLLOFF_85,
    ROLLOFF_95,
    SPECTRAL_ENTROPY,
    SPECTRAL_KURTOSIS,
    SPECTRAL_SKEWNESS,
    SPREAD,
    TOTAL_POWER,
)
from features.kernels.logarithm import natural_log
from features.kernels.time_domain import FLAGS, SPECTRAL_FLOOR, STRETCH, Array

_SHORT_STRETCH = 64
"""Lines between checks of a search for its end."""


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def describe_transform(
    spectrum: Array, power: Array, band: Array, out: Array, n: int, first: int, lines: int, step: float
) -> None:
    """Write the power of each line, the spectrum's features, and the analytic signal of the envelope band.

    Row by row, while it is in the cache. `spectrum` (rows, 2 lines) has alternating real and imaginary parts of an
    un-windowed FFT of `n` samples. Rows 2r and 2r + 1 of `band` become the inputs of a complex-to-real FFT for the real
    and the imaginary part of the band's analytic signal, `lines` lines from `first`. Lines are `step` Hz apart.
    """
    last = power.shape[1] - 1
    bits = power.view(np.int32)
    share = np.empty(last + 1, np.float32)
    share_bits = share.view(np.int32)
    sums = np.empty(8)
    for r in range(out.shape[0]):
        hann_row(spectrum[r], power[r], n)
        _describe_lines(power[r], bits[r], share, share_bits, sums, out[r], last, step)
        _split_band(spectrum[r, 2 * first : 2 * (first + lines)], band[2 * r], band[2 * r + 1])


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def hann_row(s: Array, p: Array, n: int) -> None:
    """Write the mean square of each line under a periodic Hann window of an un-windowed FFT of `n` samples.

    `s` (2 lines,) has alternating real and imaginary parts; the window is a convolution of lines.
    """
    last = n // 2
    norm = np.float32(2.0 / (0.375 * float(n) * float(n)))
    half = np.float32(0.5)
    quarter = np.float32(0.25)
    for k in range(1, last):
        re = half * s[2 * k] - quarter * (s[2 * k - 2] + s[2 * k + 2])
        im = half * s[2 * k + 1] - quarter * (s[2 * k - 1] + s[2 * k + 3])
        p[k] = norm * (re * re + im * im)
    re = half * (s[0] - s[2])
    p[0] = half * norm * re * re
    if n % 2 == 0:
        re = half * (s[2 * last] - s[2 * last - 2])
        im = np.float32(0)
        p[last] = half * norm * re * re
    else:
        re = half * s[2 * last] - quarter * (s[2 * last - 2] + s[2 * last])
        im = half * s[2 * last + 1] - quarter * (s[2 * last - 1] - s[2 * last + 1])
        p[last] = norm * (re * re + im * im)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _split_band(s: Array, real: Array, imaginary: Array) -> None:
    """Write half spectra of twice the real and the imaginary part of the signal with lines `s`."""
    for i in range(s.shape[0]):
        real[i] = s[i]
    for i in range(s.shape[0] // 2):
        imaginary[2 * i] = s[2 * i + 1]
        imaginary[2 * i + 1] = -s[2 * i]
    real[0] = np.float32(2) * s[0]
    imaginary[0] = np.float32(2) * s[1]


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _describe_lines(
    p: Array, bits: Array, share: Array, share_bits: Array, bands: Array, out: Array, last: int, step: float
) -> None:
    """Write eight band powers, total, moments, entropy, peak, rolloffs and flatness of lines `step` Hz apart."""
    total = first = 0.0
    for band in range(8):
        start = band * last // 8 + 1
        a0 = a1 = np.float32(0)
        part = p[start : (band + 1) * last // 8 + 1]
        for k in range(part.shape[0]):
            a0 += part[k]
            a1 += part[k] * np.float32(k)
        bands[band] = a0
        total += a0
        first += a1 + start * float(a0)
        out[BAND_POWER + band] = a0
    out[TOTAL_POWER] = total
    if math.isnan(out[KURTOSIS]) or total <= 0.0:
        return
    centroid = first / total
    centre = np.float32(centroid)
    scale = np.float32(1.0 / last)
    m1 = m2 = m3 = m4 = 0.0
    for start in range(1, last + 1, STRETCH):
        a0 = a1 = a2 = a3 = np.float32(0)
        part = p[start : start + STRETCH]
        shift = np.float32(start) - centre
        for k in range(part.shape[0]):
            u = (np.float32(k) + shift) * scale
            w = part[k] * u
            v = w * u
            a0 += w
            a1 += v
            a2 += v * u
            a3 += v * u * u
        m1 += a0
        m2 += a1
        m3 += a2
        m4 += a3
    m1 /= total
    m2 /= total
    m3 /= total
    m4 /= total
    variance = max(m2 - m1 * m1, 1e-30)
    out[CENTROID] = centroid * step
    out[SPREAD] = math.sqrt(variance) * last * step
    out[SPECTRAL_SKEWNESS] = (m3 - 3 * m1 * m2 + 2 * m1**3) / variance**1.5
    out[SPECTRAL_KURTOSIS] = (m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2) / (variance * variance)
    logs, weighted = _log_sums(p, share, share_bits, last, total / last)
    out[SPECTRAL_ENTROPY] = 1.0 - weighted / last / math.log(last)
    out[PEAK_FREQUENCY] = _strongest(bits, 1, last) * step
    out[ROLLOFF_85] = _rolloff(p, bands, last, 0.85 * total) * step
    out[ROLLOFF_95] = _rolloff(p, bands, last, 0.95 * total) * step
    out[FLATNESS] = math.exp(logs / last)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _log_sums(p: Array, share: Array, bits: Array, last: int, mean: float) -> tuple[float, float]:
    """Return sum ln q and sum q ln q of q = p / mean, by a polynomial that vectorises (error 1e-7)."""
    inverse = np.float32(1.0 / mean)
    floor = np.float32(SPECTRAL_FLOOR)
    for k in range(last + 1):
        q = p[k] * inverse
        share[k] = q if q > floor else floor
    logs = weighted = 0.0
    for start in range(1, last + 1, STRETCH):
        a0 = a1 = np.float32(0)
        part = share[start : start + STRETCH]
        pattern = bits[start : start + STRETCH]
        for k in range(part.shape[0]):
            s = natural_log(pattern[k])
            a0 += s
            a1 += s * part[k]
        logs += a0
        weighted += a1
    return logs, weighted


@njit(cache=True, nogil=True, error_model="numpy")
def _strongest(bits: Array, first: int, last: int) -> int:
    """Return the first line with the largest power, by bit patterns (powers are not negative)."""
    best = np.int32(-1)
    where = first
    for start in range(first, last + 1, _SHORT_STRETCH):
        highest = np.int32(-1)
        part = bits[start : min(start + _SHORT_STRETCH, last + 1)]
        for k in range(part.shape[0]):
            if part[k] > highest:
                highest = part[k]
        if highest > best:
            best = highest
            where = start
    while bits[where] != best:
        where += 1
    return where


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _rolloff(p: Array, bands: Array, last: int, target: float) -> int:
    """Return the first line up to which the power reaches `target`."""
    reached = 0.0
    band = 0
    while band < 7 and reached + bands[band] < target:
        reached += bands[band]
        band += 1
    for start in range(band * last // 8 + 1, last + 1, _SHORT_STRETCH):
        part = p[start : min(start + _SHORT_STRETCH, last + 1)]
        share = np.float32(0)
        for k in range(part.shape[0]):
            share += part[k]
        if reached + share >= target:
            for k in range(part.shape[0]):
                reached += part[k]
                if reached >= target:
                    return start + k
        else:
            reached += share
    return last
