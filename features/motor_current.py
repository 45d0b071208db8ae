"""Motor current features of one or three phases sampled together, in double precision."""

from __future__ import annotations

import math

import ducc0
import numpy as np
from numpy.typing import NDArray

from features._current_kernels import describe_phase
from features.catalogue import names
from features.reasons import Reason

COLUMNS = names("current", "channel")
GROUP_COLUMNS = names("current", "group")
_BLOCK_RECORDS = 16
_SUPPLY, _SLIP = COLUMNS.index("fundamental_frequency"), COLUMNS.index("slip")
_THIRD = complex(-0.5, math.sqrt(0.75))
_LEAST_DEVIATION = 1e-9

# Four-term Blackman-Harris: side lobes 92 dB down, so that a sideband of -60 dB stands out eight lines from
# the supply. F. J. Harris, "On the use of windows for harmonic analysis", Proc. IEEE 66 (1978), table 1.
_BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)


def _window(samples: int) -> NDArray[np.float64]:
    phase = 2 * np.pi * np.arange(samples) / samples
    window = sum(a * np.cos(k * phase) for k, a in enumerate(_BLACKMAN_HARRIS))
    return np.asarray(window)


def describe(
    currents: NDArray[np.float32],
    sampling_rate: float,
    speed: NDArray[np.float64],
    orders: NDArray[np.float64],
    supply_frequency: float | None,
    pole_pairs: NDArray[np.float64],
    rotor_slots: NDArray[np.float64],  # noqa: ARG001
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    """Return features (n, phases, F), of the phases together (n, G) and reasons (n, phases).

    `currents` (n, phases, samples) [A], `speed` (n,) [Hz], `orders` (n, 4), `pole_pairs` (n,); NaN is unknown.
    """
    n, phases, _ = currents.shape
    values = np.full((n, phases, len(COLUMNS)), np.nan, np.float64)
    group = np.full((n, len(GROUP_COLUMNS)), np.nan, np.float64)
    reasons = np.zeros((n, phases), np.uint32)
    reasons[np.isnan(speed)] |= np.uint32(Reason.NO_SPEED)
    reasons[np.isnan(orders).any(axis=1)] |= np.uint32(Reason.NO_GEOMETRY)
    reasons[np.isnan(pole_pairs)] |= np.uint32(Reason.NO_POLE_PAIRS)
    if phases != 3:
        reasons |= np.uint32(Reason.SINGLE_PHASE)
    nominal = math.nan if supply_frequency is None else supply_frequency
    for start in range(0, n, _BLOCK_RECORDS):
        part = slice(start, min(start + _BLOCK_RECORDS, n))
        _describe_block(
            currents[part], sampling_rate, speed[part], orders[part], nominal, pole_pairs[part],
            values[part], group[part], reasons[part],
        )  # fmt: skip
    return values.astype(np.float32), group.astype(np.float32), reasons


def _describe_block(
    currents: NDArray[np.float32],
    sampling_rate: float,
    speed: NDArray[np.float64],
    orders: NDArray[np.float64],
    nominal: float,
    pole_pairs: NDArray[np.float64],
    values: NDArray[np.float64],
    group: NDArray[np.float64],
    reasons: NDArray[np.uint32],
) -> None:
    n, phases, samples = currents.shape
    seconds = samples / sampling_rate
    exact = currents.astype(np.float64)
    values[..., 0] = exact.mean(axis=2)
    centred = exact - values[..., :1]
    variance = np.square(centred).mean(axis=2)
    values[..., 1] = np.sqrt(np.square(exact).mean(axis=2))
    values[..., 2] = np.abs(exact).max(axis=2)
    varies = np.sqrt(variance) > np.maximum(_LEAST_DEVIATION, 1e-6 * np.abs(values[..., 0]))
    reasons[~varies] |= np.uint32(Reason.CONSTANT)
    fourth = np.square(np.square(centred)).mean(axis=2)
    values[..., 3] = np.divide(values[..., 2], values[..., 1], out=values[..., 3], where=varies)
    values[..., 4] = np.divide(fourth, np.square(variance), out=values[..., 4], where=varies)

    spectrum = _spectrum(centred)
    window_power = float(np.square(_window(samples)).mean()) * samples**2
    power = 2.0 * np.square(np.abs(spectrum)) / window_power
    power[..., 0] /= 2
    for row in range(n):
        for phase in range(phases):
            describe_phase(
                power[row, phase], variance[row, phase], values[row, phase], reasons[row : row + 1, phase],
                nominal, speed[row], pole_pairs[row], orders[row], seconds,
            )  # fmt: skip
    if phases == 3:
        _describe_together(exact, centred, spectrum, values, group, reasons, seconds)


def _spectrum(centred: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return Blackman-Harris spectra; rows are padded so that their bits do not depend on their number."""
    *shape, samples = centred.shape
    rows = math.prod(shape)
    padded = np.zeros((-(-rows // _BLOCK_RECORDS) * _BLOCK_RECORDS, samples))
    np.multiply(centred.reshape(rows, samples), _window(samples), out=padded[:rows])
    spectrum = ducc0.fft.r2c(padded, axes=(1,), nthreads=1)
    return np.asarray(spectrum[:rows].reshape(*shape, -1))


def _describe_together(
    exact: NDArray[np.float64],
    centred: NDArray[np.float64],
    spectrum: NDArray[np.complex128],
    values: NDArray[np.float64],
    group: NDArray[np.float64],
    reasons: NDArray[np.uint32],
    seconds: float,
) -> None:
    """Write what the three phases say together: unbalance, symmetrical components, Park vector."""
    rms = values[:, :, 1]
    load = rms.mean(axis=1)
    varies = (reasons & np.uint32(Reason.CONSTANT) == 0).any(axis=1)
    group[:, 0] = load
    group[:, 1] = np.divide(np.abs(rms - load[:, None]).max(axis=1), load, out=np.full(len(load), np.nan), where=varies)
    a, b, c = centred[:, 0], centred[:, 1], centred[:, 2]
    direct = math.sqrt(2 / 3) * a - (b + c) / math.sqrt(6)
    quadrature = (b - c) / math.sqrt(2)
    modulus = np.sqrt(direct**2 + quadrature**2)
    mean_modulus = modulus.mean(axis=1)
    group[:, 4] = mean_modulus
    ripple = np.abs(_spectrum(modulus - mean_modulus[:, None])) / (_window(exact.shape[2]).mean() * exact.shape[2] / 2)
    dd, qq, dq = (direct**2).mean(axis=1), (quadrature**2).mean(axis=1), (direct * quadrature).mean(axis=1)
    half, radius = (dd + qq) / 2, np.sqrt(((dd - qq) / 2) ** 2 + dq**2)
    largest = half + radius
    smaller = np.clip(half - radius, 0, None)
    share = np.divide(smaller, largest, out=np.full(len(load), np.nan), where=varies & (largest > 0))
    group[:, 7] = np.sqrt(1 - share)
    for row in range(len(group)):
        # The strongest phase knows the supply best, and still does when a phase is lost.
        phase = int(np.argmax(rms[row]))
        supply, slip = values[row, phase, _SUPPLY], values[row, phase, _SLIP]
        if math.isnan(supply):
            reasons[row, 0] |= reasons[row, phase] & np.uint32(Reason.SUPPLY_NOT_FOUND | Reason.RECORD_TOO_SHORT)
            continue
        _symmetrical_components(spectrum[row, :, round(supply * seconds)], group[row])
        if not varies[row]:
            continue
        group[row, 5] = _near(ripple[row], 2 * supply * seconds) / mean_modulus[row]
        if not math.isnan(slip) and not math.isnan(values[row, phase, _SLIP + 1]):
            group[row, 6] = _near(ripple[row], 2 * slip * supply * seconds) / mean_modulus[row]
        else:
            reasons[row, 0] |= reasons[row, phase]


def _symmetrical_components(phasors: NDArray[np.complex128], group: NDArray[np.float64]) -> None:
    """Write negative and zero over positive sequence; the larger rotation is the positive one."""
    a, b, c = complex(phasors[0]), complex(phasors[1]), complex(phasors[2])
    one = abs(a + _THIRD * b + _THIRD.conjugate() * c)
    other = abs(a + _THIRD.conjugate() * b + _THIRD * c)
    positive = max(one, other)
    group[2] = min(one, other) / positive
    group[3] = abs(a + b + c) / positive


def _near(amplitudes: NDArray[np.float64], line: float) -> float:
    """Return the largest amplitude within two lines, NaN beyond the spectrum."""
    middle = round(line)
    if middle + 2 >= len(amplitudes):
        return math.nan
    return float(amplitudes[max(1, middle - 2) : middle + 3].max())
